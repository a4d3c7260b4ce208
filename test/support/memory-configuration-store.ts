/**
 * A configuration store without a disk, for tests of what stands on the object model. It keeps what was committed, checks
 * generations as the real one does, and can be told to fail or to have been changed by somebody else.
 */

import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../../src/failure.ts'
import type { Configuration } from '../../src/management/configuration.ts'
import {
  type AuditEntry,
  type AuditRecord,
  type ConfigurationStore,
  type ExistingFile,
  type Growth,
  type LunFile,
  StaleConfigurationError,
} from '../../src/management/configuration-store.ts'

export function emptyConfiguration(overrides: Partial<Configuration['subSystem']> = {}): Configuration {
  return {
    generation: 0,
    subSystem: {
      id: randomUUID(),
      friendlyName: '',
      identification: randomUUID().replaceAll('-', ''),
      status: 'online',
      hasSimpleTargetConfig: false,
      discoveryUsers: [],
      ...overrides,
    },
    luns: new Map(),
    targets: new Map(),
    portals: new Map(),
    importTargets: new Map(),
  }
}

export class MemoryConfigurationStore implements ConfigurationStore {
  /** What is stored; to be replaced by tests that play somebody else. */
  stored: Configuration
  /** What the next commits and audit records fail with. */
  fault: Error | null = null
  readonly files = new Map<string, ExistingFile>()
  readonly doomed = new Map<string, LunFile>()
  readonly growths = new Map<string, Growth>()
  readonly #audit: AuditRecord[] = []

  constructor(stored: Configuration = emptyConfiguration()) {
    this.stored = stored
  }

  load(): Configuration {
    return this.stored
  }

  commit(
    before: Configuration,
    after: Configuration,
    entry: AuditEntry,
    doomed: readonly LunFile[] = [],
    grown: readonly Growth[] = [],
  ): Configuration {
    if (this.fault !== null) throw this.fault
    if (before.generation !== this.stored.generation) throw new StaleConfigurationError('stale')
    this.stored = { ...after, generation: before.generation + 1 }
    for (const lun of after.luns.values()) this.doomed.delete(lun.id)
    for (const { id, path } of doomed) this.doomed.set(id, { id, path })
    this.forgetGrowths(grown)
    this.recordAudit(entry)
    return this.stored
  }

  agreesWith(configuration: Configuration): boolean {
    return this.stored === configuration || isDeepStrictEqual(this.stored, configuration)
  }

  recordAudit(entry: AuditEntry): void {
    if (this.fault !== null) throw this.fault
    this.#audit.push({ ...entry, sequence: this.#audit.length + 1 })
  }

  auditLog({ limit, before = Number.POSITIVE_INFINITY }: { readonly limit: number; readonly before?: number }) {
    return this.#audit
      .filter(({ sequence }) => sequence < before)
      .reverse()
      .slice(0, limit)
  }

  doomFiles(files: readonly LunFile[]): void {
    for (const { id, path } of files) this.doomed.set(id, { id, path })
  }

  forgetFile(id: string): void {
    this.doomed.delete(id)
  }

  doomedFiles(): readonly LunFile[] {
    return [...this.doomed.values()]
  }

  isDoomed({ id, path }: LunFile): boolean {
    return this.doomed.get(id)?.path === path
  }

  noteGrowths(growths: readonly Growth[]): void {
    for (const growth of growths) this.growths.set(growth.id, growth)
  }

  forgetGrowths(growths: readonly Growth[]): void {
    for (const { id } of growths) this.growths.delete(id)
  }

  unfinishedGrowths(): readonly Growth[] {
    return [...this.growths.values()]
  }

  existingFile(path: string): ExistingFile {
    const file = this.files.get(path)
    if (file === undefined) throw new Failure(`${path} does not exist`)
    return file
  }

  backup(): Promise<void> {
    return Promise.resolve()
  }
}
