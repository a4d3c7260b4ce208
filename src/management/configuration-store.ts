/**
 * What the object model needs of the store: the configuration as one value, committed with one transaction a change, and the
 * audit log. SQLite implements it (`store/`); the object model never sees a row.
 */

import type { Configuration, LunRecord, ObjectId } from './configuration.ts'
import type { HResultName } from './hresult.ts'

export interface ConfigurationStore {
  /** What was committed last. Errors: `Failure` when it cannot be read, or its secrets not be decrypted. */
  load(): Configuration
  /**
   * Make `after` what is stored, in one transaction that is durable on return, with the next generation, and with the entry
   * in the audit log. `before` is what `after` was derived from: rows that are the same object in both are not looked at.
   * `doomed` are to be deleted from now on, `grown` stay as large as they are. Returns what is stored now. Errors: `StaleConfigurationError` when `before` is not what is stored; the system's.
   */
  commit(
    before: Configuration,
    after: Configuration,
    entry: AuditEntry,
    doomed?: readonly LunFile[],
    grown?: readonly Growth[],
  ): Configuration
  /** Whether this is still what is stored: nobody else has written since. */
  agreesWith(configuration: Configuration): boolean

  /** Record a call that changed nothing in the configuration, or failed. */
  recordAudit(entry: AuditEntry): void
  /** The newest first, at most `limit`, older than the record `before`. */
  auditLog(query: { readonly limit: number; readonly before?: number }): readonly AuditRecord[]

  /** From now on the files are to be deleted, unless a commit makes LUNs of them. */
  doomFiles(files: readonly LunFile[]): void
  /** The file is gone. */
  forgetFile(id: ObjectId): void
  /** Files that no LUN has and that were not deleted before the process ended. */
  doomedFiles(): readonly LunFile[]
  /** Whether a file is among them. */
  isDoomed(file: LunFile): boolean
  /** LUNs that are about to grow: they are to shrink again, unless a commit says that they stay so. */
  noteGrowths(growths: readonly Growth[]): void
  forgetGrowths(growths: readonly Growth[]): void
  /** Those that were noted and not committed before the process ended. */
  unfinishedGrowths(): readonly Growth[]
  /** A file that exists and can become a LUN. Errors: `Failure` with what speaks against it. */
  existingFile(path: string, options: { readonly isReadOnly: boolean }): ExistingFile

  /** Write a consistent copy to `path`, which must not exist. Errors: `Failure`. */
  backup(path: string): Promise<void>
}

/** What is stored is not what the caller believes. */
export class StaleConfigurationError extends Error {}

export type LunFile = Pick<LunRecord, 'id' | 'path'>

/** A LUN that becomes larger together with other changes. */
export interface Growth {
  readonly id: ObjectId
  readonly fromBytes: number
  readonly toBytes: number
}

export interface ExistingFile {
  /** As `LunRecord.path` names it. */
  readonly path: string
  readonly sizeBytes: number
  readonly isCdImage: boolean
  /** What initiators knew it by when it was served before; null when it never was. */
  readonly known: KnownFile | null
}

export interface KnownFile {
  readonly id: ObjectId
  readonly serialNumber: string
  /** 16 hexadecimal digits. */
  readonly naa: string
  readonly blockLengthBytes: 512 | 4096
}

export type Role = 'viewer' | 'operator' | 'administrator'

/** Who calls. */
export interface Actor {
  readonly name: string
  readonly role: Role
}

export interface AuditEntry {
  readonly at: Date
  readonly actor: Actor
  /** Such as `Lun.setMask`. */
  readonly method: string
  /** What it was called on; null for the provider and the sub-system. */
  readonly objectId: ObjectId | null
  /** What it was called with, as JSON; of secrets only whether there was one. */
  readonly arguments: AuditArguments
  readonly hresult: HResultName
  /** Why it failed; null when it did not. */
  readonly message: string | null
}

export type AuditArguments = Readonly<Record<string, unknown>>

export interface AuditRecord extends AuditEntry {
  /** Grows with every record. */
  readonly sequence: number
}
