"""Catalogs as JSON documents, out and in.

The form is that of the original Java project, so that documents travel between the two:

* a catalog has ``globalId, uri, species, upstream, version, aspectDefs, hierarchies``;
* an aspect definition ``name, globalId, propertyDefs`` and the flags that differ from the usual;
* a hierarchy ``type, name, contents`` and, for an aspect map with indexes, ``indexes``.

Values stand in their JSON form (:mod:`cheap.core.values`). A dynamic property whose type JSON does
not show is written as ``{"type": …, "value": …}``. Writing goes in pieces and reading decodes one
record at a time, so a large catalog never stands in memory twice.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any
from uuid import UUID

import msgspec
from pydantic_core import core_schema

from cheap.core.catalogs import HIERARCHY_CLASSES, Catalog
from cheap.core.codecs import codec_of
from cheap.core.definitions import (
    NO_DEFAULT,
    AspectDef,
    CatalogDef,
    HierarchyDef,
    HierarchyType,
    PropertyDef,
)
from cheap.core.hierarchies import (
    AspectMap,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
    Node,
)
from cheap.core.names import check_key
from cheap.core.species import CatalogSpecies
from cheap.core.values import PropertyType, read_value, write_value
from cheap.errors import CheapError, InvalidDocumentError, InvalidError

_encode = msgspec.json.encode
_PIECE = 64 * 1024

# --- definitions ----------------------------------------------------------------------------


def property_def_document(prop: PropertyDef) -> dict[str, object]:
    """Return the JSON object of a property definition."""
    document: dict[str, object] = {"name": prop.name, "type": prop.type.value}
    if prop.has_default:
        document["defaultValue"] = write_value(prop.type, prop.unset_value)
    for key, value, usual in (
        ("isReadable", prop.readable, True),
        ("isWritable", prop.writable, True),
        ("isNullable", prop.nullable, False),
        ("isMultivalued", prop.multivalued, False),
    ):
        if value is not usual:
            document[key] = value
    return document


def aspect_def_document(definition: AspectDef) -> dict[str, object]:
    """Return the JSON object of an aspect definition."""
    document: dict[str, object] = {
        "name": definition.name,
        "globalId": str(definition.id),
        "propertyDefs": [property_def_document(prop) for prop in definition.properties],
    }
    for key, value, usual in (
        ("isReadable", definition.readable, True),
        ("isWritable", definition.writable, True),
        ("canAddProperties", definition.can_add_properties, False),
        ("canRemoveProperties", definition.can_remove_properties, False),
    ):
        if value is not usual:
            document[key] = value
    return document


def catalog_def_document(definition: CatalogDef) -> dict[str, object]:
    """Return the JSON object of a catalog definition."""
    return {
        "aspectDefs": [aspect_def_document(each) for each in definition.aspect_defs],
        "hierarchyDefs": [
            {"name": each.name, "type": each.type.value} for each in definition.hierarchy_defs
        ],
    }


class _Reader:
    """Reads the parts of one JSON object, and knows where it stands in the document."""

    def __init__(self, document: object, path: str, known: tuple[str, ...] | None = None) -> None:
        self.path = path
        if not isinstance(document, dict):
            raise InvalidDocumentError(path, f"expected an object, got {_kind(document)}")
        self.document: dict[str, Any] = document
        if known is not None:
            for key in self.document:
                if key not in known:
                    raise InvalidDocumentError(f"{path}.{key}", f"unknown key; known: {known}")

    def at(self, key: str) -> str:
        return f"{self.path}.{key}"

    def need(self, key: str) -> Any:
        if key not in self.document:
            raise InvalidDocumentError(self.at(key), "is missing")
        return self.document[key]

    def text(self, key: str) -> str:
        value = self.need(key)
        if not isinstance(value, str):
            raise InvalidDocumentError(self.at(key), f"expected text, got {_kind(value)}")
        return value

    def flag(self, key: str, usual: bool) -> bool:
        value = self.document.get(key, usual)
        if not isinstance(value, bool):
            raise InvalidDocumentError(self.at(key), f"expected true or false, got {_kind(value)}")
        return value

    def id(self, key: str) -> UUID:
        return _read_id(self.text(key), self.at(key))

    def items(self, key: str) -> list[Any]:
        value = self.need(key)
        if not isinstance(value, list):
            raise InvalidDocumentError(self.at(key), f"expected an array, got {_kind(value)}")
        return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, msgspec.Raw):
        return "something else"
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean"}
    return names.get(type(value), "a number")


def _read_id(text: object, path: str) -> UUID:
    try:
        return UUID(text) if isinstance(text, str) else UUID(int=-1)
    except ValueError:
        raise InvalidDocumentError(path, f"expected a UUID, got {str(text)[:40]!r}") from None


def read_property_def(document: object, path: str = "$") -> PropertyDef:
    """Read a property definition from its JSON object.

    Raises:
        InvalidDocumentError: with the path to what is wrong.
    """
    known = ("name", "type", "defaultValue", "isReadable", "isWritable", "isNullable")
    reader = _Reader(document, path, (*known, "isMultivalued"))
    try:
        kind = PropertyType(reader.text("type"))
    except ValueError:
        names = [each.value for each in PropertyType]
        raise InvalidDocumentError(reader.at("type"), f"expected one of {names}") from None
    nullable = reader.flag("isNullable", False)
    multivalued = reader.flag("isMultivalued", False)
    default: Any = NO_DEFAULT
    if "defaultValue" in reader.document:
        default, faults = read_value(
            "defaultValue",
            kind,
            reader.document["defaultValue"],
            nullable=nullable,
            multivalued=multivalued,
        )
        if faults:
            raise InvalidDocumentError(reader.at("defaultValue"), str(faults[0]))
    with _located(path):
        return PropertyDef(
            reader.text("name"),
            kind,
            default=default,
            readable=reader.flag("isReadable", True),
            writable=reader.flag("isWritable", True),
            nullable=nullable,
            multivalued=multivalued,
        )


def read_aspect_def(document: object, path: str = "$") -> AspectDef:
    """Read an aspect definition from its JSON object.

    Raises:
        InvalidDocumentError: with the path to what is wrong.
    """
    known = ("name", "globalId", "propertyDefs", "isReadable", "isWritable", "canAddProperties")
    reader = _Reader(document, path, (*known, "canRemoveProperties"))
    properties = [
        read_property_def(each, f"{reader.at('propertyDefs')}[{i}]")
        for i, each in enumerate(reader.items("propertyDefs"))
    ]
    with _located(path):
        return AspectDef(
            reader.text("name"),
            properties,
            id=reader.id("globalId") if "globalId" in reader.document else None,
            readable=reader.flag("isReadable", True),
            writable=reader.flag("isWritable", True),
            can_add_properties=reader.flag("canAddProperties", False),
            can_remove_properties=reader.flag("canRemoveProperties", False),
        )


def read_catalog_def(document: object, path: str = "$") -> CatalogDef:
    """Read a catalog definition from its JSON object.

    Raises:
        InvalidDocumentError: with the path to what is wrong.
    """
    reader = _Reader(document, path, ("aspectDefs", "hierarchyDefs"))
    hierarchies: list[HierarchyDef] = []
    for i, each in enumerate(reader.items("hierarchyDefs")):
        part = _Reader(each, f"{reader.at('hierarchyDefs')}[{i}]", ("name", "type"))
        with _located(part.path):
            hierarchies.append(HierarchyDef(part.text("name"), _hierarchy_type(part)))
    aspects = [
        read_aspect_def(each, f"{reader.at('aspectDefs')}[{i}]")
        for i, each in enumerate(reader.items("aspectDefs"))
    ]
    return CatalogDef(tuple(aspects), tuple(hierarchies))


def _hierarchy_type(reader: _Reader) -> HierarchyType:
    try:
        return HierarchyType(reader.text("type"))
    except ValueError:
        codes = [each.value for each in HierarchyType]
        raise InvalidDocumentError(reader.at("type"), f"expected one of {codes}") from None


class _located:  # noqa: N801 - reads like a statement
    """Turns a refusal by the model into an error that names the place in the document."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CheapError) and not isinstance(error, InvalidDocumentError):
            raise InvalidDocumentError(self._path, str(error)) from error


