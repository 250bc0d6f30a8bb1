"""A tree of named nodes, each with or without an entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from uuid import UUID

from cheap.core.definitions import HierarchyType
from cheap.core.edits import Edit, Path, PutNodes, RemoveNodes
from cheap.core.hierarchies.tracking import Hierarchy, KeyedHierarchy
from cheap.core.names import check_id, check_key
from cheap.errors import InvalidNameError, MissingKeyError


class Node(MutableMapping[str, "Node"]):
    """One node of a tree: a mapping from name to child, with an optional entity.

    A child is set by its entity (``node["x"] = entity`` or ``= None``) and read as a node.
    Nodes are made by their tree; removing one removes all that is below it.
    """

    __slots__ = ("_children", "_entity", "_name", "_parent", "_tree")

    def __init__(self, tree: EntityTree | None, parent: Node | None, name: str) -> None:
        self._tree = tree
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
    def path(self) -> Path:
        """The names from the root down to this node; ``()`` for the root."""
        names: list[str] = []
        node = self
        while node._parent is not None:
            names.append(node._name)
            node = node._parent
        return tuple(reversed(names))

    @property
    def entity(self) -> UUID | None:
        """The entity of this node, if it has one; may be set."""
        return self._entity

    @entity.setter
    def entity(self, value: UUID | None) -> None:
        checked = None if value is None else check_id(value)
        self._will_change()
        if self._entity != checked:
            self._entity = checked
            self._did_put()

    def __getitem__(self, name: str) -> Node:
        child = self._children.get(name) if self._children else None
        if child is None:
            raise MissingKeyError(f"node {self.path!r} has no child {name!r}")
        return child

    def __setitem__(self, name: str, value: UUID | None) -> None:  # type: ignore[override]
        child = self._children.get(name) if self._children else None
        if child is not None:
            child.entity = value
            return
        name = check_key(name, "node name")
        entity = None if value is None else check_id(value)
        self._will_change()
        child = self.attach(name, entity)
        child._did_put()

    def __delitem__(self, name: str) -> None:
        child = self[name]
        self._will_change()
        path = child.path
        assert self._children is not None
        del self._children[name]
        child._parent = None
        for node in child.walk():
            if self._tree is not None:
                node._tree = None
        if self._tree is not None:
            self._tree.node_was_removed(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._children or ())

    def __len__(self) -> int:
        return len(self._children or ())

    def __contains__(self, name: object) -> bool:
        return self._children is not None and name in self._children

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, depth first, children in their order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node._children:
                stack.extend(reversed(node._children.values()))

    def attach(self, name: str, entity: UUID | None) -> Node:
        """Add a child without noting an edit; for loading."""
        child = Node(self._tree, self, name)
        child._entity = entity
        if self._children is None:
            self._children = {}
        self._children[name] = child
        return child

    def _will_change(self) -> None:
        if self._tree is None:
            raise MissingKeyError(f"node {self._name!r} was removed from its tree")
        self._tree.node_will_change()

    def _did_put(self) -> None:
        if self._tree is not None:
            self._tree.node_was_put(self.path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        pairs = [(self, other)]
        while pairs:
            mine, theirs = pairs.pop()
            if mine._entity != theirs._entity or list(mine) != list(theirs):
                return False
            pairs.extend((mine[name], theirs[name]) for name in mine)
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Node {'/'.join(self.path)!r} entity={self._entity} children={len(self)}>"


class EntityTree(KeyedHierarchy[Path], MutableMapping[str, Node]):
    """A tree of nodes below one root; the tree itself reads like its root.

    A path is a tuple of names, since a name may be any text, also ``""`` and ``"a/b"``.

    Example:
        >>> folders = catalog.create_tree("folders")
        >>> folders["reports", "2026"] = alice          # makes "reports" on the way
        >>> folders["reports"]["2026"].entity == alice
        True
        >>> [node.path for node in folders.walk()]
        [('reports',), ('reports', '2026')]
    """

    type = HierarchyType.ENTITY_TREE
    __slots__ = ("_root",)

    def __init__(self, name: str, nodes: Mapping[Path, UUID | None] | None = None) -> None:
        super().__init__(name)
        self._root = Node(self, None, "")
        for path, entity in (nodes or {}).items():
            self[path] = entity

    @property
    def root(self) -> Node:
        """The node above all others; its path is ``()``."""
        return self._root

    def __getitem__(self, path: str | Path) -> Node:
        node = self._root
        for name in as_path(path):
            node = node[name]
        return node

    def __setitem__(self, path: str | Path, value: UUID | None) -> None:  # type: ignore[override]
        names = as_path(path)
        if not names:
            self._root.entity = value
            return
        if value is not None:
            check_id(value)
        for name in names:
            check_key(name, "node name")
        node = self._root
        for name in names[:-1]:
            if name not in node:
                node[name] = None
            node = node[name]
        node[names[-1]] = value

    def __delitem__(self, path: str | Path) -> None:
        names = as_path(path)
        if not names:
            raise InvalidNameError(f"tree {self.name!r}: the root cannot be removed")
        del self[names[:-1]][names[-1]]

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, (str, tuple)):
            return False
        try:
            self[path]  # type: ignore[index]
        except MissingKeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._root)

    def __len__(self) -> int:
        return len(self._root)

    def walk(self) -> Iterator[Node]:
        """Yield every node but the root, depth first, children in their order."""
        nodes = self._root.walk()
        next(nodes)
        yield from nodes

    def clear(self) -> None:
        """Remove every node and the entity of the root."""
        for name in list(self._root):
            del self._root[name]
        self._root.entity = None

    def __eq__(self, other: object) -> bool:
        return self._root == other._root if isinstance(other, EntityTree) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def node_will_change(self) -> None:
        """Refuse the edit when this tree is locked; for its nodes."""
        self._check_editable()

    def node_was_put(self, path: Path) -> None:
        """Note an edit; for the nodes."""
        self._did_put(path)

    def node_was_removed(self, path: Path) -> None:
        """Note that a node and all below it are gone; for the nodes."""
        if self._is_new:
            return
        depth = len(path)
        for each in [each for each in self._journal.put if each[:depth] == path]:
            del self._journal.put[each]
        self._journal.did_remove(path)

    def same_content(self, other: Hierarchy) -> bool:
        return isinstance(other, EntityTree) and self._root == other._root

    def content_edits(self) -> list[Edit]:
        nodes = {node.path: node.entity for node in self.walk()}
        if self._root.entity is not None:
            nodes = {(): self._root.entity, **nodes}
        return [PutNodes(self.name, nodes)] if nodes else []

    def _removal(self, keys: Sequence[Path]) -> Edit:
        return RemoveNodes(self.name, tuple(keys))

    def _addition(self, keys: Sequence[Path]) -> Edit:
        return PutNodes(self.name, {path: self[path].entity for path in keys})


def as_path(path: object) -> Path:
    """Return a path as a tuple; a text is the path of one name.

    Raises:
        InvalidNameError: it is neither text nor a tuple of texts.
    """
    if isinstance(path, str):
        return (path,)
    if isinstance(path, tuple) and all(isinstance(name, str) for name in path):
        return path  # type: ignore[return-value]
    raise InvalidNameError(
        f"path: expected a name or a tuple of names, got {type(path).__name__} {str(path)[:40]!r}"
    )
