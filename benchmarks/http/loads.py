"""Load: many requests from many connections, by wrk."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.http.servers import HttpServer

_SCRIPT: Final = Path(__file__).with_name("load.lua")
WRK: Final = "wrk"
MISSING: Final = "wrk is missing; type, as root: apt-get update && apt-get install wrk"


@dataclass(frozen=True)
class Load:
    """What a load found.

    Attributes:
        rate: requests answered in a second.
        median: the seconds of one, in the middle.
        p99: the seconds within which 99 of 100 were answered.
        work: the seconds for which a processor worked for the server, of one request.
    """

    rate: float
    median: float
    p99: float
    work: float


def load(
    server: HttpServer, path: str, connections: int, seconds: int, bodies: Path | None = None
) -> Load:
    """Send requests for some seconds, each connection one after the other.

    Args:
        server: who answers.
        path: the address there.
        connections: how many.
        seconds: for how long.
        bodies: a file with a body in each line, to be posted; without, the address is read.

    Raises:
        RuntimeError: an answer was no success.
    """
    command = [WRK, "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds}s", "--timeout", "20s", "--script", str(_SCRIPT)]
    command.append(server.url + path)
    if bodies is not None:
        command += ["--", "POST", str(bodies)]
    before = server.processor_time()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    count = found["requests"]
    if found["failed"] or not count:
        raise RuntimeError(f"{found['failed']} of {count} requests failed: {path}")
    work = (server.processor_time() - before) / count
    return Load(count / found["seconds"], found["median"], found["p99"], work)
