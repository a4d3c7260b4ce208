/**
 * The configuration in SQLite (`ConfigurationStore`): each commit is one transaction, with its entry in the audit log, and
 * durable before it returns. Whoever else writes to the database is noticed: SQLite counts what other connections changed.
 */

import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import type { Configuration } from '../management/configuration.ts'
import {
  type AuditEntry,
  type AuditRecord,
  type ConfigurationStore,
  type ExistingFile,
  type Growth,
  type LunFile,
  StaleConfigurationError,
} from '../management/configuration-store.ts'
import { AuditLog } from './audit-log.ts'
import { readConfiguration } from './configuration-reader.ts'
import { ConfigurationWriter } from './configuration-writer.ts'
import { syncDirectory } from './database.ts'
import { findLunFile } from './lun-file.ts'
import { inTransaction } from './migrations.ts'
import { Secrets } from './secrets.ts'
import { Statements } from './statements.ts'
import type { DiskRecord } from './store.ts'

export interface ConfigurationStoreOptions {
  readonly database: DatabaseSync
  readonly dataDirectory: string
  readonly auditRowsMax: number
  /** What is known of the disk at a real and absolute path, and how the store names that path. */
  readonly findDisk: (path: string) => DiskRecord | null
  readonly pathKey: (path: string) => string
}

export class SqliteConfigurationStore implements ConfigurationStore {
  readonly #options: ConfigurationStoreOptions
  readonly #database: DatabaseSync
  readonly #statements: Statements
  readonly #secrets: Secrets
  readonly #writer: ConfigurationWriter
  readonly #audit: AuditLog
  /** The last one that was found to be what is stored, and what SQLite counted then. */
  #agreed: { readonly configuration: Configuration; readonly dataVersion: number } | null = null

  constructor(options: ConfigurationStoreOptions) {
    this.#options = options
    this.#database = options.database
    this.#statements = new Statements(options.database)
    this.#secrets = new Secrets(options.database, options.dataDirectory)
    this.#writer = new ConfigurationWriter(this.#statements, this.#secrets, options.pathKey)
    this.#audit = new AuditLog(this.#statements, options.auditRowsMax)
  }

  load(): Configuration {
    const dataVersion = this.#dataVersion()
    this.#secrets.verify()
    const configuration = this.#read()
    this.#agreed = { configuration, dataVersion }
    return configuration
  }

  commit(
    before: Configuration,
    after: Configuration,
    entry: AuditEntry,
    doomed: readonly LunFile[] = [],
    grown: readonly Growth[] = [],
  ): Configuration {
    const generation = before.generation + 1
    inTransaction(this.#database, () => {
      if (this.#generation() !== before.generation || !this.agreesWith(before)) throw new StaleConfigurationError()
      this.#writer.write(before, after)
      this.#statements.run('UPDATE configuration SET generation = ?', generation)
      for (const file of doomed) this.#doom(file)
      for (const growth of grown) this.#forgetGrowth(growth)
      this.#audit.append(entry)
    })
    const configuration = { ...after, generation }
    this.#agreed = { configuration, dataVersion: this.#dataVersion() }
    return configuration
  }

  agreesWith(configuration: Configuration): boolean {
    const dataVersion = this.#dataVersion()
    const isRead = this.#agreed?.dataVersion === dataVersion
    if (isRead && this.#agreed?.configuration === configuration) return true
    try {
      const stored = isRead ? this.#agreed!.configuration : this.#read()
      if (!isDeepStrictEqual(stored, configuration)) return false
    } catch (error) {
      if (error instanceof Failure) return false
      throw error
    }
    this.#agreed = { configuration, dataVersion }
    return true
  }

  #read(): Configuration {
    const read = () => readConfiguration(this.#statements, this.#secrets)
    return this.#database.isTransaction ? read() : inTransaction(this.#database, read)
  }

  recordAudit(entry: AuditEntry): void {
    inTransaction(this.#database, () => this.#audit.append(entry))
  }

  auditLog(query: { readonly limit: number; readonly before?: number }): readonly AuditRecord[] {
    return this.#audit.read(query)
  }

  doomFiles(files: readonly LunFile[]): void {
    inTransaction(this.#database, () => {
      for (const file of files) this.#doom(file)
    })
  }

  /** What is known of the disk goes with its file, and not before: as long as it is served, it may keep state. */
  forgetFile(id: string): void {
    inTransaction(this.#database, () => {
      this.#statements.run('DELETE FROM doomed_file WHERE id = ?', id)
      this.#statements.run('DELETE FROM disk WHERE guid = ?1 AND ?1 NOT IN (SELECT id FROM lun)', id)
    })
  }

