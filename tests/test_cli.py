"""The command: what it teaches, what it refuses, and that each refusal says what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cheap
from cheap.cli import LEVELS, explained_settings, main
from cheap.rest.settings import Settings
from tests.rest.served import ENVIRONMENT, Served, until

PASSWORD = "swordfish"


def run(*words: str, **environment: str) -> Result:
    given = {name: None for name in os.environ if name.startswith("CHEAP_")} | environment
    return CliRunner().invoke(main, words, env=given)


# --- help -----------------------------------------------------------------------------------


def test_help_explains_every_setting() -> None:
    told = run("serve", "--help").output
    rows = explained_settings()
    assert [row[0] for row in rows] == [f"CHEAP_{name.upper()}" for name in Settings.model_fields]
    for variable, default, said in rows:
        assert said, variable
        assert f"  {variable}{f'  [{default}]' if default else ''}\n" in told
    assert "CHEAP_DATABASE_URL  [sqlite:///catalog.db]" in told


def test_help_shows_examples_and_options() -> None:
    told = run("serve", "--help").output
    for words in ("cheap serve --port 0", "--workers 4", "--host", "--database", "/docs", *LEVELS):
        assert words in told
    assert "serve" in run("--help").output


def test_version() -> None:
    assert run("version").output == f"{cheap.__version__}\n"


def test_the_module_is_the_command() -> None:
    words = [sys.executable, "-m", "cheap", "version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert done.stdout == f"{cheap.__version__}\n"


# --- refusals -------------------------------------------------------------------------------


def assert_refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("cheap: ")
    for each in words:
        assert each in line


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = run("serve", "--port", port, "--database", "memory:")
    assert_refused(result, f"port {port}", "address already in use", "another port, or 0")


def test_a_host_that_is_not_there() -> None:
    result = run("serve", "--host", "nowhere.invalid", "--database", "memory:")
    assert_refused(result, "nowhere.invalid")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("oracle://x", "unknown scheme 'oracle'"),
        ("sqlite:///:memory:?readers=x", "option readers expects a int"),
        (f"postgresql://user:{PASSWORD}@127.0.0.1:1/shop?connect_timeout=2", "is the server"),
        (f"mariadb://user:{PASSWORD}@127.0.0.1:1/shop?connect_timeout=2", "127.0.0.1"),
        (f"postgresql://user:{PASSWORD}@127.0.0.1:x/shop", "port is not a number"),
    ],
)
def test_a_database_that_is_not_there(url: str, word: str) -> None:
    for result in (run("serve", "--database", url), run("serve", CHEAP_DATABASE_URL=url)):
        assert_refused(result, word)
        assert PASSWORD not in result.output


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database" * 100)
    result = run("serve", "--database", f"sqlite:///{file}")
    assert_refused(result, "notes.txt is not a SQLite database")


def test_settings_that_make_no_sense() -> None:
    result = run("serve", CHEAP_MAX_BODY="much", CHEAP_API_KEYS=f"admin:{PASSWORD}")
    assert_refused(result, "CHEAP_MAX_BODY: ", "CHEAP_API_KEYS: expected read:KEY or write:KEY")
    assert PASSWORD not in result.output


def test_workers_cannot_share_a_memory_store() -> None:
    result = run("serve", "--database", "memory:", "--workers", "2")
    assert_refused(result, "--workers 1")


@pytest.mark.parametrize(
    "words", [["--port", "70000"], ["--workers", "0"], ["--log-level", "loud"], ["--porty"], ["x"]]
)
def test_words_that_it_does_not_know(words: list[str]) -> None:
    result = run("serve", *words)
    assert result.exit_code == 2
    assert "Error: " in result.output


# --- a server -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["one", "workers"])
def test_a_signal_ends_it_well(number: int, options: list[str], tmp_path: Path) -> None:
    with Served(f"sqlite:///{tmp_path}/x.db", *options) as served:
        served.signal(number)
        assert served.ended() == 0
        assert served.said == ""
        assert served.refuses()
    left = {each.name for each in tmp_path.iterdir()}
    if options:
        # SQLite's last connection removes its log. Of two that are closed at the same moment none
        # takes itself for the last; the log is empty then, or taken over by who opens it next.
        left -= {"x.db-wal", "x.db-shm"}
    assert left == {"x.db"}, "the file was not closed"


def test_ctrl_c_reaches_workers_too_and_ends_them_well(tmp_path: Path) -> None:
    """A terminal sends it to the whole group of processes."""
    with Served(f"sqlite:///{tmp_path}/x.db", "--workers", "2") as served:
        until(lambda: len(served.workers()) == 2, "two workers")
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.ended() == 0
        assert served.said == ""
        assert served.refuses()


def test_ctrl_c_while_workers_still_begin(tmp_path: Path) -> None:
    with Served(f"sqlite:///{tmp_path}/x.db", "--workers", "4") as served:
        os.killpg(served.process.pid, signal.SIGINT)  # when the first is ready, others are not
        assert served.ended() == 0
        assert served.said == ""


def test_a_request_has_a_line_in_the_log(tmp_path: Path) -> None:
    with Served(f"sqlite:///{tmp_path}/x.db", "--log-level", "info") as served:
        served.metric("cheap_requests_in_hand")
        assert served.stop() == 0
    assert " GET /metrics 200 " in served.said


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with Served(f"sqlite:///{tmp_path}/x.db", "--workers", "2") as served:
        until(lambda: len(served.workers()) == 2, "two workers")
        first = served.workers()
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len({*served.workers()} - {first[0]}) == 2, "another worker")
        assert served.metric("cheap_requests_in_hand") == 0
        assert served.stop() == 0
    assert "starting another" in served.said


def test_workers_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    with Served(f"sqlite:///{tmp_path}/x.db", "--workers", "2") as served:
        until(lambda: len(served.workers()) == 2, "two workers")
        served.kill()
        until(served.refuses, "the workers' end")
