"""Every SQL statement, said once. Attributes, so that a typo is a type error.

Bound values stand as ``:name``; :class:`~cheap.db.dialect.Dialect` puts in the few words that
differ. ``tests/sql/*.sql`` show what each database is told.
"""

from __future__ import annotations

from typing import Final

from cheap.db.dialect import Dialect
from cheap.db.schema import CONTENT, TABLES

_HIERARCHY: Final = "catalog_id = :catalog_id AND hierarchy = :hierarchy"
_ENTRY_COLUMNS: Final = "position, item, parent, name, entity_id"
_SHOWN: Final = "(position <> 0 OR entity_id IS NOT NULL)"
"""A tree's root, alone at position 0, is an item only while it has an entity."""


class Statements:
    """The statements in the words of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.inserts: Final = {each.name: dialect.insert_many(each) for each in TABLES}
        self.upserts: Final = {each.name: dialect.upsert_many(each) for each in TABLES}

        say, any_of, any_name = dialect.says, dialect.any_of, dialect.any_name
        by_entity = dialect.by_index("cheap_aspect_entity")
        by_item = dialect.by_index("cheap_entry_item")
        by_parent = dialect.by_index("cheap_entry_parent")

        # --- store
        self.get_store: Final = say("SELECT store_id, schema_version FROM cheap_store")
        # Also a lock, while the schema is brought forward.
        self.lock_store: Final = say("UPDATE cheap_store SET schema_version = schema_version")
        self.set_version: Final = say(
            "UPDATE cheap_store SET schema_version = :version WHERE schema_version < :version"
        )

        # --- catalogs
        catalog = "catalog_id, species, version, uri, upstream, revision, header_revision"
        self.get_catalog: Final = say(
            f"SELECT {catalog} FROM cheap_catalog WHERE catalog_id = :catalog_id"
        )
        self.list_catalogs: Final = say(f"""
            SELECT {catalog} FROM cheap_catalog
            WHERE catalog_id > :after ORDER BY catalog_id LIMIT :limit""")
        self.list_catalogs_of: Final = say(f"""
            SELECT {catalog} FROM cheap_catalog
            WHERE catalog_id > :after AND species = :species ORDER BY catalog_id LIMIT :limit""")
        # Also the lock: all writers of a catalog pass here first, one after the other.
        self.raise_revision: Final = say(
            "UPDATE cheap_catalog SET revision = revision + 1 WHERE catalog_id = :catalog_id"
        )
        # The lock alone, for who has to look before knowing what to write.
        self.lock_catalog: Final = say(
            "UPDATE cheap_catalog SET revision = revision WHERE catalog_id = :catalog_id"
        )
        self.set_header: Final = say("""
            UPDATE cheap_catalog SET version = :version, uri = :uri, header_revision = :revision
            WHERE catalog_id = :catalog_id""")
        self.delete_catalog: Final = tuple(
            say(f"DELETE FROM {table} WHERE catalog_id = :catalog_id")
            for table in (
                *(each.name for each in CONTENT),
                "cheap_hierarchy",
                "cheap_definition",
                "cheap_deletion",
                "cheap_catalog",
            )
        )

        # --- the desk
        self.due_deletions: Final = say(
            "SELECT catalog_id FROM cheap_deletion WHERE due <= :now ORDER BY due, catalog_id"
        )
        self.cancel_deletion: Final = say(
            "DELETE FROM cheap_deletion WHERE catalog_id = :catalog_id"
        )
        self.get_answer: Final = say(
            "SELECT fingerprint, made, document FROM cheap_answer WHERE answer_id = :answer_id"
        )
        self.forget_answers: Final = say("DELETE FROM cheap_answer WHERE made < :before")

        # --- definitions
        self.list_definitions: Final = say("""
            SELECT name, document, revision FROM cheap_definition
            WHERE catalog_id = :catalog_id ORDER BY position""")
        self.get_definition: Final = say("""
            SELECT name, document, revision FROM cheap_definition
            WHERE catalog_id = :catalog_id AND name = :name""")
        self.delete_definition: Final = say(
            "DELETE FROM cheap_definition WHERE catalog_id = :catalog_id AND name = :name"
        )

        # --- hierarchies
        hierarchy = "h.number, h.name, h.type, h.created, h.revision, h.indexes"
        self.list_hierarchies: Final = say(f"""
            SELECT {hierarchy}, d.document FROM cheap_hierarchy h
            LEFT JOIN cheap_definition d
                ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
            WHERE h.catalog_id = :catalog_id ORDER BY h.position""")
        self.get_hierarchies: Final = say(f"""
            SELECT {hierarchy}, d.document FROM cheap_hierarchy h
            LEFT JOIN cheap_definition d
                ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
            WHERE h.catalog_id = :catalog_id AND {any_name("h.name", ":names")}""")
        begin = f"""
            SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
                {hierarchy}, d.document
            FROM cheap_catalog c
            LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND %s
            LEFT JOIN cheap_definition d
                ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
            WHERE c.catalog_id = :catalog_id"""
        self.begin_commit: Final = say(begin.replace("%s", any_name("h.name", ":names")))
        self.begin_commit_one: Final = say(begin.replace("%s", "h.name = :name"))
        self.touch_hierarchy: Final = say("""
            UPDATE cheap_hierarchy SET revision = :revision
            WHERE catalog_id = :catalog_id AND number = :hierarchy""")
        self.renumber: Final = (
            *(
                say(f"UPDATE {each.name} SET hierarchy = :number WHERE {_HIERARCHY}")
                for each in CONTENT
            ),
            say(
                "UPDATE cheap_hierarchy SET number = :number"
                " WHERE catalog_id = :catalog_id AND number = :hierarchy"
            ),
        )
        self.set_indexes: Final = say("""
            UPDATE cheap_hierarchy SET indexes = :indexes
            WHERE catalog_id = :catalog_id AND number = :hierarchy""")
        self.drop_hierarchy: Final = (
            *(say(f"DELETE FROM {each.name} WHERE {_HIERARCHY}") for each in CONTENT),
            say(
                "DELETE FROM cheap_hierarchy WHERE catalog_id = :catalog_id AND number = :hierarchy"
            ),
        )
        self.count_aspects: Final = say(_count("cheap_aspect"))
        self.count_entries: Final = say(_count("cheap_entry", f" AND {_SHOWN}"))

        # --- aspects
        self.load_aspects: Final = say(f"""
            SELECT entity_id, document FROM cheap_aspect
            WHERE {_HIERARCHY} ORDER BY position""")
        self.page_aspects: Final = say(f"""
            SELECT entity_id, document, position FROM cheap_aspect
            WHERE {_HIERARCHY} AND position > :after ORDER BY position LIMIT :limit""")
        self.scan_aspects: Final = say(f"""
            SELECT entity_id, document, revision FROM cheap_aspect
            WHERE {_HIERARCHY} AND entity_id > :after ORDER BY entity_id LIMIT :limit""")
        # Nothing but the document: drivers in Python take some µs for each column.
        self.get_aspect: Final = say(f"""
            SELECT document FROM cheap_aspect
            WHERE {_HIERARCHY} AND entity_id = :entity""")
        self.get_aspects: Final = say(f"""
            SELECT entity_id, document FROM cheap_aspect{by_entity}
            WHERE {_HIERARCHY} AND {any_of("entity_id", ":ids")}""")
        self.known_aspects: Final = say(f"""
            SELECT entity_id, revision, pieces FROM cheap_aspect{by_entity}
            WHERE {_HIERARCHY} AND {any_of("entity_id", ":ids")}""")
        self.known_aspect: Final = say(f"""
            SELECT entity_id, revision, pieces FROM cheap_aspect
            WHERE {_HIERARCHY} AND entity_id = :entity""")
        self.delete_aspects: Final = say(
            f"DELETE FROM cheap_aspect WHERE {_HIERARCHY} AND {any_of('entity_id', ':ids')}"
        )

        # --- indexes on properties
        keyed = "p.sort_key, a.entity_id, a.document"
        join = """
            FROM cheap_property p
            JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
                AND a.entity_id = p.entity_id
            WHERE p.catalog_id = :catalog_id AND p.hierarchy = :hierarchy
                AND p.property = :property"""
        self.find_ascending: Final = say(f"""
            SELECT {keyed} {join} AND p.sort_key >= :low AND p.sort_key <= :high
                AND {dialect.after(("p.sort_key", "p.entity_id"))}
            ORDER BY p.sort_key, p.entity_id LIMIT :limit""")
        self.find_descending: Final = say(f"""
            SELECT {keyed} {join} AND p.sort_key >= :low AND p.sort_key < :sort_key
            ORDER BY p.sort_key DESC LIMIT :limit""")
        self.find_same_key: Final = say(f"""
            SELECT {keyed} {join} AND p.sort_key = :sort_key AND p.entity_id > :entity_id
            ORDER BY p.entity_id LIMIT :limit""")
        self.find_in_range: Final = say(f"""
            SELECT {keyed} {join} AND p.sort_key >= :low AND p.sort_key <= :high
                AND {dialect.not_by_index("p.entity_id")} > :entity_id
            ORDER BY {dialect.not_by_index("p.entity_id")} LIMIT :limit""")
        self.unindex_aspects: Final = say(
            f"DELETE FROM cheap_property WHERE {_HIERARCHY} AND {any_of('entity_id', ':ids')}"
        )
        self.drop_index: Final = say(
            f"DELETE FROM cheap_property WHERE {_HIERARCHY} AND property = :property"
        )

        # --- lists, sets, directories, trees
        self.load_entries: Final = say(
            f"SELECT {_ENTRY_COLUMNS} FROM cheap_entry WHERE {_HIERARCHY} ORDER BY position"
        )
        self.page_entries: Final = say(f"""
            SELECT {_ENTRY_COLUMNS} FROM cheap_entry
            WHERE {_HIERARCHY} AND position > :after AND {_SHOWN}
            ORDER BY position LIMIT :limit""")
        self.get_entries: Final = say(f"""
            SELECT {_ENTRY_COLUMNS}, revision FROM cheap_entry{by_item}
            WHERE {_HIERARCHY} AND {any_of("item", ":ids")}""")
        self.children_of: Final = say(f"""
            SELECT {_ENTRY_COLUMNS}, revision FROM cheap_entry{by_parent}
            WHERE {_HIERARCHY} AND {any_of("parent", ":ids")}""")
        self.delete_entries: Final = say(
            f"DELETE FROM cheap_entry WHERE {_HIERARCHY} AND {any_of('item', ':ids')}"
        )
        self.count_list: Final = say(f"SELECT COUNT(*) FROM cheap_entry WHERE {_HIERARCHY}")
        self.slice_list: Final = say(f"""
            SELECT position, entity_id FROM cheap_entry
            WHERE {_HIERARCHY} ORDER BY position LIMIT :limit OFFSET :offset""")
        self.list_before: Final = say(f"""
            SELECT position, entity_id FROM cheap_entry
            WHERE {_HIERARCHY} AND position < :position ORDER BY position DESC LIMIT :limit""")
        self.list_from: Final = say(f"""
            SELECT position, entity_id FROM cheap_entry
            WHERE {_HIERARCHY} AND position >= :position ORDER BY position LIMIT :limit""")

        # --- conflicts
        self.removed_items: Final = say(f"""
            SELECT item, revision FROM cheap_removal
            WHERE {_HIERARCHY} AND revision > :revision AND {any_of("item", ":ids")}""")
        self.changed_aspects: Final = say(
            "SELECT DISTINCT revision FROM cheap_aspect"
            f" WHERE {_HIERARCHY} AND revision > :revision"
        )
        self.changed_entries: Final = say(
            f"SELECT DISTINCT revision FROM cheap_entry WHERE {_HIERARCHY} AND revision > :revision"
        )
        self.removed_entries: Final = say(
            "SELECT DISTINCT revision FROM cheap_removal"
            f" WHERE {_HIERARCHY} AND revision > :revision"
        )

        # --- the change feed
        feed = ("revision", "hierarchy", "position")
        self.feed_aspects: Final = say(f"""
            SELECT revision, hierarchy, position, entity_id, document FROM cheap_aspect
            WHERE catalog_id = :catalog_id AND {dialect.after(feed)}
            ORDER BY revision, hierarchy, position LIMIT :limit""")
        self.feed_entries: Final = say(f"""
            SELECT revision, hierarchy, {_ENTRY_COLUMNS} FROM cheap_entry
            WHERE catalog_id = :catalog_id AND {dialect.after(feed)}
            ORDER BY revision, hierarchy, position LIMIT :limit""")
        self.feed_removals: Final = say(f"""
            SELECT revision, hierarchy, item, name FROM cheap_removal
            WHERE catalog_id = :catalog_id
                AND {dialect.after(("revision", "hierarchy", "item"))}
            ORDER BY revision, hierarchy, item LIMIT :limit""")

        # --- large values
        self.get_piece: Final = say(f"""
            SELECT data FROM cheap_piece
            WHERE {_HIERARCHY} AND value_id = :value_id AND number = :number""")
        self.get_pieces: Final = say(f"""
            SELECT value_id, data FROM cheap_piece
            WHERE {_HIERARCHY} AND {any_of("value_id", ":ids")} ORDER BY value_id, number""")
        self.delete_pieces: Final = say(
            f"DELETE FROM cheap_piece WHERE {_HIERARCHY} AND {any_of('value_id', ':ids')}"
        )

    def rendered(self) -> dict[str, str]:
        """Return every statement by name, for the golden files of the tests."""
        found: dict[str, str] = {}
        statements: dict[str, str | tuple[str, ...] | dict[str, str]] = vars(self)
        for name, value in statements.items():
            if isinstance(value, tuple):
                found |= {f"{name}[{i}]": text for i, text in enumerate(value)}
            elif isinstance(value, dict):
                found |= {f"{name}[{table}]": text for table, text in value.items()}
            else:
                found[name] = value
        return found


def _count(table: str, condition: str = "") -> str:
    return (
        f"SELECT hierarchy, COUNT(*) FROM {table}"
        f" WHERE catalog_id = :catalog_id{condition} GROUP BY hierarchy"
    )
