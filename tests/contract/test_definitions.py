"""Aspect definitions: kept as they are, and put in the place of others."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from cheap.core import NO_DEFAULT, AspectDef, Catalog, PropertyDef, field
from cheap.core.edits import (
    CreateHierarchy,
    DropDefinition,
    DropHierarchy,
    PutAspects,
    PutDefinition,
    RemoveAspects,
)
from cheap.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidEditError,
    InvalidQueryError,
    InvalidValueError,
    MissingKeyError,
    NotReadableError,
    ReadOnlyError,
)
from cheap.store import ChangeKind, Store
from tests.contract.samples import (
    EVERYTHING,
    MAP,
    NOTE,
    ODD_NAMES,
    OPEN,
    PERSON,
    SAMPLES,
    A,
    B,
    C,
    T,
    changes_since,
    entities,
    list_of,
    map_of,
    new_catalog,
    records,
    revision_of,
)

DEFAULTS = AspectDef(
    "defaults",
    [
        *(
            PropertyDef(f"{kind.value} {i}", kind, default=value)
            for kind, values in SAMPLES.items()
            for i, value in enumerate(values)
            if not isinstance(value, (str, bytes)) or len(value) < 300
        ),
        PropertyDef("null", T.INTEGER, default=None),
        PropertyDef("none", T.INTEGER),
        PropertyDef("required", T.INTEGER, nullable=False),
        PropertyDef(
            "many", T.BIG_DECIMAL, default=(Decimal("1.0"), Decimal("1.00")), multivalued=True
        ),
        PropertyDef("empty", T.STRING, default=(), multivalued=True),
    ],
)
FLAGS = AspectDef(
    "flags",
    [
        PropertyDef("hidden", T.STRING, readable=False),
        PropertyDef("fixed", T.STRING, writable=False),
        PropertyDef("both", T.STRING, readable=False, writable=False, default="x"),
        PropertyDef("many", T.STRING, multivalued=True),
    ],
    id=UUID(int=5),
    can_add_properties=True,
    can_remove_properties=True,
)


def test_add_and_get(store: Store) -> None:
    catalog = new_catalog(store)
    assert store.add_aspect_def(catalog, PERSON) == 2
    assert store.add_aspect_def(catalog, NOTE) == 3
    assert store.get_aspect_def(catalog, PERSON.name) == PERSON
    assert store.get_aspect_def(catalog, NOTE.id) == NOTE
    assert store.list_aspect_defs(catalog) == [PERSON, NOTE]
    assert store.list_hierarchies(catalog) == []


def test_an_unknown_definition_is_missing(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(PERSON))
    for name in ("person", "", PERSON.name.upper(), A, "x\0", "x" * 10_000):
        with pytest.raises(MissingKeyError):
            store.get_aspect_def(catalog, name)


@pytest.mark.parametrize(
    "definition", [DEFAULTS, FLAGS, EVERYTHING, AspectDef("no properties", [])]
)
def test_every_detail_is_kept(store: Store, definition: AspectDef) -> None:
    catalog = new_catalog(store, PutDefinition(definition))
    found = store.get_aspect_def(catalog, definition.name)
    assert found == definition
    assert found.hash_version == definition.hash_version
    assert repr(found) == repr(definition)  # 1 is not True, 1.5 is not 1.50
    assert store.load_catalog(catalog).aspect_defs == {definition.name: definition}


def test_no_default_is_not_a_default_of_null(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(DEFAULTS))
    found = store.get_aspect_def(catalog, "defaults")
    assert found["null"].default is None
    assert found["none"].default is NO_DEFAULT
    assert found["empty"].default == ()


@pytest.mark.parametrize(
    "flag", ["readable", "writable", "can_add_properties", "can_remove_properties"]
)
def test_each_flag_of_a_definition_is_kept(store: Store, flag: str) -> None:
    for value in (True, False):
        definition = AspectDef("flagged", PERSON.properties, **{flag: value})
        catalog = new_catalog(store, PutDefinition(definition))
        assert getattr(store.get_aspect_def(catalog, "flagged"), flag) is value


def test_odd_names(store: Store) -> None:
    definitions = [AspectDef(name, [PropertyDef(name, T.STRING)]) for name in ODD_NAMES]
    catalog = new_catalog(store, *map(PutDefinition, definitions))
    assert store.list_aspect_defs(catalog) == definitions
    for each in definitions:
        assert store.get_aspect_def(catalog, each.name) == each


def test_two_catalogs_two_definitions_under_one_name(store: Store) -> None:
    mine = AspectDef("thing", [PropertyDef("size", T.INTEGER)])
    yours = AspectDef(
        "thing", [PropertyDef("size", T.STRING), PropertyDef("x", T.FLOAT, default=1.0)]
    )
    first = new_catalog(store, *map_of(mine, {A: {"size": 1}}))
    second = new_catalog(store, *map_of(yours, {A: {"size": "big"}}))
    assert store.get_aspect_def(first, "thing") == mine
    assert store.get_aspect_def(second, "thing") == yours
    assert dict(store.get_aspects(first, "thing", [A])[A]) == {"size": 1}
    assert dict(store.get_aspects(second, "thing", [A])[A]) == {"size": "big", "x": 1.0}


def test_an_equal_definition_changes_nothing(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "a"}}))
    same = AspectDef(PERSON.name, list(PERSON.properties))
    assert store.add_aspect_def(catalog, same) == 2
    assert changes_since(store, catalog, 1) == []


# --- in the place of another ----------------------------------------------------------------


def redefined(store: Store, old: AspectDef, new: AspectDef, record: dict[str, object]) -> object:
    catalog = new_catalog(store, *map_of(old, {A: record}))
    store.add_aspect_def(catalog, new)
    assert store.get_aspect_def(catalog, old.name) == new
    found = store.get_aspects(catalog, old.name, [A])[A]
    assert found.definition == new
    assert store.load_catalog(catalog).aspect_map(old.name)[A] == found
    return dict(found)


def test_a_new_property_is_null_or_its_default(store: Store) -> None:
    new = PERSON.with_properties(
        PropertyDef("mail", T.STRING), PropertyDef("rank", T.INTEGER, default=7)
    )
    assert redefined(store, PERSON, new, {"name": "Al"}) == {
        "name": "Al",
        "age": None,
        "tags": None,
        "mail": None,
        "rank": 7,
    }


def test_the_values_of_a_removed_property_are_dropped(store: Store) -> None:
    old, new = PERSON, PERSON.without_properties("age")
    catalog = new_catalog(store, *map_of(old, {A: {"name": "Al", "age": 30}, B: {"name": "Bo"}}))
    store.add_aspect_def(catalog, new)
    assert dict(store.get_aspects(catalog, old.name, [A])[A]) == {"name": "Al", "tags": None}
    store.add_aspect_def(catalog, old)  # they do not come back
    assert store.get_aspects(catalog, old.name, [A])[A]["age"] is None


def test_an_open_definition_keeps_what_it_does_not_name(store: Store) -> None:
    closed = AspectDef("open", [PropertyDef("name", T.STRING), PropertyDef("age", T.INTEGER)])
    found = redefined(store, closed, OPEN, {"name": "Al", "age": 30})
    assert found == {"name": "Al", "age": 30}


def test_a_type_may_change_when_the_values_fit(store: Store) -> None:
    old = AspectDef("t", [PropertyDef("x", T.INTEGER), PropertyDef("y", T.STRING)])
    new = AspectDef("t", [PropertyDef("y", T.URI), PropertyDef("x", T.FLOAT)])
    found = redefined(store, old, new, {"x": 3, "y": "a:b"})
    assert found == {"y": "a:b", "x": 3.0}
    assert isinstance(found["x"], float)  # type: ignore[index]


@pytest.mark.parametrize(
    "new",
    [
        PERSON.with_properties(PropertyDef("name", T.INTEGER, nullable=False)),
        PERSON.with_properties(PropertyDef("age", T.INTEGER, nullable=False)),
        PERSON.with_properties(PropertyDef("mail", T.STRING, nullable=False)),
        PERSON.with_properties(PropertyDef("name", T.STRING, multivalued=True)),
    ],
    ids=["other type", "null no more", "required", "many"],
)
def test_every_record_must_fit(store: Store, new: AspectDef) -> None:
    catalog = new_catalog(
        store, *map_of(PERSON, {B: {"name": "Bo", "age": 1}, A: {"name": "Al", "age": None}})
    )
    with pytest.raises(InvalidValueError, match=PERSON.name):
        store.add_aspect_def(catalog, new)
    assert store.get_aspect_def(catalog, PERSON.name) == PERSON
    assert revision_of(store, catalog) == 1
    assert dict(store.get_aspects(catalog, PERSON.name, [B])[B])["name"] == "Bo"


def test_without_records_anything_goes(store: Store) -> None:
    new = AspectDef(PERSON.name, [PropertyDef("mail", T.STRING)])
    catalog = new_catalog(store, *map_of(PERSON))
    store.commit(catalog, [PutDefinition(new), PutAspects(PERSON.name, {A: {"mail": "x"}})])
    assert dict(store.get_aspects(catalog, PERSON.name, [A])[A]) == {"mail": "x"}


def test_many_records_are_brought_along(store: Store) -> None:
    ids = entities(2500)
    old = AspectDef("many", [PropertyDef("x", T.INTEGER)])
    new = AspectDef("many", [PropertyDef("x", T.FLOAT)])
    catalog = new_catalog(store, *map_of(old, {e: {"x": i} for i, e in enumerate(ids)}, "x"))
    store.add_aspect_def(catalog, new)
    found = records(store, catalog, "many")
    assert [entity for entity, _ in found] == ids
    assert [aspect["x"] for _, aspect in found] == [float(i) for i in range(2500)]
    page = store.find_aspects(catalog, "many", field("x") >= 2498.5, order_by="x")
    assert [each["x"] for each in page.items] == [2499.0]


def test_a_replaced_definition_keeps_its_place(store: Store) -> None:
    catalog = new_catalog(store, *map(PutDefinition, (PERSON, NOTE, OPEN)))
    new = NOTE.without_properties("data")
    store.add_aspect_def(catalog, new)
    assert store.list_aspect_defs(catalog) == [PERSON, new, OPEN]


def test_a_definition_that_comes_back_goes_to_the_end(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON), *map_of(NOTE))
    store.drop_hierarchy(catalog, PERSON.name)
    store.add_aspect_def(catalog, PERSON)
    assert store.list_aspect_defs(catalog) == [NOTE, PERSON]


def test_the_records_that_read_otherwise_have_changed(store: Store) -> None:
    old = AspectDef("t", [PropertyDef("x", T.STRING), PropertyDef("y", T.STRING)])
    catalog = new_catalog(
        store, *map_of(old, {A: {"x": "1", "y": "2"}, B: {"x": "1"}, C: {"x": "1", "y": "2"}}, "x")
    )
    store.add_aspect_def(catalog, old.without_properties("y"))
    changed = [c.key for c in changes_since(store, catalog, 1) if c.kind is ChangeKind.ASPECT]
    assert changed == [A, C]


def test_the_index_of_a_removed_property_is_gone(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "a", "age": 1}}, "age", "name"))
    store.add_aspect_def(catalog, PERSON.without_properties("age"))
    assert store.list_hierarchies(catalog)[0].indexes == ("name",)
    store.add_aspect_def(catalog, PERSON)
    assert store.find_aspects(catalog, PERSON.name, field("age") == 1).items == ()
    assert len(store.find_aspects(catalog, PERSON.name, field("name") == "a").items) == 1


def test_an_index_follows_its_property(store: Store) -> None:
    """A changed type or default changes what stands in the index, even of untouched records."""
    old = AspectDef("t", [PropertyDef("x", T.INTEGER, default=1), PropertyDef("y", T.STRING)])
    new = AspectDef("t", [PropertyDef("x", T.FLOAT, default=2.5), PropertyDef("y", T.STRING)])
    catalog = new_catalog(store, *map_of(old, {A: {"y": "a"}, B: {"x": 2, "y": "b"}}, "x"))
    store.add_aspect_def(catalog, new)
    found = store.find_aspects(catalog, "t", field("x") > 2.25, order_by="x")
    assert [each.entity for each in found.items] == [A]
    assert [each.entity for each in store.find_aspects(catalog, "t", order_by="x").items] == [B, A]


def test_an_index_does_not_outlive_a_property_that_has_become_large(store: Store) -> None:
    old = AspectDef("t", [PropertyDef("x", T.STRING)])
    catalog = new_catalog(store, *map_of(old, {A: {"x": "a"}}, "x"))
    store.add_aspect_def(catalog, AspectDef("t", [PropertyDef("x", T.CLOB)]))
    assert store.list_hierarchies(catalog)[0].indexes == ()
    store.commit(catalog, [PutAspects("t", {B: {"x": "b"}})])
    assert b"".join(store.read_value(catalog, "t", B, "x")) == b"b"


def test_a_name_is_a_map_or_another_hierarchy(store: Store) -> None:
    catalog = new_catalog(store, *list_of(PERSON.name))
    with pytest.raises(AlreadyExistsError, match=PERSON.name):
        store.add_aspect_def(catalog, PERSON)
    assert store.list_aspect_defs(catalog) == []


def test_only_a_definition_is_a_definition(store: Store) -> None:
    catalog = new_catalog(store)
    with pytest.raises(InvalidEditError):
        store.add_aspect_def(catalog, "person")  # type: ignore[arg-type]


# --- dropped --------------------------------------------------------------------------------


def test_drop_a_definition_without_a_map(store: Store) -> None:
    catalog = new_catalog(store, PutDefinition(PERSON), PutDefinition(NOTE), *map_of(OPEN))
    done = store.commit(catalog, [DropDefinition(PERSON.name), DropDefinition("unknown")])
    assert (done.revision, done.written) == (2, 0)
    assert store.list_aspect_defs(catalog) == [NOTE, OPEN]
    with pytest.raises(MissingKeyError):
        store.get_aspect_def(catalog, PERSON.name)
    store.commit(catalog, list_of(PERSON.name))  # the name is free
    store.commit(catalog, [DropDefinition(NOTE.name), PutDefinition(NOTE)])
    assert store.list_aspect_defs(catalog) == [OPEN, NOTE]


def test_a_definition_in_use_is_not_dropped(store: Store) -> None:
    catalog = new_catalog(store, *map_of(PERSON, {A: {"name": "Al"}}))
    with pytest.raises(InvalidEditError, match=PERSON.name):
        store.commit(catalog, [DropDefinition(PERSON.name)])
    store.commit(catalog, [DropHierarchy(PERSON.name), DropDefinition(PERSON.name)])
    assert store.list_aspect_defs(catalog) == []


# --- definitions that refuse ----------------------------------------------------------------


LOCKED = AspectDef("locked", PERSON.properties, writable=False)


def test_records_of_a_locked_definition_stay_as_they_are(store: Store) -> None:
    catalog = new_catalog(store, *map_of(LOCKED, {A: {"name": "Al"}}))  # creation may fill it
    for edit in (
        PutAspects("locked", {A: {"name": "Bo"}}),
        PutAspects("locked", {B: {"name": "Bo"}}),
        RemoveAspects("locked", [A]),
    ):
        with pytest.raises(ReadOnlyError, match="locked"):
            store.commit(catalog, [edit])
    assert [entity for entity, _ in records(store, catalog, "locked")] == [A]
    assert revision_of(store, catalog) == 1


def test_a_refresh_may_change_a_locked_definition(store: Store) -> None:
    catalog = new_catalog(store, *map_of(LOCKED, {A: {"name": "Al"}, C: {"name": "Cy"}}))
    edits = [PutAspects("locked", {A: {"name": "Bo"}}), RemoveAspects("locked", [C])]
    store.commit(catalog, edits, refresh=True)
    assert [aspect["name"] for _, aspect in records(store, catalog, "locked")] == ["Bo"]


def test_an_empty_map_of_a_locked_definition_can_be_added(store: Store) -> None:
    catalog = store.load_catalog(new_catalog(store))
    catalog.define(LOCKED)
    store.save_catalog(catalog)
    assert store.load_catalog(catalog.global_id) == catalog


def test_a_large_value_of_a_locked_definition_stays(store: Store) -> None:
    locked = AspectDef("locked", NOTE.properties, writable=False)
    fixed = AspectDef("fixed", [PropertyDef("text", T.CLOB, writable=False)])
    catalog = new_catalog(store, *map_of(locked, {A: {}}), *map_of(fixed, {A: {}}))
    for name in ("locked", "fixed"):
        with pytest.raises(ReadOnlyError):
            store.write_value(catalog, name, A, "text", ["x"])


def test_a_fixed_property_is_set_once(store: Store) -> None:
    definition = AspectDef(
        "fixed",
        [PropertyDef("id", T.BIG_INTEGER, writable=False), PropertyDef("n", T.INTEGER, default=0)],
    )
    catalog = new_catalog(store, *map_of(definition, {A: {"id": 2**70}}))
    store.commit(catalog, [PutAspects("fixed", {A: {"id": 2**70, "n": 5}, B: {"id": 1}})])
    with pytest.raises(ReadOnlyError, match="id"):
        store.commit(catalog, [PutAspects("fixed", {C: {"id": 1}, A: {"id": 2}})])
    assert dict(store.get_aspects(catalog, "fixed", [A, C])[A]) == {"id": 2**70, "n": 5}
    store.commit(catalog, [PutAspects("fixed", {A: {"id": 3}})], refresh=True)
    again = [RemoveAspects("fixed", [A]), PutAspects("fixed", {A: {"id": 4}})]
    store.commit(catalog, again)  # another record of the same entity
    assert store.get_aspects(catalog, "fixed", [A])[A]["id"] == 4


def test_a_fixed_property_keeps_the_digits_of_its_value(store: Store) -> None:
    """1.5 == 1.50, but they are not the same value."""
    definition = AspectDef("fixed", [PropertyDef("price", T.BIG_DECIMAL, writable=False)])
    catalog = new_catalog(store, *map_of(definition, {A: {"price": Decimal("1.5")}}))
    with pytest.raises(ReadOnlyError, match="price"):
        store.commit(catalog, [PutAspects("fixed", {A: {"price": Decimal("1.50")}})])
    assert str(store.get_aspects(catalog, "fixed", [A])[A]["price"]) == "1.5"
    store.commit(catalog, [PutAspects("fixed", {A: {"price": Decimal("1.5")}})])


def test_a_conflict_is_told_before_a_fixed_property(store: Store) -> None:
    """Who knows an old record cannot see yet what it would change."""
    definition = AspectDef("fixed", [PropertyDef("id", T.INTEGER, writable=False)])
    catalog = new_catalog(store, *map_of(definition, {A: {"id": 1}}))
    store.commit(catalog, [PutAspects("fixed", {B: {"id": 1}})])
    with pytest.raises(ConflictError):
        store.commit(catalog, [PutAspects("fixed", {A: {"id": 2}, B: {"id": 2}})], expect=1)


def test_a_fixed_property_is_fixed_within_one_commit_too(store: Store) -> None:
    definition = AspectDef("fixed", [PropertyDef("id", T.INTEGER, writable=False)])
    catalog = new_catalog(store, *map_of(definition))
    puts = [PutAspects("fixed", {A: {"id": 1}}), PutAspects("fixed", {A: {"id": 2}})]
    with pytest.raises(ReadOnlyError):
        store.commit(catalog, puts)
    assert records(store, catalog, "fixed") == []


SECRET = AspectDef("secret", PERSON.properties, readable=False)


def test_what_is_not_readable_is_not_read(store: Store) -> None:
    catalog = new_catalog(store, *map_of(SECRET, {A: {"name": "Al"}}))
    for call in (
        lambda: store.get_aspects(catalog, "secret", [A]),
        lambda: store.get_aspects(catalog, "secret", []),
        lambda: store.find_aspects(catalog, "secret"),
        lambda: store.read_hierarchy(catalog, "secret"),
        lambda: store.read_piece(catalog, "secret", A, "name"),
    ):
        with pytest.raises(NotReadableError, match="secret"):
            call()


def test_what_is_not_readable_travels_all_the_same(store: Store) -> None:
    catalog = new_catalog(store, *map_of(SECRET, {A: {"name": "Al"}}))
    loaded = store.load_catalog(catalog)
    assert list(loaded.aspect_map("secret")) == [A]
    assert store.list_hierarchies(catalog)[0].size == 1
    loaded.aspect_map("secret")[B] = {"name": "Bo"}
    assert store.save_catalog(loaded) == 2
    assert store.load_catalog(catalog) == loaded
    kinds = [each.kind for each in changes_since(store, catalog, 1)]
    assert kinds == [ChangeKind.ASPECT]


def test_a_hidden_property_is_not_read_but_kept(store: Store) -> None:
    catalog = new_catalog(store, *map_of(FLAGS, {A: {"fixed": "f", "hidden": "h"}}))
    found = store.get_aspects(catalog, "flags", [A])[A]
    assert dict(found) == {"fixed": "f", "many": None}
    with pytest.raises(NotReadableError):
        found["hidden"]
    with pytest.raises(InvalidQueryError, match="hidden"):
        store.find_aspects(catalog, "flags", field("hidden") == "h")
    assert found.set_values()["hidden"] == "h"


def test_properties_beside_the_definition(store: Store) -> None:
    moment = datetime(2020, 2, 2, tzinfo=UTC)
    extra: dict[str, object] = {
        "name": "n",
        "i": 2**63 - 1,
        "big": -(2**63) - 1,
        "f": 1.0,
        "b": True,
        "t": "x",
        "d": Decimal("1.50"),
        "m": moment,
        "u": A,
        "blob": b"\0",
        "nothing": None,
        "list": [1, 2],
        "empty": [],
        "wide": [2**64, 1],
        **dict.fromkeys(ODD_NAMES, "odd"),
    }
    catalog = new_catalog(store, *map_of(OPEN, {A: extra}))
    found = store.get_aspects(catalog, "open", [A])[A]
    expected = {k: tuple(v) if isinstance(v, list) else v for k, v in extra.items()}
    assert dict(found) == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}
    assert str(found["d"]) == "1.50"


def test_a_map_needs_its_definition(store: Store) -> None:
    catalog = new_catalog(store)
    with pytest.raises(MissingKeyError, match="nothing"):
        store.commit(catalog, [CreateHierarchy("nothing", MAP)])
    store.commit(catalog, [PutDefinition(PERSON), CreateHierarchy(PERSON.name, MAP)])
    assert store.list_hierarchies(catalog)[0].size == 0


def test_a_record_that_lost_a_required_property_lives_on(store: Store) -> None:
    definition = AspectDef(
        "loose",
        [PropertyDef("n", T.STRING, nullable=False), PropertyDef("o", T.STRING)],
        can_remove_properties=True,
    )
    catalog = Catalog()
    records = catalog.define(definition, {A: {"n": "x", "o": "y"}, B: {"n": "z"}})
    store.save_catalog(catalog)
    del records[A]["n"]
    store.save_catalog(catalog)
    # It can be put back as it was read, also into another map and another store's catalog.
    found = store.get_aspects(catalog.global_id, "loose", [A])
    store.commit(catalog.global_id, [PutAspects("loose", found)])
    assert store.get_aspects(catalog.global_id, "loose", [A]) == found
    assert found[A].set_values() == {"o": "y"}
    copy = Catalog()
    copy.define(definition, {A: found[A]})[B] = found[A]
    store.save_catalog(copy)
    assert store.load_catalog(copy.global_id) == copy
    # And its map can be redefined, as long as the new definition lets it be so.
    wider = definition.with_properties(PropertyDef("p", T.STRING, default="p"))
    store.add_aspect_def(catalog.global_id, wider)
    assert dict(store.get_aspects(catalog.global_id, "loose", [A])[A]) == {
        "n": None, "o": "y", "p": "p",
    }  # fmt: skip
    strict = AspectDef("loose", definition.properties)
    with pytest.raises(InvalidValueError, match="n: expected a value"):
        store.add_aspect_def(catalog.global_id, strict)
    # What is put for the first time gives all that is required.
    with pytest.raises(InvalidValueError, match="n: expected a value"):
        store.commit(copy.global_id, [PutAspects("loose", {A: {"o": "y"}})])
