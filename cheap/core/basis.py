"""What a working copy remembers of the store that it was loaded from, or saved to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cheap.core.definitions import AspectDef
from cheap.core.edits import DropHierarchy, Edit, PutDefinition, SetHeader


@dataclass(frozen=True, slots=True)
class Basis:
    """What a loaded catalog knows of the store it came from.

    Attributes:
        store_id: identifies the store; revisions of another one mean nothing.
        revision: the catalog revision at which everything in it was read.
        own: later revisions that were this catalog's own saves.
        only: names of the hierarchies that were loaded, or ``None`` for all.
    """

    store_id: UUID
    revision: int
    own: frozenset[int] = frozenset()
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a catalog is beside the content of its hierarchies.

    Attributes:
        labels: version and uri; ``None`` for a catalog that was never saved.
        definitions: by name.
        hierarchies: the names of those that the store has.
    """

    labels: tuple[str, str | None] | None = None
    definitions: Mapping[str, AspectDef] = field(default_factory=dict[str, AspectDef])
    hierarchies: frozenset[str] = frozenset()

    def edits_since(self, saved: Outline, dropped: Collection[str]) -> list[Edit]:
        """Return the edits that lead here from what was saved, and drop hierarchies."""
        edits: list[Edit] = []
        if self.labels is not None and saved.labels not in (None, self.labels):
            version, uri = self.labels
            edits.append(SetHeader(version, uri or ""))
        edits += [DropHierarchy(name) for name in dropped if name in saved.hierarchies]
        edits += [
            PutDefinition(definition)
            for name, definition in self.definitions.items()
            if saved.definitions.get(name) != definition or name in dropped
        ]
        return edits
