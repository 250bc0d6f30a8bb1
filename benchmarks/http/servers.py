"""The servers: real uvicorn processes, each with one worker, uvloop and httptools."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

APPS: Final = {
    "cheap": "cheap.rest.main:app",
    "bare": "benchmarks.http.bare:app",
    "fastapi": "benchmarks.http.rival:app",
}
"""Who serves, by contender."""

TITLES: Final = {"cheap": "CheapPy", "bare": "bare Starlette", "fastapi": "FastAPI"}

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class HttpServer:
    """A server that answers.

    Attributes:
        process: the number of its process.
        port: where it listens, on the loopback.
    """

    process: int
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self, *, peak: bool = False) -> int:
        """Return how many bytes it takes; or the most since ``forget_peak``. Linux only."""
        name = "VmHWM" if peak else "VmRSS"
        status = Path(f"/proc/{self.process}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def processor_time(self) -> float:
        """Return the seconds for which a processor has worked for it. Linux only."""
        stat = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Begin to watch for the peak of its memory. Linux only."""
        Path(f"/proc/{self.process}/clear_refs").write_text("5")


@contextmanager
def served(contender: str, environment: Mapping[str, str]) -> Generator[HttpServer]:
    """Serve for the length of a block.

    Args:
        contender: who serves: one of ``APPS``.
        environment: what it finds in its environment, beside ours.
    """
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", APPS[contender], "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--workers", "1"]
    command += ["--no-access-log", "--log-level", "warning"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHEAP_")}
    process = subprocess.Popen(
        command, cwd=_ROOT, env={**kept, **environment}, stdin=subprocess.DEVNULL
    )
    try:
        server = HttpServer(process.pid, port)
        _await(process, server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], server: HttpServer) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{server.url}/live", timeout=5, trust_env=False)
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer: {' '.join(map(str, process.args))}")  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
