"""Documents: catalogs as JSON, out and in."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cheap.core import (
    AspectDef,
    Catalog,
    CatalogDef,
    CatalogSpecies,
    HierarchyDef,
    HierarchyType,
    PropertyDef,
    PropertyType,
    read_catalog,
    read_catalog_file,
    write_catalog,
)
from cheap.core.documents import (
    aspect_def_document,
    catalog_def_document,
    property_def_document,
    read_aspect_def,
    read_catalog_def,
    read_property_def,
)
from cheap.errors import InvalidDocumentError
from tests.model.strategies import definitions, property_defs, records

T = PropertyType
ID = UUID("82758400-e24b-41d4-a726-446644440000")
A, B = UUID(int=1), UUID(int=2)
FORM = """
{
 "globalId": "82758400-e24b-41d4-a726-446644440000",
 "uri": "http://example.com/catalog",
 "species": "mirror",
 "upstream": "00000000-0000-0000-0000-000000000002",
 "version": "1.2.3",
 "aspectDefs": {
  "person": {
   "name": "person",
   "globalId": "00000000-0000-0000-0000-000000000001",
   "propertyDefs": [
    {"name": "name", "type": "String", "isNullable": false},
    {"name": "born", "type": "DateTime", "isReadable": false, "isWritable": false},
    {"name": "score", "type": "BigDecimal", "defaultValue": "1.50"},
    {"name": "tags", "type": "Text", "defaultValue": null, "isMultivalued": true}
   ],
   "isReadable": false,
   "isWritable": false,
   "canAddProperties": true,
   "canRemoveProperties": true
  }
 },
 "hierarchies": {
  "person": {
   "type": "AM",
   "name": "person",
   "indexes": ["name"],
   "contents": {
    "00000000-0000-0000-0000-000000000002": {
     "name": "Al", "born": "2026-01-01T00:00:00Z", "score": "2.50", "tags": ["a", "b"],
     "data": {"type": "BLOB", "value": "AP8="}, "more": [1, 2]
    },
    "00000000-0000-0000-0000-000000000001": {"name": "Bo"}
   }
  },
  "queue": {"type": "EL", "name": "queue", "contents": [
   "00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000002"
  ]},
  "staff": {"type": "ES", "name": "staff", "contents": [
   "00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000001"
  ]},
  "codes": {"type": "ED", "name": "codes", "contents": {
   "b": "00000000-0000-0000-0000-000000000001", "": "00000000-0000-0000-0000-000000000002"
  }},
  "folders": {"type": "ET", "name": "folders", "contents": {
   "entityId": "00000000-0000-0000-0000-000000000001",
   "children": {
    "a/b": {"children": {"": {"entityId": "00000000-0000-0000-0000-000000000002"}}},
    "": {}
   }
  }},
  "empty list": {"type": "EL", "name": "empty list", "contents": []},
  "empty set": {"type": "ES", "name": "empty set", "contents": []},
  "empty directory": {"type": "ED", "name": "empty directory", "contents": {}},
  "empty tree": {"type": "ET", "name": "empty tree", "contents": {}}
 }
}
"""


def ordered(document: str | bytes) -> str:
    """A document without its blanks, its order kept."""
    return json.dumps(json.loads(document))


# --- the form -------------------------------------------------------------------------------


def test_the_form_out_and_in() -> None:
    catalog = Catalog.from_json(FORM)
    assert ordered(catalog.json()) == ordered(FORM)
    assert Catalog.from_json(catalog.json()) == catalog
    assert (catalog.global_id, catalog.species) == (ID, CatalogSpecies.MIRROR)
    assert (catalog.uri, catalog.upstream, catalog.version) == (
        "http://example.com/catalog", B, "1.2.3"
    )  # fmt: skip
    assert catalog.aspect_defs == {
        "person": AspectDef(
            "person",
            [
                PropertyDef("name", T.STRING, nullable=False),
                PropertyDef("born", T.DATE_TIME, readable=False, writable=False),
                PropertyDef("score", T.BIG_DECIMAL, default=Decimal("1.50")),
                PropertyDef("tags", T.TEXT, default=None, multivalued=True),
            ],
            id=A,
            readable=False,
            writable=False,
            can_add_properties=True,
            can_remove_properties=True,
        )
    }
    people = catalog.aspect_map("person")
    assert list(people) == [B, A]
    assert people.indexes == ("name",)
    assert catalog.entity_list("queue") == [B, B]
    assert list(catalog.entity_set("staff")) == [B, A]
    assert list(catalog.directory("codes").items()) == [("b", A), ("", B)]
    folders = catalog.tree("folders")
    assert folders.root.entity == A
    assert [(node.path, node.entity) for node in folders.walk()] == [
        (("a/b",), None), (("a/b", ""), B), (("",), None)
    ]  # fmt: skip


def test_the_least_form() -> None:
    catalog = Catalog.from_json(f'{{"globalId":"{ID}","species":"sink"}}')
    assert catalog == Catalog(global_id=ID)
    assert catalog.json() == (
        f'{{"globalId":"{ID}","uri":null,"species":"sink","version":"1.0.0","aspectDefs":{{}},'
        '"hierarchies":{}}'
    )


def test_what_is_read_leniently() -> None:
    for species in ("SINK", "sink", "Sink", "sInK"):
        document = f'{{"globalId":"{str(ID).upper()}","species":"{species}"}}'
        assert read_catalog(document).species is CatalogSpecies.SINK
    # Keys that a catalog does not know are passed over, whatever is in them.
    document = f'{{"x":[{{"y":1e400}}],"globalId":"{ID}","species":"sink","upstream":null}}'
    assert read_catalog(document) == Catalog(global_id=ID)
    assert read_catalog(f" \n{document}\t ".encode()) == Catalog(global_id=ID)
    assert read_catalog(memoryview(document.encode())) == Catalog(global_id=ID)
    # Of two members with one name the last counts.
    document = f'{{"globalId":"{A}","globalId":"{ID}","species":"sink"}}'
    assert read_catalog(document).global_id == ID
    # A flag may be said although it is usual.
    said = {"name": "x", "type": "Integer", "isNullable": True, "isMultivalued": False}
    assert read_property_def(said) == PropertyDef("x", T.INTEGER)


VALUES: list[tuple[PropertyType, object, object]] = [
    (T.INTEGER, 5, 5), (T.FLOAT, 5.0, 5.0), (T.BOOLEAN, True, True), (T.STRING, "é", "é"),
    (T.TEXT, "😀", "😀"), (T.BIG_INTEGER, 10**30, str(10**30)),
    (T.BIG_DECIMAL, Decimal("1.50"), "1.50"), (T.URI, "a:b", "a:b"), (T.UUID, ID, str(ID)),
    (T.DATE_TIME, datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
    (T.CLOB, "c", "c"), (T.BLOB, b"\0\xff", "AP8="),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "form"), VALUES)
def test_the_forms_of_values(kind: PropertyType, value: Any, form: object) -> None:
    definition = AspectDef(
        "thing",
        [
            PropertyDef("x", kind, default=value),
            PropertyDef("many", kind, default=(value,), multivalued=True),
        ],
    )
    catalog = Catalog()
    catalog.define(definition, {A: {"x": value, "many": [value, value]}, B: {"x": None}})
    document = json.loads(catalog.json())
    contents = document["hierarchies"]["thing"]["contents"]
    assert contents == {str(A): {"x": form, "many": [form, form]}, str(B): {"x": None}}
    props = document["aspectDefs"]["thing"]["propertyDefs"]
    assert [prop["defaultValue"] for prop in props] == [form, [form]]
    assert Catalog.from_json(catalog.json()) == catalog


def test_numbers_are_read_exactly() -> None:
    definition = {
        "name": "thing",
        "propertyDefs": [
            {"name": "x", "type": "BigDecimal", "defaultValue": 0},
            {"name": "y", "type": "BigInteger"},
        ],
    }
    text = json.dumps(
        {
            "globalId": str(ID),
            "species": "sink",
            "aspectDefs": {"thing": definition},
            "hierarchies": {"thing": {"type": "AM", "name": "thing", "contents": {str(A): {}}}},
        }
    )
    text = text.replace('"defaultValue": 0', '"defaultValue": 1.50')
    number = "0." + "123456789" * 5 + "0"
    text = text.replace(": {}}", f': {{"x": {number}, "y": {"9" * 5000}}}}}')
    aspects = read_catalog(text).aspect_map("thing")
    assert repr(aspects.aspect_def["x"].default) == "Decimal('1.50')"
    assert repr(aspects[A]["x"]) == f"Decimal('{number}')"
    assert aspects[A]["y"] == 10**5000 - 1


# --- any catalog ----------------------------------------------------------------------------

ids = st.sampled_from([A, B, ID])
keys = st.sampled_from(["", "a", "a/b", '"', "\\", "\n", "😀", "children", "entityId", "x" * 300])


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    species = draw(st.sampled_from(CatalogSpecies))
    catalog = Catalog(
        species=species,
        version=draw(keys),
        uri=draw(st.none() | keys),
        upstream=draw(st.none() | ids) if species.rules.may_have_upstream else None,
        global_id=draw(ids),
    )
    if draw(st.booleans()):
        definition = draw(definitions())
        indexed = [prop.name for prop in definition.properties if not prop.type.is_large]
        catalog.define(
            definition,
            draw(st.dictionaries(ids, records(definition), max_size=3)),
            indexes=draw(st.lists(st.sampled_from(indexed), max_size=2)) if indexed else [],
        )
    for number in range(draw(st.integers(0, 3))):
        name = f"{number}{draw(keys)[:10]}"
        match draw(st.integers(0, 3)):
            case 0:
                catalog.create_list(name, draw(st.lists(ids, max_size=3)))
            case 1:
                catalog.create_set(name, draw(st.lists(ids, max_size=3)))
            case 2:
                catalog.create_directory(name, draw(st.dictionaries(keys, ids, max_size=3)))
            case _:
                paths = st.lists(keys, max_size=3).map(tuple)
                catalog.create_tree(name, draw(st.dictionaries(paths, st.none() | ids, max_size=4)))
    return catalog


@settings(max_examples=60)
@given(catalogs())
def test_any_catalog_goes_out_and_in(catalog: Catalog) -> None:
    document = catalog.json()
    again = Catalog.from_json(document)
    assert again == catalog
    assert again.json() == document
    assert b"".join(write_catalog(catalog)).decode() == document
    # Whoever parses and prints the document changes nothing.
    assert read_catalog(json.dumps(json.loads(document), indent=2)) == catalog
    assert again.basis is None
    assert again.content_edits() == catalog.content_edits()


@settings(max_examples=60)
@given(property_defs(), definitions())
def test_definitions_go_out_and_in(prop: PropertyDef, definition: AspectDef) -> None:
    assert read_property_def(json.loads(json.dumps(property_def_document(prop)))) == prop
    assert read_aspect_def(json.loads(json.dumps(aspect_def_document(definition)))) == definition
    whole = CatalogDef(
        (definition,),
        (
            HierarchyDef("h", HierarchyType.ENTITY_DIR),
            HierarchyDef("thing", HierarchyType.ASPECT_MAP),
        ),
    )
    document = json.loads(json.dumps(catalog_def_document(whole)))
    assert document["hierarchyDefs"] == [
        {"name": "h", "type": "ED"}, {"name": "thing", "type": "AM"}
    ]  # fmt: skip
    assert read_catalog_def(document) == whole


# --- faults ---------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], object]


def put(*path: str | int, value: Any) -> Change:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


PERSON = ("aspectDefs", "person")
PROPS = (*PERSON, "propertyDefs")
PEOPLE = ("hierarchies", "person")
AT = "$.aspectDefs.person"
IN = "$.hierarchies.person"
QUEUE, STAFF, CODES, FOLDERS = (
    ("hierarchies", name, "contents") for name in ("queue", "staff", "codes", "folders")
)
Q, S, C, TREE = (
    f"$.hierarchies.{name}.contents" for name in ("queue", "staff", "codes", "folders")
)

FAULTS: list[tuple[Change, str, str]] = [
    # the catalog
    (drop("globalId"), "$.globalId", "is missing"),
    (put("globalId", value=5), "$.globalId", "expected a UUID, got a number"),
    (put("globalId", value="x"), "$.globalId", "expected a UUID, got text 'x'"),
    (drop("species"), "$.species", "is missing"),
    (put("species", value="SPY"), "$.species", "expected one of"),
    (put("species", value=None), "$.species", "expected text, got null"),
    (put("species", value="source"), "$", "a SOURCE catalog has no upstream"),
    (put("version", value=1), "$.version", "expected text, got a number"),
    (put("version", value="\0"), "$", "version: expected text without NUL"),
    (put("uri", value=[]), "$.uri", "expected text, got an array"),
    (put("upstream", value=True), "$.upstream", "expected a UUID, got a boolean"),
    (put("aspectDefs", value=[]), "$.aspectDefs", "expected an object, got an array"),
    (put("hierarchies", value=[]), "$.hierarchies", "Expected `object`, got `array`"),
    # definitions
    (put(*PERSON, value=5), AT, "expected an object, got a number"),
    (put(*PERSON, "name", value="other"), f"{AT}.name", "expected 'person'"),
    (drop(*PERSON, "name"), f"{AT}.name", "is missing"),
    (put(*PERSON, "globalId", value="x"), f"{AT}.globalId", "expected a UUID"),
    (put(*PERSON, "isReadable", value=1), f"{AT}.isReadable", "expected true or false, got a num"),
    (put(*PERSON, "colour", value=1), f"{AT}.colour", "unknown key; known are name, globalId"),
    (put(*PERSON, "propertyDefs", value={}), f"{AT}.propertyDefs", "expected an array, got an obj"),
    (drop(*PERSON, "propertyDefs"), f"{AT}.propertyDefs", "is missing"),
    (put(*PROPS, 1, value="x"), f"{AT}.propertyDefs[1]", "expected an object, got text 'x'"),
    (put(*PROPS, 1, "name", value=""), f"{AT}.propertyDefs[1]", "property name: expected 1 to 255"),
    (put(*PROPS, 1, "name", value="name"), AT, "each property needs a name of its own"),
    (drop(*PROPS, 1, "name"), f"{AT}.propertyDefs[1].name", "is missing"),
    (put(*PROPS, 1, "type", value="Date"), f"{AT}.propertyDefs[1].type", "expected one of"),
    (put(*PROPS, 1, "type", value=None), f"{AT}.propertyDefs[1].type", "expected text, got null"),
    (put(*PROPS, 1, "isNullable", value="no"), f"{AT}.propertyDefs[1].isNullable", "expected true"),
    (put(*PROPS, 1, "a key", value=1), f'{AT}.propertyDefs[1]["a key"]', "unknown key"),
    (put(*PROPS, 2, "defaultValue", value="x"), f"{AT}.propertyDefs[2].defaultValue", "BigDecimal"),
    (put(*PROPS, 2, "defaultValue", value=True), f"{AT}.propertyDefs[2].defaultValue", "got bool"),
    (put(*PROPS, 3, "defaultValue", value=[1]), f"{AT}.propertyDefs[3].defaultValue[0]", "Text"),
    (put(*PROPS, 0, "defaultValue", value=None), f"{AT}.propertyDefs[0].defaultValue", "nullable"),
    # hierarchies
    (put(*PEOPLE, value=[]), IN, "Expected `object`, got `array`"),
    (drop(*PEOPLE, "type"), f"{IN}.type", "is missing"),
    (put(*PEOPLE, "type", value="XX"), f"{IN}.type", "expected one of ['EL', 'ES', 'ED', 'ET', 'A"),
    (put(*PEOPLE, "type", value=5), f"{IN}.type", "expected text, got a number"),
    (put(*PEOPLE, "type", value="EL"), f"{IN}.contents", "Expected `array`, got `object`"),
    (drop(*PEOPLE, "name"), f"{IN}.name", "is missing"),
    (put(*PEOPLE, "name", value="other"), f"{IN}.name", "expected 'person'"),
    (drop(*PEOPLE, "contents"), f"{IN}.contents", "is missing"),
    (put(*PEOPLE, "indexes", value="x"), f"{IN}.indexes", "Expected `array`, got `str`"),
    (put(*PEOPLE, "indexes", value=["x"]), f"{IN}.indexes[0]", "has no property 'x'"),
    (put(*PEOPLE, "indexes", value=["name", 5]), f"{IN}.indexes[1]", "expected text, got a number"),
    (drop(*PERSON), IN, "no aspect definition is named 'person'"),
    (
        put("hierarchies", "person", value={"type": "EL", "name": "person", "contents": []}),
        IN,
        "an aspect definition is named 'person' already",
    ),
    (
        put("hierarchies", "", value={"type": "EL", "name": "", "contents": []}),
        '$.hierarchies[""]',
        "hierarchy name: expected 1 to 255",
    ),
    # aspects
    (put(*PEOPLE, "contents", value=[]), f"{IN}.contents", "Expected `object`, got `array`"),
    (put(*PEOPLE, "contents", "x", value={}), f"{IN}.contents.x", "expected a UUID, got text 'x'"),
    (put(*PEOPLE, "contents", str(A), value=5), f"{IN}.contents.{A}", "a JSON object of propert"),
    (put(*PEOPLE, "contents", str(A), "name", value=None), f"{IN}.contents.{A}.name", "null"),
    (put(*PEOPLE, "contents", str(A), "score", value="x"), f"{IN}.contents.{A}.score", "BigD"),
    (
        put(*PEOPLE, "contents", str(A), "tags", value=["a", 5]),
        f"{IN}.contents.{A}.tags[1]",
        "expected Text (str), got int 5",
    ),
    (
        put(*PEOPLE, "contents", str(A), "a.b", value={"type": "Integer", "value": "x"}),
        f'{IN}.contents.{A}["a.b"]',
        "expected Integer",
    ),
    (
        put(*PEOPLE, "contents", f"{A.hex}", value={"name": "x"}),
        f"{IN}.contents.{A.hex}",
        "this entity has an aspect here already",
    ),
    # lists, sets and directories
    (put(*QUEUE, 1, value="x"), f"{Q}[1]", "UUID"),
    (put(*QUEUE, value=5), f"{Q}", "array"),
    (
        put(*STAFF, 1, value=str(B)),
        f"{S}[1]",
        "is in the set already",
    ),
    (put(*STAFF, 0, value=None), f"{S}[0]", "null"),
    (put(*CODES, "b", value=5), f"{C}.b", "UUID"),
    (put(*CODES, "\0", value=str(A)), None, "without NUL"),
    # trees
    (put(*FOLDERS, value=[]), TREE, "expected {, got ["),
    (put(*FOLDERS, "x", value=5), f"{TREE}.x", "unknown key; known are"),
    (put(*FOLDERS, "entityId", value=5), f"{TREE}.entityId", "a UUID"),
    (put(*FOLDERS, "children", value=5), f"{TREE}.children", "an object"),
    (
        put(*FOLDERS, "children", "a/b", value=None),
        f'{TREE}.children["a/b"]',
        "expected an object, got null",
    ),
    (
        put(*FOLDERS, "children", "a/b", "children", "", "entityId", value="x"),
        f'{TREE}.children["a/b"].children[""].entityId',
        'expected a UUID, got "x"',
    ),
    (
        put(*FOLDERS, "children", "a/b", "children", "", "colour", value=1),
        f'{TREE}.children["a/b"].children[""].colour',
        "unknown key",
    ),
    (
        put(*FOLDERS, "children", "\0", value={}),
        None,
        "node name: expected text without NUL",
    ),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_faults_are_told_with_their_path(number: int) -> None:
    change, path, message = FAULTS[number]
    document = json.loads(FORM)
    change(document)
    for dumps in (json.dumps, lambda it: json.dumps(it, indent=1, ensure_ascii=False)):
        with pytest.raises(InvalidDocumentError) as caught:
            read_catalog(dumps(document))
        if path is not None:
            assert caught.value.path == path
        assert message in caught.value.reason
        assert str(caught.value) == f"{caught.value.path}: {caught.value.reason}"
        assert len(str(caught.value)) < 500


def test_the_path_of_a_name_with_dots() -> None:
    document = json.loads(FORM.replace('"person"', '"com.example.person"'))
    del document["aspectDefs"]["com.example.person"]["propertyDefs"][1]["type"]
    with pytest.raises(InvalidDocumentError) as caught:
        read_catalog(json.dumps(document))
    assert caught.value.path == '$.aspectDefs["com.example.person"].propertyDefs[1].type'


def test_a_required_property_that_is_missing() -> None:
    document = json.loads(FORM)
    del document["hierarchies"]["person"]["contents"][str(A)]["name"]
    assert read_catalog(json.dumps(document)).aspect_map("person").packed()[A] == b"{}"
    del document["aspectDefs"]["person"]["canRemoveProperties"]
    with pytest.raises(InvalidDocumentError) as caught:
        read_catalog(json.dumps(document))
    assert caught.value.path == f"{IN}.contents.{A}.name"
    assert "it is required" in caught.value.reason


def test_a_record_that_lost_a_required_property_goes_out_and_in() -> None:
    catalog = Catalog()
    definition = AspectDef(
        "thing", [PropertyDef("x", T.INTEGER, nullable=False)], can_remove_properties=True
    )
    things = catalog.define(definition, {A: {"x": 1}})
    del things[A]["x"]
    assert Catalog.from_json(catalog.json()) == catalog


def test_several_faults_of_a_record_are_told_together() -> None:
    document = json.loads(FORM)
    document["hierarchies"]["person"]["contents"][str(A)] = {"name": 5, "score": "x", "tags": "y"}
    with pytest.raises(InvalidDocumentError) as caught:
        read_catalog(json.dumps(document))
    assert caught.value.path == f"{IN}.contents.{A}.name"
    for part in ("name: expected", "score: expected", "tags: expected"):
        assert part in caught.value.reason


# --- what is no JSON ------------------------------------------------------------------------

BEGIN = f'{{"globalId":"{ID}","species":"sink"'.encode()
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        (b"", "$", "truncated"),
        (b"null", "$", "Expected `object`, got `null`"),
        (b"[]", "$", "Expected `object`, got `array`"),
        (b'"x"', "$", "Expected `object`, got `str`"),
        (b"nonsense", "$", "malformed"),
        (BEGIN, "$", "truncated"),
        (BEGIN + b"} x", "$", "trailing"),
        (BEGIN + b",}", "$", "malformed"),
        (BEGIN + b',"version":"a\x01"}', "$", "malformed"),
        (BEGIN + b',"version":NaN}', "$", "malformed"),
        (b"\xef\xbb\xbf" + BEGIN + b"}", "$", "malformed"),
        (BEGIN + b',"version":"\xff"}', "$.version", "not UTF-8 (invalid start byte)"),
        (BEGIN + b',"version":"\xed\xa0\x80"}', "$.version", "not UTF-8"),
        (BEGIN + b',"version":"\\ud800"}', "$", f"a lone surrogate at byte {len(BEGIN) + 12}"),
        (BEGIN + b',"version":"\\\\\\udc00"}', "$", "a lone surrogate at byte"),
        (BEGIN + b',"version":"\\ud83d\\ude00\\ud83d"}', "$", "a lone surrogate at byte"),
        (BEGIN + b',"version":1' + b"0" * 5000 + b"}", "$.version", "out of range"),
        (BEGIN + b',"x":' + DEEP + b',"version":1}', "$.version", "expected text"),
        (BEGIN + b',"version":' + DEEP + b"}", "$.version", "nested too deeply"),
        (BEGIN + b',"version":' + b"[" * 100_000, "$", "malformed JSON at byte"),
        (BEGIN + b',"hierarchies":{"a":{"type":"EL","name":"a","contents":["' + b"\xff" + b'"]}}}',
         "$.hierarchies.a.contents", "not UTF-8"),
        (BEGIN + b',"hierarchies":{"\xff":{}}}', "$.hierarchies", "not UTF-8"),
        (BEGIN + b',"hierarchies":{"a":{"type":"EL","name":"a","contents":'
         + DEEP + b"}}}", "$.hierarchies.a.contents", "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_json(document: bytes, path: str, message: str) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        read_catalog(document)
    assert caught.value.path == path
    assert message in caught.value.reason


def test_a_text_with_a_lone_surrogate() -> None:
    with pytest.raises(InvalidDocumentError, match="lone surrogate"):
        read_catalog(f'{{"globalId":"{ID}","species":"\ud800"}}')


def test_bad_text_in_a_record() -> None:
    document = FORM.encode().replace(b'"Al"', b'"\xff"')
    with pytest.raises(InvalidDocumentError) as caught:
        read_catalog(document)
    assert caught.value.path == f"{IN}.contents.{B}.name"
    for bad in (b'"\\u0000"', b'"\xed\xb0\x80"'):
        with pytest.raises(InvalidDocumentError) as caught:
            read_catalog(FORM.encode().replace(b'"Al"', bad))
        assert caught.value.path == f"{IN}.contents.{B}.name"


@settings(max_examples=150)
@given(st.integers(0, len(FORM)), st.binary(max_size=3), st.integers(0, 4))
def test_a_damaged_document_is_refused_or_read(place: int, damage: bytes, cut: int) -> None:
    """Whatever is done to it: it is read, or refused as a document; nothing else happens."""
    document = FORM.encode()
    with suppress(InvalidDocumentError):
        catalog = read_catalog(document[:place] + damage + document[place + cut :])
        assert Catalog.from_json(catalog.json()) == catalog


# --- large and deep documents ---------------------------------------------------------------


def test_pieces_are_of_a_fit_size() -> None:
    catalog = Catalog()
    catalog.create_list("l", [A] * 10_000)
    pieces = list(write_catalog(catalog))
    assert b"".join(pieces).decode() == catalog.json()
    assert all(64 * 1024 <= len(piece) < 66 * 1024 for piece in pieces[:-1])
    assert len(pieces) > 5


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    catalog = Catalog.from_json(FORM)
    with path.open("wb") as file:
        file.writelines(write_catalog(catalog))
    assert read_catalog_file(path) == catalog
    assert read_catalog_file(str(path)) == catalog
    path.write_bytes(b"")
    with pytest.raises(InvalidDocumentError, match="the file is empty"):
        read_catalog_file(path)
    path.write_bytes(FORM.encode()[:-10])
    with pytest.raises(InvalidDocumentError):
        read_catalog_file(path)
    with pytest.raises(FileNotFoundError):
        read_catalog_file(tmp_path / "none.json")


def test_a_large_document_never_stands_in_memory_twice(tmp_path: Path) -> None:
    catalog = Catalog()
    text = "x" * 20_000
    things = catalog.define(AspectDef("thing", [PropertyDef("x", T.TEXT)]))
    for number in range(500):
        things[UUID(int=number)] = {"x": text}
    path = tmp_path / "large.json"
    size = 500 * 20_000
    tracemalloc.start()
    with path.open("wb") as file:
        file.writelines(write_catalog(catalog))
    assert tracemalloc.get_traced_memory()[1] < size / 2
    tracemalloc.reset_peak()
    again = read_catalog_file(path)
    assert tracemalloc.get_traced_memory()[1] < size * 1.5
    tracemalloc.stop()
    assert again == catalog


@pytest.mark.parametrize("depth", [100, 400, 5000])
def test_deep_trees(depth: int) -> None:
    catalog = Catalog()
    tree = catalog.create_tree("deep")
    node = tree.root
    for number in range(depth):
        node = node.attach("a.b" if number % 2 else "", A if number % 3 else None)
    catalog.create_list("after", [A])
    document = catalog.json()
    assert Catalog.from_json(document) == catalog
    begin, _, end = document.rpartition('"children":')
    for damaged in (f'{begin}"Children":{end}', document[:-1], document.replace("{", "[", 20)):
        with pytest.raises(InvalidDocumentError):
            Catalog.from_json(damaged)


def test_the_path_into_a_deep_tree() -> None:
    catalog = Catalog()
    node = catalog.create_tree("deep").root
    for _ in range(1000):
        node = node.attach("n", None)
    node.attach("last", A)
    document = catalog.json().replace(str(A), "x")
    with pytest.raises(InvalidDocumentError) as caught:
        Catalog.from_json(document)
    path = "$.hierarchies.deep.contents" + ".children.n" * 1000 + ".children.last.entityId"
    assert caught.value.path == path
