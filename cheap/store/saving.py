"""What saving a catalog comes to: the decisions, for stores that block and for those that await."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TypedDict
from uuid import UUID

from cheap.core import Basis, Catalog, CatalogSpecies
from cheap.core.edits import Edit
from cheap.core.hierarchies.tracking import Taken
from cheap.core.values import show
from cheap.errors import CatalogNotFoundError, InvalidEditError
from cheap.store.answers import Commit


class Creation(TypedDict):
    """The arguments of ``create_catalog``."""

    species: CatalogSpecies
    version: str
    uri: str | None
    upstream: UUID | None
    catalog_id: UUID
    edits: Sequence[Edit]


@contextmanager
def being_saved(catalog: Catalog, *, whole: bool) -> Generator[Taken]:
    """Take a catalog's edits for the time of a ``with`` block, which saves and settles them.

    When it raises they are the catalog's again.

    Args:
        catalog: the catalog.
        whole: whether all of it is saved, not only what was edited.

    Raises:
        MisuseError: another call is saving the catalog.
        CatalogNotFoundError: the block raised it; it says how to put the catalog back.
    """
    taken = catalog.take(whole=whole)
    try:
        yield taken
    except BaseException as error:
        taken.give_back()
        is_part = catalog.basis is not None and catalog.basis.only is not None
        if isinstance(error, CatalogNotFoundError) and not is_part:
            advice = "save with replace=True to put it back"
            raise CatalogNotFoundError(catalog.global_id, advice) from error
        raise


def check_catalog(catalog: object) -> None:
    """Refuse to save what is no catalog.

    Raises:
        InvalidEditError: as said.
    """
    if not isinstance(catalog, Catalog):
        raise InvalidEditError(
            f"expected a Catalog to save, got {show(catalog)}; Catalog.from_json() reads a document"
        )


def is_new_to(store_id: UUID, catalog: Catalog) -> bool:
    """Tell whether a catalog does not come from this store, and so has to be created in it.

    Raises:
        InvalidEditError: it was loaded in part from another store, or is no catalog.
    """
    check_catalog(catalog)
    basis = catalog.basis
    if basis is None:
        return True
    if basis.store_id == store_id:
        return False
    if basis.only is not None:
        raise InvalidEditError(
            "this catalog was loaded in part from another store; load all of it to copy it"
        )
    return True


def creation_of(catalog: Catalog, taken: Taken) -> Creation:
    """Return the arguments that create a catalog of which all was taken."""
    return {
        "species": catalog.species,
        "version": catalog.version,
        "uri": catalog.uri,
        "upstream": catalog.upstream,
        "catalog_id": catalog.global_id,
        "edits": taken.edits(),
    }


def check_whole(catalog: Catalog) -> None:
    """Refuse a catalog that was loaded in part, for it cannot replace the whole.

    Raises:
        InvalidEditError: as said.
    """
    if catalog.basis is not None and catalog.basis.only is not None:
        raise InvalidEditError("this catalog was loaded in part; it cannot replace the whole")


def basis_of(catalog: Catalog) -> Basis:
    """Return what is known of the store that a catalog came from; it did come from one."""
    assert catalog.basis is not None
    return catalog.basis


def basis_after(done: Commit, catalog: Catalog) -> Basis:
    """Return what is known of the store after a catalog's edits were committed to it."""
    basis = basis_of(catalog)
    if done.previous == catalog.revision and not basis.own:
        return Basis(basis.store_id, done.revision, only=basis.only)
    own = basis.own | {done.revision}
    return Basis(basis.store_id, basis.revision, own, basis.only)
