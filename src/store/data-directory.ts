/**
 * The data directory: its own lock, the store, and by default the disks. One server at a time; only its owner may look
 * in, because whoever reads a disk file needs no password.
 */

import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import { acquireExclusiveLock, type ExclusiveLock } from './exclusive-lock.ts'
import { Store } from './store.ts'

const LOCK_FILE_NAME = '.lunette-lock'

export interface DataDirectory {
  /** Real and absolute. */
  readonly path: string
  readonly store: Store
  /** Close the store and let another server in. */
  close(): void
}

/** Make the data directory if need be, lock it and open its store. Errors: `Failure`. */
export function openDataDirectory(givenPath: string): DataDirectory {
  const { path, lock } = acquireDataDirectory(givenPath)
  try {
    const store = new Store(path)
    return {
      path,
      store,
      close: () => {
        store.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Make the data directory if need be and lock it. Errors: `Failure`. */
export function acquireDataDirectory(givenPath: string): { readonly path: string; readonly lock: ExclusiveLock } {
  const path = makeDirectory(givenPath)
  return { path, lock: acquireExclusiveLock(join(path, LOCK_FILE_NAME), `the data directory ${path}`) }
}

function makeDirectory(path: string): string {
  try {
    makeWithParents(resolve(path))
    return realpathSync(path)
  } catch (error) {
    const cause = ['EEXIST', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')
      ? 'a file of that name is in the way'
      : causeOf(error)
    throw new Failure(`cannot create the data directory ${path}: ${cause}`, { cause: error })
  }
}

/** Node's own way (`recursive`) never ends where the system says that a folder is not there although it is: in /proc. */
function makeWithParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT') throw error
    makeWithParents(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}
