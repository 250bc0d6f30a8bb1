"""What both sides of a run know: the names in the environment, and the files of kept answers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = "CHEAP_BENCH_FOLDER"
"""In the environment of the bare server: where the answers lie."""

PIECES: Final = "CHEAP_BENCH_PIECES"
"""In the environment of the bare server: how many pieces a stream has."""

ANSWERS: Final = ("header", "query", "page", "commit")
"""The answers that are kept, each in a file of its name."""


def stream_file(folder: Path, path: str) -> Path:
    """Return the file of one piece of a stream."""
    return folder / ("hierarchy_piece" if "/hierarchies/" in path else "catalogs_piece")
