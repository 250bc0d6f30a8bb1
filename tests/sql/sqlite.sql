-- What sqlite is told. Written by tests/test_golden_sql.py (GOLDEN=write), not by hand, and held
-- against the code in every run of the tests.

-- create cheap_store
CREATE TABLE IF NOT EXISTS cheap_store (
    one INTEGER NOT NULL,
    store_id BLOB NOT NULL,
    schema_version INTEGER NOT NULL,
    PRIMARY KEY (one)
) WITHOUT ROWID;

-- create cheap_catalog
CREATE TABLE IF NOT EXISTS cheap_catalog (
    catalog_id BLOB NOT NULL,
    species TEXT NOT NULL,
    version TEXT NOT NULL,
    uri TEXT,
    upstream BLOB,
    revision INTEGER NOT NULL,
    header_revision INTEGER NOT NULL,
    PRIMARY KEY (catalog_id)
) WITHOUT ROWID;

-- create cheap_definition
CREATE TABLE IF NOT EXISTS cheap_definition (
    catalog_id BLOB NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (catalog_id, name)
) WITHOUT ROWID;

-- create cheap_hierarchy
CREATE TABLE IF NOT EXISTS cheap_hierarchy (
    catalog_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    position INTEGER NOT NULL,
    created INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    indexes TEXT NOT NULL,
    PRIMARY KEY (catalog_id, number)
) WITHOUT ROWID;

-- create cheap_hierarchy, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_hierarchy_name ON cheap_hierarchy (catalog_id, name);

-- create cheap_aspect
CREATE TABLE IF NOT EXISTS cheap_aspect (
    catalog_id BLOB NOT NULL,
    hierarchy INTEGER NOT NULL,
    position INTEGER NOT NULL,
    entity_id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    document TEXT,
    PRIMARY KEY (catalog_id, hierarchy, position)
) WITHOUT ROWID;

-- create cheap_aspect, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_aspect_entity ON cheap_aspect (catalog_id, hierarchy, entity_id);

-- create cheap_aspect, index 2
CREATE INDEX IF NOT EXISTS cheap_aspect_revision ON cheap_aspect (catalog_id, revision, hierarchy, position);

-- create cheap_entry
CREATE TABLE IF NOT EXISTS cheap_entry (
    catalog_id BLOB NOT NULL,
    hierarchy INTEGER NOT NULL,
    position INTEGER NOT NULL,
    item BLOB NOT NULL,
    revision INTEGER NOT NULL,
    parent BLOB,
    name TEXT,
    entity_id BLOB,
    PRIMARY KEY (catalog_id, hierarchy, position)
) WITHOUT ROWID;

-- create cheap_entry, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_entry_item ON cheap_entry (catalog_id, hierarchy, item);

-- create cheap_entry, index 2
CREATE INDEX IF NOT EXISTS cheap_entry_revision ON cheap_entry (catalog_id, revision, hierarchy, position);

-- create cheap_entry, index 3
CREATE INDEX IF NOT EXISTS cheap_entry_parent ON cheap_entry (catalog_id, hierarchy, parent, position);

-- create cheap_removal
CREATE TABLE IF NOT EXISTS cheap_removal (
    catalog_id BLOB NOT NULL,
    hierarchy INTEGER NOT NULL,
    item BLOB NOT NULL,
    revision INTEGER NOT NULL,
    name TEXT,
    PRIMARY KEY (catalog_id, hierarchy, item)
) WITHOUT ROWID;

-- create cheap_removal, index 1
CREATE INDEX IF NOT EXISTS cheap_removal_revision ON cheap_removal (catalog_id, revision, hierarchy, item);

-- create cheap_property
CREATE TABLE IF NOT EXISTS cheap_property (
    catalog_id BLOB NOT NULL,
    hierarchy INTEGER NOT NULL,
    property INTEGER NOT NULL,
    sort_key BLOB NOT NULL,
    entity_id BLOB NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, property, sort_key, entity_id)
) WITHOUT ROWID;

-- create cheap_property, index 1
CREATE INDEX IF NOT EXISTS cheap_property_entity ON cheap_property (catalog_id, hierarchy, entity_id);

-- create cheap_piece
CREATE TABLE IF NOT EXISTS cheap_piece (
    catalog_id BLOB NOT NULL,
    hierarchy INTEGER NOT NULL,
    value_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, value_id, number)
) WITHOUT ROWID;

