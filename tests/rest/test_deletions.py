"""Catalogs that are deleted later, also after a restart."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from cheap.connecting import connect
from cheap.core import Catalog
from tests.rest.apps import Site, site

pytestmark = pytest.mark.anyio


async def gone(here: Site) -> None:
    with anyio.fail_after(10):
        while here.store.catalog_exists(here.id):
            await anyio.sleep(0.01)


async def test_at_once() -> None:
    async with site() as here:
        assert (await here.http.delete(here.path())).status_code == 204
        answer = await here.http.delete(here.path())
        assert (answer.status_code, answer.json()["code"]) == (404, "catalog-not-found")


async def test_later() -> None:
    async with site(deletion_interval=0.01) as here:
        answer = await here.http.delete(here.path("?after=1000"))
        assert answer.status_code == 202
        told = answer.json()
        assert told["status"] == "deletion scheduled"
        assert abs(told["due"] - 1000 - time.time()) < 60
        await anyio.sleep(0.05)
        assert here.store.catalog_exists(here.id)
        # A later note takes the place of an earlier one.
        await here.http.delete(here.path("?after=0"))
        await gone(here)


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with connect(url) as store:
        async with site(store, deletion_interval=1000) as here:
            assert (await here.http.delete(here.path("?after=0"))).status_code == 202
            catalog_id = here.id
    with connect(url) as store:
        async with site(store, deletion_interval=0.01) as here:
            here.id = catalog_id
            await gone(here)
            assert store.due_deletions(2**40) == []


async def test_a_catalog_of_the_same_id_is_another_one() -> None:
    async with site(deletion_interval=0.01) as here:
        await here.http.delete(here.path("?after=1000"))
        assert here.store.delete_catalog(here.id)
        here.store.save_catalog(Catalog(global_id=here.id))
        assert here.store.due_deletions(2**40) == []


async def test_of_what_is_not_there() -> None:
    async with site() as here:
        here.store.delete_catalog(here.id)
        assert (await here.http.delete(here.path("?after=5"))).status_code == 404


async def test_trouble_with_the_database_is_outlived(monkeypatch: pytest.MonkeyPatch) -> None:
    from cheap.errors import UnavailableError

    async with site(deletion_interval=0.01) as here:
        real, failures = here.store.due_deletions, [UnavailableError("away")] * 3

        def due(now: int) -> object:
            if failures:
                raise failures.pop()
            return real(now)

        monkeypatch.setattr(here.store, "due_deletions", due)
        await here.http.delete(here.path("?after=0"))
        await gone(here)
        assert not failures
