"""``python -m cheap``: the same as the command ``cheap``."""

from __future__ import annotations

from cheap.cli import main

if __name__ == "__main__":
    main(prog_name="cheap")
