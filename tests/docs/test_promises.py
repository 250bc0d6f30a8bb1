"""Every promise names the tests that prove it, and they are there."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "promises.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def promises() -> list[tuple[str, str]]:
    """Promise and proof: the rows of all tables of the page."""
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [
        (row[1].strip(), row[2])
        for row in rows
        if row[1].strip() != "promise" and not set(row[1]) <= set("- ")
    ]


def test_every_promise_has_its_tests() -> None:
    missing: list[str] = []
    for promise, proof in promises():
        tests = TEST.findall(proof)
        if not tests:
            missing.append(promise)
        for path, name in tests:
            file = ROOT / path
            if not file.exists() or f"def {name}(" not in file.read_text():
                missing.append(f"{promise}: {path}::{name}")
    assert missing == []


def test_the_page_is_read() -> None:
    assert len(promises()) > 30
