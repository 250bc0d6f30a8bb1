"""A real ``cheap serve`` in a process of its own, which tests stop, kill and start again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("CHEAP_")},
    "PYTHONWARNINGS": "error",
}


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what}"
        time.sleep(0.01)


class Served:
    """A server's process, for the time of a block.

    Args:
        url: of the database.
        options: further words of the command.
        settings: of the server, by their names.
    """

    def __init__(self, url: str, *options: str, **settings: object) -> None:
        self._options = options
        given = {"database_url": url, **settings}
        self._environment = ENVIRONMENT | {
            f"CHEAP_{name.upper()}": str(value) for name, value in given.items()
        }
        self.port = 0
        self.process: subprocess.Popen[str]
        self.said = ""
        """What it wrote to standard error, once it has ended."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers; on the same port as before."""
        words = ["serve", "--port", str(self.port), *self._options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cheap", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r" at http://127\.0\.0\.1:(\d+)/api$", line.strip())
        assert found, line + self.process.communicate()[1]
        self.port = int(found[1])

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self, patience: float = PATIENCE) -> int:
        """Wait for its end; return its exit code."""
        _, self.said = self.process.communicate(timeout=patience)
        return self.process.returncode

    def stop(self) -> int:
        self.signal()
        return self.ended()

    def kill(self) -> None:
        self.process.kill()
        self.ended()

    def metric(self, name: str) -> float:
        """A number of its metrics."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def refuses(self) -> bool:
        """Whether nobody listens any more."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # it, and its workers
            self.process.communicate()

    def workers(self) -> list[int]:
        """The processes that serve, where there are several."""
        found: list[int] = []
        mine = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in mine.split():
            with suppress(FileNotFoundError):  # it has just ended
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
        return found
