"""The nodes of a tree: each a mapping from name to child, with an optional entity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Protocol
from uuid import UUID

from cheap.core.edits import Path
from cheap.core.names import check_id, check_key
from cheap.errors import MissingKeyError

Branch = tuple[int, str, UUID | None]
"""A node of a copy: the place of its parent in the list (-1: the top), its name, its entity."""


class NodeOwner(Protocol):
    """What a node tells about its edits: the tree that holds it."""

    def node_will_change(self) -> None:
        """Refuse the edit, or let it pass."""
        ...

    def node_was_put(self, node: Node) -> None:
        """Note that a node is new, or has another entity."""
        ...

    def node_was_removed(self, path: Path) -> None:
        """Note that a node and all below it are gone."""
        ...


class Node(MutableMapping[str, "Node"]):
    """One node of a tree: a mapping from name to child, with an optional entity.

    A child is set by its entity (``node["x"] = entity`` or ``= None``) and read as a node.
    Setting a node puts a copy of it there, with all that is below it, so that
    ``node["new"] = node.pop("old")`` renames. Nodes are made by their tree; removing one removes
    all that is below it.
    """

    __slots__ = ("_children", "_entity", "_name", "_owner", "_parent")

    def __init__(self, owner: NodeOwner | None, parent: Node | None, name: str) -> None:
        self._owner = owner
        self._parent = parent
        self._name = name
        self._entity: UUID | None = None
        self._children: dict[str, Node] | None = None  # most nodes are leaves

    @property
    def name(self) -> str:
        """The name under which the parent knows this node; ``""`` for the root."""
        return self._name

    @property
    def parent(self) -> Node | None:
        """The node above, or ``None`` for the root and for a node that was removed."""
        return self._parent

    @property
    def is_attached(self) -> bool:
        """Whether the node is part of a tree; one that was removed can only be read."""
        return self._owner is not None

    @property
    def path(self) -> Path:
        """The names from the root down to this node; ``()`` for the root."""
        names: list[str] = []
        node = self
        while (parent := node._parent) is not None:
            names.append(node._name)
            node = parent
        return tuple(reversed(names))

    @property
    def entity(self) -> UUID | None:
        """The entity of this node, if it has one; may be set."""
        return self._entity

    @entity.setter
    def entity(self, value: UUID | None) -> None:
        checked = None if value is None else check_id(value)
        owner = self._check_editable()
        if self._entity != checked:
            self._entity = checked
            owner.node_was_put(self)

    # --- the mapping ----------------------------------------------------------------------

    def __getitem__(self, name: str) -> Node:
        child = self._children.get(name) if self._children else None
        if child is None:
            raise MissingKeyError(f"node {self.path!r} has no child {name!r}")
        return child

    def __setitem__(self, name: str, value: Node | UUID | None) -> None:
        owner = self._check_editable()
        below = value.branches() if isinstance(value, Node) else None
        entity = value.entity if isinstance(value, Node) else value
        child = self._children.get(name) if self._children else None
        if child is not None:
            if child is value:
                return
            child.entity = entity
        else:
            checked = None if entity is None else check_id(entity)
            child = self.attach(check_key(name, "node name"), checked)
            owner.node_was_put(child)
        if below is not None:
            child.rebuild(below)

    def __delitem__(self, name: str) -> None:
        child = self[name]
        owner = self._check_editable()
        path = child.path
        assert self._children is not None
        del self._children[name]
        for node in child.walk():
            node._owner = None
        child._parent = None  # last: until then the path of what is attached is right
        owner.node_was_removed(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._children or ())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._children or {})

    def __len__(self) -> int:
        return len(self._children or ())

    def __contains__(self, name: object) -> bool:
        return self._children is not None and name in self._children

    def setdefault(self, name: str, default: Node | UUID | None = None) -> Node:
        """Return a child; make it first, of this entity, when there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def popitem(self) -> tuple[str, Node]:
        """Remove the child that was added last, and return it with its name.

        Raises:
            MissingKeyError: there is none.
        """
        for name in reversed(self):
            return name, self.pop(name)
        raise MissingKeyError(f"node {self.path!r} has no children")

    def clear(self) -> None:
        """Remove all that is below this node."""
        self._check_editable()
        for name in list(self):
            del self[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        pairs: list[tuple[Node, Node]] = [(self, other)]
        while pairs:
            mine, theirs = pairs.pop()
            if mine._entity != theirs._entity or list(mine) != list(theirs):
                return False
            pairs.extend((mine[name], theirs[name]) for name in mine)
        return True

    __hash__ = None  # type: ignore[assignment]

    # --- below ----------------------------------------------------------------------------

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, depth first, children in their order."""
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            yield node
            if node._children:
                stack.extend(reversed(node._children.values()))

    def attach(self, name: str, entity: UUID | None) -> Node:
        """Add a child without noting an edit; for loading."""
        child = Node(self._owner, self, name)
        child._entity = entity
        if self._children is None:
            self._children = {}
        self._children[name] = child
        return child

    def branches(self) -> list[Branch]:
        """Return a copy of all that is below this node, for :meth:`rebuild`."""
        found: list[Branch] = []
        todo: list[tuple[int, Node]] = [(-1, self)]
        for parent, node in todo:  # which grows as it is read: breadth first
            for name, child in node.items():
                todo.append((len(found), child))
                found.append((parent, name, child.entity))
        return found

    def rebuild(self, branches: list[Branch]) -> None:
        """Put other nodes in the place of all that is below this one."""
        owner = self._check_editable()
        self.clear()
        made: list[Node] = []
        for parent, name, entity in branches:
            child = (self if parent < 0 else made[parent]).attach(name, entity)
            owner.node_was_put(child)
            made.append(child)

    def _check_editable(self) -> NodeOwner:
        if self._owner is None:
            raise MissingKeyError(f"node {self._name!r} was removed from its tree")
        self._owner.node_will_change()
        return self._owner

    def __repr__(self) -> str:
        return f"<Node {'/'.join(self.path)!r} entity={self._entity} children={len(self)}>"


def entities_of(nodes: Iterable[Node]) -> dict[Path, UUID | None]:
    """Return the entities of those nodes that are part of a tree, by path.

    Another thread may be removing some: a path is right if its node is attached afterwards.
    """
    found = ((node.path, node) for node in nodes)
    return {path: node.entity for path, node in found if node.is_attached}
