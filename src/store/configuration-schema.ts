/**
 * The tables of the configuration (`management/configuration.ts`), one for each kind of record and each list in one. What the
 * configuration promises, the schema enforces too: names and numbers that are unique, references that lead somewhere, a portal
 * in at most one group of a target.
 *
 * `disk` has been there before and holds what outlives a LUN: the identity of each file that was ever served. Rows of a table
 * are in the order of their making (`rowid`); `position` is the order in a list.
 */

import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

const TABLES = `
  ALTER TABLE target RENAME TO generated_name;

  CREATE TABLE configuration (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE sub_system (
    id                       INTEGER PRIMARY KEY CHECK (id = 1),
    guid                     TEXT NOT NULL,
    friendly_name            TEXT NOT NULL,
    identification           TEXT NOT NULL,
    status                   TEXT NOT NULL CHECK (status IN ('online', 'offline')),
    has_simple_target_config INTEGER NOT NULL CHECK (has_simple_target_config IN (0, 1))
  ) STRICT;

  CREATE TABLE discovery_user (
    user     TEXT PRIMARY KEY,
    secret   BLOB NOT NULL
  ) STRICT;

  CREATE TABLE discovery_user_initiator (
    user           TEXT NOT NULL REFERENCES discovery_user (user) ON DELETE CASCADE,
    position       INTEGER NOT NULL,
    initiator_name TEXT NOT NULL,
    PRIMARY KEY (user, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE lun (
    id                    TEXT PRIMARY KEY REFERENCES disk (guid),
    origin                TEXT NOT NULL CHECK (origin IN ('managed', 'commandLine')),
    friendly_name         TEXT NOT NULL,
    number                INTEGER NOT NULL,
    format                TEXT NOT NULL CHECK (format = 'raw'),
    device_type           TEXT NOT NULL CHECK (device_type IN ('disk', 'cdDvd')),
    physical_block_bytes  INTEGER NOT NULL,
    is_removable          INTEGER NOT NULL CHECK (is_removable IN (0, 1)),
    is_read_only          INTEGER NOT NULL CHECK (is_read_only IN (0, 1)),
    is_ejected            INTEGER NOT NULL CHECK (is_ejected IN (0, 1)),
    status                TEXT NOT NULL CHECK (status IN ('online', 'offline')),
    is_unmasked_to_all    INTEGER NOT NULL CHECK (is_unmasked_to_all IN (0, 1)),
    is_read_only_to_all   INTEGER NOT NULL CHECK (is_read_only_to_all IN (0, 1))
  ) STRICT;

  CREATE TABLE lun_unmask (
    lun_id   TEXT NOT NULL REFERENCES lun (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('initiators', 'networks', 'readOnlyInitiators')),
    position INTEGER NOT NULL,
    entry    TEXT NOT NULL,
    PRIMARY KEY (lun_id, list, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE portal (
    id      TEXT PRIMARY KEY,
    origin  TEXT NOT NULL CHECK (origin IN ('managed', 'commandLine')),
    host    TEXT NOT NULL,
    port    INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    has_tls INTEGER NOT NULL CHECK (has_tls IN (0, 1)),
    status  TEXT NOT NULL CHECK (status IN ('online', 'offline'))
  ) STRICT;

  CREATE TABLE target (
    id            TEXT PRIMARY KEY,
    origin        TEXT NOT NULL CHECK (origin IN ('managed', 'commandLine')),
    iscsi_name    TEXT NOT NULL UNIQUE,
    friendly_name TEXT NOT NULL,
    shared_secret BLOB
  ) STRICT;

  CREATE TABLE target_lun (
    target_id TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    lun_id    TEXT NOT NULL REFERENCES lun (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    PRIMARY KEY (target_id, lun_id),
    UNIQUE (target_id, number)
  ) STRICT;

  CREATE INDEX target_lun_by_lun ON target_lun (lun_id);

  CREATE TABLE target_chap_user (
    target_id TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    user      TEXT NOT NULL,
    secret    BLOB NOT NULL,
    PRIMARY KEY (target_id, user)
  ) STRICT;

  CREATE TABLE target_chap_user_initiator (
    target_id      TEXT NOT NULL,
    user           TEXT NOT NULL,
    position       INTEGER NOT NULL,
    initiator_name TEXT NOT NULL,
    PRIMARY KEY (target_id, user, position),
    FOREIGN KEY (target_id, user) REFERENCES target_chap_user (target_id, user) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE target_remembered_secret (
    target_id      TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    initiator_name TEXT NOT NULL,
    user           TEXT,
    secret         BLOB NOT NULL,
    PRIMARY KEY (target_id, initiator_name)
  ) STRICT;

  CREATE TABLE portal_group (
    id        TEXT PRIMARY KEY,
    target_id TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,
    tag       INTEGER NOT NULL CHECK (tag BETWEEN 0 AND 65535),
    position  INTEGER NOT NULL,
    UNIQUE (target_id, tag),
    UNIQUE (id, target_id)
  ) STRICT;

  CREATE TABLE portal_group_portal (
    portal_group_id TEXT NOT NULL,
    target_id       TEXT NOT NULL,
    portal_id       TEXT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    PRIMARY KEY (target_id, portal_id),
    FOREIGN KEY (portal_group_id, target_id) REFERENCES portal_group (id, target_id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX portal_group_portal_by_portal ON portal_group_portal (portal_id);

  CREATE TABLE import_target (
    host      TEXT PRIMARY KEY,
    target_id TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE
  ) STRICT;

  CREATE INDEX import_target_by_target ON import_target (target_id);

  CREATE TABLE secrets_key (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    check_text BLOB NOT NULL
  ) STRICT;

  CREATE TABLE doomed_file (
    id   TEXT PRIMARY KEY,
    path TEXT NOT NULL
  ) STRICT;

  CREATE TABLE audit_record (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms      INTEGER NOT NULL,
    actor_name TEXT NOT NULL,
    actor_role TEXT NOT NULL CHECK (actor_role IN ('viewer', 'operator', 'administrator')),
    method     TEXT NOT NULL,
    object_id  TEXT,
    arguments  TEXT NOT NULL,
    hresult    INTEGER NOT NULL,
    message    TEXT
  ) STRICT;
`

/** Make the tables, and a sub-system without objects: what was served before is declared by the command line again. */
export function createConfigurationTables(database: DatabaseSync): void {
  database.exec(TABLES)
  database.exec('INSERT INTO configuration (id, generation) VALUES (1, 0)')
  const guid = randomUUID()
  database
    .prepare(
      `INSERT INTO sub_system (id, guid, friendly_name, identification, status, has_simple_target_config)
       VALUES (1, ?, '', ?, 'online', 0)`,
    )
    .run(guid, guid.replaceAll('-', ''))
}
