"""Turns: first come first served, and everybody's patience is his own."""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from anyio.lowlevel import current_token

from cheap.aio.turns import Turns
from cheap.errors import PoolTimeoutError

pytestmark = pytest.mark.anyio
UNIT = 0.03


class Queue:
    """Tasks that want a turn, and when each of them got it or gave up."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.start = time.monotonic()
        self.got: list[str] = []
        self.gave_up: dict[str, float] = {}

    async def want(self, name: str) -> None:
        try:
            await self.turns.take()
        except PoolTimeoutError:
            self.gave_up[name] = (time.monotonic() - self.start) / UNIT
        else:
            self.got.append(name)


async def test_first_come_first_served() -> None:
    turns = Turns(2, 30)
    queue = Queue(turns)
    async with anyio.create_task_group() as group:
        for name in "abcdef":
            group.start_soon(queue.want, name)
            await anyio.wait_all_tasks_blocked()
        for expected in ("ab", "abc", "abcd", "abcde", "abcdef"):
            assert "".join(queue.got) == expected
            turns.give_back()
            await anyio.wait_all_tasks_blocked()
    assert turns.taken == 1
    turns.give_back()
    assert turns.taken == 0


async def test_each_gives_up_when_its_own_time_is_over() -> None:
    turns = Turns(1, 4 * UNIT)
    await turns.take()
    queue = Queue(turns)
    async with anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(queue.want, name)
            await anyio.sleep(UNIT)
    assert list(queue.gave_up) == ["a", "b", "c"]
    for name, expected in zip("abc", (4, 5, 6), strict=True):
        assert queue.gave_up[name] >= expected
    turns.give_back()
    assert turns.taken == 0


async def test_a_queue_that_moves_is_no_reason_to_give_up() -> None:
    # A move may come late on a busy machine, but not by as much as patience is longer than a pause.
    pause, patience = 3 * UNIT, 15 * UNIT
    turns = Turns(1, patience)
    await turns.take()
    queue = Queue(turns)
    async with anyio.create_task_group() as group:
        for name in "abcdefg":
            group.start_soon(queue.want, name)
        for _ in range(6):
            await anyio.sleep(pause)
            turns.give_back()
    assert len(queue.got) == 6  # the last one after 18 units, all of which moved
    assert queue.gave_up.popitem()[1] >= 33


@pytest.mark.parametrize("cancelled", ["first", "last", "all"])
async def test_somebody_always_watches_the_time(cancelled: str) -> None:
    """One who is cancelled may have been the one who watched it."""
    turns = Turns(1, 3 * UNIT)
    await turns.take()
    queue = Queue(turns)
    async with anyio.create_task_group() as group:
        scopes = {name: anyio.CancelScope() for name in "abc"}

        async def want(name: str) -> None:
            with scopes[name]:
                await queue.want(name)

        for name in scopes:
            group.start_soon(want, name)
            await anyio.wait_all_tasks_blocked()
        gone = {"first": "a", "last": "c", "all": "abc"}[cancelled]
        for name in gone:
            scopes[name].cancel()
        await anyio.wait_all_tasks_blocked()
        if cancelled == "all":
            group.start_soon(queue.want, "d")
    expected = "d" if cancelled == "all" else "".join(each for each in "abc" if each not in gone)
    assert "".join(queue.gave_up) == expected


async def test_one_who_was_served_and_cancelled_at_once_gives_the_turn_on() -> None:
    turns = Turns(1, 30)
    await turns.take()
    queue = Queue(turns)
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as inner:
                inner.start_soon(queue.want, "a")
                await anyio.wait_all_tasks_blocked()
                group.start_soon(queue.want, "b")
                await anyio.wait_all_tasks_blocked()
                turns.give_back()
                scope.cancel()
        if "a" in queue.got:  # it may have been quicker
            turns.give_back()
    assert queue.got[-1] == "b"
    assert turns.taken == 1


# --- threads that go from one to the next -------------------------------------------------------


def loop_here() -> Any:
    return current_token().native_token


async def test_one_thread_serves_all_who_wait() -> None:
    turns = Turns(1, 30)
    await turns.take()
    threads: dict[int, int] = {}

    def work(number: int) -> None:
        threads[number] = threading.get_ident()

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(turns.relay, partial(work, number), loop_here())
            await anyio.wait_all_tasks_blocked()
        assert not threads
        turns.give_back()
    assert list(threads) == list(range(20))
    assert len(set(threads.values())) == 1
    assert turns.taken == 0


async def test_a_turn_that_a_task_wants_itself_is_handed_over() -> None:
    turns = Turns(1, 30)
    queue = Queue(turns)
    await turns.take()
    done: list[int] = []
    async with anyio.create_task_group() as group:
        group.start_soon(turns.relay, partial(done.append, 1), loop_here())
        await anyio.wait_all_tasks_blocked()
        group.start_soon(queue.want, "a")
        await anyio.wait_all_tasks_blocked()
        group.start_soon(turns.relay, partial(done.append, 2), loop_here())
        await anyio.wait_all_tasks_blocked()
        turns.give_back()
        while not queue.got:
            await anyio.sleep(0.001)
        await anyio.wait_all_tasks_blocked()
        assert done == [1]
        turns.give_back()
    assert done == [1, 2]
    assert turns.taken == 0


async def test_where_one_takes_long_another_helps_out(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(2, 30, eager=1)
    await turns.take()
    assert not turns.take_free()  # not at once
    begun, go = threading.Event(), threading.Event()
    threads: list[int] = []

    def work() -> None:
        threads.append(threading.get_ident())
        begun.set()
        go.wait(30)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(turns.relay, work, loop_here())
            while not begun.is_set():
                await anyio.sleep(0.001)
            monkeypatch.setattr("cheap.aio.turns.HESITATION", math.inf)  # no third comes to help
            go.set()
    assert len(threads) == 4
    assert len(set(threads)) == 1
    assert turns.taken == 1
    turns.give_back()
    assert turns.taken == 0


class Standing:
    """Three calls that stand still until they are told; the first is begun by one that helps out.

    Args:
        turns: of which one is taken for long.
    """

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.go = [threading.Event() for _ in range(3)]
        self.begun: list[int] = []

    def work(self, number: int) -> None:
        self.begun.append(number)
        self.go[number].wait(30)

    async def until_begun(self, count: int) -> None:
        while len(self.begun) < count:
            await anyio.sleep(0.001)

    async def start(self, group: TaskGroup) -> None:
        for number in range(3):
            group.start_soon(self.turns.relay, partial(self.work, number), loop_here())
            await anyio.wait_all_tasks_blocked()
        await self.until_begun(1)

    def end(self) -> None:
        for each in self.go:
            each.set()


async def test_and_another_when_it_takes_long_again() -> None:
    """What helped out has left by then, and somebody must be watching the time."""
    turns = Turns(2, 30, eager=1)
    await turns.take()
    calls = Standing(turns)
    with anyio.fail_after(20):  # less than patience, which is what the watcher has
        async with anyio.create_task_group() as group:
            await calls.start(group)
            turns.give_back()
            await calls.until_begun(2)
            await anyio.wait_all_tasks_blocked()
            calls.go[0].set()  # the helper leaves, and the second call stands still
            await calls.until_begun(3)
            calls.end()
    assert turns.taken == 0


async def test_and_leaves_when_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(2, 30, eager=1)
    await turns.take()
    calls = Standing(turns)
    async with anyio.create_task_group() as group:
        await calls.start(group)
        monkeypatch.setattr("cheap.aio.turns.HESITATION", math.inf)
        turns.give_back()
        await calls.until_begun(2)
        assert turns.taken == 2
        calls.go[0].set()
        while turns.taken == 2:
            await anyio.sleep(0.001)
        assert calls.begun == [0, 1]  # the third waits for the second
        calls.end()
    assert calls.begun == [0, 1, 2]
    assert turns.taken == 0


async def test_a_turn_that_becomes_free_while_one_joins_the_line_is_seen() -> None:
    """Whoever watched the time is at work by then, and watches no more."""
    turns = Turns(2, 30)
    await turns.take()
    await turns.take()
    begun, go = threading.Event(), threading.Event()

    def stand() -> None:
        begun.set()
        go.wait(30)

    async with anyio.create_task_group() as group:
        group.start_soon(turns.relay, stand, loop_here())
        await anyio.wait_all_tasks_blocked()
        turns.give_back()
        while not begun.is_set():
            await anyio.sleep(0.001)
        turns.give_back()  # too late for who has just found no turn free:
        with anyio.fail_after(20):
            await turns.relay(lambda: None, loop_here())
        go.set()
    assert turns.taken == 0


async def test_one_who_is_cancelled_at_work_leaves_the_watch_to_the_first() -> None:
    turns = Turns(1, 3 * UNIT)
    await turns.take()
    queue = Queue(turns)
    begun, go = threading.Event(), threading.Event()

    def stand() -> None:
        begun.set()
        go.wait(30)

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as inner:
                inner.start_soon(turns.relay, stand, loop_here())
                for name in "ab":
                    await anyio.wait_all_tasks_blocked()
                    group.start_soon(queue.want, name)
                await anyio.wait_all_tasks_blocked()
                turns.give_back()
                while not begun.is_set():
                    await anyio.sleep(0.001)
                scope.cancel()
        while len(queue.gave_up) < 2:
            await anyio.sleep(0.001)
        go.set()
    assert list(queue.gave_up) == ["a", "b"]


async def test_who_gives_up_while_waiting_is_passed_over() -> None:
    turns = Turns(1, 30)
    await turns.take()
    done: list[int] = []
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as inner:
                inner.start_soon(turns.relay, partial(done.append, 1), loop_here())
                await anyio.wait_all_tasks_blocked()
                group.start_soon(turns.relay, partial(done.append, 2), loop_here())
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        turns.give_back()
    assert done == [2]
    assert turns.taken == 0
