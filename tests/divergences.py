"""The ledger of differences: where a lane is known to answer otherwise, and why.

``(lane, scenario) -> reason``: the lane as in the ids of the tests (``mariadb-dao``), the scenario
as ``test_file.py::test_name``. Such a scenario must fail in that lane: when it no longer does, the
entry is to be struck out. There is no other way to skip a scenario.
"""

from __future__ import annotations

DIVERGENCES: dict[tuple[str, str], str] = {}
