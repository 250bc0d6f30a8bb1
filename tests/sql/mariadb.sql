-- What mariadb is told. Written by tests/test_golden_sql.py (GOLDEN=write), not by hand, and held
-- against the code in every run of the tests.

-- create cheap_store
CREATE TABLE IF NOT EXISTS cheap_store (
    one BIGINT NOT NULL,
    store_id BINARY(16) NOT NULL,
    schema_version BIGINT NOT NULL,
    PRIMARY KEY (one)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_catalog
CREATE TABLE IF NOT EXISTS cheap_catalog (
    catalog_id BINARY(16) NOT NULL,
    species VARCHAR(255) NOT NULL,
    version LONGTEXT NOT NULL,
    uri LONGTEXT,
    upstream BINARY(16),
    revision BIGINT NOT NULL,
    header_revision BIGINT NOT NULL,
    PRIMARY KEY (catalog_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_definition
CREATE TABLE IF NOT EXISTS cheap_definition (
    catalog_id BINARY(16) NOT NULL,
    name VARCHAR(255) NOT NULL,
    position BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    document LONGTEXT NOT NULL,
    PRIMARY KEY (catalog_id, name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_hierarchy
CREATE TABLE IF NOT EXISTS cheap_hierarchy (
    catalog_id BINARY(16) NOT NULL,
    number BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    type VARCHAR(255) NOT NULL,
    position BIGINT NOT NULL,
    created BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    indexes LONGTEXT NOT NULL,
    PRIMARY KEY (catalog_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_hierarchy, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_hierarchy_name ON cheap_hierarchy (catalog_id, name);

-- create cheap_aspect
CREATE TABLE IF NOT EXISTS cheap_aspect (
    catalog_id BINARY(16) NOT NULL,
    hierarchy BIGINT NOT NULL,
    position BIGINT NOT NULL,
    entity_id BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    pieces BIGINT NOT NULL,
    document LONGTEXT,
    PRIMARY KEY (catalog_id, hierarchy, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_aspect, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_aspect_entity ON cheap_aspect (catalog_id, hierarchy, entity_id);

-- create cheap_aspect, index 2
CREATE INDEX IF NOT EXISTS cheap_aspect_revision ON cheap_aspect (catalog_id, revision, hierarchy, position);

-- create cheap_entry
CREATE TABLE IF NOT EXISTS cheap_entry (
    catalog_id BINARY(16) NOT NULL,
    hierarchy BIGINT NOT NULL,
    position BIGINT NOT NULL,
    item BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    parent BINARY(16),
    name LONGTEXT,
    entity_id BINARY(16),
    PRIMARY KEY (catalog_id, hierarchy, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_entry, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_entry_item ON cheap_entry (catalog_id, hierarchy, item);

-- create cheap_entry, index 2
CREATE INDEX IF NOT EXISTS cheap_entry_revision ON cheap_entry (catalog_id, revision, hierarchy, position);

-- create cheap_entry, index 3
CREATE INDEX IF NOT EXISTS cheap_entry_parent ON cheap_entry (catalog_id, hierarchy, parent, position);

-- create cheap_removal
CREATE TABLE IF NOT EXISTS cheap_removal (
    catalog_id BINARY(16) NOT NULL,
    hierarchy BIGINT NOT NULL,
    item BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    name LONGTEXT,
    PRIMARY KEY (catalog_id, hierarchy, item)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_removal, index 1
CREATE INDEX IF NOT EXISTS cheap_removal_revision ON cheap_removal (catalog_id, revision, hierarchy, item);

-- create cheap_property
CREATE TABLE IF NOT EXISTS cheap_property (
    catalog_id BINARY(16) NOT NULL,
    hierarchy BIGINT NOT NULL,
    property BIGINT NOT NULL,
    sort_key VARBINARY(300) NOT NULL,
    entity_id BINARY(16) NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, property, sort_key, entity_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_property, index 1
CREATE INDEX IF NOT EXISTS cheap_property_entity ON cheap_property (catalog_id, hierarchy, entity_id);

-- create cheap_piece
CREATE TABLE IF NOT EXISTS cheap_piece (
    catalog_id BINARY(16) NOT NULL,
    hierarchy BIGINT NOT NULL,
    value_id BINARY(16) NOT NULL,
    number BIGINT NOT NULL,
    data LONGBLOB NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, value_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_deletion
CREATE TABLE IF NOT EXISTS cheap_deletion (
    catalog_id BINARY(16) NOT NULL,
    due BIGINT NOT NULL,
    PRIMARY KEY (catalog_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_deletion, index 1
CREATE INDEX IF NOT EXISTS cheap_deletion_due ON cheap_deletion (due);

-- create cheap_answer
CREATE TABLE IF NOT EXISTS cheap_answer (
    answer_id BINARY(16) NOT NULL,
    fingerprint BINARY(16) NOT NULL,
    made BIGINT NOT NULL,
    document LONGBLOB NOT NULL,
    PRIMARY KEY (answer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- create cheap_answer, index 1
CREATE INDEX IF NOT EXISTS cheap_answer_made ON cheap_answer (made);

-- inserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) VALUES;

-- inserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) VALUES;

-- inserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) VALUES;

-- inserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) VALUES;

-- inserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) VALUES;

-- inserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) VALUES;

-- inserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) VALUES;

-- inserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) VALUES;

-- inserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) VALUES;

-- inserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) VALUES;

-- inserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) VALUES;

-- upserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) VALUES
ON DUPLICATE KEY UPDATE one = VALUES(one);

-- upserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) VALUES
ON DUPLICATE KEY UPDATE species = VALUES(species), version = VALUES(version), uri = VALUES(uri), upstream = VALUES(upstream), revision = VALUES(revision), header_revision = VALUES(header_revision);

-- upserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) VALUES
ON DUPLICATE KEY UPDATE revision = VALUES(revision), document = VALUES(document);

-- upserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) VALUES
ON DUPLICATE KEY UPDATE type = VALUES(type), position = VALUES(position), created = VALUES(created), revision = VALUES(revision), indexes = VALUES(indexes);

-- upserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) VALUES
ON DUPLICATE KEY UPDATE revision = VALUES(revision), pieces = VALUES(pieces), document = VALUES(document);

-- upserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) VALUES
ON DUPLICATE KEY UPDATE revision = VALUES(revision), parent = VALUES(parent), name = VALUES(name), entity_id = VALUES(entity_id);

-- upserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) VALUES
ON DUPLICATE KEY UPDATE revision = VALUES(revision), name = VALUES(name);

-- upserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) VALUES
ON DUPLICATE KEY UPDATE catalog_id = VALUES(catalog_id);

-- upserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) VALUES
ON DUPLICATE KEY UPDATE data = VALUES(data);

-- upserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) VALUES
ON DUPLICATE KEY UPDATE due = VALUES(due);

-- upserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) VALUES
ON DUPLICATE KEY UPDATE fingerprint = VALUES(fingerprint), made = VALUES(made), document = VALUES(document);

-- get_store
SELECT store_id, schema_version FROM cheap_store;

-- lock_store
UPDATE cheap_store SET schema_version = schema_version;

-- set_version
UPDATE cheap_store SET schema_version = %(version)s WHERE schema_version < %(version)s;

-- get_catalog
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog WHERE catalog_id = %(catalog_id)s;

-- list_catalogs
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog
WHERE catalog_id > %(after)s ORDER BY catalog_id LIMIT %(limit)s;

-- list_catalogs_of
SELECT catalog_id, species, version, uri, upstream, revision, header_revision FROM cheap_catalog
WHERE catalog_id > %(after)s AND species = %(species)s ORDER BY catalog_id LIMIT %(limit)s;

-- raise_revision
UPDATE cheap_catalog SET revision = revision + 1 WHERE catalog_id = %(catalog_id)s;

-- lock_catalog
UPDATE cheap_catalog SET revision = revision WHERE catalog_id = %(catalog_id)s;

-- set_header
UPDATE cheap_catalog SET version = %(version)s, uri = %(uri)s, header_revision = %(revision)s
WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[0]
DELETE FROM cheap_aspect WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[1]
DELETE FROM cheap_entry WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[2]
DELETE FROM cheap_removal WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[3]
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[4]
DELETE FROM cheap_piece WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[5]
DELETE FROM cheap_hierarchy WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[6]
DELETE FROM cheap_definition WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[7]
DELETE FROM cheap_deletion WHERE catalog_id = %(catalog_id)s;

