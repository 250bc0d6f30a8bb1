"""What a run found: figures, and what they are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured of one contender in one task.

    Attributes:
        task: the task, such as ``load``.
        contender: who did it.
        backend: on which database, if on one.
        size: among how many aspects.
        unit: ``s`` (seconds; of one call, where a task is one) or ``bytes``.
        rounds: what each round gave.
    """

    task: str
    contender: str
    backend: str
    size: int
    unit: str
    rounds: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)


@dataclass
class Results:
    """All figures of a run.

    Attributes:
        about: versions, machine, settings.
        figures: the figures, in the order in which they were found.
    """

    about: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        task: str,
        found: dict[str, list[float]],
        *,
        backend: str = "",
        size: int = 0,
        unit: str = "s",
    ) -> None:
        """Note what the contenders of one task gave."""
        self.figures += [
            Figure(task, contender, backend, size, unit, tuple(rounds))
            for contender, rounds in found.items()
        ]

    def find(self, task: str, contender: str, backend: str = "", size: int = 0) -> Figure | None:
        """Return a figure, if there is one."""
        for each in self.figures:
            wanted = (each.task, each.contender, each.backend) == (task, contender, backend)
            if wanted and size in (0, each.size):
                return each
        return None

    def of_task(self, task: str) -> Iterator[Figure]:
        """Yield the figures of a task."""
        return (each for each in self.figures if each.task == task)

    def write(self, path: Path, verdicts: list[Any]) -> None:
        """Write everything as JSON."""
        document = {
            "about": self.about,
            "figures": [asdict(each) | {"median": each.value} for each in self.figures],
            "targets": [asdict(each) for each in verdicts],
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
