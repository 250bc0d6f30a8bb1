"""What a catalog is: pure values and in-memory collections. No I/O, no SQL, no HTTP."""

from cheap.core.aspects import Aspect
from cheap.core.basis import Basis
from cheap.core.catalogs import Catalog, CatalogImpl
from cheap.core.definitions import (
    NO_DEFAULT,
    AspectDef,
    CatalogDef,
    HierarchyDef,
    HierarchyType,
    PropertyDef,
)
from cheap.core.documents import read_catalog, read_catalog_file, write_catalog
from cheap.core.filters import Filter, Order, field
from cheap.core.hierarchies import (
    AspectMap,
    EntityDirectory,
    EntityList,
    EntitySet,
    EntityTree,
    Hierarchy,
    Node,
)
from cheap.core.names import new_id
from cheap.core.species import SPECIES, CatalogSpecies, SpeciesRules
from cheap.core.values import LargeValue, PropertyType, Scalar, Value

__all__ = [
    "NO_DEFAULT",
    "SPECIES",
    "Aspect",
    "AspectDef",
    "AspectMap",
    "Basis",
    "Catalog",
    "CatalogDef",
    "CatalogImpl",
    "CatalogSpecies",
    "EntityDirectory",
    "EntityList",
    "EntitySet",
    "EntityTree",
    "Filter",
    "Hierarchy",
    "HierarchyDef",
    "HierarchyType",
    "LargeValue",
    "Node",
    "Order",
    "PropertyDef",
    "PropertyType",
    "Scalar",
    "SpeciesRules",
    "Value",
    "field",
    "new_id",
    "read_catalog",
    "read_catalog_file",
    "write_catalog",
]
