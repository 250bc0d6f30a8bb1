"""The pool, with connections that are none: who gets one, who waits, and what is closed."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest

from cheap.db import pool as rooms
from cheap.db.pool import Pool
from cheap.errors import ClosedError, ConfigurationError, PoolTimeoutError


class Fakes:
    """Makes connections, which are numbers, and notes those that are closed."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.closed: list[int] = []
        self.failing = False

    def open(self) -> int:
        if self.failing:
            raise ConnectionError("no server")
        return next(self.numbers)

    def pool(
        self, *, min_size: int = 0, max_size: int = 2, timeout: float = 5, max_idle: float = 60
    ) -> Pool[int]:
        return Pool(
            self.open,
            self.closed.append,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            max_idle=max_idle,
        )


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def test_the_last_used_is_lent_first(fakes: Fakes) -> None:
    pool = fakes.pool()
    first, second = pool.acquire(), pool.acquire()
    assert (first, second, pool.lent) == (1, 2, 2)
    pool.release(first)
    pool.release(second)
    assert pool.acquire() == second
    assert pool.acquire() == first
    assert fakes.closed == []


def test_filled_at_the_beginning(fakes: Fakes) -> None:
    pool = fakes.pool(min_size=2)
    pool.fill()
    fakes.failing = True
    assert {pool.acquire(), pool.acquire()} == {1, 2}


def test_a_broken_one_makes_room(fakes: Fakes) -> None:
    pool = fakes.pool(max_size=1)
    pool.release(pool.acquire(), broken=True)
    assert fakes.closed == [1]
    assert pool.acquire() == 2


def test_one_that_cannot_be_opened_takes_no_room(fakes: Fakes) -> None:
    pool = fakes.pool(max_size=1)
    fakes.failing = True
    for _ in range(3):
        with pytest.raises(ConnectionError):
            pool.acquire()
    assert pool.lent == 0
    fakes.failing = False
    assert pool.acquire() == 1


def test_nobody_comes_free(fakes: Fakes) -> None:
    pool = fakes.pool(max_size=1, timeout=0.01)
    pool.acquire()
    with pytest.raises(PoolTimeoutError, match=r"all 1 connections were in use for 0\.01 s"):
        pool.acquire()
    assert pool.lent == 1


@pytest.mark.parametrize("broken", [False, True])
def test_who_waits_gets_the_next(fakes: Fakes, broken: bool) -> None:
    pool = fakes.pool(max_size=1, timeout=30)
    held = pool.acquire()
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(pool.acquire())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(3):
        assert len(got) == i
        pool.release(got[-1] if got else held, broken=broken)
        deadline = time.monotonic() + 20
        while len(got) == i:
            assert time.monotonic() < deadline
    for thread in threads:
        thread.join()
    assert got == ([2, 3, 4] if broken else [1, 1, 1])


def test_idle_ones_above_the_minimum_are_closed(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(rooms.time, "monotonic", lambda: now)
    pool = fakes.pool(min_size=1, max_size=4, max_idle=10)
    lent = [pool.acquire() for _ in range(4)]
    for each in lent:
        pool.release(each)
    now = 11.0
    pool.release(pool.acquire())  # 4 stays: it was used just now
    assert fakes.closed == [1, 2, 3]
    now = 99.0
    pool.release(pool.acquire())
    assert fakes.closed == [1, 2, 3]


def test_dropping_the_idle_leaves_the_lent(fakes: Fakes) -> None:
    pool = fakes.pool(max_size=3)
    kept, idle = pool.acquire(), pool.acquire()
    pool.release(idle)
    pool.drop_idle()
    assert fakes.closed == [idle]
    pool.release(kept)
    assert pool.acquire() == kept


def test_closing(fakes: Fakes) -> None:
    pool = fakes.pool(max_size=2, timeout=30)
    lent, idle = pool.acquire(), pool.acquire()
    errors: list[Exception] = []

    def wait() -> None:
        try:
            pool.acquire()
        except ClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    pool.close()
    thread.join(20)
    assert len(errors) == 1
    pool.release(idle)
    assert fakes.closed == [idle]
    pool.release(lent, broken=True)
    assert fakes.closed == [idle, lent]
    with pytest.raises(ClosedError):
        pool.acquire()
    pool.close()
    assert pool.lent == 0


def test_many_threads(fakes: Fakes) -> None:
    """No connection is ever in two hands."""
    pool = fakes.pool(max_size=3, timeout=30)
    in_hand: set[int] = set()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for i in range(300):
                mine = pool.acquire()
                assert mine not in in_hand
                in_hand.add(mine)
                assert len(in_hand) <= 3
                in_hand.remove(mine)
                pool.release(mine, broken=i % 50 == 0)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert pool.lent == 0


@pytest.mark.parametrize(
    "options",
    [
        {"max_size": 0},
        {"min_size": -1},
        {"min_size": 3, "max_size": 2},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"max_idle": -1},
        {"max_idle": float("nan")},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense(fakes: Fakes, options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        fakes.pool(**options)  # type: ignore[arg-type]
