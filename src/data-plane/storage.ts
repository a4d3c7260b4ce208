/**
 * Making and deleting the files of LUNs. A file that is made is complete and durable before it has its name, and never
 * takes the place of another.
 */

import { link, mkdir, open, rm, statfs, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { causeOf, systemErrorCode } from '../failure.ts'
import { DataPlaneError, type DataPlaneErrorKind } from '../management/data-plane.ts'

const ERROR_KINDS: Readonly<Record<string, DataPlaneErrorKind>> = {
  EEXIST: 'exists',
  ENOENT: 'notFound',
  ENOSPC: 'noSpace',
  EDQUOT: 'noSpace',
  EFBIG: 'noSpace',
}

/** A file of zeroes that takes no space. Errors: `DataPlaneError`; then nothing is left of it. */
export async function makeThinFile(path: string, sizeBytes: number): Promise<void> {
  const unfinishedPath = unfinishedPathOf(path)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    // What a process left behind that was killed here.
    await rm(unfinishedPath, { force: true })
    const file = await open(unfinishedPath, 'wx', 0o600)
    try {
      await file.truncate(sizeBytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(unfinishedPath, path)
    await unlink(unfinishedPath)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(unfinishedPath, { force: true })
    throw storageError('create', path, error)
  }
}

/** Until it is complete, a file has this name. */
const unfinishedPathOf = (path: string) => join(dirname(path), `.${basename(path)}.lunette-new`)

/**
 * Delete a file for good, also one that a process that was killed has not completed; one that is not there is no error.
 * Errors: `DataPlaneError`.
 */
export async function deleteFile(path: string): Promise<void> {
  try {
    await rm(unfinishedPathOf(path), { force: true })
    await unlink(path)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw storageError('delete', path, error)
  }
}

/** Bytes that are left on the file system of a directory. Errors: `DataPlaneError`. */
export async function freeBytesAt(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  } catch (error) {
    throw storageError('look at', directory, error)
  }
}

/** Directories that are being synchronised, each with the next time that somebody waits for. */
const waiting = new Map<string, Promise<void>>()

/** Many files that are made at a time share one call. */
async function syncDirectory(path: string): Promise<void> {
  const next = waiting.get(path)
  if (next !== undefined) return next
  const promise = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    waiting.delete(path)
    return syncNow(path)
  })
  waiting.set(path, promise)
  return promise
}

/** Windows opens no directories, and keeps their entries by itself. */
async function syncNow(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function storageError(action: string, path: string, error: unknown): DataPlaneError {
  const kind = ERROR_KINDS[systemErrorCode(error) ?? ''] ?? 'io'
  const reason = kind === 'exists' ? 'a file of that name exists' : causeOf(error)
  return new DataPlaneError(kind, `cannot ${action} ${path}: ${reason}`, { cause: error })
}