-- create cheap_deletion
CREATE TABLE IF NOT EXISTS cheap_deletion (
    catalog_id BLOB NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (catalog_id)
) WITHOUT ROWID;

-- create cheap_deletion, index 1
CREATE INDEX IF NOT EXISTS cheap_deletion_due ON cheap_deletion (due);

-- create cheap_answer
CREATE TABLE IF NOT EXISTS cheap_answer (
    answer_id BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    made INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (answer_id)
) WITHOUT ROWID;

-- create cheap_answer, index 1
CREATE INDEX IF NOT EXISTS cheap_answer_made ON cheap_answer (made);

-- inserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) VALUES (?, ?, ?);

-- inserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) VALUES (?, ?, ?, ?, ?, ?, ?);

-- inserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) VALUES (?, ?, ?, ?, CAST(? AS TEXT));

-- inserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT));

-- inserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) VALUES (?, ?, ?, ?, ?, ?, CAST(? AS TEXT));

-- inserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- inserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) VALUES (?, ?, ?, ?, ?);

-- inserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) VALUES (?, ?, ?, ?, ?);

-- inserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) VALUES (?, ?, ?, ?, ?);

-- inserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) VALUES (?, ?);

-- inserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) VALUES (?, ?, ?, ?);

-- upserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) VALUES (?, ?, ?)
ON CONFLICT (one) DO NOTHING;

-- upserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (catalog_id) DO UPDATE SET species = excluded.species, version = excluded.version, uri = excluded.uri, upstream = excluded.upstream, revision = excluded.revision, header_revision = excluded.header_revision;

-- upserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) VALUES (?, ?, ?, ?, CAST(? AS TEXT))
ON CONFLICT (catalog_id, name) DO UPDATE SET revision = excluded.revision, document = excluded.document;

-- upserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT))
ON CONFLICT (catalog_id, name) DO UPDATE SET type = excluded.type, position = excluded.position, created = excluded.created, revision = excluded.revision, indexes = excluded.indexes;

-- upserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) VALUES (?, ?, ?, ?, ?, ?, CAST(? AS TEXT))
ON CONFLICT (catalog_id, hierarchy, entity_id) DO UPDATE SET revision = excluded.revision, pieces = excluded.pieces, document = excluded.document;

-- upserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (catalog_id, hierarchy, item) DO UPDATE SET revision = excluded.revision, parent = excluded.parent, name = excluded.name, entity_id = excluded.entity_id;

-- upserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (catalog_id, hierarchy, item) DO UPDATE SET revision = excluded.revision, name = excluded.name;

-- upserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (catalog_id, hierarchy, property, sort_key, entity_id) DO NOTHING;

-- upserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (catalog_id, hierarchy, value_id, number) DO UPDATE SET data = excluded.data;

-- upserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) VALUES (?, ?)
ON CONFLICT (catalog_id) DO UPDATE SET due = excluded.due;

-- upserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) VALUES (?, ?, ?, ?)
ON CONFLICT (answer_id) DO UPDATE SET fingerprint = excluded.fingerprint, made = excluded.made, document = excluded.document;

-- get_store
SELECT store_id, schema_version FROM cheap_store;

-- lock_store
UPDATE cheap_store SET schema_version = schema_version;

-- set_version
UPDATE cheap_store SET schema_version = :version WHERE schema_version < :version;

-- get_catalog
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog WHERE catalog_id = :catalog_id;

-- list_catalogs
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog
WHERE catalog_id > :after ORDER BY catalog_id LIMIT :limit;

-- list_catalogs_of
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog
WHERE catalog_id > :after AND species = :species ORDER BY catalog_id LIMIT :limit;

-- raise_revision
UPDATE cheap_catalog SET revision = revision + 1 WHERE catalog_id = :catalog_id;

-- lock_catalog
UPDATE cheap_catalog SET revision = revision WHERE catalog_id = :catalog_id;

-- set_header
UPDATE cheap_catalog SET version = :version, uri = :uri, header_revision = :revision
WHERE catalog_id = :catalog_id;

-- delete_catalog[0]
DELETE FROM cheap_aspect WHERE catalog_id = :catalog_id;