-- delete_catalog[8]
DELETE FROM cheap_catalog WHERE catalog_id = %(catalog_id)s;

-- due_deletions
SELECT catalog_id FROM cheap_deletion WHERE due <= %(now)s ORDER BY due, catalog_id;

-- cancel_deletion
DELETE FROM cheap_deletion WHERE catalog_id = %(catalog_id)s;

-- get_answer
SELECT fingerprint, made, document FROM cheap_answer WHERE answer_id = %(answer_id)s;

-- forget_answers
DELETE FROM cheap_answer WHERE made < %(before)s;

-- list_definitions
SELECT name, document, revision FROM cheap_definition
WHERE catalog_id = %(catalog_id)s ORDER BY position;

-- get_definition
SELECT name, document, revision FROM cheap_definition
WHERE catalog_id = %(catalog_id)s AND name = %(name)s;

-- delete_definition
DELETE FROM cheap_definition WHERE catalog_id = %(catalog_id)s AND name = %(name)s;

-- list_hierarchies
SELECT h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document FROM cheap_hierarchy h
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE h.catalog_id = %(catalog_id)s ORDER BY h.position;

-- get_hierarchies
SELECT h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document FROM cheap_hierarchy h
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE h.catalog_id = %(catalog_id)s AND h.name IN %(names)s;

-- begin_commit
SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
    h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document
FROM cheap_catalog c
LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND h.name IN %(names)s
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE c.catalog_id = %(catalog_id)s;

-- begin_commit_one
SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
    h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document
FROM cheap_catalog c
LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND h.name = %(name)s
LEFT JOIN cheap_definition d
    ON d.catalog_id = h.catalog_id AND d.name = h.name AND h.type = 'AM'
WHERE c.catalog_id = %(catalog_id)s;

-- touch_hierarchy
UPDATE cheap_hierarchy SET revision = %(revision)s
WHERE catalog_id = %(catalog_id)s AND number = %(hierarchy)s;

-- renumber[0]
UPDATE cheap_aspect SET hierarchy = %(number)s WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- renumber[1]
UPDATE cheap_entry SET hierarchy = %(number)s WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- renumber[2]
UPDATE cheap_removal SET hierarchy = %(number)s WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- renumber[3]
UPDATE cheap_property SET hierarchy = %(number)s WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- renumber[4]
UPDATE cheap_piece SET hierarchy = %(number)s WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- renumber[5]
UPDATE cheap_hierarchy SET number = %(number)s WHERE catalog_id = %(catalog_id)s AND number = %(hierarchy)s;

-- set_indexes
UPDATE cheap_hierarchy SET indexes = %(indexes)s
WHERE catalog_id = %(catalog_id)s AND number = %(hierarchy)s;

-- drop_hierarchy[0]
DELETE FROM cheap_aspect WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- drop_hierarchy[1]
DELETE FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- drop_hierarchy[2]
DELETE FROM cheap_removal WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- drop_hierarchy[3]
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- drop_hierarchy[4]
DELETE FROM cheap_piece WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- drop_hierarchy[5]
DELETE FROM cheap_hierarchy WHERE catalog_id = %(catalog_id)s AND number = %(hierarchy)s;

-- count_aspects
SELECT hierarchy, COUNT(*) FROM cheap_aspect WHERE catalog_id = %(catalog_id)s GROUP BY hierarchy;

-- count_entries
SELECT hierarchy, COUNT(*) FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND (position <> 0 OR entity_id IS NOT NULL) GROUP BY hierarchy;

-- load_aspects
SELECT entity_id, document FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s ORDER BY position;

-- page_aspects
SELECT entity_id, document, position FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND position > %(after)s ORDER BY position LIMIT %(limit)s;

-- scan_aspects
SELECT entity_id, document, revision FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id > %(after)s ORDER BY entity_id LIMIT %(limit)s;

-- get_aspect
SELECT document FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = %(entity)s;

-- get_aspects
SELECT entity_id, document FROM cheap_aspect FORCE INDEX (cheap_aspect_entity)
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id IN %(ids)s;

-- known_aspects
SELECT entity_id, revision, pieces FROM cheap_aspect FORCE INDEX (cheap_aspect_entity)
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id IN %(ids)s;

