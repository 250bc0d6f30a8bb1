"""The six species of catalog, and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class CatalogSpecies(Enum):
    """What a catalog is a copy of, and in which direction changes travel."""

    SOURCE = "SOURCE"
    """A read-only copy of an external source."""
    SINK = "SINK"
    """A read-write copy of an external source."""
    MIRROR = "MIRROR"
    """A read-only copy of another catalog."""
    CACHE = "CACHE"
    """A write-through copy of another catalog."""
    CLONE = "CLONE"
    """A write-back copy of another catalog, pulled and pushed by hand."""
    FORK = "FORK"
    """A copy that parts from its upstream and may become a SINK."""

    @property
    def rules(self) -> SpeciesRules:
        """What this species may do."""
        return SPECIES[self]


@dataclass(frozen=True, slots=True)
class SpeciesRules:
    """What one species may do.

    Attributes:
        editable: whether its content may be edited once it was saved. One that is not changes
            only as a whole, from what it is a copy of.
        may_have_upstream: whether it can name the catalog it is a copy of.
        changes_by: how the content of a copy that is not editable changes, in words.
    """

    editable: bool
    may_have_upstream: bool
    changes_by: str


SPECIES: Final = {
    CatalogSpecies.SOURCE: SpeciesRules(False, False, "a refresh from its external source"),
    CatalogSpecies.SINK: SpeciesRules(True, False, "edits"),
    CatalogSpecies.MIRROR: SpeciesRules(False, True, "a pull from its upstream"),
    CatalogSpecies.CACHE: SpeciesRules(True, True, "edits"),
    CatalogSpecies.CLONE: SpeciesRules(True, True, "edits"),
    CatalogSpecies.FORK: SpeciesRules(True, True, "edits"),
}
"""The one table of what species may do."""


def read_only_reason(species: CatalogSpecies) -> str:
    """Return the sentence that refuses an edit of this species."""
    return (
        f"a saved {species.value} catalog is read-only: it changes by {species.rules.changes_by}; "
        "to write a new version of it, build it anew and save it with replace=True"
    )