-- delete_catalog[1]
DELETE FROM cheap_entry WHERE catalog_id = :catalog_id;

-- delete_catalog[2]
DELETE FROM cheap_removal WHERE catalog_id = :catalog_id;

-- delete_catalog[3]
DELETE FROM cheap_property WHERE catalog_id = :catalog_id;

-- delete_catalog[4]
DELETE FROM cheap_piece WHERE catalog_id = :catalog_id;

-- delete_catalog[5]
DELETE FROM cheap_hierarchy WHERE catalog_id = :catalog_id;

-- delete_catalog[6]
DELETE FROM cheap_definition WHERE catalog_id = :catalog_id;

-- delete_catalog[7]
DELETE FROM cheap_deletion WHERE catalog_id = :catalog_id;

-- delete_catalog[8]
DELETE FROM cheap_catalog WHERE catalog_id = :catalog_id;

-- due_deletions
SELECT catalog_id FROM cheap_deletion WHERE due <= :now ORDER BY due, catalog_id;

-- cancel_deletion
DELETE FROM cheap_deletion WHERE catalog_id = :catalog_id;

-- get_answer
SELECT fingerprint, made, document FROM cheap_answer WHERE answer_id = :answer_id;

-- forget_answers
DELETE FROM cheap_answer WHERE made < :before;

-- list_definitions
SELECT name, document, revision FROM cheap_definition
WHERE catalog_id = :catalog_id ORDER BY position;

-- get_definition
SELECT name, document, revision FROM cheap_definition
WHERE catalog_id = :catalog_id AND name = :name;

-- delete_definition
DELETE FROM cheap_definition WHERE catalog_id = :catalog_id AND name = :name;

-- list_hierarchies
SELECT h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document FROM cheap_hierarchy h
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE h.catalog_id = :catalog_id ORDER BY h.position;

-- get_hierarchies
SELECT h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document FROM cheap_hierarchy h
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE h.catalog_id = :catalog_id AND h.name IN (SELECT value FROM json_each(:names));

-- begin_commit
SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
    h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document
FROM cheap_catalog c
LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND h.name IN (SELECT value FROM json_each(:names))
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE c.catalog_id = :catalog_id;

-- begin_commit_one
SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
    h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document
FROM cheap_catalog c
LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND h.name = :name
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE c.catalog_id = :catalog_id;

-- touch_hierarchy
UPDATE cheap_hierarchy SET revision = :revision
WHERE catalog_id = :catalog_id AND number = :hierarchy;

-- renumber[0]
UPDATE cheap_aspect SET hierarchy = :number WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- renumber[1]
UPDATE cheap_entry SET hierarchy = :number WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- renumber[2]
UPDATE cheap_removal SET hierarchy = :number WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- renumber[3]
UPDATE cheap_property SET hierarchy = :number WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- renumber[4]
UPDATE cheap_piece SET hierarchy = :number WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- renumber[5]
UPDATE cheap_hierarchy SET number = :number WHERE catalog_id = :catalog_id AND number = :hierarchy;

-- set_indexes
UPDATE cheap_hierarchy SET indexes = :indexes
WHERE catalog_id = :catalog_id AND number = :hierarchy;

-- drop_hierarchy[0]
DELETE FROM cheap_aspect WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- drop_hierarchy[1]
DELETE FROM cheap_entry WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- drop_hierarchy[2]
DELETE FROM cheap_removal WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- drop_hierarchy[3]
DELETE FROM cheap_property WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- drop_hierarchy[4]
DELETE FROM cheap_piece WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- drop_hierarchy[5]
DELETE FROM cheap_hierarchy WHERE catalog_id = :catalog_id AND number = :hierarchy;

-- count_aspects
SELECT hierarchy, COUNT(*) FROM cheap_aspect WHERE catalog_id = :catalog_id GROUP BY hierarchy;

-- count_entries
SELECT hierarchy, COUNT(*) FROM cheap_entry WHERE catalog_id = :catalog_id AND (position <> 0 OR entity_id IS NOT NULL) GROUP BY hierarchy;

-- load_aspects
SELECT entity_id, document FROM cheap_aspect
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy ORDER BY position;

-- page_aspects
SELECT entity_id, document, position FROM cheap_aspect
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND position > :after ORDER BY position LIMIT :limit;

