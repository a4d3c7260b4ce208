/**
 * The data directory: its own lock, the store, and by default the disks. One server at a time; only its owner may look
 * in, because whoever reads a disk file needs no password.
 */

import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { causeOf, Failure } from '../failure.ts'
import { acquireExclusiveLock } from './exclusive-lock.ts'
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
  const path = makeDirectory(givenPath)
  const lock = acquireExclusiveLock(join(path, LOCK_FILE_NAME), `the data directory ${path}`)
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

function makeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return realpathSync(path)
  } catch (error) {
    const cause = ['EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
      ? 'a file of that name is in the way'
      : causeOf(error)
    throw new Failure(`cannot create the data directory ${path}: ${cause}`, { cause: error })
  }
}
