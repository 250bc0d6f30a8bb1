"""Catalogs read from JSON, one record at a time."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Raw

from cheap.core.catalogs import HIERARCHY_CLASSES, Catalog
from cheap.core.codecs import codec_of
from cheap.core.definitions import AspectDef, HierarchyType
from cheap.core.documents.definitions import hierarchy_type, read_aspect_def
from cheap.core.documents.parts import (
    Reader,
    at,
    items,
    kind_of,
    located,
    members,
    read_id,
    refusal,
    value_of,
)
from cheap.core.documents.tokens import Tokens
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
from cheap.errors import CheapError, InvalidDocumentError, InvalidNameError

_HEADER: Final = ("globalId", "uri", "species", "upstream", "version", "aspectDefs")


def read_catalog(
    document: bytes | str | memoryview | mmap.mmap, *, needs_id: bool = True
) -> Catalog:
    """Read a catalog from a JSON document.

    Args:
        document: the document.
        needs_id: whether one without a ``globalId`` is refused; else it is a new catalog's.

    Raises:
        InvalidDocumentError: it is not JSON, or not a catalog; with the path to what is wrong.
    """
    if isinstance(document, str):
        try:
            document = document.encode()
        except UnicodeEncodeError:
            raise InvalidDocumentError("$", "the text holds a lone surrogate") from None
    parts = members(document, "$")
    head = Reader({key: value_of(parts[key], at("$", key)) for key in _HEADER if key in parts}, "$")
    catalog = _read_header(head, needs_id)
    for key, each in Reader(head.document.get("aspectDefs", {}), "$.aspectDefs").document.items():
        path = at("$.aspectDefs", key)
        definition = read_aspect_def(each, path)
        if definition.name != key:
            raise InvalidDocumentError(f"{path}.name", f"expected {key!r}")
        catalog.define_without_map(definition)
    if "hierarchies" in parts:
        for key, raw in members(parts["hierarchies"], "$.hierarchies").items():
            path = at("$.hierarchies", key)
            with located(path):
                catalog.add_hierarchy(_read_hierarchy(key, raw, catalog.aspect_defs, path))
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
        # Parts that are not decoded yet keep the map alive as long as they are needed.
        return read_catalog(mapped)


def _read_header(head: Reader, needs_id: bool) -> Catalog:
    global_id = head.id("globalId") if needs_id or "globalId" in head.document else None
    word = head.text("species")
    try:
        species = CatalogSpecies(word.upper())
    except ValueError:
        names = [each.value.lower() for each in CatalogSpecies]
        raise InvalidDocumentError("$.species", f"expected one of {names}") from None
    given = {key for key, value in head.document.items() if value is not None}
    with located("$"):
        return Catalog(
            species=species,
            version=head.text("version") if "version" in head.document else "1.0.0",
            uri=head.text("uri") if "uri" in given else None,
            upstream=head.id("upstream") if "upstream" in given else None,
            global_id=global_id,
        )


def _read_hierarchy(
    key: str, raw: Raw, definitions: Mapping[str, AspectDef], path: str
) -> Hierarchy:
    parts = members(raw, path)
    head = Reader(
        {k: value_of(parts[k], at(path, k)) for k in ("type", "name") if k in parts}, path
    )
    kind = hierarchy_type(head)
    if head.text("name") != key:
        raise InvalidDocumentError(f"{path}.name", f"expected {key!r}")
    if "contents" not in parts:
        raise InvalidDocumentError(f"{path}.contents", "is missing")
    contents = parts["contents"]
    if kind is HierarchyType.ASPECT_MAP:
        made = _map_of(key, definitions, path)
        if "indexes" in parts:
            _read_indexes(made, parts["indexes"], f"{path}.indexes")
        _read_aspects(made, contents, f"{path}.contents")
        return made
    return _read_entities(HIERARCHY_CLASSES[kind](key), contents, f"{path}.contents")


def _read_entities(made: Hierarchy, contents: Raw, path: str) -> Hierarchy:
    match made:
        case EntityTree():
            _read_tree(made.root, contents, path)
        case EntityDirectory():
            for name, raw in members(contents, path).items():
                here = at(path, name)
                with located(here):
                    made[name] = read_id(value_of(raw, here), here)
        case EntityList():
            made.extend(
                read_id(each, f"{path}[{i}]") for i, each in enumerate(items(contents, path))
            )
        case EntitySet():
            for i, each in enumerate(items(contents, path)):
                made.add(read_id(each, f"{path}[{i}]"))
                if len(made) <= i:
                    raise InvalidDocumentError(f"{path}[{i}]", f"{each} is in the set already")
        case _:
            raise TypeError(type(made).__name__)
    return made


# --- aspect maps ----------------------------------------------------------------------------


def _map_of(key: str, definitions: Mapping[str, AspectDef], path: str) -> AspectMap:
    if key not in definitions:
        raise InvalidDocumentError(path, f"no aspect definition is named {key!r}")
    return AspectMap(definitions[key])


def _read_indexes(made: AspectMap, raw: Raw, path: str) -> None:
    for i, name in enumerate(items(raw, path)):
        with located(f"{path}[{i}]"):
            if not isinstance(name, str):
                raise InvalidDocumentError(f"{path}[{i}]", f"expected text, got {kind_of(name)}")
            made.create_index(name)


def _read_aspects(made: AspectMap, contents: Raw, path: str) -> None:
    pack = codec_of(made.aspect_def).pack_json
    held: dict[UUID, bytes] = {}
    for text, raw in members(contents, path).items():
        entity = read_id(text, at(path, text))
        if entity in held:
            raise InvalidDocumentError(at(path, text), "this entity has an aspect here already")
        try:
            held[entity] = pack(raw)
        except CheapError as error:
            raise refusal(at(path, text), error) from error
    made.hold(held)


# --- trees ----------------------------------------------------------------------------------


class _NodeForm(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    entity_id: UUID | None = None
    children: dict[str, _NodeForm] = {}


_NODES: Final = msgspec.json.Decoder(_NodeForm)
_ID: Final = msgspec.json.Decoder(UUID)
_NODE, _CHILDREN = True, False


def _read_tree(root: Node, contents: Raw, path: str) -> None:
    """Read {"entityId": id, "children": {name: node}}, both optional."""
    try:
        stack = [(root, _NODES.decode(contents))]
        while stack:
            node, form = stack.pop()
            if form.entity_id is not None:
                node.entity = form.entity_id
            for name, child in form.children.items():
                stack.append((node.attach(check_key(name, "node name"), None), child))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidNameError):
        # Ten times slower, but it goes down as far as the tree does and knows where it is.
        _read_nodes(root, Tokens(memoryview(contents), path))


def _read_nodes(root: Node, tokens: Tokens) -> None:
    """Read a tree token by token."""
    tokens.expect(b"{")
    open_objects: list[tuple[Node, bool]] = [(root, _NODE)]
    is_first = True
    while open_objects:
        node, kind = open_objects[-1]
        token = tokens.next()
        if token == b"}":
            open_objects.pop()
            is_first = False
            continue
        if not is_first:
            if token != b",":
                raise tokens.unexpected(token, "a comma", _place(tokens, node, kind))
            token = tokens.next()
        key = tokens.string(token)
        tokens.expect(b":")
        token = tokens.next()
        if kind is _NODE and key == "entityId":
            if token != b"null":
                node.entity = _read_entity(token, tokens, node)
            is_first = False
            continue
        if kind is _CHILDREN:
            child = _read_name(key, node, tokens)
            open_objects.append((child, _NODE))
        elif key == "children":
            open_objects.append((node, _CHILDREN))
        else:
            place = _place(tokens, node, kind, key)
            raise InvalidDocumentError(place, "unknown key; known are entityId, children")
        if token != b"{":
            raise tokens.unexpected(token, "an object", _place(tokens, *open_objects[-1]))
        is_first = True
    tokens.finish()


def _read_name(name: str, above: Node, tokens: Tokens) -> Node:
    try:
        check_key(name, "node name")
    except InvalidNameError as error:
        place = _place(tokens, above, _CHILDREN, name)
        raise InvalidDocumentError(place, str(error)) from error
    return above.attach(name, None)


def _read_entity(token: bytes, tokens: Tokens, node: Node) -> UUID:
    try:
        return _ID.decode(token)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise tokens.unexpected(token, "a UUID", _place(tokens, node, _NODE, "entityId")) from None


def _place(tokens: Tokens, node: Node, kind: bool, key: str | None = None) -> str:
    """The path of an object of the tree, or of a member of it."""
    path = tokens.path
    for name in node.path:
        path = at(f"{path}.children", name)
    if kind is _CHILDREN:
        path += ".children"
    return path if key is None else at(path, key)
