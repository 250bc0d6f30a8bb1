"""Both modes side by side: calls that block, calls that are awaited, and what others would do.

``scripts/bench modes --help`` says how to run them, ``docs/async.md`` what came of it.
"""

from benchmarks.modes.command import main

__all__ = ["main"]
