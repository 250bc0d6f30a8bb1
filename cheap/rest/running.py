"""Server processes: one that serves, or several on one address and one that looks after them."""

from __future__ import annotations

import asyncio
import logging
import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Final

import uvicorn

from cheap.errors import ConfigurationError, UnavailableError
from cheap.rest.main import create_app
from cheap.rest.protocol import Protocol
from cheap.rest.serving import Serving
from cheap.rest.settings import Settings

log: Final = logging.getLogger("cheap.rest")

KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept; longer than proxies and clients keep theirs, so that
none is closed at the moment when a request is on its way."""

_BACKLOG: Final = 2048
_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_SPARE: Final = 5.0
_BREATH: Final = 1.0


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait in it until somebody serves them.

    Args:
        host: a name or an address of this machine.
        port: its port; 0 for a free one.

    Raises:
        ConfigurationError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        why = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise ConfigurationError(
            f"cannot listen on port {port} of {host}: {why.lower()}; choose another port, or 0 for "
            "a free one"
        ) from None
    # Connections have it from here; asyncio would see to it only for sockets that it made.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class Server(uvicorn.Server):
    """Uvicorn's server, which tells the app early that it stops, and bounds how long that takes.

    Args:
        settings: of the server.
        log_level: a level of :mod:`logging`.
        ready: called when requests are answered.
    """

    def __init__(self, settings: Settings, log_level: str, ready: Callable[[], object]) -> None:
        app = create_app(settings=settings)
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level=log_level,
                access_log=False,  # the app writes a line itself, with the id of the request
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                # The app is done before that, and says so in its answers; this is for the rest.
                timeout_graceful_shutdown=math.ceil(settings.stop_timeout) + 1,
            )
        )
        self._ready = ready
        self._patience = settings.stop_timeout
        self._serving: Serving = app.state.serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal; a second Ctrl+C stops at once."""
        # Uvicorn's own would let the signal end the process after all, with its number as the code.
        self.stop(force=self.should_exit and sig == signal.SIGINT)

    def stop(self, *, force: bool = False) -> None:
        """Stop; from any thread.

        Args:
            force: without waiting for the requests in hand.
        """
        if not self._serving.stopping.is_set():
            self._serving.stopping.set()
        self.should_exit = True
        self.force_exit = self.force_exit or force

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse connections, let the requests in hand end, cut them off when time is over."""
        self._serving.stopping.set()
        asyncio.get_running_loop().call_later(self._patience, self._serving.cut)
        await super().shutdown(sockets)
        # Who reads nothing would keep what is written, and its connection, for ever.
        for each in list(self.server_state.connections):
            each.transport.abort()
        await asyncio.sleep(0)


def serve(
    settings: Settings, door: socket.socket, *, log_level: str, ready: Callable[[], object]
) -> None:
    """Serve in this process until a signal comes.

    Args:
        settings: of the server.
        door: the socket that listens.
        log_level: a level of :mod:`logging`.
        ready: called when requests are answered.

    Raises:
        UnavailableError: it did not start.
    """
    server = Server(settings, log_level, ready)
    try:
        server.run(sockets=[door])
    except SystemExit:
        raise UnavailableError("the server did not start; its log says why") from None


# --- several ------------------------------------------------------------------------------------


class Workers:
    """Several processes that serve on one address. One that dies is replaced.

    Args:
        settings: of the server.
        door: the socket that listens, for all of them.
        count: how many.
        log_level: a level of :mod:`logging`.
    """

    def __init__(
        self, settings: Settings, door: socket.socket, count: int, *, log_level: str
    ) -> None:
        self._settings = settings
        self._door = door
        self._count = count
        self._log_level = log_level
        self._spawning = multiprocessing.get_context("spawn")
        self._ready: Event = self._spawning.Event()
        self._workers: list[SpawnProcess] = []
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)

    def run(self, ready: Callable[[], object]) -> None:
        """Serve until a signal comes, and stop them all in bounded time.

        Args:
            ready: called when requests are answered.

        Raises:
            UnavailableError: they did not start, or one had to be killed.
        """
        before = {each: signal.signal(each, self._on_signal) for each in _STOPS}
        try:
            for _ in range(self._count):
                self._start_one()
            if self._first_is_ready():
                ready()
                self._look_after()
        finally:
            killed = self._stop()
            for each, handler in before.items():
                signal.signal(each, handler)
        if killed:
            raise UnavailableError(f"{killed} workers did not stop in time and were killed")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # so many signals; one is enough
            self._waking.send(b"!")

    def _start_one(self) -> None:
        given = (self._settings, self._door, self._log_level, self._ready)
        worker = self._spawning.Process(target=work, args=given, name="cheap worker")
        # Ctrl+C reaches all processes of a terminal: a worker must not die of it before it gets to
        # ignore it, so it begins with the signal blocked. Here it comes a moment later.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            worker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._workers.append(worker)

    def _first_is_ready(self) -> bool:
        """Wait until one serves; tell whether it does, or is to stop before."""
        while not self._ready.is_set():
            if self._woken in self._events(timeout=0.02):
                return False
            if any(each.exitcode is not None for each in self._workers):
                raise UnavailableError("a worker did not start; the log says why")
        return True

    def _look_after(self) -> None:
        """Replace workers that die, until it is time to stop."""
        while self._woken not in self._events():
            dead = [each for each in self._workers if each.exitcode is not None]
            for each in dead:
                log.error("worker %s ended with code %s; starting another", each.pid, each.exitcode)
                self._workers.remove(each)
                # Where the database is away, each one dies at once.
                if self._woken in wait([self._woken], _BREATH):
                    return
                self._start_one()

    def _events(self, timeout: float | None = None) -> list[object]:
        return list(wait([self._woken, *(each.sentinel for each in self._workers)], timeout))

    def _stop(self) -> int:
        """Stop all workers; return how many had to be killed."""
        for each in self._workers:
            each.terminate()
        deadline = time.monotonic() + 2 * self._settings.stop_timeout + _SPARE
        for each in self._workers:
            each.join(max(0.0, deadline - time.monotonic()))
        late = [each for each in self._workers if each.exitcode is None]
        for each in late:
            each.kill()
            each.join()
        self._woken.close()
        self._waking.close()
        return len(late)


def work(settings: Settings, door: socket.socket, log_level: str, ready: Event) -> None:
    """Serve as a worker, in a process of its own.

    Args:
        settings: of the server.
        door: the socket that listens.
        log_level: a level of :mod:`logging`.
        ready: set when requests are answered.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all; whoever started us tells us
    write_log(log_level)
    threading.Thread(target=_follow_parent, daemon=True, name="cheap parent").start()
    try:
        serve(settings, door, log_level=log_level, ready=ready.set)
    except UnavailableError:  # which the log has told
        sys.exit(1)


def _follow_parent() -> None:
    """Stop when the process that started us is gone, for nobody else would tell us to."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def write_log(level: str) -> None:
    """Write the log to standard error, a line for each thing.

    Args:
        level: a level of :mod:`logging`; ``info`` has a line for each request.
    """
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
