"""Catalogs as a whole: created, listed, changed, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from cheap.core import Catalog, read_catalog
from cheap.core.edits import SetHeader
from cheap.core.values import show
from cheap.errors import (
    AlreadyExistsError,
    CatalogNotFoundError,
    MalformedRequestError,
    PreconditionError,
)
from cheap.rest.messages import Answer, Request, answer, etag, unchanged, unmet
from cheap.rest.wire import contents, routes, shapes
from cheap.rest.wire.bodies import check_json, shaped
from cheap.rest.wire.edits import read_edits, with_raw_records
from cheap.store import CatalogHeader, Desk


def create_catalog(store: Desk, request: Request) -> Answer:
    """Answer ``routes.CREATE_CATALOG``."""
    check_json(request.body, request.settings.max_depth)
    new = shaped(shapes.NewCatalog, with_raw_records(request.body), "$")
    header = store.create_catalog(
        species=new.species,
        version=new.version,
        uri=new.uri,
        upstream=new.upstream,
        catalog_id=new.catalog_id,
        edits=read_edits(new.edits),
    )
    return _header(header, 201)


def _header(header: CatalogHeader, status: int = 200) -> Answer:
    made = answer(contents.header_form(header), status, etag=etag(header.revision))
    if status == 201:
        made.headers["location"] = routes.GET_CATALOG.url(header.catalog_id)
    return made


def list_catalogs(store: Desk, request: Request) -> Answer:
    """Answer ``routes.LIST_CATALOGS``."""
    query: routes.CatalogsQuery = request.query
    limit = request.limit(query.limit)
    page = store.list_catalogs(species=query.species, cursor=query.cursor, limit=limit)
    return answer({"items": list(map(contents.header_form, page.items)), "next": page.next})


def get_catalog(store: Desk, request: Request) -> Answer:
    """Answer ``routes.GET_CATALOG``."""
    (catalog_id,) = request.path
    header = store.get_catalog(catalog_id)
    if request.knows(etag(header.revision)):
        return unchanged(etag(header.revision))
    if not request.query.sizes:
        return _header(header)
    sizes = {each.name: each.size for each in store.list_hierarchies(catalog_id)}
    form = {**contents.header_form(header), "sizes": sizes}
    return answer(form, etag=etag(header.revision))


def replace_catalog(store: Desk, request: Request) -> Answer:
    """Answer ``routes.REPLACE_CATALOG``."""
    (catalog_id,) = request.path
    check_json(request.body, request.settings.max_depth)
    catalog = read_catalog(request.body)
    if catalog.global_id != catalog_id:
        raise MalformedRequestError("$.globalId", f"expected {catalog_id}, as in the address")
    if "if-match" in request.headers and not store.catalog_exists(catalog_id):
        raise PreconditionError(f"catalog {catalog_id} (If-Match; it is not there)")
    if "if-none-match" in request.headers:
        return _header(_created(store, request, catalog), 201)
    revision = guarded(
        store, request, catalog_id, lambda: store.save_catalog(catalog, replace=True), after=1
    )
    # Not read again: by now there may be what somebody else wrote.
    header = CatalogHeader(
        catalog_id,
        catalog.species,
        catalog.version,
        catalog.uri or None,
        catalog.upstream,
        revision,
    )
    return _header(header, 201 if revision == 1 else 200)


def _created(store: Desk, request: Request, catalog: Catalog) -> CatalogHeader:
    """Save a catalog that is to be new; return its header."""
    given = request.headers["if-none-match"].strip()
    if given != "*":
        raise MalformedRequestError("header.If-None-Match", f"expected *, got {show(given)}")
    try:
        store.save_catalog(catalog)
    except AlreadyExistsError:
        raise PreconditionError(
            f"catalog {catalog.global_id} (If-None-Match: *; it is there)"
        ) from None
    return store.get_catalog(catalog.global_id)


def change_labels(store: Desk, request: Request) -> Answer:
    """Answer ``routes.CHANGE_LABELS``."""
    (catalog_id,) = request.path
    labels = request.shape(shapes.Labels)
    edit = SetHeader(labels.version, labels.uri)
    guarded(store, request, catalog_id, lambda: store.commit(catalog_id, [edit]).revision, after=1)
    return _header(store.get_catalog(catalog_id))


def guarded(
    store: Desk, request: Request, catalog_id: UUID, work: Callable[[], int], *, after: int
) -> int:
    """Do some work on a catalog, if it is at the revision that ``If-Match`` names.

    Args:
        store: where.
        request: may have the header.
        catalog_id: the catalog.
        work: the work; it returns the revision it found or made, and locks the catalog on its way.
        after: how many revisions the work makes.

    Raises:
        PreconditionError: it is at another revision; nothing was written.
    """
    expected = request.expected_revision()
    if expected is None:
        return work()
    with store.transaction():
        found = store.get_catalog(catalog_id).revision
        if found != expected:
            raise unmet(catalog_id, expected, found)
        revision = work()
        if revision != expected + after:  # somebody was faster, between the look and the lock
            raise unmet(catalog_id, expected, revision - after)
        return revision


def delete_catalog(store: Desk, request: Request) -> Answer:
    """Answer ``routes.DELETE_CATALOG``."""
    (catalog_id,) = request.path
    after: int | None = request.query.after
    if after is not None:
        due = int(time.time()) + after

        def schedule() -> int:
            store.schedule_deletion(catalog_id, due)
            return store.get_catalog(catalog_id).revision

        guarded(store, request, catalog_id, schedule, after=0)
        form = {"status": "deletion scheduled", "catalog_id": catalog_id, "due": due}
        return answer(form, 202)

    def delete() -> int:
        revision = 0
        if request.expected_revision() is not None:  # raised only to hold the catalog's lock
            revision = store.commit(catalog_id, [SetHeader()]).revision
        if not store.delete_catalog(catalog_id):
            raise CatalogNotFoundError(catalog_id)
        return revision

    guarded(store, request, catalog_id, delete, after=1)
    return Answer(204)