# --- writing --------------------------------------------------------------------------------


def write_catalog(catalog: Catalog) -> Iterator[bytes]:
    """Write a catalog as a JSON document, in pieces of some 64 KB.

    Example:
        >>> with open("catalog.json", "wb") as file:
        ...     file.writelines(write_catalog(catalog))
    """
    return _gathered(_catalog_pieces(catalog))


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _catalog_pieces(catalog: Catalog) -> Iterator[bytes]:
    header: dict[str, object] = {"globalId": catalog.global_id, "uri": catalog.uri}
    header["species"] = catalog.species.value.lower()
    if catalog.upstream is not None:
        header["upstream"] = catalog.upstream
    header["version"] = catalog.version
    header["aspectDefs"] = {
        name: aspect_def_document(each) for name, each in catalog.aspect_defs.items()
    }
    yield _encode(header)[:-1] + b',"hierarchies":{'
    comma = b""
    for name, each in catalog.hierarchies.items():
        yield comma + _encode(name) + b":"
        yield from hierarchy_pieces(each)
        comma = b","
    yield b"}}"


def hierarchy_pieces(hierarchy: Hierarchy) -> Iterator[bytes]:
    """Write one hierarchy as a JSON object, in pieces."""
    start = b'{"type":"' + hierarchy.type.value.encode() + b'","name":' + _encode(hierarchy.name)
    if isinstance(hierarchy, AspectMap) and hierarchy.indexes:
        start += b',"indexes":' + _encode(hierarchy.indexes)
    yield start + b',"contents":'
    match hierarchy:
        case AspectMap():
            to_json = codec_of(hierarchy.aspect_def).to_json
            items = ((str(key), to_json(value)) for key, value in hierarchy.packed().items())
            yield from _object_pieces(items)
        case EntityDirectory():
            yield from _object_pieces((key, _encode(value)) for key, value in hierarchy.items())
        case EntityTree():
            yield from _node_pieces(hierarchy.root)
        case EntityList() | EntitySet():
            comma = b"["
            for entity in hierarchy:
                yield comma + _encode(entity)
                comma = b","
            yield b"[]" if comma == b"[" else b"]"
        case _:
            raise TypeError(type(hierarchy).__name__)
    yield b"}"


