-- What postgres is told. Written by tests/test_golden_sql.py (GOLDEN=write), not by hand, and held
-- against the code in every run of the tests.

-- create cheap_store
CREATE TABLE IF NOT EXISTS cheap_store (
    one bigint NOT NULL,
    store_id bytea NOT NULL,
    schema_version bigint NOT NULL,
    PRIMARY KEY (one)
);

-- create cheap_catalog
CREATE TABLE IF NOT EXISTS cheap_catalog (
    catalog_id bytea NOT NULL,
    species text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    uri text COLLATE "C",
    upstream bytea,
    revision bigint NOT NULL,
    header_revision bigint NOT NULL,
    PRIMARY KEY (catalog_id)
);

-- create cheap_definition
CREATE TABLE IF NOT EXISTS cheap_definition (
    catalog_id bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    revision bigint NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (catalog_id, name)
);

-- create cheap_hierarchy
CREATE TABLE IF NOT EXISTS cheap_hierarchy (
    catalog_id bytea NOT NULL,
    number bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    created bigint NOT NULL,
    revision bigint NOT NULL,
    indexes json NOT NULL,
    PRIMARY KEY (catalog_id, number)
);

-- create cheap_hierarchy, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_hierarchy_name ON cheap_hierarchy (catalog_id, name);

-- create cheap_aspect
CREATE TABLE IF NOT EXISTS cheap_aspect (
    catalog_id bytea NOT NULL,
    hierarchy bigint NOT NULL,
    position bigint NOT NULL,
    entity_id bytea NOT NULL,
    revision bigint NOT NULL,
    pieces bigint NOT NULL,
    document json,
    PRIMARY KEY (catalog_id, hierarchy, position)
);

-- create cheap_aspect, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_aspect_entity ON cheap_aspect (catalog_id, hierarchy, entity_id);

-- create cheap_aspect, index 2
CREATE INDEX IF NOT EXISTS cheap_aspect_revision ON cheap_aspect (catalog_id, revision, hierarchy, position);

-- create cheap_entry
CREATE TABLE IF NOT EXISTS cheap_entry (
    catalog_id bytea NOT NULL,
    hierarchy bigint NOT NULL,
    position bigint NOT NULL,
    item bytea NOT NULL,
    revision bigint NOT NULL,
    parent bytea,
    name text COLLATE "C",
    entity_id bytea,
    PRIMARY KEY (catalog_id, hierarchy, position)
);

-- create cheap_entry, index 1
CREATE UNIQUE INDEX IF NOT EXISTS cheap_entry_item ON cheap_entry (catalog_id, hierarchy, item);

-- create cheap_entry, index 2
CREATE INDEX IF NOT EXISTS cheap_entry_revision ON cheap_entry (catalog_id, revision, hierarchy, position);

-- create cheap_entry, index 3
CREATE INDEX IF NOT EXISTS cheap_entry_parent ON cheap_entry (catalog_id, hierarchy, parent, position);

-- create cheap_removal
CREATE TABLE IF NOT EXISTS cheap_removal (
    catalog_id bytea NOT NULL,
    hierarchy bigint NOT NULL,
    item bytea NOT NULL,
    revision bigint NOT NULL,
    name text COLLATE "C",
    PRIMARY KEY (catalog_id, hierarchy, item)
);

-- create cheap_removal, index 1
CREATE INDEX IF NOT EXISTS cheap_removal_revision ON cheap_removal (catalog_id, revision, hierarchy, item);

-- create cheap_property
CREATE TABLE IF NOT EXISTS cheap_property (
    catalog_id bytea NOT NULL,
    hierarchy bigint NOT NULL,
    property bigint NOT NULL,
    sort_key bytea NOT NULL,
    entity_id bytea NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, property, sort_key, entity_id)
);

-- create cheap_property, index 1
CREATE INDEX IF NOT EXISTS cheap_property_entity ON cheap_property (catalog_id, hierarchy, entity_id);

