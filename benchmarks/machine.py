"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.plan import CONTENDERS, Plan

_ROOT = Path(__file__).resolve().parent.parent


def about(plan: Plan, databases: dict[str, str]) -> dict[str, Any]:
    """Return what somebody needs to know to judge the figures."""
    names = ("msgspec", "psycopg", "psycopg-binary", "PyMySQL", "SQLAlchemy", "pydantic")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {_system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "databases": databases,
        "packages": {name: version(name) for name in names},
        "asked": f"{' '.join(plan.names)} on {', '.join(plan.backends)}{_of(plan)}",
        "rounds": plan.rounds,
        "quick": plan.quick,
        "load": " ".join(f"{each:.1f}" for each in os.getloadavg()),
    }


def _of(plan: Plan) -> str:
    return "" if plan.contenders == CONTENDERS else f", of {' and '.join(plan.contenders)} alone"


def _commit() -> str:
    try:
        found = _git("describe", "--always", "--abbrev=12", "--exclude=*")
        changed = _git("status", "--porcelain", "--", "cheap", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{found} with changes" if changed else found


def _git(*words: str) -> str:
    command = ["git", "-C", str(_ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.processor() or platform.machine()


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GB"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)