def _object_pieces(items: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    comma = b"{"
    for key, value in items:
        yield comma + _encode(key) + b":" + value
        comma = b","
    yield b"{}" if comma == b"{" else b"}"


def _node_pieces(root: Node) -> Iterator[bytes]:
    # A stack instead of recursion: a tree may be deeper than Python's stack.
    stack: list[bytes | Node] = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, bytes):
            yield part
            continue
        fields = b"" if part.entity is None else b'"entityId":' + _encode(part.entity)
        if not part:
            yield b"{" + fields + b"}"
            continue
        yield b"{" + fields + (b"," if fields else b"") + b'"children":{'
        stack.append(b"}}")
        names = list(part)
        for i in range(len(names) - 1, -1, -1):
            stack.append(part[names[i]])
            stack.append((b"," if i else b"") + _encode(names[i]) + b":")


# --- reading --------------------------------------------------------------------------------


class _CatalogForm(msgspec.Struct, rename="camel"):
    """The top of a document; large parts stay undecoded until their turn comes."""

    global_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    species: Any = msgspec.UNSET
    version: Any = "1.0.0"
    uri: Any = None
    upstream: Any = None
    aspect_defs: Any = msgspec.UNSET
    hierarchies: dict[str, msgspec.Raw] = {}


def read_catalog(document: bytes | str | memoryview | mmap.mmap) -> Catalog:
    """Read a catalog from a JSON document.

    Raises:
        InvalidDocumentError: it is not JSON, or not a catalog; with the path to what is wrong.
    """
    if isinstance(document, str):
        try:
            document = document.encode()
        except UnicodeEncodeError:
            raise InvalidDocumentError("$", "the text holds a lone surrogate") from None
    form = _decode(document, "$", _CatalogForm)
    head: dict[str, Any] = {
        key: value
        for key, value in (
            ("species", form.species),
            ("version", form.version),
            ("uri", form.uri),
            ("upstream", form.upstream),
        )
        if value is not msgspec.UNSET and not (key in ("uri", "upstream") and value is None)
    }
    if form.global_id is not msgspec.UNSET:
        head["globalId"] = _decode(form.global_id, "$.globalId", Any)
    reader = _Reader(head, "$")
    global_id = reader.id("globalId")
    try:
        species = CatalogSpecies(reader.text("species").upper())
    except ValueError:
        names = [each.value.lower() for each in CatalogSpecies]
        raise InvalidDocumentError("$.species", f"expected one of {names}") from None
    with _located("$"):
        catalog = Catalog(
            species=species,
            version=reader.text("version"),
            uri=reader.text("uri") if "uri" in head else None,
            upstream=reader.id("upstream") if "upstream" in head else None,
            global_id=global_id,
        )
    definitions = {} if form.aspect_defs is msgspec.UNSET else form.aspect_defs
    for key, each in _Reader(definitions, "$.aspectDefs").document.items():
        definition = read_aspect_def(each, f"$.aspectDefs.{key}")
        if definition.name != key:
            raise InvalidDocumentError(f"$.aspectDefs.{key}.name", f"expected {key!r}")
        catalog.define_without_map(definition)
    for key, raw in form.hierarchies.items():
        with _located(f"$.hierarchies.{key}"):
            catalog.add_hierarchy(_read_hierarchy(key, raw, catalog))
    return catalog


