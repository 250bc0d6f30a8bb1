"""The five kinds of hierarchy, as Python collections that know what was edited."""

from cheap.core.hierarchies.aspect_map import AspectMap
from cheap.core.hierarchies.entity_directory import EntityDirectory
from cheap.core.hierarchies.entity_list import EntityList
from cheap.core.hierarchies.entity_set import EntitySet
from cheap.core.hierarchies.entity_tree import EntityTree
from cheap.core.hierarchies.nodes import Node
from cheap.core.hierarchies.tracking import Hierarchy

__all__ = [
    "AspectMap",
    "EntityDirectory",
    "EntityList",
    "EntitySet",
    "EntityTree",
    "Hierarchy",
    "Node",
]
