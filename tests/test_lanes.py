"""Each scenario travels every backend and every door, whatever its name is."""

from __future__ import annotations

import pytest

from tests.lanes import BACKENDS, DOORS, LANES, lanes_of

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