def read_catalog_file(path: str | FilePath) -> Catalog:
    """Read a catalog from a JSON file, which is mapped into memory rather than read whole.

    Raises:
        InvalidDocumentError: it is empty, not JSON, or not a catalog.
        OSError: the file cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise InvalidDocumentError("$", "the file is empty") from None
        # Decoded parts keep the map alive as long as they need it.
        return read_catalog(mapped)


def _decode(document: Any, path: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise InvalidDocumentError(path + place.rstrip("`"), message) from None
    except msgspec.DecodeError as error:
        raise InvalidDocumentError(path, str(error)) from None
    except UnicodeDecodeError:
        raise InvalidDocumentError(path, "the text is not UTF-8") from None
    except RecursionError:
        raise InvalidDocumentError(path, "nested too deeply") from None


class _HierarchyForm(msgspec.Struct):
    type: str
    name: str
    contents: msgspec.Raw
    indexes: list[str] = []


def _read_hierarchy(key: str, raw: msgspec.Raw, catalog: Catalog) -> Hierarchy:
    path = f"$.hierarchies.{key}"
    form: _HierarchyForm = _decode(raw, path, _HierarchyForm)
    if form.name != key:
        raise InvalidDocumentError(f"{path}.name", f"expected {key!r}")
    kind = _hierarchy_type(_Reader({"type": form.type}, path))
    path += ".contents"
    if kind is HierarchyType.ASPECT_MAP:
        return _read_aspects(key, form, catalog, path)
    made: Hierarchy = HIERARCHY_CLASSES[kind](key)
    if isinstance(made, EntityTree):
        _read_nodes(made, form.contents, path)
    elif isinstance(made, EntityDirectory):
        entries = _decode(form.contents, path, dict[str, Any])
        for name, entity in entries.items():
            with _located(f"{path}.{name}"):
                made[name] = _read_id(entity, f"{path}.{name}")
    elif isinstance(made, (EntityList, EntitySet)):
        entities = [
            _read_id(each, f"{path}[{i}]")
            for i, each in enumerate(_decode(form.contents, path, list[Any]))
        ]
        if isinstance(made, EntitySet):
            made.update(entities)
        else:
            made.extend(entities)
    return made


def _read_aspects(key: str, form: _HierarchyForm, catalog: Catalog, path: str) -> AspectMap:
    definition = catalog.aspect_defs.get(key)
    if definition is None:
        raise InvalidDocumentError(path, f"no aspect definition is named {key!r}")
    codec = codec_of(definition)
    made = AspectMap(definition, indexes=form.indexes)
    held: dict[UUID, bytes] = {}
    for text, raw in _decode(form.contents, path, dict[str, msgspec.Raw]).items():
        entity = _read_id(text, f"{path}.{text}")
        try:
            held[entity] = codec.pack_json(raw)
        except InvalidError as error:
            raise InvalidDocumentError(f"{path}.{text}", str(error)) from error
        except RecursionError:
            raise InvalidDocumentError(f"{path}.{text}", "nested too deeply") from None
    made.hold(held)
    return made


class _NodeForm(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    entity_id: Any = None
    children: Mapping[str, msgspec.Raw] = {}


def _read_nodes(tree: EntityTree, contents: msgspec.Raw, path: str) -> None:
    stack: list[tuple[Node, msgspec.Raw, str]] = [(tree.root, contents, path)]
    while stack:
        node, raw, here = stack.pop()
        form: _NodeForm = _decode(raw, here, _NodeForm)
        if form.entity_id is not None:
            node.entity = _read_id(form.entity_id, f"{here}.entityId")
        for name, child in form.children.items():
            stack.append(
                (node.attach(check_key(name, "node name"), None), child, f"{here}.children.{name}")
            )


# --- pydantic -------------------------------------------------------------------------------


def catalog_schema() -> core_schema.CoreSchema:
    """Return how pydantic reads and writes a catalog: a catalog as it is, or as its document."""
    described = core_schema.typed_dict_schema(
        {
            "globalId": core_schema.typed_dict_field(core_schema.str_schema(), required=True),
            "species": core_schema.typed_dict_field(core_schema.str_schema(), required=True),
            "version": core_schema.typed_dict_field(core_schema.str_schema(), required=False),
            "uri": core_schema.typed_dict_field(
                core_schema.nullable_schema(core_schema.str_schema()), required=False
            ),
            "upstream": core_schema.typed_dict_field(
                core_schema.nullable_schema(core_schema.str_schema()), required=False
            ),
            "aspectDefs": core_schema.typed_dict_field(core_schema.dict_schema(), required=False),
            "hierarchies": core_schema.typed_dict_field(core_schema.dict_schema(), required=False),
        }
    )
    written = core_schema.plain_serializer_function_ser_schema(
        lambda catalog: json.loads(catalog.json()), return_schema=described
    )
    return core_schema.no_info_plain_validator_function(
        _catalog_of, serialization=written, json_schema_input_schema=described
    )


def _catalog_of(given: object) -> Catalog:
    if isinstance(given, Catalog):
        return given
    if isinstance(given, (str, bytes)):
        return read_catalog(given)
    try:
        return read_catalog(json.dumps(given).encode())
    except TypeError as error:
        raise InvalidDocumentError("$", f"expected a catalog or its document: {error}") from None
