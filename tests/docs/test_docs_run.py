"""Every Python block of the documentation runs, and prints what is shown below it.

The blocks of a page are one program, cut by prose: they share their names, in order, and run in
an empty folder. A ``text`` block right below a Python block is what it prints (``...`` stands for
anything); a block without one prints nothing.

Blocks speak of one server, ``localhost``, with one login: the one whose port they name or, where
they name none, the only one of their page. The tests put a database of their own in its place, word
by word: see ``LOGINS``. Where a page says ``http://localhost:8000``, a server of CheapPy's own
listens while it runs, on a free port that is put in its place. Nothing else of a block is changed.
"""

from __future__ import annotations

import doctest
import io
import re
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from types import ModuleType
from urllib.parse import SplitResult, unquote, urlsplit

import pytest

from cheap.rest.main import create_app
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, name_of, prose_of
from tests.lanes import Ground, ServerBackend
from tests.live import ADDRESS, listening

Words = Callable[[SplitResult], dict[str, str]]

LOGINS: dict[str, Words] = {
    "postgres": lambda to: {
        'host="localhost"': f"host={to.hostname!r}",
        "port=5432": f"port={to.port}",
        'dbname="shop"': f"dbname={to.path[1:]!r}",
        'user="shop"': f"user={unquote(to.username or '')!r}",
        'password="secret"': f"password={unquote(to.password or '')!r}",
        "postgresql://shop:secret@localhost:5432/shop": to.geturl(),
    },
    "mariadb": lambda to: {
        'host="localhost"': f"host={to.hostname!r}",
        "port=3306": f"port={to.port}",
        'database="shop"': f"database={to.path[1:]!r}",
        'user="shop"': f"user={unquote(to.username or '')!r}",
        'password="secret"': f"password={unquote(to.password or '')!r}",
        "mariadb://shop:secret@localhost:3306/shop": to.geturl(),
    },
}
PORTS = {"postgres": "5432", "mariadb": "3306"}


def servers_of(code: str) -> list[str]:
    """The servers that some code speaks of."""
    return [name for name, port in PORTS.items() if port in code]


def code_of(page: Path) -> str:
    return "".join(block.text for block in blocks_of(page) if block.language == "python")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        fast = metafunc.config.option.fast
        pages = [page for page in PAGES if not fast or not servers_of(code_of(page))]
        metafunc.parametrize("page", pages, ids=name_of)


@pytest.fixture
def words(page: Path, ground: Ground) -> dict[str, dict[str, str]]:
    """What is put in the place of the logins that the page shows, by server."""
    found: dict[str, dict[str, str]] = {}
    for name in servers_of(code_of(page)):
        backend = ground.backend(name)
        assert isinstance(backend, ServerBackend)
        url = backend.server.create_database(f"docs_{page.stem}")
        found[name] = LOGINS[name](urlsplit(url))
    return found


def test_page_runs(
    page: Path,
    words: dict[str, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # where annotations are looked up
    threads = set(threading.enumerate())
    with ExitStack() as stack:
        if ADDRESS in code_of(page):
            served = create_app("sqlite:///served/catalog.db")
            words["http"] = {ADDRESS: stack.enter_context(listening(served))}
        for block in blocks_of(page):
            if block.language == "python":
                run(page, block, words, module)
    # Trio keeps idle threads for ten seconds.
    started = {t for t in threading.enumerate() if not t.name.startswith("Trio thread")} - threads
    for each in started:
        each.join(timeout=2)  # one that has told of its end may need a moment to be gone
    assert [each.name for each in started if each.is_alive()] == [], "the page leaves it running"


def run(page: Path, block: Block, words: dict[str, dict[str, str]], module: ModuleType) -> None:
    """Run a block of a page, in a module, and compare what it prints."""
    source = block.text
    servers = servers_of(source)
    if not servers and len(databases := words.keys() & PORTS.keys()) == 1:
        servers = list(databases)
    assert len(servers) < 2, "a block speaks of one server only, for the login is the same"
    for name in (*servers, "http"):
        for shown, real in words.get(name, {}).items():
            source = source.replace(shown, real)
    assert "localhost" not in source, f"{name_of(page)}:{block.line}: LOGINS does not know this"
    # Blank lines in front, so that a traceback names the line of the page.
    lines = "\n" * (block.line - 1) + source
    code = compile(lines, name_of(page), "exec", dont_inherit=True)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code, module.__dict__)
    check_output(f"{name_of(page)}:{block.line}", printed.getvalue(), block.output or "")


def check_output(where: str, printed: str, shown: str) -> None:
    if not doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS):
        pytest.fail(f"{where} prints\n{printed}\nbut shows\n{shown}", pytrace=False)


def test_every_block_says_what_it_is() -> None:
    """A fence without a word would not be run."""
    known = {"python", "text", "sh", "bash", "sql", "json", "toml"}
    for page in PAGES:
        for block in blocks_of(page):
            assert block.language in known, (name_of(page), block.line)


def test_links_lead_somewhere() -> None:
    def anchors(page: Path) -> set[str]:
        headings = re.findall(r"^#+ +(.+)$", page.read_text(), re.MULTILINE)
        plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
        return {heading.replace(" ", "-") for heading in plain}

    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), (name_of(page), target)
            assert not anchor or anchor in anchors(found), (name_of(page), target)


def test_files_that_are_named_are_there() -> None:
    named = re.compile(r"`((?:scripts|tests|docs|benchmarks|cheap)/[\w./-]*\w)(?:::\w+)?`")
    for page in PAGES:
        for path in named.findall(prose_of(page)):
            assert (ROOT / path).exists(), (name_of(page), path)
        for block in blocks_of(page):
            if block.language == "sh":
                for path in re.findall(r"\bscripts/[\w.]+", block.text):
                    assert (ROOT / path).exists(), (name_of(page), path)
