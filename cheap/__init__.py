"""CheapPy: typed working copies of data that lives elsewhere.

Catalog, Hierarchy, Entity, Aspect, Property: build a :class:`Catalog`, keep it in a store
(:func:`connect`), load it, edit it, save what changed.
"""

from cheap.connecting import connect
from cheap.core import (
    Aspect,
    AspectDef,
    Catalog,
    CatalogSpecies,
    HierarchyType,
    PropertyDef,
    PropertyType,
    field,
)
from cheap.errors import CheapError
from cheap.store import Page, Store

__version__ = "0.1.0"

__all__ = [
    "Aspect",
    "AspectDef",
    "Catalog",
    "CatalogSpecies",
    "CheapError",
    "HierarchyType",
    "Page",
    "PropertyDef",
    "PropertyType",
    "Store",
    "__version__",
    "connect",
    "field",
]
