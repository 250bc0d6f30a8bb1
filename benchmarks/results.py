"""What a run found: figures, and what they are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
        others: what other runs, whose figures stand here too, were about.
        path: where everything is written as JSON, also while the run is under way.
    """

    about: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    path: Path | None = None

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
        self.write()  # so that a run which is stopped leaves what it found

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

    def join(self, path: Path) -> None:
        """Take up the figures of another run from its JSON, but for those that are here already."""
        document = json.loads(path.read_text())
        here = {_place(each) for each in self.figures}
        for each in document["figures"]:
            del each["median"]
            found = Figure(**each | {"rounds": tuple(each["rounds"])})
            if _place(found) not in here:
                self.figures.append(found)
        self.others += [document["about"], *document["others"]]
        self.about["databases"] = document["about"]["databases"] | self.about["databases"]

    def write(self, verdicts: Sequence[Any] = ()) -> None:
        """Write everything as JSON, if that is wanted."""
        if self.path is None:
            return
        document = {
            "about": self.about,
            "others": self.others,
            "figures": [asdict(each) | {"median": each.value} for each in self.figures],
            "targets": [asdict(each) for each in verdicts],
        }
        self.path.write_text(json.dumps(document, indent=1) + "\n")


def _place(figure: Figure) -> tuple[str, str, str, int]:
    return (figure.task, figure.contender, figure.backend, figure.size)
