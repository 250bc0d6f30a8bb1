"""The store that a server stands on, and the work it does there."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import blake2b
from typing import Any, Final, TypeVar

import anyio
import msgspec
from anyio import to_thread

from cheap.aio import AsyncDao, Outcome, watch
from cheap.aio.loops import running_loop
from cheap.errors import (
    AlreadyExistsError,
    BusyError,
    CheapError,
    CommitUnknownError,
    MisuseError,
    OverloadedError,
    RequestTimeoutError,
)
from cheap.rest.in_hand import Clock, InHand, clock_of
from cheap.rest.messages import Answer, Handler, Request
from cheap.rest.settings import Settings
from cheap.store import Desk, KeptAnswer

T = TypeVar("T")

IDEMPOTENCY_KEY: Final = "idempotency-key"
_TRIES: Final = 4
_LATE: Final = "the request took longer than {}; it was rolled back"


class _Raced(Exception):
    """Another request with the same idempotency key was faster."""


class Serving:
    """A store, opened when it is first needed, and closed in the end.

    Args:
        settings: the server's settings.
        open_store: opens the store.
        owns_store: whether it is closed in the end.

    Attributes:
        settings: the server's settings.
        stopping: set when the server stops: new requests are refused, those in hand go on.
        in_hand: the requests in hand.
    """

    def __init__(
        self, settings: Settings, open_store: Callable[[], Desk], *, owns_store: bool
    ) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.in_hand: set[InHand] = set()
        self._open_store = open_store
        self._owns_store = owns_store
        self._lock = threading.Lock()  # taken in worker threads only
        self._dao: AsyncDao | None = None
        self._clocks: weakref.WeakKeyDictionary[Any, Clock] = weakref.WeakKeyDictionary()
        self._finalizer: weakref.finalize[[], Serving] | None = None

    # --- the store ------------------------------------------------------------------------

    async def dao(self) -> AsyncDao:
        """Return the facade of the store.

        Raises:
            OverloadedError: the server has stopped.
        """
        if self._dao is None:
            if self.stopping.is_set():
                raise OverloadedError("the server is stopping")
            await to_thread.run_sync(self._open)
            assert self._dao is not None
        return self._dao

    def _open(self) -> None:
        with self._lock:
            if self._dao is None:
                store = self._open_store()
                if self._owns_store:
                    # An app that is mounted, or called without its lifespan, is closed by nobody.
                    self._finalizer = weakref.finalize(self, store.close)
                self._dao = AsyncDao(store)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Open the store, do what is due while the server runs, and close in bounded time."""
        self.stopping.clear()
        await self.dao()
        async with anyio.create_task_group() as group:
            group.start_soon(self._housekeeping)
            try:
                yield
            finally:
                self.stopping.set()
                group.cancel_scope.cancel()
        await self.close()

    def cut(self) -> None:
        """Cancel the requests in hand; what they have not committed is rolled back."""
        for each in list(self.in_hand):
            each.cut()

    async def close(self) -> None:
        """Let the calls in hand end, for a while, then stop them; and close the store."""
        dao, self._dao = self._dao, None
        if dao is None or not self._owns_store:
            return
        with anyio.move_on_after(self.settings.stop_timeout, shield=True):
            await dao.close()
        if self._finalizer is not None:
            self._finalizer.detach()

    # --- calls ----------------------------------------------------------------------------

    def clock(self) -> Clock:
        """Return the clock of the running event loop."""
        loop = running_loop()
        clock = self._clocks.get(loop)
        if clock is None:
            clock = self._clocks[loop] = clock_of(loop, self.settings.request_timeout)
        return clock

    async def run(
        self, work: Callable[[Desk], T], *, write: bool = False, seconds: float | None = None
    ) -> T:
        """Run some work on the store, in one hop and in bounded time.

        Args:
            work: is given the store.
            write: whether it may write.
            seconds: how long it may take; as long as any request when not given.

        Raises:
            RequestTimeoutError: it took too long, and was rolled back.
            CommitUnknownError: it took too long, and its commit was on the way already.
            OverloadedError: the server has stopped.
        """
        dao = await self.dao()
        # Not fail_after, which takes half as long again (14 us to 10).
        seconds = seconds or self.settings.request_timeout
        deadline = anyio.current_time() + seconds
        with watch() as seen, anyio.CancelScope(deadline=deadline):
            return await dao.run(work, write=write)  # type: ignore[arg-type]
        if seen.outcome in (Outcome.COMMITTED, Outcome.UNKNOWN):
            raise CommitUnknownError(
                "the request took longer than this server allows, and its commit was on the way "
                "already: read again to see"
            )
        raise RequestTimeoutError(f"the request took longer than {seconds:g} s; it was rolled back")

    async def answer(self, handler: Handler, request: Request, in_hand: InHand) -> Answer:
        """Answer a request; once only for each idempotency key."""
        dao = await self.dao()
        work: Callable[[Desk], Answer] = partial(_answered, handler, request)
        call = partial(dao.run, work, write=request.route.writes)  # type: ignore[arg-type]
        return await in_hand.within(call, _LATE)

    # --- housekeeping ---------------------------------------------------------------------

    async def _housekeeping(self) -> None:
        """Delete what is due, and forget old answers, again and again."""
        while True:
            with suppress(CheapError):  # the database is away; what is due stays noted
                await self.run(self._tidy, write=True)
            await anyio.sleep(self.settings.deletion_interval)

    def _tidy(self, store: Desk) -> None:
        now = int(time.time())
        for catalog_id in store.due_deletions(now):
            with store.transaction():
                store.delete_catalog(catalog_id)
                store.cancel_deletion(catalog_id)
        store.forget_answers(now - self.settings.answer_lifetime)


# --- answers, once only -------------------------------------------------------------------------


def _answered(handler: Handler, request: Request, store: Desk) -> Answer:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None or not request.route.writes:
        found = handler(store, request)
    else:
        found = _answered_once(handler, request, store, key)
    return found.coded(request.headers.get("accept-encoding", ""))


def _answered_once(handler: Handler, request: Request, store: Desk, key: str) -> Answer:
    """Answer, and keep the answer, in one transaction; or give the answer that was kept."""
    name = _digest(request.caller, key.encode())
    fingerprint = _digest(request.route.method.encode(), request.target, request.body)
    for tries in range(_TRIES):
        try:
            with store.transaction():
                kept = store.find_answer(name)
                if kept is not None:
                    return _kept(kept, fingerprint)
                found = handler(store, request)
                _keep(store, name, fingerprint, found)
            return found
        except _Raced:
            pass
        except BusyError:  # inside of a transaction no verb repeats itself
            if tries == _TRIES - 1:
                raise
            time.sleep(random.uniform(0.001, 0.02) * (tries + 1))
    raise BusyError("requests with the same idempotency key keep meeting; try again")


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _keep(store: Desk, name: bytes, fingerprint: bytes, found: Answer) -> None:
    try:
        store.keep_answer(
            name, KeptAnswer(fingerprint, msgspec.msgpack.encode(found), int(time.time()))
        )
    except AlreadyExistsError:
        raise _Raced from None


def _kept(kept: KeptAnswer, fingerprint: bytes) -> Answer:
    if kept.fingerprint != fingerprint:
        raise MisuseError("this idempotency key was used for another request")
    found = msgspec.msgpack.decode(kept.answer, type=Answer)
    found.headers["idempotency-replayed"] = "true"
    return found
