/**
 * The file behind a LUN, while it is served: checked, locked against other servers, opened, and closed again with all
 * that was written on the medium.
 */

import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { BackingStore } from '../../scsi/backing/backing-store.ts'
import { CheckedStore } from '../../scsi/backing/checked.ts'
import { DiskFileError } from '../../scsi/backing/disk-file.ts'
import { openRawFile } from '../../scsi/backing/raw-file.ts'
import { causeOf, Failure } from '../failure.ts'
import type { LunRecord } from '../management/configuration.ts'
import { DataPlaneError } from '../management/data-plane.ts'
import { acquireExclusiveLock, type ExclusiveLock } from '../store/exclusive-lock.ts'
import { deleteFile } from './storage.ts'

export interface LunFile {
  readonly path: string
  readonly store: BackingStore
  /** Write out what is cached, close, and let others have the file. Errors: `Failure`; it is closed nevertheless. */
  close(): Promise<void>
}

export interface LunFileOptions {
  readonly dataDirectory: string
  /** Files (absolute) that are locked for us already, as long as the server runs. */
  readonly lockedPaths: ReadonlySet<string>
  /** Of these the ones that a LUN has that may be written. */
  readonly claimedPaths: Set<string>
  readonly onViolation: (message: string, path: string) => void
}

/** Where the file of a LUN is. */
export function lunPath({ path }: Pick<LunRecord, 'path'>, dataDirectory: string): string {
  return resolve(dataDirectory, path)
}

/** Initiators cannot change what is on it, and other servers may read it too. */
export function isOnlyRead({ isReadOnly, deviceType }: LunRecord): boolean {
  return isReadOnly || deviceType === 'cdDvd'
}

/** Errors: `Failure` with a sentence for the administrator; then nothing is left open or locked. */
export async function openLunFile(record: LunRecord, options: LunFileOptions): Promise<LunFile> {
  const path = lunPath(record, options.dataDirectory)
  const isReadOnly = isOnlyRead(record)
  demandServable(path, record.blockLengthBytes, isReadOnly)
  const lock = isReadOnly ? null : lockFile(path, options)
  try {
    const file = await openRawFile(path, { isReadOnly })
    const store = new CheckedStore(file, (violation) => options.onViolation(violation, path))
    return { path, store, close: () => close(path, store, lock) }
  } catch (error) {
    lock?.release()
    throw error instanceof DiskFileError ? new Failure(error.message, { cause: error }) : error
  }
}

/**
 * Delete a file that no LUN has any more, and its lock, also one that a process that was killed has left behind.
 * Errors: `DataPlaneError`.
 */
export async function deleteLunFile(path: string): Promise<void> {
  if (!existsSync(dirname(path))) return
  let lock: ExclusiveLock
  try {
    lock = lockAgainstOthers(path)
  } catch (error) {
    throw new DataPlaneError('inUse', causeOf(error), { cause: error })
  }
  try {
    await deleteFile(path)
  } finally {
    lock.release()
  }
}

/** A hidden name next to the file, by which every server knows that it is in use. */
function lockFile(path: string, { lockedPaths, claimedPaths }: LunFileOptions): ExclusiveLock {
  if (lockedPaths.has(path)) {
    if (claimedPaths.has(path)) throw new Failure(`${path} is another LUN already: one file cannot be two LUNs`)
    claimedPaths.add(path)
    return { release: () => void claimedPaths.delete(path) }
  }
  return lockAgainstOthers(path)
}

/** Errors: `Failure` when another server uses the file, or this one does. */
function lockAgainstOthers(path: string): ExclusiveLock {
  return acquireExclusiveLock(join(dirname(path), `.${basename(path)}.lunette-lock`), path)
}

/** Errors: `Failure` for what must not be served, whoever has put it there. */
function demandServable(path: string, blockLengthBytes: number, isReadOnly: boolean): void {
  const stat = statOf(path)
  if (!stat.isFile()) throw new Failure(`cannot serve ${path}: only regular files are served`)
  if (stat.size === 0) throw new Failure(`cannot serve ${path}: it is empty`)
  if (!isReadOnly && stat.nlink > 1) {
    throw new Failure(
      `cannot serve ${path}: it has ${stat.nlink} names (hard links), and another server could use it under another one`,
    )
  }
  if (stat.size % blockLengthBytes !== 0) {
    throw new Failure(
      `cannot serve ${path}: its ${stat.size} bytes are no multiple of the block size ${blockLengthBytes}`,
    )
  }
}

function statOf(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    throw new Failure(`cannot serve ${path}: ${causeOf(error)}`, { cause: error })
  }
}

async function close(path: string, store: BackingStore, lock: ExclusiveLock | null): Promise<void> {
  const error = await new Promise<{ message: string } | null>((done) => store.close(done))
  // What could not be written out may be written later by the system: nobody else is to use the file then.
  if (error !== null) throw new Failure(`${path} could not be written out: ${error.message}`)
  lock?.release()
}
