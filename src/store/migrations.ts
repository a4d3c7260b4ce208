/**
 * The store's schema, as the list of changes that led to it. SQLite's `user_version` counts how many of them a database
 * has seen; each runs in one transaction together with that count, so that a crash leaves it done or not begun.
 * Entries are never edited once released: a change to the schema is a new entry at the end.
 */

import type { DatabaseSync } from 'node:sqlite'
import { Failure } from '../failure.ts'
import { createConfigurationTables } from './configuration-schema.ts'

export type Migration = (database: DatabaseSync) => void

export const MIGRATIONS: readonly Migration[] = [
  (database) =>
    database.exec(`
      CREATE TABLE target (
        id   INTEGER PRIMARY KEY CHECK (id = 1),
        name TEXT NOT NULL
      ) STRICT;

      CREATE TABLE disk (
        guid               TEXT PRIMARY KEY,
        path               TEXT NOT NULL UNIQUE,
        serial_number      TEXT NOT NULL UNIQUE,
        naa                BLOB NOT NULL UNIQUE,
        block_length_bytes INTEGER NOT NULL CHECK (block_length_bytes IN (512, 4096))
      ) STRICT;
    `),
  (database) =>
    database.exec(`
      CREATE TABLE disk_state (
        guid  TEXT NOT NULL REFERENCES disk (guid) ON DELETE CASCADE,
        key   TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (guid, key)
      ) STRICT, WITHOUT ROWID;
    `),
  createConfigurationTables,
  (database) =>
    database.exec(`
      CREATE TABLE api_token (
        id              TEXT PRIMARY KEY,
        name            TEXT NOT NULL UNIQUE,
        role            TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
        hash            BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
        created_at_ms   INTEGER NOT NULL,
        last_used_at_ms INTEGER
      ) STRICT;
    `),
  (database) =>
    database.exec(`
      CREATE TABLE lun_growth (
        id         TEXT PRIMARY KEY,
        from_bytes INTEGER NOT NULL,
        to_bytes   INTEGER NOT NULL
      ) STRICT;
    `),
]

/** How many migrations the database has seen. */
export function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version)
}

/** Bring the database up to `migrations`. Errors: `Failure` when it has seen more than these. */
export function migrate(database: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  const version = schemaVersion(database)
  if (version > migrations.length) {
    throw new Failure(
      `was written by a newer Lunette (its schema is version ${version}, this one knows up to ${migrations.length}): use that one`,
    )
  }
  for (let next = version; next < migrations.length; next++) {
    inTransaction(database, () => {
      migrations[next]?.(database)
      database.exec(`PRAGMA user_version = ${next + 1}`)
    })
  }
}

/** Run `change` in one transaction: all of it lasts, or, when it throws, none. */
export function inTransaction<T>(database: DatabaseSync, change: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = change()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