-- known_aspect
SELECT entity_id, revision, pieces FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = %(entity)s;

-- delete_aspects
DELETE FROM cheap_aspect WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id IN %(ids)s;

-- find_ascending
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = %(catalog_id)s AND p.hierarchy = %(hierarchy)s
    AND p.property = %(property)s AND p.sort_key >= %(low)s AND p.sort_key <= %(high)s
    AND ((p.sort_key > %(sort_key)s) OR (p.sort_key = %(sort_key)s AND p.entity_id > %(entity_id)s))
ORDER BY p.sort_key, p.entity_id LIMIT %(limit)s;

-- find_descending
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = %(catalog_id)s AND p.hierarchy = %(hierarchy)s
    AND p.property = %(property)s AND p.sort_key >= %(low)s AND p.sort_key < %(sort_key)s
ORDER BY p.sort_key DESC LIMIT %(limit)s;

-- find_same_key
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = %(catalog_id)s AND p.hierarchy = %(hierarchy)s
    AND p.property = %(property)s AND p.sort_key = %(sort_key)s AND p.entity_id > %(entity_id)s
ORDER BY p.entity_id LIMIT %(limit)s;

-- find_in_range
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = %(catalog_id)s AND p.hierarchy = %(hierarchy)s
    AND p.property = %(property)s AND p.sort_key >= %(low)s AND p.sort_key <= %(high)s
    AND p.entity_id > %(entity_id)s
ORDER BY p.entity_id LIMIT %(limit)s;

-- unindex_aspects
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id IN %(ids)s;

-- drop_index
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND property = %(property)s;

-- load_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s ORDER BY position;

-- page_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND position > %(after)s AND (position <> 0 OR entity_id IS NOT NULL)
ORDER BY position LIMIT %(limit)s;

-- get_entries
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry FORCE INDEX (cheap_entry_item)
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND item IN %(ids)s;

-- children_of
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry FORCE INDEX (cheap_entry_parent)
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND parent IN %(ids)s;

-- delete_entries
DELETE FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND item IN %(ids)s;

-- count_list
SELECT COUNT(*) FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s;

-- slice_list
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s ORDER BY position LIMIT %(limit)s OFFSET %(offset)s;

-- list_before
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND position < %(position)s ORDER BY position DESC LIMIT %(limit)s;

-- list_from
SELECT position, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND position >= %(position)s ORDER BY position LIMIT %(limit)s;

-- removed_items
SELECT item, revision FROM cheap_removal
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s AND item IN %(ids)s;

-- changed_aspects
SELECT DISTINCT revision FROM cheap_aspect WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- changed_entries
SELECT DISTINCT revision FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- removed_entries
SELECT DISTINCT revision FROM cheap_removal WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- feed_aspects
SELECT revision, hierarchy, position, entity_id, document FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND ((revision > %(revision)s) OR (revision = %(revision)s AND hierarchy > %(hierarchy)s) OR (revision = %(revision)s AND hierarchy = %(hierarchy)s AND position > %(position)s))
ORDER BY revision, hierarchy, position LIMIT %(limit)s;

-- feed_entries
SELECT revision, hierarchy, position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND ((revision > %(revision)s) OR (revision = %(revision)s AND hierarchy > %(hierarchy)s) OR (revision = %(revision)s AND hierarchy = %(hierarchy)s AND position > %(position)s))
ORDER BY revision, hierarchy, position LIMIT %(limit)s;

-- feed_removals
SELECT revision, hierarchy, item, name FROM cheap_removal
WHERE catalog_id = %(catalog_id)s
    AND ((revision > %(revision)s) OR (revision = %(revision)s AND hierarchy > %(hierarchy)s) OR (revision = %(revision)s AND hierarchy = %(hierarchy)s AND item > %(item)s))
ORDER BY revision, hierarchy, item LIMIT %(limit)s;

-- get_piece
SELECT data FROM cheap_piece
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id = %(value_id)s AND number = %(number)s;

-- get_pieces
SELECT value_id, data FROM cheap_piece
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id IN %(ids)s ORDER BY value_id, number;

-- delete_pieces
DELETE FROM cheap_piece WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id IN %(ids)s;
