"""What is in a catalog: definitions, hierarchies, records, changes; read and written in one go."""

from __future__ import annotations

from functools import partial

from cheap.core import AspectDef
from cheap.core.codecs import codec_of
from cheap.core.documents import read_aspect_def
from cheap.core.edits import DropHierarchy, PutAspects
from cheap.core.records import JsonRecords, hash_text
from cheap.errors import ConflictError, MalformedRequestError, MissingKeyError, TooLargeError
from cheap.rest.handlers.catalogs import guarded
from cheap.rest.messages import Answer, Request, answer, etag, unchanged
from cheap.rest.wire import contents, routes, shapes
from cheap.rest.wire.bodies import check_json, members, plain, shaped
from cheap.rest.wire.edits import read_edits, with_raw_records
from cheap.rest.wire.filters import read_filter, read_order
from cheap.store import Commit, Desk

# --- definitions --------------------------------------------------------------------------------


def add_aspect_def(store: Desk, request: Request) -> Answer:
    """Answer ``routes.ADD_ASPECT_DEF``."""
    (catalog_id,) = request.path
    definition = read_aspect_def(request.json())
    add = partial(store.add_aspect_def, catalog_id, definition)
    revision = guarded(store, request, catalog_id, add, after=1)
    location = routes.GET_ASPECT_DEF.url(catalog_id, definition.name)
    return answer({"revision": revision}, 201, location=location, etag=etag(revision))


def list_aspect_defs(store: Desk, request: Request) -> Answer:
    """Answer ``routes.LIST_ASPECT_DEFS``."""
    (catalog_id,) = request.path
    definitions = store.list_aspect_defs(catalog_id)
    return answer({"items": [contents.definition_json(each) for each in definitions]})


def get_aspect_def(store: Desk, request: Request) -> Answer:
    """Answer ``routes.GET_ASPECT_DEF``."""
    catalog_id, name = request.path
    definitions = store.list_aspect_defs(catalog_id)
    # A name that reads like an id is a name first.
    for each in definitions:
        if each.name == name:
            return answer(contents.definition_json(each))
    for each in definitions:
        if str(each.id) == name.lower():
            return answer(contents.definition_json(each))
    raise MissingKeyError(f"catalog {catalog_id} has no aspect definition {name!r}")


# --- hierarchies --------------------------------------------------------------------------------


def create_hierarchy(store: Desk, request: Request) -> Answer:
    """Answer ``routes.CREATE_HIERARCHY``."""
    (catalog_id,) = request.path
    new = request.shape(shapes.NewHierarchy)
    create = partial(store.create_hierarchy, catalog_id, new.name, new.type, indexes=new.indexes)
    revision = guarded(store, request, catalog_id, create, after=1)
    location = routes.READ_HIERARCHY.url(catalog_id, new.name)
    return answer({"revision": revision}, 201, location=location, etag=etag(revision))


def list_hierarchies(store: Desk, request: Request) -> Answer:
    """Answer ``routes.LIST_HIERARCHIES``."""
    (catalog_id,) = request.path
    found = store.list_hierarchies(catalog_id)
    return answer({"items": list(map(contents.hierarchy_form, found))})


def read_hierarchy(store: Desk, request: Request) -> Answer:
    """Answer ``routes.READ_HIERARCHY``."""
    catalog_id, name = request.path
    query: routes.PageQuery = request.query
    limit = request.limit(query.limit)
    page = store.read_hierarchy(catalog_id, name, cursor=query.cursor, limit=limit)
    return answer(contents.entries_form(page))


def drop_hierarchy(store: Desk, request: Request) -> Answer:
    """Answer ``routes.DROP_HIERARCHY``."""
    catalog_id, name = request.path
    drop = [DropHierarchy(name)]
    revision = guarded(
        store, request, catalog_id, lambda: store.commit(catalog_id, drop).revision, after=1
    )
    return Answer(204, headers={"etag": etag(revision)})


