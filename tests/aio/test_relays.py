"""Calls that wait are run by threads that go from one to the next; nobody is to notice."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import anyio
import pytest
from anyio import from_thread

from cheap.aio import AsyncDao
from cheap.aio.hop import hop_of
from cheap.aio.loops import soon
from cheap.aio.relays import Relay
from cheap.db.memory import MemoryDao
from cheap.errors import CheapError, StoppedError
from cheap.store import Store

SEEN: ContextVar[int] = ContextVar("seen", default=0)


async def among_others(dao: AsyncDao, calls: list[Callable[[], Awaitable[object]]]) -> None:
    """Make calls while the only turn is taken, so that all of them wait."""
    go = threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(dao.run, lambda _: go.wait(30))
        while hop_of(dao.store).taken < 1:
            await anyio.sleep(0.001)
        for each in calls:
            group.start_soon(each)
        await anyio.wait_all_tasks_blocked()
        assert len(hop_of(dao.store).flights) == 1 + len(calls)
        go.set()


@pytest.mark.anyio
async def test_each_call_sees_the_context_of_its_own_task() -> None:
    dao = AsyncDao(MemoryDao())

    async def call(number: int) -> None:
        SEEN.set(number)
        assert await dao.run(lambda _: SEEN.get()) == number

    await among_others(dao, [lambda number=number: call(number) for number in range(1, 9)])  # type: ignore[misc]
    assert SEEN.get() == 0


@pytest.mark.anyio
async def test_errors_reach_those_who_called_and_nobody_else() -> None:
    dao = AsyncDao(MemoryDao())

    def fail(_: Store) -> None:
        raise LookupError("mine")

    async def failing() -> None:
        with pytest.raises(LookupError, match="mine"):
            await dao.run(fail)

    async def working() -> None:
        assert await dao.list_catalog_ids() == []

    await among_others(dao, [failing, working] * 4)


@pytest.mark.anyio
async def test_the_thread_can_ask_the_event_loop_and_run_another() -> None:
    dao = AsyncDao(MemoryDao())
    home = threading.get_ident()

    async def where() -> int:
        return threading.get_ident()

    def ask(_: Store) -> tuple[int, int]:
        return from_thread.run(where), anyio.run(where)

    async def asking() -> None:
        asked, another = await dao.run(ask)
        assert (asked == home, another == home) == (True, False)

    await among_others(dao, [asking, asking])


def test_no_task_is_left_when_the_last_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event loop that is closed with a task in it complains on standard error."""

    def and_rest(loop: Any, call: Callable[[], object]) -> None:
        soon(loop, call)
        time.sleep(0.005)  # as if another thread came first, before this one ends

    monkeypatch.setattr("cheap.aio.relays.soon", and_rest)

    async def many() -> None:
        dao = AsyncDao(MemoryDao())
        await among_others(dao, [dao.list_catalog_ids] * 5)

    for _ in range(10):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(many())
        assert not asyncio.all_tasks(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.mark.parametrize("when", ["while it works", "when it has worked"])
def test_who_cancels_all_tasks_there_are_leaves_nobody_waiting(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    class Noted(Relay):
        def _work(self) -> None:
            super()._work()
            ended.set()

    monkeypatch.setattr("cheap.aio.turns.Relay", Noted)

    async def many() -> None:
        dao = AsyncDao(MemoryDao())
        last, go = threading.Event(), threading.Event()
        answers: list[int] = []

        def work(number: int) -> int:
            while len(answers) < number:  # so that the event loop hears of each by itself
                time.sleep(0.001)
            if number == 2:
                last.set()
                go.wait(30)
            return number

        async def call(number: int) -> None:
            answers.append(await dao.run(lambda _: work(number)))

        async def cancel() -> None:
            while not last.is_set():
                await asyncio.sleep(0.001)
            if when == "when it has worked":
                go.set()
                while not ended.is_set():
                    pass  # the event loop is to hear of that, and of the cancelling, at once
            (task,) = (each for each in asyncio.all_tasks() if each.get_name() == "cheap relay")
            task.cancel()
            await asyncio.sleep(0)
            go.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(cancel())
            await among_others(dao, [partial(call, number) for number in range(3)])
        assert answers == [0, 1, 2]

    asyncio.run(asyncio.wait_for(many(), 30))


def test_event_loops_are_forgotten_in_which_calls_have_waited() -> None:
    dao = AsyncDao(MemoryDao())

    async def many() -> weakref.ref[asyncio.AbstractEventLoop]:
        await among_others(dao, [dao.list_catalog_ids] * 5)
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(many()) for _ in range(3)]
    gc.collect()
    assert [each() for each in loops] == [None] * 3


def test_what_waits_in_an_event_loop_that_is_closed_never_begins() -> None:
    dao = AsyncDao(MemoryDao())
    begun, go = threading.Event(), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        begun.set()
        go.wait(30)

    async def begin() -> None:
        tasks.append(asyncio.create_task(dao.run(lambda _: None)))
        for number in range(5):
            tasks.append(asyncio.create_task(dao.run(lambda _, number=number: work(number))))  # type: ignore[misc]
        while not begun.is_set():
            await asyncio.sleep(0.001)

    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    go.set()
    asyncio.run(dao.close())  # which waits for the call that runs
    assert done == [0]
    for each in tasks:
        each._log_destroy_pending = False  # type: ignore[attr-defined]
    tasks.clear()
    gc.collect()  # nothing is begun by that, either
    assert done == [0]


@pytest.mark.anyio
async def test_where_no_thread_is_to_be_had_that_call_fails_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dao = AsyncDao(MemoryDao())
    failures: list[str] = []
    answers: list[object] = []

    class Threads:
        @staticmethod
        async def run_sync(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.undo()
            raise RuntimeError("can't start new thread")

    async def call() -> None:
        try:
            answers.append(await dao.list_catalog_ids())
        except RuntimeError as error:
            failures.append(str(error))

    monkeypatch.setattr("cheap.aio.relays.to_thread", Threads)
    await among_others(dao, [call] * 4)
    assert (failures, answers) == (["can't start new thread"], [[], [], []])
    assert (hop_of(dao.store).flights, hop_of(dao.store).taken) == (set(), 0)


def test_what_was_cancelled_before_it_began_is_refused_and_the_others_go_on() -> None:
    failures: list[CheapError] = []
    answers: list[object] = []

    async def many() -> None:
        dao = AsyncDao(MemoryDao())
        loop = asyncio.get_running_loop()
        create_task = loop.create_task

        def create_cancelled(*args: Any, **kwargs: Any) -> asyncio.Task[Any]:
            task = create_task(*args, **kwargs)
            if task.get_name() == "cheap relay":
                loop.create_task = create_task  # type: ignore[method-assign]
                task.cancel()
            return task

        async def call() -> None:
            try:
                answers.append(await dao.list_catalog_ids())
            except StoppedError as error:
                failures.append(error)

        loop.create_task = create_cancelled  # type: ignore[method-assign]
        await among_others(dao, [call] * 4)
        assert (hop_of(dao.store).flights, hop_of(dao.store).taken) == (set(), 0)

    asyncio.run(asyncio.wait_for(many(), 30))
    assert len(failures) == 1
    assert answers == [[], [], []]
