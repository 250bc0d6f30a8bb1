"""Requests a second, from one connection and from many, to all servers in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.http.catalogs import HUNDRED, NAME, Served, write_commits, write_queries
from benchmarks.http.loads import Load, load
from benchmarks.http.plan import Plan
from benchmarks.http.servers import HttpServer
from benchmarks.results import Results

Tell = Callable[[str], None]

TASKS: Final = {
    "header": "a header",
    "query": "100 records, by entity",
    "page": "100 records, a page",
    "commit": "an upsert of 100",
}
"""What is asked, in words and in the order of the tables."""


@dataclass(frozen=True)
class Question:
    """What is asked of a server.

    Attributes:
        path: the address.
        bodies: a file with a body in each line, to be posted; without, the address is read.
    """

    path: str
    bodies: Path | None = None

    def ask(self, server: HttpServer) -> httpx.Response:
        """Ask once; with the first of the bodies."""
        url = server.url + self.path
        if self.bodies is None:
            return httpx.get(url, trust_env=False).raise_for_status()
        with self.bodies.open("rb") as lines:
            body = next(lines)
        headers = {"content-type": "application/json"}
        answer = httpx.post(url, content=body, headers=headers, trust_env=False)
        return answer.raise_for_status()


def questions(served: Served, folder: Path) -> dict[str, Question]:
    """Return what is asked, by task."""
    queries = write_queries(folder / "queries", served.size)
    commits = write_commits(folder / "commits", served.size)
    return {
        "header": Question(served.path()),
        "query": Question(served.path("/aspects/query"), queries),
        "page": Question(served.path(f"/hierarchies/{NAME}?limit={HUNDRED}")),
        "commit": Question(served.path("/commit"), commits),
    }


def keep_answers(
    asked: Mapping[str, Question], servers: Mapping[str, HttpServer], folder: Path
) -> None:
    """See that servers give the same answers, and keep those of the first for the bare one."""
    for task, question in asked.items():
        answers = [question.ask(server) for server in servers.values()]
        first, *others = (_essence(each.json()) for each in answers)
        if any(each != first for each in others):
            raise RuntimeError(f"{task}: the answers of {[*servers]} differ")
        (folder / task).write_bytes(answers[0].content)


def _essence(answer: dict[str, Any]) -> object:
    """What is in an answer, whatever the style: a header; the numbers of some records."""
    if "items" in answer:
        return {each["entity"]: each["aspect"]["number"] for each in answer["items"]}
    return answer.get("catalog_id")


def measure_rates(
    asked: Mapping[str, Question],
    servers: Mapping[str, HttpServer],
    size: int,
    plan: Plan,
    results: Results,
    tell: Tell,
) -> None:
    """Ask everything of all servers in turn, round after round."""
    for task, question in asked.items():
        for connections in plan.connections:
            found: dict[str, list[Load]] = {name: [] for name in servers}
            for number in range(1 - plan.warming, plan.rounds + 1):
                for name, server in servers.items():
                    tell(f"{task}, {connections} connections, round {number}: {name}")
                    seconds = plan.seconds if number > 0 else 1
                    measured = load(server, question.path, connections, seconds, question.bodies)
                    if number > 0:
                        found[name].append(measured)
            _note(f"{task}_{connections}", found, size, results)


def _note(task: str, found: Mapping[str, list[Load]], size: int, results: Results) -> None:
    for what, unit in (("rate", "1/s"), ("median", "s"), ("p99", "s"), ("work", "s")):
        rounds = {
            name: [float(getattr(each, what)) for each in loads] for name, loads in found.items()
        }
        results.add(f"{task}_{what}", rounds, backend="sqlite", size=size, unit=unit)