-- scan_aspects
SELECT entity_id, document, revision FROM cheap_aspect
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id > :after ORDER BY entity_id LIMIT :limit;

-- get_aspect
SELECT document FROM cheap_aspect
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id = :entity;

-- get_aspects
SELECT entity_id, document FROM cheap_aspect INDEXED BY cheap_aspect_entity
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- known_aspects
SELECT entity_id, revision, pieces FROM cheap_aspect INDEXED BY cheap_aspect_entity
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- known_aspect
SELECT entity_id, revision, pieces FROM cheap_aspect
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id = :entity;

-- delete_aspects
DELETE FROM cheap_aspect WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- find_ascending
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = :catalog_id AND p.hierarchy = :hierarchy
    AND p.property = :property AND p.sort_key >= :low AND p.sort_key <= :high
    AND (p.sort_key, p.entity_id) > (:sort_key, :entity_id)
ORDER BY p.sort_key, p.entity_id LIMIT :limit;

-- find_descending
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = :catalog_id AND p.hierarchy = :hierarchy
    AND p.property = :property AND p.sort_key >= :low AND p.sort_key < :sort_key
ORDER BY p.sort_key DESC LIMIT :limit;

-- find_same_key
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = :catalog_id AND p.hierarchy = :hierarchy
    AND p.property = :property AND p.sort_key = :sort_key AND p.entity_id > :entity_id
ORDER BY p.entity_id LIMIT :limit;

-- find_in_range
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = :catalog_id AND p.hierarchy = :hierarchy
    AND p.property = :property AND p.sort_key >= :low AND p.sort_key <= :high
    AND +p.entity_id > :entity_id
ORDER BY +p.entity_id LIMIT :limit;

-- unindex_aspects
DELETE FROM cheap_property WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND entity_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- drop_index
DELETE FROM cheap_property WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND property = :property;

-- load_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy ORDER BY position;

-- page_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND position > :after AND (position <> 0 OR entity_id IS NOT NULL)
ORDER BY position LIMIT :limit;

-- get_entries
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry INDEXED BY cheap_entry_item
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND item IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- children_of
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry INDEXED BY cheap_entry_parent
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND parent IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- delete_entries
DELETE FROM cheap_entry WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND item IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- count_list
SELECT COUNT(*) FROM cheap_entry WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy;

-- slice_list
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy ORDER BY position LIMIT :limit OFFSET :offset;

-- list_before
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND position < :position ORDER BY position DESC LIMIT :limit;

-- list_from
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND position >= :position ORDER BY position LIMIT :limit;

-- removed_items
SELECT item, revision FROM cheap_removal
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND revision > :revision AND item IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);

-- changed_aspects
SELECT DISTINCT revision FROM cheap_aspect WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND revision > :revision;

-- changed_entries
SELECT DISTINCT revision FROM cheap_entry WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND revision > :revision;

-- removed_entries
SELECT DISTINCT revision FROM cheap_removal WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND revision > :revision;

-- feed_aspects
SELECT revision, hierarchy, position, entity_id, document FROM cheap_aspect
WHERE catalog_id = :catalog_id AND (revision, hierarchy, position) > (:revision, :hierarchy, :position)
ORDER BY revision, hierarchy, position LIMIT :limit;

-- feed_entries
SELECT revision, hierarchy, position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = :catalog_id AND (revision, hierarchy, position) > (:revision, :hierarchy, :position)
ORDER BY revision, hierarchy, position LIMIT :limit;

-- feed_removals
SELECT revision, hierarchy, item, name FROM cheap_removal
WHERE catalog_id = :catalog_id
    AND (revision, hierarchy, item) > (:revision, :hierarchy, :item)
ORDER BY revision, hierarchy, item LIMIT :limit;

-- get_piece
SELECT data FROM cheap_piece
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND value_id = :value_id AND number = :number;

-- get_pieces
SELECT value_id, data FROM cheap_piece
WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND value_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut) ORDER BY value_id, number;

-- delete_pieces
DELETE FROM cheap_piece WHERE catalog_id = :catalog_id AND hierarchy = :hierarchy AND value_id IN (WITH RECURSIVE cut (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM cut WHERE (i + 2) * 16 <= length(:ids)) SELECT substr(:ids, i * 16 + 1, 16) FROM cut);
