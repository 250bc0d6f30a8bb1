"""Memory: the peak of a save and of a load, and what one loaded aspect takes.

A peak is that of a whole process: each is measured in a process of its own, and what the process
took before the task (the program itself, the records to be saved) is subtracted. Memory of a
server is not in it.

    python -m benchmarks.memory (save|load|aspect) CONTENDER BACKEND URL SIZE
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path
from uuid import UUID

from benchmarks.contenders import Contender, make_contender
from benchmarks.data import DEFINITION, make_data
from benchmarks.places import Place
from cheap import Catalog

_STATUS = Path("/proc/self/status")


def measured(task: str, contender: str, place: Place, size: int) -> float:
    """Measure in a process of its own, and return bytes.

    Args:
        task: ``save`` and ``load``: the peak beyond what was there before; ``aspect``: what an
            aspect that was loaded takes on average, beyond its document and the 16 bytes of its id.
        contender: who.
        place: where; empty for ``save``, else filled.
        size: how many records.
    """
    words = [task, contender, place.backend, place.url, str(size)]
    command = [sys.executable, "-m", "benchmarks.memory", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return float(json.loads(done.stdout))


def _measure(task: str, name: str, place: Place, size: int) -> float:
    contender = make_contender(name, place, make_data(size))
    contender.open()
    try:
        if task == "aspect":
            return _bytes_of_aspect(contender)
        kept: object = contender.feed() if task == "save" else None
        before = _now()
        if task == "save":
            contender.save(kept)
        else:
            kept = contender.load()
        return _peak() - before
    finally:
        contender.close()


def _now() -> int:
    """Return what the process takes, and begin to watch for its peak."""
    gc.collect()
    if not _STATUS.exists():
        return _peak()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    if not _STATUS.exists():  # not Linux: the peak since the process began
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024


def _bytes_of_aspect(contender: Contender) -> float:
    contender.load()  # whatever is made once is made now
    gc.collect()
    tracemalloc.start()
    catalog = contender.load()
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(catalog, Catalog)
    payload = sum(map(len, catalog.aspect_map(DEFINITION.name).packed().values()))
    return (taken - payload) / contender.data.size - len(UUID(int=0).bytes)


if __name__ == "__main__":
    task, name, backend, url, size = sys.argv[1:]
    print(json.dumps(_measure(task, name, Place(backend, url), int(size))))
