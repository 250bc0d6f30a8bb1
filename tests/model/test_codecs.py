"""Codecs: the fast road and the slow road agree, and what was packed is read back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cheap.core import Aspect, AspectDef, LargeValue, PropertyDef, PropertyType
from cheap.core.codecs import Codec, codec_of, document_key
from cheap.core.values import write_value
from cheap.errors import CorruptError, InvalidValueError
from tests.model.strategies import (
    ODD_NAMES,
    ODD_VALUES,
    Colour,
    Words,
    definitions,
    names,
    records,
    wild_records,
)

T = PropertyType


def outcome(pack: Callable[[], bytes]) -> bytes | tuple[str, ...]:
    try:
        return pack()
    except InvalidValueError as error:
        return tuple(map(str, error.faults))


def slow(definition: AspectDef) -> Codec:
    """A codec that never takes the fast road."""
    codec = Codec(definition)
    codec._plain = False
    return codec


def one(kind: PropertyType, **flags: Any) -> Codec:
    """The codec of a definition with one property, x."""
    return Codec(AspectDef("thing", [PropertyDef("x", kind, **flags)]))


def exact(values: dict[str, object]) -> dict[str, str]:
    """Values so that 1.5 differs from 1.50, and True from 1."""
    return {name: repr(value) for name, value in values.items()}


# --- both roads -----------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.data())
def test_the_roads_agree_on_any_record(data: st.DataObject) -> None:
    definition = data.draw(definitions(plain=True))
    record = data.draw(wild_records(definition))
    codec = Codec(definition)
    assert codec._plain
    fast = outcome(lambda: codec.pack(record))
    assert fast == outcome(lambda: slow(definition).pack(record))
    assert fast == outcome(lambda: codec.pack(MappingProxyType(record)))


@settings(max_examples=50)
@given(st.data())
def test_what_was_packed_is_read_back(data: st.DataObject) -> None:
    definition = data.draw(definitions())
    record = data.draw(records(definition))
    codec = codec_of(definition)
    packed = codec.pack(record)
    values = codec.values(codec.unpack(packed))
    checked, faults = codec.check(record)
    assert not faults
    assert exact(values) == exact(checked)
    assert values.keys() == record.keys()
    # A canonical record is its own canonical form, whichever way it comes.
    assert codec.pack(values) == packed
    assert codec.pack(dict(reversed(record.items()))) == packed
    assert codec.encode(codec.unpack(packed)) == packed
    assert Aspect(definition, record).packed() == packed
    json.loads(packed)


@settings(max_examples=50)
@given(st.data())
def test_json_goes_out_and_in(data: st.DataObject) -> None:
    definition = data.draw(definitions())
    codec = codec_of(definition)
    packed = codec.pack(data.draw(records(definition)))
    document = codec.to_json(packed)
    assert codec.pack_json(document) == packed
    assert codec.pack_json(memoryview(document)) == packed
    assert codec.pack_json(json.dumps(json.loads(document), indent=1).encode()) == packed


ODD_FORMS = [
    "null", "true", "1", "-1", "1.0", "-0.0", "1.50", "1e2", "1e400", "-0", "1E-400", "[]", "{}",
    "[null]", "[1,1.5]", '["a",null]', '""', '"x"', '"1.50"', '"1_0"', '" 1"', '"NaN"', '"01"',
    '"-5"', '"1e5"', "9223372036854775808", "1" * 30, "9" * 400, "9" * 5000, '"' + "9" * 5000 + '"',
    '"2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00.1234567+01:00"', '"2026-01-01"',
    '"9999-12-31T23:59:59.9999999Z"', '"0001-01-01T00:00:00+01:00"', '"2026-01-01T00:00Z"',
    '"82758400-e24b-41d4-a726-446644440000"', '"82758400e24b41d4a726446644440000"',
    '"{82758400-e24b-41d4-a726-446644440000}"', '"AP8="', '"AP8"', '"QUFB="', '"QR=="',
    r'"\u0000"', r'"\u0031"', r'"é"', '"a b"', '"http://a/"', '"http://[::1"', f'"{"x" * 8193}"',
    '{"size":5,"digest":"00000000000000000000000000000000"}', '{"size":-5,"digest":"0"}',
    '{"size":5,"digest":"00000000000000000000000000000000","x":1}', '{"type":"Text","value":"x"}',
    '[1.50]', '["1.50"]', '[true]', '["AP8="]', "[1e400]", "[[1]]", '["2026-01-01T00:00:00Z"]',
    "1e99999999999999999999", "[9007199254740993]", "0.1234567890123456789",
]  # fmt: skip


@settings(max_examples=50)
@given(st.data())
def test_the_roads_agree_on_any_json(data: st.DataObject) -> None:
    definition = data.draw(definitions(plain=True))
    members = []
    for prop in definition.properties:
        if data.draw(st.integers(0, 4)):
            form = data.draw(st.sampled_from(ODD_FORMS))
            members.append(f"{json.dumps(prop.name)}:{form}")
    document = ("{" + ",".join(members) + "}").encode()
    fast = outcome(lambda: Codec(definition).pack_json(document))
    assert fast == outcome(lambda: slow(definition).pack_json(document))


@pytest.mark.parametrize("kind", PropertyType)
def test_the_roads_agree_on_each_type(kind: PropertyType) -> None:
    for nullable in (False, True):
        for many in (False, True):
            codec = one(kind, nullable=nullable, multivalued=many)
            other = slow(codec.definition)
            for form in ODD_FORMS:
                document = f'{{"x": {form} }}'.encode()
                fast = outcome(partial(codec.pack_json, document))
                assert fast == outcome(partial(other.pack_json, document)), form[:40]
                if isinstance(fast, bytes):
                    assert codec.encode(codec.unpack(fast)) == fast
                    assert codec.pack_json(fast) == fast


@pytest.mark.parametrize("kind", PropertyType)
def test_the_roads_agree_on_odd_values(kind: PropertyType) -> None:
    for many in (False, True):
        codec = one(kind, multivalued=many)
        other = slow(codec.definition)
        for value in ODD_VALUES:
            for tried in (value, [value], (value, value)):
                fast = outcome(partial(codec.pack, {"x": tried}))
                assert fast == outcome(partial(other.pack, {"x": tried}))


# --- packed records -------------------------------------------------------------------------


def test_a_packed_record_is_the_json_that_documents_have() -> None:
    definition = AspectDef(
        "thing", [PropertyDef(kind.code, kind, multivalued=kind is T.STRING) for kind in T]
    )
    packed = codec_of(definition).pack(
        {
            "BLB": b"\0\xff",
            "INT": 1,
            "FLT": 2,
            "BLN": True,
            "STR": ["é", "😀"],
            "TXT": 'quote " backslash \\ newline \n',
            "BGI": 10**20,
            "BGF": Decimal("1.50"),
            "DAT": datetime(2026, 1, 1, 1, 0, 0, 5, timezone(timedelta(hours=1))),
            "URI": "http://example.com",
            "UID": UUID(int=5),
            "CLB": None,
        }
    )
    assert packed.decode() == (
        '{"INT":1,"FLT":2.0,"BLN":true,"STR":["é","😀"],'
        r'"TXT":"quote \" backslash \\ newline \n","BGI":"100000000000000000000","BGF":"1.50",'
        '"DAT":"2026-01-01T00:00:00.000005Z","URI":"http://example.com",'
        '"UID":"00000000-0000-0000-0000-000000000005","CLB":null,"BLB":"AP8="}'
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (T.FLOAT, [0, 0.0, -0.0]),
        (T.FLOAT, [1, 1.0]),
        (T.STRING, ["red", Colour.RED]),
        (T.STRING, ["w", Words("w")]),
        (T.BLOB, [b"x", bytearray(b"x"), memoryview(b"x")]),
        (
            T.DATE_TIME,
            [
                datetime(2026, 1, 1, tzinfo=UTC),
                datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
                datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "Zulu")),
                datetime(2026, 1, 1, tzinfo=UTC, fold=1),
            ],
        ),
    ],
)
def test_equal_values_pack_equal(kind: PropertyType, values: list[object]) -> None:
    assert len({one(kind).pack({"x": value}) for value in values}) == 1
    many = one(kind, multivalued=True)
    assert len({many.pack({"x": [value, value]}) for value in values}) == 1


def test_a_scale_is_a_difference() -> None:
    codec = one(T.BIG_DECIMAL)
    assert codec.pack({"x": Decimal("1.5")}) != codec.pack({"x": Decimal("1.50")})


def test_null_and_unset_differ() -> None:
    codec = one(T.INTEGER)
    assert codec.pack({"x": None}) == b'{"x":null}'
    assert codec.pack({}) == b"{}"
    assert codec.get(codec.unpack(b"{}"), "x") is msgspec.UNSET
    assert codec.get(codec.unpack(b'{"x":null}'), "x") is None


def test_a_backslash_is_no_nul() -> None:
    codec = one(T.TEXT)
    for text in ("\\u0000", "\\\\u0000", "u0000", "\x01", "\\"):
        packed = codec.pack({"x": text})
        assert codec.get(codec.unpack(packed), "x") == text
        assert codec.pack_json(packed) == packed
    for refused in ("\0", "a\\\0", "\\\\\0"):
        assert isinstance(outcome(lambda refused=refused: codec.pack({"x": refused})), tuple)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(name: str) -> None:
    for dynamic in (False, True):
        codec = Codec(
            AspectDef("thing", [PropertyDef(name, T.BIG_INTEGER)], can_add_properties=dynamic)
        )
        packed = codec.pack({name: 5})
        assert codec.values(codec.unpack(packed)) == {name: 5}
        document = codec.to_json(packed)
        assert json.loads(document) == {name: "5"}
        assert codec.pack_json(document) == packed
    bare = Codec(AspectDef("thing", [], can_add_properties=True))
    packed = bare.pack({name: 5})
    assert bare.values(bare.unpack(packed)) == {name: 5}
    assert json.loads(bare.to_json(packed)) == {name: 5}


@given(st.lists(names, min_size=2, max_size=2, unique=True))
@example(["~%22", '"'])
@example(["~x", "x"])
def test_no_two_names_share_a_key(pair: list[str]) -> None:
    one, other = map(document_key, pair)
    assert one != other
    assert "+" not in (one, other)


def test_many_properties() -> None:
    definition = AspectDef("wide", [PropertyDef(f"p{i}", T.INTEGER) for i in range(2000)])
    packed = codec_of(definition).pack({f"p{i}": i for i in range(2000)})
    assert codec_of(definition).get(codec_of(definition).unpack(packed), "p1999") == 1999


# --- large values ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [T.CLOB, T.BLOB])
def test_large_values(kind: PropertyType) -> None:
    large = LargeValue(5, "0123456789abcdef" * 2)
    codec = one(kind, nullable=False)
    packed = codec.pack({"x": large})
    assert codec.get(codec.unpack(packed), "x") == large
    assert codec.pack_json(packed) == packed
    assert slow(codec.definition).pack_json(packed) == packed
    assert slow(codec.definition).to_json(packed) == packed
    # A dict that looks like one is none, and neither is one in a list.
    assert isinstance(outcome(lambda: codec.pack({"x": msgspec.to_builtins(large)})), tuple)
    many = one(kind, multivalued=True)
    assert isinstance(outcome(lambda: many.pack({"x": [large]})), tuple)
    assert many.large == ()
    assert codec.large == ("x",)


# --- dynamic properties ---------------------------------------------------------------------

BARE = Codec(AspectDef("bare", [PropertyDef("known", T.INTEGER)], can_add_properties=True))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (1, 1),
        (1.0, 1.0),
        (True, True),
        ("x", "x"),
        (None, None),
        ((1, 2), [1, 2]),
        ((1, 2.5), [1.0, 2.5]),
        ((), {"type": "Text", "value": []}),
        (2**63, {"type": "BigInteger", "value": "9223372036854775808"}),
        ((1, 2**63), {"type": "BigInteger", "value": ["1", "9223372036854775808"]}),
        (Decimal("1.50"), {"type": "BigDecimal", "value": "1.50"}),
        (datetime(2026, 1, 1, tzinfo=UTC), {"type": "DateTime", "value": "2026-01-01T00:00:00Z"}),
        (b"x", {"type": "BLOB", "value": "eA=="}),
        (UUID(int=5), {"type": "UUID", "value": str(UUID(int=5))}),
    ],
)
def test_dynamic_properties_in_json(value: object, form: object) -> None:
    packed = BARE.pack({"dynamic": value})
    assert json.loads(BARE.to_json(packed)) == {"dynamic": form}
    assert repr(json.loads(BARE.to_json(packed))) == repr({"dynamic": form})
    assert BARE.pack_json(BARE.to_json(packed)) == packed
    assert BARE.pack_json(json.dumps({"dynamic": form}).encode()) == packed


def test_dynamic_properties_pack_in_one_order() -> None:
    assert BARE.pack({"b": 1, "a": 2}) == BARE.pack({"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (b'{"d":{"type":"Text"}}', "d: expected a value of a property type, got dict of 1 item"),
        (b'{"d":{"type":"Thing","value":1}}', "d.type: expected one of"),
        (b'{"d":{"type":[],"value":1}}', "d.type: expected one of"),
        (b'{"d":{"type":"Integer","value":"x"}}', "d: expected Integer (int, not bool)"),
        (b'{"d":{"type":"Integer","value":[1,"x"]}}', "d[1]: expected Integer (int, not bool)"),
        (b'{"d":[[1]]}', "d: expected a value of a property type, got list of 1 item"),
        (b'{"d":1e400}', "d: expected a finite Float"),
        (b'{"":1}', ": expected a property name, got property name: expected 1 to 255"),
    ],
)
def test_dynamic_properties_that_are_refused(document: bytes, fault: str) -> None:
    faults = outcome(lambda: BARE.pack_json(document))
    assert faults[0].startswith(fault)  # type: ignore[union-attr]


def test_a_definition_without_dynamic_properties_refuses_them() -> None:
    codec = one(T.INTEGER)
    expected = ("y: expected a property of the definition (x), got another name",)
    assert outcome(lambda: codec.pack({"y": 1})) == expected
    assert outcome(lambda: codec.pack_json(b'{"y":1}')) == expected
    assert outcome(lambda: codec.pack_json(b'{"y":{"type":"Text","value":"a"}}')) == expected
    odd: Any = {5: 1}
    assert outcome(lambda: codec.pack(odd)) == (
        "int 5: expected a property of the definition (x), got another name",
    )


# --- json that is none ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (b"", "(record): expected a JSON object of properties"),
        (b"[]", "(record): expected a JSON object of properties"),
        (b"null", "(record): expected a JSON object of properties"),
        (b'{"x":1', "(record): expected a JSON object of properties"),
        (b'{"x":1}}', "(record): expected a JSON object of properties"),
        (b'{"x":NaN}', "(record): expected a JSON object of properties"),
        (b'{"x":"\xff"}', "x: expected a value in JSON, got 'utf-8' codec can't decode"),
        (b'{"x":"\\ud800"}', "(record): expected a JSON object of properties"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "(record): expected a JSON object"),
    ],
)
@pytest.mark.parametrize("kind", [T.TEXT, T.BIG_INTEGER, T.BIG_DECIMAL, T.INTEGER])
def test_json_that_is_none(kind: PropertyType, document: bytes, fault: str) -> None:
    for codec in (one(kind), slow(one(kind).definition)):
        faults = outcome(lambda codec=codec: codec.pack_json(document))
        assert len(faults) == 1
        assert faults[0].startswith(fault)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"nonsense",
        b'{"x":"text"}',
        b'{"x":9223372036854775808}',
        b'{"x":"\xff"}',
        b"[" * 5000,
        b"null",
    ],
)
def test_damaged_records(packed: bytes) -> None:
    for kind in (T.INTEGER, T.BIG_INTEGER):
        with pytest.raises(CorruptError, match="'thing' cannot be read"):
            one(kind).unpack(packed)


@pytest.mark.parametrize("digits", ["", "x", "1e5", "01", "-0", "1 ", "1\\n"])
def test_damaged_digits(digits: str) -> None:
    with pytest.raises(CorruptError):
        one(T.BIG_INTEGER).unpack(f'{{"x":"{digits}"}}'.encode())
    with pytest.raises(CorruptError):
        one(T.BIG_INTEGER, multivalued=True).unpack(f'{{"x":["{digits}"]}}'.encode())


@pytest.mark.parametrize(
    "extra", [b'["Nothing",false,1]', b'["Integer",false,"x"]', b'["Integer",true,5]']
)
def test_damaged_dynamic_properties(extra: bytes) -> None:
    row = BARE.unpack(b'{"+":{"d":' + extra + b"}}")
    with pytest.raises(CorruptError):
        BARE.extra(row)


def test_a_property_that_the_definition_lost_is_passed_over() -> None:
    assert one(T.INTEGER).values(one(T.INTEGER).unpack(b'{"gone":[1],"x":5}')) == {"x": 5}


# --- several definitions --------------------------------------------------------------------


def test_codecs_are_kept_for_each_definition_exactly() -> None:
    """1.5 == 1.50, so a cache by equality alone would mix them up."""
    one, other = (
        AspectDef("thing", [PropertyDef("x", T.BIG_DECIMAL, default=Decimal(text))])
        for text in ("1.5", "1.50")
    )
    assert one != other
    assert str(Aspect(one)["x"]) == "1.5"
    assert str(Aspect(other)["x"]) == "1.50"
    assert codec_of(one) is codec_of(AspectDef("thing", one.properties))


def test_repack() -> None:
    old = Codec(
        AspectDef(
            "thing",
            [
                PropertyDef("a", T.INTEGER, readable=False),
                PropertyDef("b", T.STRING),
                PropertyDef("gone", T.STRING),
                PropertyDef("kept", T.BLOB),
            ],
            can_add_properties=True,
        )
    )
    large = LargeValue(5, "0" * 32)
    packed = old.pack({"a": 5, "b": "x", "gone": "y", "more": 1.5, "kept": large})
    props = [
        PropertyDef("b", T.TEXT),
        PropertyDef("a", T.BIG_INTEGER),
        PropertyDef("new", T.STRING),
        PropertyDef("kept", T.BLOB),
    ]
    narrow = Codec(AspectDef("thing", props))
    assert narrow.values(narrow.unpack(narrow.repack(packed, old))) == {
        "b": "x", "a": 5, "kept": large
    }  # fmt: skip
    wide = Codec(AspectDef("thing", props, can_add_properties=True))
    assert wide.values(wide.unpack(wide.repack(packed, old))) == {
        "b": "x", "a": 5, "kept": large, "gone": "y", "more": 1.5
    }  # fmt: skip
    needy = Codec(AspectDef("thing", [PropertyDef("c", T.TEXT, nullable=False)]))
    with pytest.raises(InvalidValueError, match="of here: c: expected a value"):
        needy.repack(packed, old, "here")


def test_fixed_properties() -> None:
    codec = Codec(
        AspectDef(
            "thing",
            [
                PropertyDef("x", T.BIG_DECIMAL, writable=False),
                PropertyDef("y", T.INTEGER),
                PropertyDef("z", T.BIG_DECIMAL, multivalued=True, writable=False),
            ],
        )
    )

    def changed(one: dict[str, object], other: dict[str, object]) -> str | None:
        return codec.changed_fixed(codec.pack(one), codec.pack(other))

    assert codec.fixed == ("x", "z")
    assert changed({"x": Decimal(1)}, {"x": Decimal(1)}) is None
    assert changed({"x": Decimal(1), "y": 1}, {"x": Decimal(1), "y": 2}) is None
    assert changed({"x": Decimal("1")}, {"x": Decimal("1.0")}) == "x"
    assert changed({"x": None}, {}) == "x"
    assert changed({"z": [Decimal("1")]}, {"z": [Decimal("1.0")]}) == "z"


def test_the_json_form_of_a_record_has_the_forms_of_its_values() -> None:
    definition = AspectDef("thing", [PropertyDef('"', kind) for kind in [T.DATE_TIME]])
    codec = codec_of(definition)
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 500000, UTC)):
        document = json.loads(codec.to_json(codec.pack({'"': moment})))
        assert document == {'"': write_value(T.DATE_TIME, moment)}
        assert msgspec.json.encode(moment).decode() == json.dumps(document['"'])


FIRST_USES = """
import sys, threading
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from cheap import AspectDef, PropertyDef, PropertyType
from cheap.core.codecs import Codec

sys.setswitchinterval(1e-6)
record = {
    "count": 1, "price": Decimal("1.5"), "key": UUID(int=1), "at": datetime.now(UTC), "text": "x"
}
kinds = [PropertyType.INTEGER, PropertyType.BIG_DECIMAL, PropertyType.UUID, PropertyType.DATE_TIME]
properties = [*map(PropertyDef, record, [*kinds, PropertyType.CLOB])]

def together(work):
    barrier = threading.Barrier(8)
    def run():
        barrier.wait()
        work()
    threads = [threading.Thread(target=run) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

for i in range(40):
    codec = Codec(AspectDef(f"thing {i}", properties[:4]))
    together(lambda: codec.pack(dict(list(record.items())[:4])))
    definition = AspectDef(f"large {i}", properties)
    together(lambda: Codec(definition).unpack(b'{"text":"x"}'))
"""


def test_threads_that_are_the_first_to_use_it() -> None:
    """msgspec, left to itself, crashes when two threads meet a class for the first time."""
    done = subprocess.run([sys.executable, "-c", FIRST_USES], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