-- create cheap_piece
CREATE TABLE IF NOT EXISTS cheap_piece (
    catalog_id bytea NOT NULL,
    hierarchy bigint NOT NULL,
    value_id bytea NOT NULL,
    number bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (catalog_id, hierarchy, value_id, number)
);

-- create cheap_deletion
CREATE TABLE IF NOT EXISTS cheap_deletion (
    catalog_id bytea NOT NULL,
    due bigint NOT NULL,
    PRIMARY KEY (catalog_id)
);

-- create cheap_deletion, index 1
CREATE INDEX IF NOT EXISTS cheap_deletion_due ON cheap_deletion (due);

-- create cheap_answer
CREATE TABLE IF NOT EXISTS cheap_answer (
    answer_id bytea NOT NULL,
    fingerprint bytea NOT NULL,
    made bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (answer_id)
);

-- create cheap_answer, index 1
CREATE INDEX IF NOT EXISTS cheap_answer_made ON cheap_answer (made);

-- inserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) SELECT unnest(%(one)b::bigint[]), unnest(%(store_id)b::bytea[]), unnest(%(schema_version)b::bigint[]);

-- inserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(species)b::text[]), unnest(%(version)b::text[]), unnest(%(uri)b::text[]), unnest(%(upstream)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(header_revision)b::bigint[]);

-- inserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(name)b::text[]), unnest(%(position)b::bigint[]), unnest(%(revision)b::bigint[]), unnest(%(document)b::text[])::json;

-- inserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(number)b::bigint[]), unnest(%(name)b::text[]), unnest(%(type)b::text[]), unnest(%(position)b::bigint[]), unnest(%(created)b::bigint[]), unnest(%(revision)b::bigint[]), unnest(%(indexes)b::text[])::json;

-- inserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(position)b::bigint[]), unnest(%(entity_id)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(pieces)b::bigint[]), unnest(%(document)b::text[])::json;

-- inserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(position)b::bigint[]), unnest(%(item)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(parent)b::bytea[]), unnest(%(name)b::text[]), unnest(%(entity_id)b::bytea[]);

-- inserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(item)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(name)b::text[]);

-- inserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(property)b::bigint[]), unnest(%(sort_key)b::bytea[]), unnest(%(entity_id)b::bytea[]);

-- inserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(value_id)b::bytea[]), unnest(%(number)b::bigint[]), unnest(%(data)b::bytea[]);

-- inserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(due)b::bigint[]);

-- inserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) SELECT unnest(%(answer_id)b::bytea[]), unnest(%(fingerprint)b::bytea[]), unnest(%(made)b::bigint[]), unnest(%(document)b::bytea[]);

-- upserts[cheap_store]
INSERT INTO cheap_store (one, store_id, schema_version) SELECT unnest(%(one)b::bigint[]), unnest(%(store_id)b::bytea[]), unnest(%(schema_version)b::bigint[])
ON CONFLICT (one) DO NOTHING;

-- upserts[cheap_catalog]
INSERT INTO cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(species)b::text[]), unnest(%(version)b::text[]), unnest(%(uri)b::text[]), unnest(%(upstream)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(header_revision)b::bigint[])
ON CONFLICT (catalog_id) DO UPDATE SET species = excluded.species, version = excluded.version, uri = excluded.uri, upstream = excluded.upstream, revision = excluded.revision, header_revision = excluded.header_revision;

-- upserts[cheap_definition]
INSERT INTO cheap_definition (catalog_id, name, position, revision, document) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(name)b::text[]), unnest(%(position)b::bigint[]), unnest(%(revision)b::bigint[]), unnest(%(document)b::text[])::json
ON CONFLICT (catalog_id, name) DO UPDATE SET revision = excluded.revision, document = excluded.document;

-- upserts[cheap_hierarchy]
INSERT INTO cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(number)b::bigint[]), unnest(%(name)b::text[]), unnest(%(type)b::text[]), unnest(%(position)b::bigint[]), unnest(%(created)b::bigint[]), unnest(%(revision)b::bigint[]), unnest(%(indexes)b::text[])::json
ON CONFLICT (catalog_id, name) DO UPDATE SET type = excluded.type, position = excluded.position, created = excluded.created, revision = excluded.revision, indexes = excluded.indexes;

