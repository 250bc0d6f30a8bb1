"""Definitions as JSON objects, out and in."""

from __future__ import annotations

from cheap.core.definitions import (
    NO_DEFAULT,
    AspectDef,
    CatalogDef,
    HierarchyDef,
    HierarchyType,
    PropertyDef,
    Unset,
)
from cheap.core.documents.parts import Reader, located
from cheap.core.values import PropertyType, Value, read_value, write_value
from cheap.errors import InvalidDocumentError

# --- out ------------------------------------------------------------------------------------


def property_def_document(prop: PropertyDef) -> dict[str, object]:
    """Return the JSON object of a property definition."""
    document: dict[str, object] = {"name": prop.name, "type": prop.type.value}
    if prop.has_default:
        document["defaultValue"] = write_value(prop.type, prop.unset_value)
    for key, value, usual in (
        ("isReadable", prop.readable, True),
        ("isWritable", prop.writable, True),
        ("isNullable", prop.nullable, True),
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


# --- in -------------------------------------------------------------------------------------

_PROPERTY_KEYS = ("name", "type", "defaultValue", "isReadable", "isWritable", "isNullable")
_ASPECT_KEYS = ("name", "globalId", "propertyDefs", "isReadable", "isWritable", "canAddProperties")


def read_property_def(document: object, path: str = "$") -> PropertyDef:
    """Read a property definition from its JSON object.

    Raises:
        InvalidDocumentError: with the path to what is wrong.
    """
    reader = Reader(document, path, (*_PROPERTY_KEYS, "isMultivalued"))
    word = reader.text("type")
    try:
        kind = PropertyType(word)
    except ValueError:
        names = [each.value for each in PropertyType]
        raise InvalidDocumentError(reader.at("type"), f"expected one of {names}") from None
    nullable = reader.flag("isNullable", True)
    multivalued = reader.flag("isMultivalued", False)
    default: Value | Unset = NO_DEFAULT
    if "defaultValue" in reader.document:
        default, faults = read_value(
            "defaultValue",
            kind,
            reader.document["defaultValue"],
            nullable=nullable,
            multivalued=multivalued,
        )
        if faults:
            index = faults[0].path.removeprefix("defaultValue")
            raise InvalidDocumentError(reader.at("defaultValue") + index, str(faults[0]))
    with located(path):
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
    reader = Reader(document, path, (*_ASPECT_KEYS, "canRemoveProperties"))
    properties = [
        read_property_def(each, f"{reader.at('propertyDefs')}[{i}]")
        for i, each in enumerate(reader.items("propertyDefs"))
    ]
    with located(path):
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
    reader = Reader(document, path, ("aspectDefs", "hierarchyDefs"))
    hierarchies: list[HierarchyDef] = []
    for i, each in enumerate(reader.items("hierarchyDefs")):
        part = Reader(each, f"{reader.at('hierarchyDefs')}[{i}]", ("name", "type"))
        with located(part.path):
            hierarchies.append(HierarchyDef(part.text("name"), hierarchy_type(part)))
    aspects = [
        read_aspect_def(each, f"{reader.at('aspectDefs')}[{i}]")
        for i, each in enumerate(reader.items("aspectDefs"))
    ]
    return CatalogDef(tuple(aspects), tuple(hierarchies))


def hierarchy_type(reader: Reader) -> HierarchyType:
    """Read the kind of a hierarchy from its code.

    Raises:
        InvalidDocumentError: it is none of the five.
    """
    code = reader.text("type")
    try:
        return HierarchyType(code)
    except ValueError:
        codes = [each.value for each in HierarchyType]
        raise InvalidDocumentError(reader.at("type"), f"expected one of {codes}") from None
