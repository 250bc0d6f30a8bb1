"""Each scenario travels every backend and every door, whatever its name is."""

from __future__ import annotations

import pytest

from tests.lanes import BACKENDS, DOORS, LANES, lanes_of, travels

NAMES = [f"test_{number}.py::test_it" for number in range(50)]


@pytest.mark.parametrize("without", [None, "memory"])
def test_every_backend_and_every_door(without: str | None) -> None:
    """Also when the memory store is left out, as some scenarios do."""
    for name in NAMES:
        lanes = [each for each in lanes_of(name) if each.backend != without]
        assert {each.backend for each in lanes} == BACKENDS.keys() - {without}
        assert {each.door for each in lanes} == DOORS.keys()


def test_one_door_of_each_family() -> None:
    families = {door.family for door in DOORS.values()}
    for name in NAMES:
        found = [(each.backend, DOORS[each.door].family) for each in lanes_of(name)]
        assert sorted(found) == sorted((b, f) for b in BACKENDS for f in families)


def test_no_lane_is_left_out() -> None:
    assert {lane for name in NAMES for lane in lanes_of(name)} == {*LANES}


@pytest.mark.parametrize("of", [1, 2, 3, 4, 5, 50])
@pytest.mark.parametrize("without", [None, "memory"])
def test_every_set_of_parameters_and_every_lane(of: int, without: str | None) -> None:
    """Each set sees all backends, and a door of every family; some set travels each lane."""
    families = {door.family for door in DOORS.values()}
    for name in NAMES:
        lanes = [each for each in lanes_of(name) if each.backend != without]
        travelled = [
            [each for each in lanes if travels(number, of, each, lanes)] for number in range(of)
        ]
        for each in travelled:
            assert {lane.backend for lane in each} == BACKENDS.keys() - {without}
            assert {DOORS[lane.door].family for lane in each} == families
        assert {lane for each in travelled for lane in each} == {*lanes}


def test_they_take_turns() -> None:
    """Behind doors, a set of many goes through one lane of each family."""
    lanes = lanes_of(NAMES[0])
    for number in range(50):
        found = [each for each in lanes if travels(number, 50, each, lanes)]
        assert sum(each.door != "dao" for each in found) == 3
        assert len({each.backend for each in found if each.door != "dao"}) == 3
