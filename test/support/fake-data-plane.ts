/**
 * A data plane that serves nobody: it remembers what it was told and answers as a real one would, for tests of what stands on
 * the object model. Storage is a number of bytes by LUN; portals listen on made-up ports; sessions are what a test says.
 */

import type { Configuration, LunRecord, ObjectId } from '../../src/management/configuration.ts'
import {
  type DataPlane,
  DataPlaneError,
  type DataPlaneEvent,
  type LoginRefusal,
  type LunState,
  type PortalState,
  type SessionInfo,
} from '../../src/management/data-plane.ts'

type LunFile = Pick<LunRecord, 'id' | 'path'>

const FIRST_MADE_UP_PORT = 40_000
const NO_IO = { readCommands: 0, readBytes: 0, writeCommands: 0, writtenBytes: 0 }

export class FakeDataPlane implements DataPlane {
  /** All that were applied, in order. */
  readonly applied: Configuration[] = []
  /** Sizes in bytes by LUN, also of files that a test made. */
  readonly storage = new Map<ObjectId, number>()
  /** LUNs and portals that cannot be served, with the reason. */
  readonly failures = new Map<ObjectId, string>()
  /** LUNs whose medium an initiator holds. */
  readonly removalPrevented = new Set<ObjectId>()
  sessionList: SessionInfo[] = []
  refusals: LoginRefusal[] = []
  spaceBytes = 2 ** 50
  /** What the next createStorage, deleteStorage and resize wait for, or fail with. */
  gate: Promise<void> = Promise.resolve()
  /** What applying waits for. */
  applyGate: Promise<void> = Promise.resolve()
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>()

  get configuration(): Configuration | null {
    return this.applied.at(-1) ?? null
  }

  async apply(configuration: Configuration): Promise<void> {
    this.applied.push(configuration)
    await this.applyGate
  }

  lunState(id: ObjectId): LunState {
    const reason = this.failures.get(id) ?? null
    const lun = this.configuration?.luns.get(id)
    const sizeBytes = this.storage.get(id) ?? null
    const status = reason === null ? (lun?.status ?? 'offline') : 'failed'
    return { status, reason, sizeBytes, allocatedBytes: sizeBytes === null ? null : 0, counters: NO_IO }
  }

  portalState(id: ObjectId): PortalState {
    const reason = this.failures.get(id) ?? null
    const portals = this.configuration?.portals ?? new Map()
    const status = reason === null ? (portals.get(id)?.status ?? 'offline') : 'failed'
    const madeUpPort = FIRST_MADE_UP_PORT + [...portals.keys()].indexOf(id)
    return { status, reason, port: status === 'online' ? portals.get(id)?.port || madeUpPort : null }
  }

  async createStorage({ id }: LunRecord, sizeBytes: number): Promise<void> {
    await this.gate
    if (this.storage.has(id)) throw new DataPlaneError('exists', `the file of ${id} exists`)
    if (sizeBytes > this.spaceBytes) throw new DataPlaneError('noSpace', 'no space is left')
    this.storage.set(id, sizeBytes)
  }

  async deleteStorage({ id }: LunFile): Promise<void> {
    await this.gate
    if (!this.storage.delete(id)) throw new DataPlaneError('notFound', `there is no file of ${id}`)
  }

  async resize(id: ObjectId, sizeBytes: number): Promise<void> {
    await this.gate
    if (!this.storage.has(id)) throw new DataPlaneError('notFound', `there is no file of ${id}`)
    this.storage.set(id, sizeBytes)
  }

  mayEject(id: ObjectId): boolean {
    return !this.removalPrevented.has(id)
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.spaceBytes)
  }

  sessions(): readonly SessionInfo[] {
    return this.sessionList
  }

  endSession(id: string): Promise<boolean> {
    const session = this.sessionList.find((candidate) => candidate.id === id)
    if (session === undefined) return Promise.resolve(false)
    this.sessionList = this.sessionList.filter((candidate) => candidate !== session)
    this.emit({ kind: 'sessionEnded', session })
    return Promise.resolve(true)
  }

  loginRefusals(): readonly LoginRefusal[] {
    return this.refusals
  }

  subscribe(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: DataPlaneEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

/** A session of `initiatorName` with this target. */
export function fakeSession(id: string, initiatorName: string, targetId: ObjectId | null): SessionInfo {
  return {
    id,
    kind: targetId === null ? 'discovery' : 'normal',
    initiatorName,
    initiatorAlias: '',
    isid: '000000000000',
    tsih: 1,
    targetId,
    portalGroupTag: targetId === null ? null : 1,
    chapUser: null,
    beganAt: new Date(0),
    connections: [],
    parameters: {},
    luns: new Map(),
    counters: NO_IO,
  }
}
