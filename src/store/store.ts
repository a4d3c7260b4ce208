/**
 * What outlives a restart, apart from the disks' bytes: the generated name of the command line's target, and for each file
 * that was ever served the identity that initiators know it by, its block length and what its logical unit keeps; and the
 * configuration, which has a way of its own (`configurationStore`). Lives in `lunette.db` in the data directory; each change is one
 * transaction, durable before it returns. The control plane reads it at start; the data plane reaches it
 * through `DiskState` only.
 *
 * A disk inside the data directory is known by its path relative to it, so the whole directory may move; a disk
 * elsewhere is known by its real absolute path.
 */

import { isAbsolute, join, relative, sep } from 'node:path'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { Failure } from '../failure.ts'
import { generateTargetName } from '../management/mint.ts'
import { ApiTokenTable } from './api-tokens.ts'
import { openDatabase } from './database.ts'
import { type DiskIdentity, mintDiskIdentity } from './disk-identity.ts'
import { DiskState } from './disk-state.ts'
import { inTransaction } from './migrations.ts'
import { SqliteConfigurationStore } from './sqlite-configuration-store.ts'

export const DATABASE_FILE_NAME = 'lunette.db'

export interface DiskRecord extends DiskIdentity {
  readonly blockLengthBytes: 512 | 4096
}

export class Store {
  readonly #database: DatabaseSync
  readonly #dataDirectory: string

  /** `dataDirectory` is a real path (no symbolic links) whose lock the caller holds. Errors: `Failure`. */
  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory
    this.#database = openDatabase(join(dataDirectory, DATABASE_FILE_NAME))
  }

  /** The target's iSCSI name, generated at the first call. */
  targetName(): string {
    return inTransaction(this.#database, () => {
      const row = this.#database.prepare('SELECT name FROM generated_name WHERE id = 1').get()
      if (row !== undefined) return String(row.name)
      const name = generateTargetName()
      this.#database.prepare('INSERT INTO generated_name (id, name) VALUES (1, ?)').run(name)
      return name
    })
  }

  /** What is known of the disk at `path` (real and absolute); null when it was never served from here. */
  findDisk(path: string): DiskRecord | null {
    const row = this.#database.prepare('SELECT * FROM disk WHERE path = ?').get(this.pathKey(path))
    return row === undefined ? null : diskRecord(row)
  }

  /**
   * Give the disk at `path` a new identity; whatever was at this path before is forgotten, also as a LUN of the command line.
   * Errors: `Failure` when it is a LUN that the management has made.
   */
  addDisk(path: string, blockLengthBytes: 512 | 4096): DiskRecord {
    const key = this.pathKey(path)
    const identity = mintDiskIdentity()
    inTransaction(this.#database, () => {
      this.#forgetLun(path, key)
      this.#database.prepare('DELETE FROM disk WHERE path = ?').run(key)
      this.#database
        .prepare('INSERT INTO disk (guid, path, serial_number, naa, block_length_bytes) VALUES (?, ?, ?, ?, ?)')
        .run(identity.guid, key, identity.serialNumber, identity.naa, blockLengthBytes)
    })
    return { ...identity, blockLengthBytes }
  }

  #forgetLun(path: string, key: string): void {
    const row = this.#database
      .prepare('SELECT lun.id, lun.origin FROM lun JOIN disk ON disk.guid = lun.id WHERE disk.path = ?')
      .get(key)
    if (row === undefined) return
    if (row.origin === 'managed') throw new Failure(`${path} is the file of LUN ${row.id}, and it is gone`)
    this.#database.prepare('DELETE FROM lun WHERE id = ?').run(String(row.id))
    this.#database.exec('UPDATE configuration SET generation = generation + 1')
  }

  /** Whether there are LUNs that the command line has not declared. */
  hasManagedLuns(): boolean {
    return this.#database.prepare("SELECT 1 FROM lun WHERE origin = 'managed' LIMIT 1").get() !== undefined
  }

  /** What the logical unit of a disk in the store keeps; gone when the disk is made anew. */
  savedStateOf({ guid }: Pick<DiskIdentity, 'guid'>): DiskState {
    return new DiskState(this.#database, guid)
  }

  /** The configuration, its secrets and the audit log, which keeps `auditRowsMax` records. */
  configurationStore(auditRowsMax: number): SqliteConfigurationStore {
    return new SqliteConfigurationStore({
      database: this.#database,
      dataDirectory: this.#dataDirectory,
      auditRowsMax,
      findDisk: (path) => this.findDisk(path),
      pathKey: (path) => this.pathKey(path),
    })
  }

  /** The tokens of the management API. */
  apiTokens(): ApiTokenTable {
    return new ApiTokenTable(this.#database)
  }

  close(): void {
    this.#database.close()
  }

  /** How the store names the file at a real and absolute path, as `LunRecord.path` does. */
  pathKey(path: string): string {
    const fromHere = relative(this.#dataDirectory, path)
    const isInside = !isAbsolute(fromHere) && fromHere !== '..' && !fromHere.startsWith(`..${sep}`)
    return isInside ? fromHere.replaceAll(sep, '/') : path
  }
}

function diskRecord(row: Record<string, SQLOutputValue>): DiskRecord {
  return {
    guid: String(row.guid),
    serialNumber: String(row.serial_number),
    naa: Buffer.from(row.naa as Uint8Array),
    blockLengthBytes: row.block_length_bytes === 4096 ? 4096 : 512,
  }
}
