"""The verbs of the contract as calls: what each sends, and how it reads the replies.

A verb is a generator: it yields what is to be sent, and is given the reply. Whoever drives it
(:mod:`~cheap.rest.client.client`, :mod:`~cheap.rest.client.async_client`) blocks or awaits in
between. An error that the server tells of is raised where the call was yielded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from cheap.core import (
    Aspect,
    AspectDef,
    Basis,
    Catalog,
    CatalogSpecies,
    Filter,
    HierarchyType,
    LargeValue,
    Order,
    write_catalog,
)
from cheap.core.arguments import several
from cheap.core.edits import Edit, PutAspects
from cheap.core.names import check_id, check_key, check_name
from cheap.core.values import show
from cheap.errors import (
    CatalogNotFoundError,
    ConflictError,
    InvalidError,
    InvalidQueryError,
    InvalidValueError,
    MissingKeyError,
)
from cheap.rest.client.calls import Call, Reply, Steps, call, can_be_a_name, value_place
from cheap.rest.client.limits import Limits
from cheap.rest.client.lines import read_catalog_line
from cheap.rest.client.writing import UNKNOWN, question, written_by
from cheap.rest.wire import contents, routes
from cheap.rest.wire.edits import definitions_after, type_code, written_definition
from cheap.rest.wire.parts import MAX_INT
from cheap.rest.wire.routes import MAX_WAIT
from cheap.store import (
    CatalogHeader,
    Change,
    Commit,
    Entry,
    HierarchyHeader,
    Page,
    Piece,
    check_expect,
    check_limit,
    check_own,
    check_since,
    check_species,
)
from cheap.store.saving import check_whole

T = TypeVar("T")

_KNOWN_MOST: Final = 10_000
_LONG_CURSOR: Final = 10_000


class Verbs:
    """The verbs of the contract, as calls.

    Args:
        page_size: items to ask for at once, where more are wanted.
    """

    def __init__(self, page_size: int) -> None:
        self._limits = Limits(page_size)
        # Records and filters are written by the definition, as they would be checked by a DAO.
        # One that is old by now is noticed by the server, which compares hash versions.
        self._definitions: dict[tuple[UUID, str], AspectDef] = {}

    # --- the server -----------------------------------------------------------------------

    def about(self) -> Steps[dict[str, Any]]:
        """Return what the server is."""
        reply = yield call(routes.ABOUT)
        return _object(reply)

    def health(self) -> Steps[dict[str, Any]]:
        """Return how the server is."""
        made = call(routes.HEALTH)
        made.safe, made.accepts = False, (503,)
        reply = yield made
        return _object(reply)

    def store_id(self) -> Steps[UUID]:
        """Return the id of the server's store."""
        reply = yield call(routes.ABOUT)
        store_id, _ = contents.read_about(reply.body)
        return store_id

    # --- catalogs -------------------------------------------------------------------------

    def create_catalog(
        self,
        species: CatalogSpecies,
        version: str,
        uri: str | None,
        upstream: UUID | None,
        catalog_id: UUID | None,
        edits: Sequence[Edit],
    ) -> Steps[CatalogHeader]:
        edits = several(edits, "edits")
        new = Catalog(  # checks the labels
            species=species,
            version=version,
            uri=uri,
            upstream=upstream,
            global_id=catalog_id,
        )
        written: list[dict[str, Any]] = []
        yield from self._written(None, edits, written)
        form = {
            "species": new.species.value,
            "version": new.version,
            "uri": new.uri,
            "upstream": new.upstream,
            "catalog_id": new.global_id,
            "edits": written,
        }
        reply = yield call(routes.CREATE_CATALOG, body=form)
        return contents.read_header(reply.body)

    def get_catalog(self, catalog_id: UUID) -> Steps[CatalogHeader]:
        reply = yield call(routes.GET_CATALOG, check_id(catalog_id, "catalog id"))
        return contents.read_header(reply.body)

    def list_catalogs(
        self, species: CatalogSpecies | None, cursor: str | None, limit: int
    ) -> Steps[Page[CatalogHeader]]:
        check_species(species)
        query = [
            ("species", None if species is None else species.value),
            ("cursor", _cursor(cursor)),
        ]
        reply = yield from self._limits.page(limit, routes.LIST_CATALOGS, query=query)
        return contents.read_headers(reply.body)

    def delete_catalog(self, catalog_id: UUID) -> Steps[bool]:
        try:
            yield call(routes.DELETE_CATALOG, check_id(catalog_id, "catalog id"))
        except CatalogNotFoundError:
            return False
        return True

    def schedule_deletion(self, catalog_id: UUID, after: int) -> Steps[dict[str, Any]]:
        """Have a catalog deleted later."""
        query = [("after", after)]
        reply = yield call(routes.DELETE_CATALOG, check_id(catalog_id, "catalog id"), query=query)
        return _object(reply)

    def catalog_exists(self, catalog_id: UUID) -> Steps[bool]:
        try:
            yield from self.get_catalog(catalog_id)
        except CatalogNotFoundError:
            return False
        return True

    def load_catalog(
        self, catalog_id: UUID, only: Collection[str] | None, store_id: UUID
    ) -> Steps[Catalog]:
        """Load a catalog, from a server whose store has this id."""
        check_id(catalog_id, "catalog id")
        only = None if only is None else several(only, "only")
        query = [("only", each) for each in only or ()]
        if only is not None and not all(map(can_be_a_name, only)):
            yield from self.get_catalog(catalog_id)
            raise MissingKeyError(f"catalog has no hierarchy of the names {only!r}"[:200])
        if only is not None and not only:
            header = yield from self.get_catalog(catalog_id)
            catalog = Catalog(
                species=header.species,
                version=header.version,
                uri=header.uri,
                upstream=header.upstream,
                global_id=header.catalog_id,
            )
            revision = header.revision
        else:
            reply = yield call(routes.LOAD_CATALOG, catalog_id, query=query)
            catalog = read_catalog_line(reply.body)
            revision = int(reply.headers["etag"].strip('"'))
        kept = None if only is None else frozenset(only)
        catalog.settle(Basis(store_id, revision, only=kept))
        return catalog

    def replace_catalog(self, catalog: Catalog) -> Steps[int]:
        """Save a catalog in the place of what is there; return the revision."""
        check_whole(catalog)
        body = b"".join(write_catalog(catalog))
        reply = yield call(routes.REPLACE_CATALOG, catalog.global_id, body=body)
        return contents.read_header(reply.body).revision

    # --- definitions ----------------------------------------------------------------------

    def add_aspect_def(self, catalog_id: UUID, definition: AspectDef) -> Steps[int]:
        body = bytes(written_definition(definition))
        reply = yield call(routes.ADD_ASPECT_DEF, check_id(catalog_id, "catalog id"), body=body)
        self._note(catalog_id, {definition.name: definition})
        return contents.read_revision(reply.body)

    def get_aspect_def(self, catalog_id: UUID, name: str | UUID) -> Steps[AspectDef]:
        check_id(catalog_id, "catalog id")
        if not isinstance(name, UUID) and not can_be_a_name(name):
            yield from self.get_catalog(catalog_id)
            raise MissingKeyError(f"catalog {catalog_id} has no aspect definition {name!r}")
        reply = yield call(routes.GET_ASPECT_DEF, catalog_id, name)
        return contents.read_definition(reply.body)

    def list_aspect_defs(self, catalog_id: UUID) -> Steps[list[AspectDef]]:
        reply = yield call(routes.LIST_ASPECT_DEFS, check_id(catalog_id, "catalog id"))
        return contents.read_definitions(reply.body)

    def _definition(self, catalog_id: UUID, name: str) -> Steps[AspectDef]:
        """Return a definition that was read before, or read it."""
        known = self._definitions.get((catalog_id, name))
        if known is None:
            known = yield from self.get_aspect_def(catalog_id, name)
            if len(self._definitions) >= _KNOWN_MOST:
                self._definitions.clear()
            self._note(catalog_id, {name: known})
        return known

    def _by_definition(
        self, catalog_id: UUID, name: str, work: Callable[[AspectDef], T]
    ) -> Steps[T]:
        """Do what needs a definition; again, if it is refused by one that may be out of date."""
        is_old = (catalog_id, name) in self._definitions
        definition = yield from self._definition(catalog_id, name)
        try:
            return work(definition)
        except InvalidError:
            if not is_old:
                raise
            self._definitions.pop((catalog_id, name), None)
            definition = yield from self._definition(catalog_id, name)
            return work(definition)

    def _see_map(self, catalog_id: UUID, name: str) -> Steps[None]:
        """Raise MissingKeyError if there is no such aspect map, though its definition may be there.

        What is not there comes before what makes no sense, as on every store.
        """
        yield call(routes.QUERY_ASPECTS, catalog_id, body={"aspect": name, "limit": 1})

    # --- contents -------------------------------------------------------------------------

    def create_hierarchy(
        self, catalog_id: UUID, name: str, type: HierarchyType, indexes: Sequence[str]
    ) -> Steps[int]:
        form = {
            "name": check_name(name, "hierarchy"),
            "type": type_code(type),
            "indexes": [check_key(each, "property name") for each in several(indexes, "indexes")],
        }
        reply = yield call(routes.CREATE_HIERARCHY, check_id(catalog_id, "catalog id"), body=form)
        return contents.read_revision(reply.body)

    def list_hierarchies(self, catalog_id: UUID) -> Steps[list[HierarchyHeader]]:
        reply = yield call(routes.LIST_HIERARCHIES, check_id(catalog_id, "catalog id"))
        return contents.read_hierarchies(reply.body)

    def read_hierarchy(
        self, catalog_id: UUID, name: str, cursor: str | None, limit: int
    ) -> Steps[Page[Entry]]:
        place = (check_id(catalog_id, "catalog id"), check_name(name, "hierarchy"))
        query = [("cursor", _cursor(cursor))]
        reply = yield from self._limits.page(limit, routes.READ_HIERARCHY, *place, query=query)
        return contents.read_entries(reply.body)

    def drop_hierarchy(self, catalog_id: UUID, name: str) -> Steps[bool]:
        place = (check_id(catalog_id, "catalog id"), check_name(name, "hierarchy"))
        try:
            yield call(routes.DROP_HIERARCHY, *place)
        except MissingKeyError:
            return False
        return True

    # --- records --------------------------------------------------------------------------

    def get_aspects(
        self, catalog_id: UUID, name: str, entities: Collection[UUID]
    ) -> Steps[dict[UUID, Aspect]]:
        check_id(catalog_id, "catalog id")
        wanted = [check_id(each) for each in several(entities, "entities")]
        form = {"aspect": check_name(name, "hierarchy")}
        found: dict[UUID, Aspect] = {}
        start = 0

        def batch(most: int) -> Call:
            body = {**form, "entities": wanted[start : start + most]}
            return call(routes.QUERY_ASPECTS, catalog_id, body=body)

        while True:
            reply, asked = yield from self._limits.at_most("batch_size", len(wanted) - start, batch)
            for each in contents.read_aspects(reply.body).items:
                assert each.entity is not None
                found[each.entity] = each
            start += asked
            if start >= len(wanted):
                return found

    def find_aspects(
        self,
        catalog_id: UUID,
        name: str,
        where: Filter | None,
        order_by: str | Order | Sequence[str | Order],
        cursor: str | None,
        limit: int,
    ) -> Steps[Page[Aspect]]:
        check_id(catalog_id, "catalog id")
        form: dict[str, Any] = {
            "aspect": check_name(name, "hierarchy"),
            "cursor": _cursor(cursor),
        }
        limit = check_limit(limit)

        def page(most: int) -> Call:
            return call(routes.QUERY_ASPECTS, catalog_id, body={**form, "limit": most})

        if where is None and not isinstance(order_by, (str, Order)) and not order_by:
            reply, _ = yield from self._limits.at_most("page_size", limit, page)
            return contents.read_aspects(reply.body)
        for last in (False, True):
            work = partial(question, where=where, order_by=order_by)
            try:
                form |= yield from self._by_definition(catalog_id, name, work)
            except InvalidError:
                yield from self._see_map(catalog_id, name)
                raise
            try:
                reply, _ = yield from self._limits.at_most("page_size", limit, page)
                return contents.read_aspects(reply.body)
            except ConflictError:
                # The definition is another one by now.
                self._definitions.pop((catalog_id, name), None)
                if last:
                    raise
        raise AssertionError("unreachable")

    # --- writing --------------------------------------------------------------------------

    def commit(
        self,
        catalog_id: UUID,
        edits: Sequence[Edit],
        expect: int | None,
        own: Collection[int],
        refresh: bool,
    ) -> Steps[Commit]:
        check_id(catalog_id, "catalog id")
        edits, expect, own = several(edits, "edits"), check_expect(expect), check_own(own)
        for last in (False, True):
            written: list[dict[str, Any]] = []
            form = {"edits": written, "expect": expect, "own": list(own), "refresh": refresh}
            try:
                made, asked = yield from self._written(catalog_id, edits, written)
            except InvalidValueError:
                if written or own or expect is not None:
                    yield from self._refuse_earlier(catalog_id, form, edits[len(written)])
                raise
            try:
                reply = yield call(routes.COMMIT, catalog_id, body=form)
                self._note(catalog_id, made)
                return contents.read_commit(reply.body)
            except ConflictError as error:
                stale = [name for name in asked if error.what == f"aspect definition {name!r}"]
                for name in stale:
                    self._definitions.pop((catalog_id, name), None)
                if last or not stale:
                    raise
        raise AssertionError("unreachable")

    def _note(self, catalog_id: UUID, made: Mapping[str, AspectDef | None]) -> None:
        """Remember definitions that were made, and forget those that were dropped."""
        for name, definition in made.items():
            self._definitions.pop((catalog_id, name), None)
            if definition is not None:
                self._definitions[catalog_id, name] = definition

    def _refuse_earlier(self, catalog_id: UUID, form: dict[str, Any], refused: Edit) -> Steps[None]:
        """Raise what a store finds before it comes to the edit whose records were refused here.

        That is anything about the catalog, what is expected of it, and the edits before that one,
        which are sent with one that the server refuses for certain: of an unknown definition.
        """
        assert isinstance(refused, PutAspects)
        name = refused.hierarchy
        poison: dict[str, Any] = {"edit": "put_aspects", "hierarchy": name, "definition": UNKNOWN}
        poison["aspects"] = {}
        try:
            yield call(routes.COMMIT, catalog_id, body={**form, "edits": [*form["edits"], poison]})
        except ConflictError as error:
            if error.what != f"aspect definition {name!r}":
                raise

    def _written(
        self, catalog_id: UUID | None, edits: Sequence[Edit], written: list[dict[str, Any]]
    ) -> Steps[tuple[dict[str, AspectDef | None], list[str]]]:
        """Append edits as JSON; return the definitions that they leave, and names of others."""
        made: dict[str, AspectDef | None] = {}
        asked: list[str] = []
        for edit in edits:
            definition: AspectDef | None = None
            if isinstance(edit, PutAspects):
                name = check_name(edit.hierarchy, "hierarchy")
                if name in made:
                    definition = made[name]
                elif catalog_id is not None:
                    asked.append(name)
                    is_old = (catalog_id, name) in self._definitions
                    with suppress(MissingKeyError):  # the server says what is wrong, in its turn
                        work = partial(written_by, edit=edit)
                        try:
                            written.append((yield from self._by_definition(catalog_id, name, work)))
                        except InvalidError:
                            if is_old:
                                yield from self._see_map(catalog_id, name)
                            raise
                        continue
            written.append(written_by(definition, edit))
            made |= definitions_after(edit)
        return made, asked

    # --- changes and large values -----------------------------------------------------------

    def read_changes(
        self, catalog_id: UUID, since: int, cursor: str | None, limit: int, wait: float = 0
    ) -> Steps[Page[Change]]:
        """Return a page of changes; wait so many seconds for one if there is none yet."""
        query = [
            ("since", check_since(since)),
            ("cursor", _cursor(cursor)),
            ("wait", _seconds(wait) or None),
        ]
        place = check_id(catalog_id, "catalog id")
        reply = yield from self._limits.page(
            limit, routes.READ_CHANGES, place, query=query, patience=wait
        )
        return contents.read_changes(reply.body)

    def read_piece(
        self, catalog_id: UUID, name: str, entity: UUID, property: str, offset: int
    ) -> Steps[Piece]:
        place = value_place(catalog_id, name, entity, property)
        is_place = type(offset) is int and 0 <= offset <= MAX_INT
        # What is not there comes before what makes no sense, as on every store.
        reply = yield call(routes.READ_VALUE, *place, query=[("offset", offset if is_place else 0)])
        if not is_place:
            raise InvalidQueryError(f"offset: expected a place in the value, got {show(offset)}")
        headers = reply.headers
        whole = LargeValue(int(headers["cheap-size"]), headers["etag"].strip('"'))
        following = headers.get("cheap-next")
        return Piece(reply.body, whole, None if following is None else int(following))


def _cursor(cursor: object) -> str | None:
    if cursor is None:
        return None
    if not isinstance(cursor, str) or not cursor.isascii() or not 0 < len(cursor) < _LONG_CURSOR:
        raise InvalidQueryError(f"cursor: expected the next of a page, got {show(cursor)}")
    return cursor


def _seconds(wait: object) -> float:
    if not isinstance(wait, (int, float)) or not 0 <= wait <= MAX_WAIT:
        raise InvalidQueryError(f"seconds: expected 0 to {MAX_WAIT}, got {show(wait)}")
    return wait


def _object(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = reply.json()
    return found
