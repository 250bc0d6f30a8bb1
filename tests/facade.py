"""The facade's doors: an ``AsyncStore``, on asyncio or trio, seen as a ``Store``.

Every call is made by a task in an event loop that runs in another thread (anyio's portal) and is
waited for, so scenarios in plain code pass through the whole facade.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, Self, TypeVar, cast

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from cheap.aio import AsyncDao
from cheap.aio.hop import hop_of
from cheap.aio.pages import AsyncPages
from cheap.async_store import AsyncStore
from cheap.rest.client import AsyncCheapClient
from cheap.store import Store

T = TypeVar("T")
Work = Callable[[], Awaitable[Any]]


class Loops:
    """Event loops in threads, started when the first store needs them; for the time of a run."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._portals: dict[str, BlockingPortal] = {}

    def awaited(self, dao: Store, loop: str) -> AbstractContextManager[Store]:
        """A DAO through the facade, in an event loop of this kind."""
        return nullcontext(cast(Store, Waiting(AsyncDao(dao), self.portal(loop), dao)))

    def portal(self, loop: str) -> BlockingPortal:
        """The way into the event loop of this kind."""
        if loop not in self._portals:
            self._portals[loop] = self._stack.enter_context(start_blocking_portal(loop))
        return self._portals[loop]


def calls_left(stores: Iterable[Store]) -> int:
    """How many calls of facades have not ended."""
    return sum(len(each.flights()) for each in stores if isinstance(each, Waiting))


def is_idle(thread: threading.Thread) -> bool:
    """Whether an event loop keeps a thread for the next call; one that works is a call's."""
    return thread.name.startswith(("AnyIO worker thread", "Trio thread "))


class Waiting:
    """An ``AsyncStore`` seen as a ``Store``.

    Args:
        facade: what is called: a facade, or a client.
        portal: where.
        dao: what is behind it.
    """

    def __init__(
        self, facade: AsyncDao | AsyncCheapClient, portal: BlockingPortal, dao: Store
    ) -> None:
        self.facade = facade
        self._dao = dao
        self._portal = portal
        self._task: ContextVar[OneTask | None] = ContextVar("task", default=None)

    @property
    def store_id(self) -> object:
        return self._dao.store_id

    def flights(self) -> set[Any]:
        return hop_of(getattr(self._dao, "adapter", self._dao)).flights

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in dir(AsyncStore):
            raise AttributeError(name)
        method = getattr(self.facade, name)
        if not inspect.iscoroutinefunction(method):
            return lambda *args, **kwargs: self._iterate(method(*args, **kwargs))
        return lambda *args, **kwargs: self._run(partial(method, *args, **kwargs))

    def _run(self, work: Work) -> Any:
        task = self._task.get()
        return self._portal.call(work) if task is None else task.run(work)

    def _iterate(self, pages: AsyncPages[Any]) -> Iterator[Any]:
        async def following() -> list[Any]:
            # With the items that it has at hand: going to the loop for each takes too long.
            try:
                return [await anext(pages), *[await anext(pages) for _ in range(pages.at_hand)]]
            except StopAsyncIteration:
                return []

        while items := self._run(following):
            yield from items

    @contextmanager
    def transaction(self) -> Generator[Self]:
        """A transaction of the facade, whose calls one and the same task makes."""
        task = outer = self._task.get()
        if task is None:
            task = OneTask(self._portal)
            self._task.set(task)
        try:
            manager = self.facade.transaction()
            task.run(manager.__aenter__)
            try:
                yield self
            except BaseException as error:
                task.run(partial(manager.__aexit__, type(error), error, error.__traceback__))
                raise
            task.run(partial(manager.__aexit__, None, None, None))
        finally:
            self._task.set(outer)
            if outer is None:
                task.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self.facade.close)


class OneTask:
    """A task that does what it is told, one thing after the other."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._works, works = portal.call(anyio.create_memory_object_stream[Any], 100)
        self._over = portal.start_task_soon(self._do, works)

    async def _do(self, works: Any) -> None:
        async with works:
            async for work, told in works:
                try:
                    result, error = await work(), None
                except BaseException as raised:
                    result, error = None, raised
                await told.send((result, error))

    def run(self, work: Work) -> Any:
        """Let the task do something; return or raise what comes of it."""

        async def ask() -> tuple[Any, BaseException | None]:
            told, tell = anyio.create_memory_object_stream[Any](1)
            async with told, tell:
                await self._works.send((work, told))
                return cast("tuple[Any, BaseException | None]", await tell.receive())

        result, error = self._portal.call(ask)
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        self._portal.call(self._works.aclose)
        self._over.result()
