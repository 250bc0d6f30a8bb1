"""The guide, block by block, and the test that stands for each.

The guide is held by users, not by this repository: the tests say the same in other words, with the
same names, arguments, attributes and results, and ``cheap.aio`` where it imports ``cheap.db``.
Where it says ``http://localhost:8000``, a server of the test listens on a free port. Where it
leaves arguments out, as in ``create_catalog(...)`` and ``SqliteAdapter.create(...)``, the tests
fill them in.
"""

from __future__ import annotations

import re
from pathlib import Path

BLOCKS = [
    ("Database Operations: SQLite", "test_sqlite_file"),
    ("Database Operations: SQLite, Using Context Managers", "test_sqlite_context_manager"),
    ("Database Operations: PostgreSQL", "test_postgres"),
    ("Database Operations: MariaDB", "test_mariadb"),
    ("REST API: Async Endpoints", "test_catalog_as_body_and_as_answer"),
    ("REST API: Dependency Injection", "test_get_dao_of_ones_own"),
    ("REST API: Lifespan Management", "test_lifespan"),
    ("REST Client: AsyncCheapClient", "test_async_client"),
    ("REST Client: Concurrent Operations", "test_catalogs_created_at_once"),
    ("REST Client: CheapClient", "test_blocking_client"),
    ("Best Practices 1: Entry Points", "test_entry_point"),
    ("Best Practices 2: Context Managers", "test_client_closed_by_its_block_and_by_hand"),
    ("Best Practices 3: gather", "test_gather_loads"),
    ("Best Practices 4: Sequential Operations", "test_calls_that_depend_on_each_other"),
    ("Best Practices 5: Error Handling", "test_catalog_that_is_not_there"),
    ("Best Practices 6: Timeouts", "test_wait_for_in_time_and_too_late"),
    ("Pattern 1: Batch Processing", "test_batch"),
    ("Pattern 2: Background Tasks", "test_background_task"),
    ("Pattern 3: Streaming Responses", "test_stream"),
    ("Pattern 4: Async Generators", "test_pages_by_offset"),
    ("Testing: pytest-asyncio", "test_save_and_load"),
    ("Testing: FastAPI Endpoints", "test_create_catalog_endpoint"),
    ("Testing: Concurrent Operations", "test_concurrent_saves"),
    ("Performance 1: Connection Pooling", "test_postgres"),
    ("Performance 2: Batch Operations", "test_saves_in_a_row_and_at_once"),
    ("Performance 3: Limit Concurrency", "test_semaphore"),
    ("Performance 4: httpx Connection Pooling", "test_client_with_a_pool"),
    ("Troubleshooting 1: Event loop is closed, problem", "test_run_twice"),
    ("Troubleshooting 1: Event loop is closed, solution", "test_event_loop_made_by_hand"),
    ("Troubleshooting 2: Task was destroyed", "test_pending_tasks_are_cancelled"),
    ("Troubleshooting 3: Too many open files", "test_adapter_as_context_manager_at_once"),
    ("Troubleshooting 4: Blocking the event loop", "test_work_for_the_processor_in_a_pool"),
]
"""Every Python block of the guide, in its order."""


def test_every_block_has_a_test() -> None:
    folder = Path(__file__).parent
    written = {
        name
        for path in folder.glob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert {test for _, test in BLOCKS} <= written
    assert len(BLOCKS) == 32
