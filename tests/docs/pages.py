"""The pages of the documentation, cut into their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: the word behind the fence.
        text: what stands in it.
        line: the number of its first line.
        output: the ``text`` block that follows it directly, if one does.
    """

    language: str
    text: str
    line: int
    output: str | None


def blocks_of(page: Path) -> list[Block]:
    source = page.read_text()
    fences = list(_FENCE.finditer(source))
    blocks: list[Block] = []
    for i, fence in enumerate(fences):
        following = fences[i + 1] if i + 1 < len(fences) else None
        output = None
        if (
            following
            and following[1] == "text"
            and not source[fence.end() : following.start()].strip()
        ):
            output = following[2]
        line = source.count("\n", 0, fence.start(2)) + 1
        blocks.append(Block(fence[1], fence[2], line, output))
    return blocks


def prose_of(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def rows_of(page: Path, heading: str) -> Iterator[list[str]]:
    """The rows of the first table below a heading, as cells without code marks."""
    lines = iter(page.read_text().splitlines())
    for line in lines:
        if line.startswith("#") and line.lstrip("#").strip().replace("`", "") == heading:
            break
    else:
        raise LookupError(f"{name_of(page)} has no heading {heading!r}")
    in_table = False
    for line in lines:
        if not line.startswith("|"):
            if in_table or line.startswith("#"):
                return
            continue
        cells = [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if in_table and not set(line) <= set("|-: "):
            yield [cell.replace("\\|", "|") for cell in cells]
        in_table = True