-- upserts[cheap_aspect]
INSERT INTO cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(position)b::bigint[]), unnest(%(entity_id)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(pieces)b::bigint[]), unnest(%(document)b::text[])::json
ON CONFLICT (catalog_id, hierarchy, entity_id) DO UPDATE SET revision = excluded.revision, pieces = excluded.pieces, document = excluded.document;

-- upserts[cheap_entry]
INSERT INTO cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(position)b::bigint[]), unnest(%(item)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(parent)b::bytea[]), unnest(%(name)b::text[]), unnest(%(entity_id)b::bytea[])
ON CONFLICT (catalog_id, hierarchy, item) DO UPDATE SET revision = excluded.revision, parent = excluded.parent, name = excluded.name, entity_id = excluded.entity_id;

-- upserts[cheap_removal]
INSERT INTO cheap_removal (catalog_id, hierarchy, item, revision, name) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(item)b::bytea[]), unnest(%(revision)b::bigint[]), unnest(%(name)b::text[])
ON CONFLICT (catalog_id, hierarchy, item) DO UPDATE SET revision = excluded.revision, name = excluded.name;

-- upserts[cheap_property]
INSERT INTO cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(property)b::bigint[]), unnest(%(sort_key)b::bytea[]), unnest(%(entity_id)b::bytea[])
ON CONFLICT (catalog_id, hierarchy, property, sort_key, entity_id) DO NOTHING;

-- upserts[cheap_piece]
INSERT INTO cheap_piece (catalog_id, hierarchy, value_id, number, data) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(hierarchy)b::bigint[]), unnest(%(value_id)b::bytea[]), unnest(%(number)b::bigint[]), unnest(%(data)b::bytea[])
ON CONFLICT (catalog_id, hierarchy, value_id, number) DO UPDATE SET data = excluded.data;

-- upserts[cheap_deletion]
INSERT INTO cheap_deletion (catalog_id, due) SELECT unnest(%(catalog_id)b::bytea[]), unnest(%(due)b::bigint[])
ON CONFLICT (catalog_id) DO UPDATE SET due = excluded.due;

-- upserts[cheap_answer]
INSERT INTO cheap_answer (answer_id, fingerprint, made, document) SELECT unnest(%(answer_id)b::bytea[]), unnest(%(fingerprint)b::bytea[]), unnest(%(made)b::bigint[]), unnest(%(document)b::bytea[])
ON CONFLICT (answer_id) DO UPDATE SET fingerprint = excluded.fingerprint, made = excluded.made, document = excluded.document;

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
WHERE h.catalog_id = %(catalog_id)s AND h.name = ANY(%(names)b::text[]);

-- begin_commit
SELECT c.species, c.revision, c.version, c.uri, c.header_revision,
    h.number, h.name, h.type, h.created, h.revision, h.indexes, d.document
FROM cheap_catalog c
LEFT JOIN cheap_hierarchy h ON h.catalog_id = c.catalog_id AND h.name = ANY(%(names)b::text[])
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
SELECT entity_id, document FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = ANY(%(ids)b::bytea[]);

-- known_aspects
SELECT entity_id, revision, pieces FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = ANY(%(ids)b::bytea[]);

-- known_aspect
SELECT entity_id, revision, pieces FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = %(entity)s;

-- delete_aspects
DELETE FROM cheap_aspect WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = ANY(%(ids)b::bytea[]);

-- find_ascending
SELECT p.sort_key, a.entity_id, a.document
FROM cheap_property p
JOIN cheap_aspect a ON a.catalog_id = p.catalog_id AND a.hierarchy = p.hierarchy
    AND a.entity_id = p.entity_id
WHERE p.catalog_id = %(catalog_id)s AND p.hierarchy = %(hierarchy)s
    AND p.property = %(property)s AND p.sort_key >= %(low)s AND p.sort_key <= %(high)s
    AND (p.sort_key, p.entity_id) > (%(sort_key)s, %(entity_id)s)
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
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND entity_id = ANY(%(ids)b::bytea[]);

