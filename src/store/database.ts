/**
 * The SQLite database file of a data directory: made, opened and checked. What it holds is in `store.ts`.
 *
 * Invariants: the caller holds the data directory's lock. A new database is made under another name and renamed when it
 * is complete, so a file called `lunette.db` that is empty, cut short or not ours is damage and never "new"; such a file
 * is left as it is.
 */

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { causeOf, Failure } from '../failure.ts'
import { MIGRATIONS, type Migration, migrate } from './migrations.ts'

/** SQLite's `application_id` of our databases: "LUNE". */
const APPLICATION_ID = 0x4c554e45

/**
 * Open the database at `path`, making it when there is none, with all migrations applied.
 * Errors: `Failure` when it is damaged, not ours, or written by a newer version; the file is then unchanged.
 */
export function openDatabase(path: string, migrations: readonly Migration[] = MIGRATIONS): DatabaseSync {
  if (!existsSync(path)) create(path)
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(path)
    verify(database)
    // Every change is on the disk before it is acknowledged, and a reader such as a backup never blocks it.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    migrate(database, migrations)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof Failure) throw new Failure(`${path} ${error.message}`, { cause: error })
    throw new Failure(
      `${path} cannot be read (${causeOf(error)}): restore it from a backup, or move it away to start anew with new names`,
      { cause: error },
    )
  }
}

function verify(database: DatabaseSync): void {
  const applicationId = Number(database.prepare('PRAGMA application_id').get()?.application_id)
  if (applicationId !== APPLICATION_ID) {
    throw new Failure('is not a database of Lunette: restore it from a backup, or move it away to start anew')
  }
  const finding = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
  if (finding !== 'ok') {
    throw new Failure(`is damaged (${finding}): restore it from a backup, or move it away to start anew with new names`)
  }
}

function create(path: string): void {
  const unfinishedPath = `${path}.new`
  try {
    for (const suffix of ['', '-journal']) rmSync(unfinishedPath + suffix, { force: true })
    closeSync(openSync(unfinishedPath, 'wx', 0o600))
    const database = new DatabaseSync(unfinishedPath)
    database.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID}`)
    database.close()
    renameSync(unfinishedPath, path)
    syncDirectory(dirname(path))
  } catch (error) {
    throw new Failure(`cannot create ${path}: ${causeOf(error)}`, { cause: error })
  }
}

/** Make the names in a directory durable. Windows has no such call and needs none. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
