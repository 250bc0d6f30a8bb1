"""Commits: edits become rows, under the lock of the catalog's row."""

from cheap.db.commits.applying import apply
from cheap.db.commits.pieces import write_large
from cheap.db.commits.work import Work

__all__ = ["Work", "apply", "write_large"]
