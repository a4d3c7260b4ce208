/**
 * "Nobody else uses this": a lock between processes on a disk file or a data directory, because two servers that write
 * the same bytes corrupt them. Node has no flock; SQLite's exclusive lock on a small database beside the thing is the
 * same system call underneath (fcntl, LockFileEx), so the kernel lets go of it when the holder dies, however it dies.
 *
 * Invariants:
 * - The lock is on a file, not on a name: it counts only while the name still leads to the locked file. An orderly stop
 *   removes the file while it is still locked, so whoever waited on the old file notices and starts over.
 * - This process never opens a lock file that it holds except through SQLite: POSIX releases all of a process's locks
 *   on a file as soon as it closes any descriptor of it.
 */

import { closeSync, lstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'

export interface ExclusiveLock {
  /** Remove the lock file and let go. Call once. */
  release(): void
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** Where SQLite's file format keeps `user_version`, in which the holder writes its process id. */
const USER_VERSION_OFFSET_BYTES = 60

/** Two servers that start at the same moment hold each other's first step up for this long at most; one of them wins. */
const BUSY_TIMEOUT_MS = 200

/** Each round means that a holder stopped within the last microseconds; this many in a row does not happen. */
const ATTEMPTS_MAX = 100

/** By path. Also keeps the garbage collector from closing the database, and so from letting go, of a lock that nobody mentions. */
const heldHere = new Map<string, DatabaseSync>()

/**
 * Take the lock at `lockPath`, without waiting for a holder to stop.
 * `subject` names what is locked, for error messages.
 * Errors: `Failure`, naming the subject and, where it can be told, the process that holds it.
 */
export function acquireExclusiveLock(lockPath: string, subject: string): ExclusiveLock {
  if (heldHere.has(lockPath)) throw inUse(subject, process.pid)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const database = tryLock(lockPath, subject)
    if (database === null) continue
    heldHere.set(lockPath, database)
    return {
      release: () => {
        removeWhereTheSystemLets(lockPath)
        database.close()
        heldHere.delete(lockPath)
      },
    }
  }
  throw new Failure(`cannot lock ${subject}: ${lockPath} keeps changing hands`)
}

/** The locked database, or null when the file that got locked is no longer the one at `lockPath`. */
function tryLock(lockPath: string, subject: string): DatabaseSync | null {
  createIfAbsent(lockPath, subject)
  demandRegularFile(lockPath, subject)
  const before = fileIdentity(lockPath)
  if (before === null) return null
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(lockPath, { timeout: BUSY_TIMEOUT_MS })
    // The write takes the exclusive lock, and locking_mode keeps it. The page is one sector, written whole or not at all;
    // it need not outlast the system, which would cost a flush for each of a thousand disks.
    database.exec(
      `PRAGMA page_size = 512; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA user_version = ${process.pid}`,
    )
    if (fileIdentity(lockPath) === before) return database
    database.close()
    return null
  } catch (error) {
    database?.close()
    throw explain(error, lockPath, subject)
  }
}

/** Exclusive creation only: an existing file is never opened here, see the invariant above. */
function createIfAbsent(lockPath: string, subject: string): void {
  try {
    closeSync(openSync(lockPath, 'wx', 0o600))
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return
    throw new Failure(`cannot lock ${subject}: cannot create ${lockPath}: ${causeOf(error)}`, { cause: error })
  }
}

/**
 * SQLite follows symbolic links and would write to whatever somebody who may make files in this directory, such as /tmp,
 * has put there.
 */
function demandRegularFile(lockPath: string, subject: string): void {
  const stat = lstatSync(lockPath, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile()) return
  throw new Failure(
    `cannot lock ${subject}: ${lockPath} is not a lock file of Lunette; remove it if nothing else uses it`,
  )
}

/** Tells a file from another that later has its name and even its inode number; null when there is none. */
function fileIdentity(path: string): string | null {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`
}

function explain(error: unknown, lockPath: string, subject: string): Error {
  switch ((error as { errcode?: number }).errcode) {
    case SQLITE_BUSY:
      return inUse(subject, readHolder(lockPath))
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new Failure(
        `cannot lock ${subject}: ${lockPath} is not a lock file of Lunette; remove it if nothing else uses it`,
        { cause: error },
      )
    default:
      return new Failure(`cannot lock ${subject}: ${lockPath}: ${causeOf(error)}`, { cause: error })
  }
}

function inUse(subject: string, holderPid: number | null): Failure {
  const holder = holderPid === null ? 'another process' : `process ${holderPid}`
  return new Failure(`${subject} is in use by ${holder}: two servers on the same disk would corrupt it`)
}

/** The process id in a lock file that another process holds; null when it cannot be read. */
function readHolder(lockPath: string): number | null {
  const bytes = Buffer.alloc(4)
  try {
    const fd = openSync(lockPath, 'r')
    const bytesRead = readSync(fd, bytes, 0, bytes.length, USER_VERSION_OFFSET_BYTES)
    closeSync(fd)
    return bytesRead === bytes.length && bytes.readUInt32BE(0) !== 0 ? bytes.readUInt32BE(0) : null
  } catch {
    return null
  }
}

/** Windows refuses to remove an open file; a lock file that stays behind is harmless. */
function removeWhereTheSystemLets(lockPath: string): void {
  try {
    unlinkSync(lockPath)
  } catch {
    return
  }
}