-- drop_index
DELETE FROM cheap_property WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND property = %(property)s;

-- load_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s ORDER BY position;

-- page_entries
SELECT position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND position > %(after)s AND (position <> 0 OR entity_id IS NOT NULL)
ORDER BY position LIMIT %(limit)s;

-- get_entries
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND item = ANY(%(ids)b::bytea[]);

-- children_of
SELECT position, item, parent, name, entity_id, revision FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND parent = ANY(%(ids)b::bytea[]);

-- delete_entries
DELETE FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND item = ANY(%(ids)b::bytea[]);

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
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s AND item = ANY(%(ids)b::bytea[]);

-- changed_aspects
SELECT DISTINCT revision FROM cheap_aspect WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- changed_entries
SELECT DISTINCT revision FROM cheap_entry WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- removed_entries
SELECT DISTINCT revision FROM cheap_removal WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND revision > %(revision)s;

-- feed_aspects
SELECT revision, hierarchy, position, entity_id, document FROM cheap_aspect
WHERE catalog_id = %(catalog_id)s AND (revision, hierarchy, position) > (%(revision)s, %(hierarchy)s, %(position)s)
ORDER BY revision, hierarchy, position LIMIT %(limit)s;

-- feed_entries
SELECT revision, hierarchy, position, item, parent, name, entity_id FROM cheap_entry
WHERE catalog_id = %(catalog_id)s AND (revision, hierarchy, position) > (%(revision)s, %(hierarchy)s, %(position)s)
ORDER BY revision, hierarchy, position LIMIT %(limit)s;

-- feed_removals
SELECT revision, hierarchy, item, name FROM cheap_removal
WHERE catalog_id = %(catalog_id)s
    AND (revision, hierarchy, item) > (%(revision)s, %(hierarchy)s, %(item)s)
ORDER BY revision, hierarchy, item LIMIT %(limit)s;

-- get_piece
SELECT data FROM cheap_piece
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id = %(value_id)s AND number = %(number)s;

-- get_pieces
SELECT value_id, data FROM cheap_piece
WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id = ANY(%(ids)b::bytea[]) ORDER BY value_id, number;

-- delete_pieces
DELETE FROM cheap_piece WHERE catalog_id = %(catalog_id)s AND hierarchy = %(hierarchy)s AND value_id = ANY(%(ids)b::bytea[]);

-- copies[cheap_store]
COPY cheap_store (one, store_id, schema_version) FROM STDIN (FORMAT BINARY);

-- copies[cheap_catalog]
COPY cheap_catalog (catalog_id, species, version, uri, upstream, revision, header_revision) FROM STDIN (FORMAT BINARY);

-- copies[cheap_definition]
COPY cheap_definition (catalog_id, name, position, revision, document) FROM STDIN (FORMAT BINARY);

-- copies[cheap_hierarchy]
COPY cheap_hierarchy (catalog_id, number, name, type, position, created, revision, indexes) FROM STDIN (FORMAT BINARY);

-- copies[cheap_aspect]
COPY cheap_aspect (catalog_id, hierarchy, position, entity_id, revision, pieces, document) FROM STDIN (FORMAT BINARY);

-- copies[cheap_entry]
COPY cheap_entry (catalog_id, hierarchy, position, item, revision, parent, name, entity_id) FROM STDIN (FORMAT BINARY);

-- copies[cheap_removal]
COPY cheap_removal (catalog_id, hierarchy, item, revision, name) FROM STDIN (FORMAT BINARY);

-- copies[cheap_property]
COPY cheap_property (catalog_id, hierarchy, property, sort_key, entity_id) FROM STDIN (FORMAT BINARY);

-- copies[cheap_piece]
COPY cheap_piece (catalog_id, hierarchy, value_id, number, data) FROM STDIN (FORMAT BINARY);

-- copies[cheap_deletion]
COPY cheap_deletion (catalog_id, due) FROM STDIN (FORMAT BINARY);

-- copies[cheap_answer]
COPY cheap_answer (answer_id, fingerprint, made, document) FROM STDIN (FORMAT BINARY);