  doomedFiles(): readonly LunFile[] {
    return this.#statements
      .all('SELECT id, path FROM doomed_file ORDER BY rowid')
      .map(({ id, path }) => ({ id: String(id), path: String(path) }))
  }

  isDoomed({ id, path }: LunFile): boolean {
    return this.#statements.get('SELECT 1 FROM doomed_file WHERE id = ? AND path = ?', id, path) !== undefined
  }

  noteGrowths(growths: readonly Growth[]): void {
    inTransaction(this.#database, () => {
      for (const { id, fromBytes, toBytes } of growths) {
        this.#statements.run(
          'INSERT OR REPLACE INTO lun_growth (id, from_bytes, to_bytes) VALUES (?, ?, ?)',
          ...[id, fromBytes, toBytes],
        )
      }
    })
  }

  forgetGrowths(growths: readonly Growth[]): void {
    inTransaction(this.#database, () => {
      for (const growth of growths) this.#forgetGrowth(growth)
    })
  }

  unfinishedGrowths(): readonly Growth[] {
    return this.#statements
      .all('SELECT id, from_bytes, to_bytes FROM lun_growth ORDER BY rowid')
      .map(({ id, from_bytes, to_bytes }) => ({
        id: String(id),
        fromBytes: Number(from_bytes),
        toBytes: Number(to_bytes),
      }))
  }

  existingFile(givenPath: string, options: { readonly isReadOnly: boolean }): ExistingFile {
    const { dataDirectory, findDisk, pathKey } = this.#options
    const { path, sizeBytes, isCdImage } = findLunFile(dataDirectory, givenPath, options)
    const disk = findDisk(path)
    const known = disk === null ? null : { ...disk, id: disk.guid, naa: disk.naa.toString('hex') }
    return { path: pathKey(path), sizeBytes, isCdImage, known }
  }

  /** Complete and durable when it resolves; readable by its owner alone. Errors: `Failure`; then there is no such file. */
  async backup(path: string): Promise<void> {
    let isMine = false
    try {
      closeSync(openSync(path, 'wx', 0o600))
      isMine = true
      this.#database.prepare('VACUUM INTO ?').run(path)
      const fd = openSync(path, 'r+')
      try {
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      syncDirectory(dirname(path))
    } catch (error) {
      if (isMine) rmSync(path, { force: true })
      const cause = systemErrorCode(error) === 'EEXIST' ? 'there is a file of that name' : causeOf(error)
      throw new Failure(`cannot back up to ${path}: ${cause}`, { cause: error })
    }
  }

  #doom({ id, path }: LunFile): void {
    this.#statements.run('INSERT OR REPLACE INTO doomed_file (id, path) VALUES (?, ?)', id, path)
  }

  #forgetGrowth({ id }: Growth): void {
    this.#statements.run('DELETE FROM lun_growth WHERE id = ?', id)
  }

  #generation(): number {
    return Number(this.#statements.get('SELECT generation FROM configuration')!.generation)
  }

  /** Another number when another connection has changed something since. */
  #dataVersion(): number {
    return Number(this.#statements.get('PRAGMA data_version')!.data_version)
  }
}
