/**
 * The saved state of the disks' logical units (`scsi/saved-state.ts`) in the store, one row for each disk and key. The
 * data plane reaches it through this interface only; each write is durable before it returns (see `database.ts`).
 */

import type { DatabaseSync } from 'node:sqlite'
import type { SavedState } from '../../scsi/saved-state.ts'

export class DiskState implements SavedState {
  readonly #database: DatabaseSync
  readonly #guid: string

  /** For the disk with this GUID, which is in the store. */
  constructor(database: DatabaseSync, guid: string) {
    this.#database = database
    this.#guid = guid
  }

  read(key: string): Buffer | null {
    const row = this.#database.prepare('SELECT value FROM disk_state WHERE guid = ? AND key = ?').get(this.#guid, key)
    return row === undefined ? null : Buffer.from(row.value as Uint8Array)
  }

  write(key: string, value: Buffer | null): void {
    if (value === null) {
      this.#database.prepare('DELETE FROM disk_state WHERE guid = ? AND key = ?').run(this.#guid, key)
    } else {
      this.#database
        .prepare('INSERT OR REPLACE INTO disk_state (guid, key, value) VALUES (?, ?, ?)')
        .run(this.#guid, key, value)
    }
  }
}
