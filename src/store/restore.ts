/**
 * Putting a backup in the place of the store of a server that is not running. Nothing changes unless the backup is whole and
 * the key of its secrets is there; what was there before is kept beside it.
 */

import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { causeOf, Failure } from '../failure.ts'
import { acquireDataDirectory } from './data-directory.ts'
import { openDatabase, syncDirectory } from './database.ts'
import { Secrets } from './secrets.ts'
import { DATABASE_FILE_NAME } from './store.ts'

/**
 * Replace the store in `dataDirectory` by the backup at `backupPath`. Returns where the replaced one is kept, null when there
 * was none. Errors: `Failure`; then nothing has changed.
 */
export function restoreBackup(dataDirectory: string, backupPath: string): string | null {
  const { path, lock } = acquireDataDirectory(dataDirectory)
  const databasePath = join(path, DATABASE_FILE_NAME)
  const incomingPath = `${databasePath}.restoring`
  try {
    copyDurably(backupPath, incomingPath)
    prepareBackup(incomingPath, path)
    const replacedPath = keepReplaced(databasePath)
    renameSync(incomingPath, databasePath)
    syncDirectory(path)
    return replacedPath
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`cannot restore ${backupPath}: ${causeOf(error)}`, { cause: error })
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(incomingPath + suffix, { force: true })
    lock.release()
  }
}

function copyDurably(from: string, to: string): void {
  rmSync(to, { force: true })
  copyFileSync(from, to, constants.COPYFILE_EXCL)
  const fd = openSync(to, 'r+')
  try {
    fchmodSync(fd, 0o600)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Opening applies migrations to the copy; closing it leaves one file without a log beside it. What was doomed then may have
 * become a LUN since: a file that the backup does not know is left alone, because it may hold the only copy of somebody's data.
 * For the same reason no LUN shrinks that was about to grow.
 */
function prepareBackup(path: string, dataDirectory: string): void {
  const database = openDatabase(path)
  try {
    new Secrets(database, dataDirectory).verify()
    database.exec('DELETE FROM doomed_file; DELETE FROM lun_growth')
  } finally {
    database.close()
  }
}

/**
 * A write-ahead log that is left beside the old database would be taken for the new one's: it goes into the old one first, or
 * with it.
 */
function keepReplaced(databasePath: string): string | null {
  if (!existsSync(databasePath)) return null
  try {
    openDatabase(databasePath).close()
  } catch (error) {
    // A damaged store is what backups are for.
    if (!(error instanceof Failure)) throw error
  }
  const replacedPath = freeName(`${databasePath}.replaced`)
  linkSync(databasePath, replacedPath)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(databasePath + suffix)) renameSync(databasePath + suffix, replacedPath + suffix)
  }
  return basename(replacedPath)
}

function freeName(path: string): string {
  for (let number = 1; ; number++) {
    const candidate = `${path}-${number}`
    if (!existsSync(candidate)) return candidate
  }
}