# --- records ------------------------------------------------------------------------------------


def query_aspects(store: Desk, request: Request) -> Answer:
    """Answer ``routes.QUERY_ASPECTS``."""
    (catalog_id,) = request.path
    query = request.shape(shapes.AspectQuery)
    if query.entities is not None:
        if query.where is not None or query.order_by or query.cursor is not None:
            raise MalformedRequestError("$", "entities exclude where, order_by and cursor")
        if len(query.entities) > request.settings.max_batch:
            raise TooLargeError(
                f"entities: this server takes at most {request.settings.max_batch:,} at once"
            )
        found = store.get_aspects(catalog_id, query.aspect, query.entities)
        return answer(contents.aspects_form(list(found.values())))
    where = None
    if query.where is not None or query.definition is not None:
        definition = store.get_aspect_def(catalog_id, query.aspect)
        _check_hash(definition, query.definition)
        if query.where is not None:
            where = read_filter(query.where, definition, "$.where")
    page = store.find_aspects(
        catalog_id,
        query.aspect,
        where,
        order_by=read_order(query.order_by),
        cursor=query.cursor,
        limit=request.limit(query.limit),
    )
    return answer(contents.aspects_form(page.items, page.next))


def _check_hash(definition: AspectDef, given: str | None) -> None:
    if given is not None and given != hash_text(codec_of(definition)):
        raise ConflictError(f"aspect definition {definition.name!r}")


def put_aspects(store: Desk, request: Request) -> Answer:
    """Put records, all or nothing; lines of JSON are another handler's."""
    catalog_id, name = request.path
    check_json(request.body, request.settings.max_depth)
    parts = {
        key: members(raw, "$.aspects") if key == "aspects" else plain(raw, f"$.{key}")
        for key, raw in members(request.body, "$").items()
    }
    records = shaped(shapes.Upsert, parts, "$").aspects
    put = [PutAspects(name, JsonRecords(records))]
    revision = guarded(
        store, request, catalog_id, lambda: store.commit(catalog_id, put).revision, after=1
    )
    form: dict[str, object] = {"revision": revision, "received": len(records)}
    form |= {"written": len(records), "refused": ()}
    return answer(form, etag=etag(revision))


# --- commits and changes ------------------------------------------------------------------------


def commit(store: Desk, request: Request) -> Answer:
    """Answer ``routes.COMMIT``."""
    (catalog_id,) = request.path
    check_json(request.body, request.settings.max_depth)
    given = shaped(shapes.CommitRequest, with_raw_records(request.body), "$")
    edits = read_edits(given.edits)
    done: list[Commit] = []

    def work() -> int:
        done.append(
            store.commit(
                catalog_id,
                edits,
                expect=given.expect,
                own=given.own,
                refresh=given.refresh,
            )
        )
        return done[0].revision

    guarded(store, request, catalog_id, work, after=1 if edits else 0)
    return answer(contents.commit_form(done[0]), etag=etag(done[0].revision))


def read_changes(store: Desk, request: Request) -> Answer:
    """Answer ``routes.READ_CHANGES``."""
    (catalog_id,) = request.path
    query: routes.ChangesQuery = request.query
    limit = request.limit(query.limit)
    page = store.read_changes(catalog_id, query.since, cursor=query.cursor, limit=limit)
    return answer(contents.changes_form(page))


# --- large values -------------------------------------------------------------------------------


def read_piece(store: Desk, request: Request) -> Answer:
    """Return one piece; a whole value is streamed by another handler."""
    catalog_id, name, entity, prop = request.path
    piece = store.read_piece(catalog_id, name, entity, prop, request.query.offset)
    tag = f'"{piece.value.digest}"'
    if request.knows(tag):
        return unchanged(tag)
    headers = {
        "etag": tag,
        "cheap-size": str(piece.value.size),
        **({} if piece.next is None else {"cheap-next": str(piece.next)}),
    }
    return Answer(200, piece.data, routes.BYTES, headers)
