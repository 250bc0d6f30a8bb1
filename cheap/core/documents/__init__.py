"""Catalogs as JSON documents, out and in.

The form is that of the original Java project, so that documents travel between the two:

* a catalog has ``globalId, uri, species, upstream, version, aspectDefs, hierarchies``;
* an aspect definition ``name, globalId, propertyDefs`` and the flags that differ from the usual;
* a hierarchy ``type, name, contents`` and, for an aspect map with indexes, ``indexes``.

Values stand in their JSON form (:mod:`cheap.core.forms`). A dynamic property whose type JSON does
not show is written as ``{"type": …, "value": …}``. Writing goes in pieces and reading decodes one
record at a time, so a large catalog never stands in memory twice.
"""

from cheap.core.documents.definitions import (
    aspect_def_document,
    catalog_def_document,
    property_def_document,
    read_aspect_def,
    read_catalog_def,
    read_property_def,
)
from cheap.core.documents.reading import read_catalog, read_catalog_file
from cheap.core.documents.schema import catalog_schema, document_schema
from cheap.core.documents.writing import hierarchy_pieces, write_catalog

__all__ = [
    "aspect_def_document",
    "catalog_def_document",
    "catalog_schema",
    "document_schema",
    "hierarchy_pieces",
    "property_def_document",
    "read_aspect_def",
    "read_catalog",
    "read_catalog_def",
    "read_catalog_file",
    "read_property_def",
    "write_catalog",
]
