"""CheapPy over HTTP, beside the least that a server can do, and beside what one would write.

``scripts/bench http --help`` says how to run it, ``docs/benchmarks.md`` what came of it.
"""

from benchmarks.http.command import main

__all__ = ["main"]
