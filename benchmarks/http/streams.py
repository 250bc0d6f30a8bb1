"""Streams: how fast all of a catalog comes, and how far the server's memory grows meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from benchmarks.http.catalogs import NAME, Served
from benchmarks.http.plan import Plan
from benchmarks.http.servers import HttpServer, served
from benchmarks.http.setting import FOLDER, PIECES, stream_file
from benchmarks.results import Results

Tell = Callable[[str], None]

STREAMS: Final = {"hierarchy": "a hierarchy, a record a line", "catalogs": "every catalog, a line"}
"""The streams, in words and in the order of the tables."""

_PIECE: Final = 512 * 1024
_ROOM: Final = 1 << 20
_END: Final = b"\r\n0\r\n\r\n"


def measure_streams(
    catalog: Served, folder: Path, plan: Plan, results: Results, tell: Tell
) -> None:
    """Stream a catalog in both ways; each round of each server in a process of its own."""
    times = max(1, plan.streamed // catalog.size)
    paths = {
        "hierarchy": catalog.path(f"/hierarchies/{NAME}/stream"),
        "catalogs": "/api/catalogs/stream",
    }
    ours = {"CHEAP_DATABASE_URL": catalog.url}
    with served("cheap", ours) as server:
        pieces = {
            stream: _keep_piece(server, path, stream_file(folder, path))
            for stream, path in paths.items()
        }
    for stream, path in paths.items():
        bare = {FOLDER: str(folder), PIECES: str(pieces[stream])}
        environments = {"cheap": ours, "bare": bare}
        if stream == "hierarchy" and catalog.size == plan.sizes[0]:
            environments["fastapi"] = ours
        speeds: dict[str, list[float]] = {name: [] for name in environments}
        growths: dict[str, list[float]] = {name: [] for name in environments}
        for number in range(1, plan.rounds + 1):
            for name, environment in environments.items():
                tell(f"stream of {stream}, {catalog.size:,} records, round {number}: {name}")
                speed, growth = _streamed(name, environment, catalog, path, times)
                speeds[name].append(speed)
                growths[name].append(growth)
        place = {"backend": "sqlite", "size": catalog.size}
        results.add(f"stream_{stream}", speeds, unit="bytes/s", **place)  # type: ignore[arg-type]
        results.add(f"growth_{stream}", growths, unit="bytes", **place)  # type: ignore[arg-type]


def _streamed(
    name: str, environment: Mapping[str, str], catalog: Served, path: str, times: int
) -> tuple[float, float]:
    """Return the bytes of a second, and by how many the server's peak went up."""
    with served(name, environment) as server:
        # It has answered before: what is made once is no growth. But nothing was streamed yet.
        httpx.get(server.url + catalog.path(), trust_env=False).raise_for_status()
        before = server.memory()
        server.forget_peak()
        # The first time, the server learns how and the system reads the file: not clocked, but
        # the server's memory is watched.
        drain(server, path)
        start = time.perf_counter()
        size = sum(drain(server, path) for _ in range(times))
        taken = time.perf_counter() - start
        return size / taken, server.memory(peak=True) - before


def drain(server: HttpServer, path: str) -> int:
    """Read a stream to its end, and return its size with all that HTTP adds.

    By a bare socket, since no client is to be measured here.

    Raises:
        RuntimeError: it was refused, or broke off.
    """
    room = memoryview(bytearray(_ROOM))
    size, last = 0, b""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        while got := connection.recv_into(room):
            if not size and not bytes(room[:16]).startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path}: {bytes(room[:got])!r}")
            size += got
            last = (last + bytes(room[max(0, got - len(_END)) : got]))[-len(_END) :]
    if last != _END:
        raise RuntimeError(f"{path}: the stream broke off after {size:,} bytes")
    return size


def _keep_piece(server: HttpServer, path: str, file: Path) -> int:
    """Keep the beginning of a stream; return how many of them make up the whole."""
    size = drain(server, path)
    piece = b""
    with httpx.stream("GET", server.url + path, trust_env=False) as answer:
        for chunk in answer.iter_bytes():
            piece += chunk
            if len(piece) >= _PIECE:
                break
    file.write_bytes(piece)
    return max(1, round(size / len(piece)))
