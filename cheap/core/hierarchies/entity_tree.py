"""A tree of named nodes, each with or without an entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast
from uuid import UUID

from cheap.core.arguments import mapping
from cheap.core.definitions import HierarchyType
from cheap.core.edits import Edit, Path, PutNodes, RemoveNodes
from cheap.core.hierarchies.nodes import Node, entities_of
from cheap.core.hierarchies.tracking import Hierarchy, Taken
from cheap.core.names import check_id, check_key
from cheap.core.values import show
from cheap.errors import InvalidNameError, MissingKeyError


class EntityTree(Hierarchy, MutableMapping[str, Node]):
    """A tree of nodes below one root; the tree itself reads like its root.

    A path is a tuple of names, since a name may be any text, also ``""`` and ``"a/b"``.

    Args:
        name: unique in its catalog.
        nodes: the first nodes, path → entity (or ``None``); those on the way are made.

    Example:
        >>> folders = catalog.create_tree("folders")
        >>> folders["reports", "2026"] = alice          # makes "reports" on the way
        >>> folders["reports"]["2026"].entity == alice
        True
        >>> [node.path for node in folders.walk()]
        [('reports',), ('reports', '2026')]
    """

    # What was edited since the last save: nodes (by identity, for their paths may be long) that
    # are new or have another entity, in the order of the first touch; and paths that were
    # removed, whether or not they came back.
    type = HierarchyType.ENTITY_TREE
    __slots__ = ("_put", "_removed", "_root")

    def __init__(self, name: str, nodes: Mapping[Path, UUID | None] | None = None) -> None:
        super().__init__(name)
        self._put: dict[int, Node] = {}
        self._removed: dict[Path, None] = {}
        self._root = Node(self, None, "")
        for path, entity in mapping(nodes or {}, "nodes").items():
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

    def __setitem__(self, path: str | Path, value: Node | UUID | None) -> None:
        names = as_path(path)
        if not names:
            if isinstance(value, Node):
                raise InvalidNameError(f"tree {self.name!r}: the root cannot be replaced")
            self._root.entity = value
            return
        if value is not None and not isinstance(value, Node):
            check_id(value)
        for name in names:
            check_key(name, "node name")
        # A copy is taken before the nodes on the way are made, which may be in it.
        below = value.branches() if isinstance(value, Node) else None
        node = self._root
        for name in names:
            node = node.setdefault(name)
        if node is value:
            return
        node.entity = value.entity if isinstance(value, Node) else value
        if below is not None:
            node.rebuild(below)

    def __delitem__(self, path: str | Path) -> None:
        names = as_path(path)
        if not names:
            raise InvalidNameError(f"tree {self.name!r}: the root cannot be removed")
        del self[names[:-1]][names[-1]]

    def __contains__(self, path: object) -> bool:
        try:
            self[cast("Path", path)]
        except (MissingKeyError, InvalidNameError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._root)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._root)

    def __len__(self) -> int:
        return len(self._root)

    def walk(self) -> Iterator[Node]:
        """Yield every node but the root, depth first, children in their order."""
        nodes = self._root.walk()
        next(nodes)
        yield from nodes

    def setdefault(self, path: str | Path, default: Node | UUID | None = None) -> Node:
        """Return a node; make it first, of this entity, when there is none."""
        if path not in self:
            self[path] = default
        return self[path]

    def popitem(self) -> tuple[str, Node]:
        """Remove the child of the root that was added last, and return it with its name.

        Raises:
            MissingKeyError: there is none.
        """
        return self._root.popitem()

    def clear(self) -> None:
        """Remove every node and the entity of the root."""
        self._root.clear()
        self._root.entity = None

    def __eq__(self, other: object) -> bool:
        return self._root == other._root if isinstance(other, EntityTree) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    # --- for the nodes --------------------------------------------------------------------

    def node_will_change(self) -> None:
        """Refuse the edit when this tree is locked."""
        self._check_editable()

    def node_was_put(self, node: Node) -> None:
        """Note that a node is new, or has another entity."""
        while not self._is_new:
            put = self._put
            put[id(node)] = node
            if put is self._put:
                return  # else it was taken meanwhile, with this note or without

    def node_was_removed(self, path: Path) -> None:
        """Note that a node and all below it are gone."""
        while not self._is_new:
            removed = self._removed
            removed[path] = None
            if removed is self._removed:
                return  # as above

    # --- for catalogs and stores ----------------------------------------------------------

    def same_content(self, other: Hierarchy) -> bool:
        """Tell whether another tree has the same nodes, in the same order."""
        return isinstance(other, EntityTree) and self._root == other._root

    def content_edits(self) -> list[Edit]:
        """Return the edits that fill an empty tree with the nodes of this one."""
        # Nodes on the way come by themselves, in this order too.
        nodes = entities_of(n for n in self._root.walk() if n.entity is not None or not n)
        if self._root.entity is None:
            nodes.pop((), None)
        return [PutNodes(self.name, nodes)] if nodes else []

    def pending_edits(self) -> list[Edit]:
        """Return the edits made since the last save: removals, then additions."""
        return self._edits_of(self._put, self._removed)

    def _edits_of(self, put: dict[int, Node], removed: dict[Path, None]) -> list[Edit]:
        edits: list[Edit] = []
        if removed:
            edits.append(RemoveNodes(self.name, tuple(removed)))
        nodes = entities_of(list(put.values()))
        if nodes:
            edits.append(PutNodes(self.name, nodes))
        return edits

    def _take_notes(self) -> Taken:
        put, removed = self._put, self._removed
        self._put, self._removed = {}, {}

        def give_back() -> None:
            later_put, later_removed = self._put, self._removed
            self._put = put | later_put
            self._removed = removed | later_removed
            # Once more what may have been noted between the two.
            self._put.update(later_put)
            self._removed.update(later_removed)

        return Taken(lambda: self._edits_of(put, removed), give_back)


def as_path(path: object) -> Path:
    """Return a path as a tuple; a text is the path of one name.

    Raises:
        InvalidNameError: it is neither text nor a tuple of texts.
    """
    if isinstance(path, str):
        return (path,)
    if isinstance(path, tuple):
        path = cast("tuple[object, ...]", path)
        if all(isinstance(name, str) for name in path):
            return cast("Path", path)
    raise InvalidNameError(f"path: expected a name or a tuple of names, got {show(path)}")
