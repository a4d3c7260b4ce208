/**
 * A data plane on real sockets and files with a configuration that a test changes as it goes, and initiators that end with
 * it. Ids are names that the test chooses: a LUN `a`, a portal `p1`, a target by the end of its iSCSI name.
 */

import { pino } from 'pino'
import type { TlsIdentity } from '../../protocol/transport/tls-acceptor.ts'
import { MemorySavedState } from '../../scsi/saved-state.ts'
import { LiveDataPlane } from '../../src/data-plane/live-data-plane.ts'
import { LIMITS, type Limits } from '../../src/limits.ts'
import type {
  Configuration,
  LunRecord,
  PortalRecord,
  TargetRecord,
  UnmaskList,
} from '../../src/management/configuration.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { type InitiatorOptions, WireInitiator } from './wire-initiator.ts'
import type { TextKeys } from './wire-text.ts'

const MIB = 2 ** 20

/** In groups of this tag, portals by name. */
export type Groups = Readonly<Record<number, readonly string[]>>

export const FOR_ALL: UnmaskList = { initiators: '*', networks: [], readOnlyInitiators: [] }

export function lunRecord(id: string, changes: Partial<LunRecord> = {}): LunRecord {
  const digits = Buffer.from(id).toString('hex').padStart(15, '0').slice(-15)
  return {
    id,
    origin: 'managed',
    friendlyName: id,
    number: 0,
    path: `luns/${id}.img`,
    format: 'raw',
    deviceType: 'disk',
    blockLengthBytes: 512,
    physicalBlockBytes: 512,
    isRemovable: false,
    isReadOnly: false,
    isEjected: false,
    serialNumber: `serial-${id}`,
    naa: `3${digits}`,
    status: 'online',
    unmask: FOR_ALL,
    ...changes,
  }
}

export const iscsiNameOf = (id: string): string => `iqn.2026-01.test.array:${id}`

/** A target with LUNs by number. */
export function targetRecord(
  id: string,
  groups: Groups,
  luns: Readonly<Record<number, string>>,
  changes: Partial<TargetRecord> = {},
): TargetRecord {
  return {
    id,
    origin: 'managed',
    iscsiName: iscsiNameOf(id),
    friendlyName: '',
    portalGroups: Object.entries(groups).map(([tag, portalIds]) => ({
      id: `${id} ${tag}`,
      tag: Number(tag),
      portalIds,
    })),
    luns: new Map(Object.entries(luns).map(([number, lun]) => [lun, Number(number)])),
    sharedSecret: null,
    chapUsers: [],
    rememberedSecrets: new Map(),
    ...changes,
  }
}

export function portalRecord(id: string, changes: Partial<PortalRecord> = {}): PortalRecord {
  return { id, origin: 'managed', host: '127.0.0.1', port: 0, hasTls: false, status: 'online', ...changes }
}

interface Objects {
  readonly luns?: readonly LunRecord[]
  readonly targets?: readonly TargetRecord[]
  readonly portals?: readonly PortalRecord[]
  readonly subSystem?: Partial<Configuration['subSystem']>
}

const byId = <T extends { readonly id: string }>(records: readonly T[]) =>
  new Map(records.map((record) => [record.id, record]))

export function configurationOf({ luns = [], targets = [], portals = [], subSystem = {} }: Objects): Configuration {
  return {
    generation: 1,
    subSystem: {
      id: 'array',
      friendlyName: '',
      identification: '',
      status: 'online',
      hasSimpleTargetConfig: false,
      discoveryUsers: [],
      ...subSystem,
    },
    luns: byId(luns),
    targets: byId(targets),
    portals: byId(portals),
    importTargets: new Map(),
  }
}

/** Initiators of tests that do not answer are not waited for. */
const QUICK: Partial<Limits> = { logoutRequestTimeoutMs: 100, drainTimeoutMs: 5_000, closeTimeoutMs: 500 }

export class LiveArray implements AsyncDisposable {
  readonly dataPlane: LiveDataPlane
  readonly directory = temporaryDirectory()
  objects: Required<Omit<Objects, 'subSystem'>> & Pick<Objects, 'subSystem'>
  readonly #initiators: WireInitiator[] = []

  private constructor(objects: Objects, limits: Partial<Limits>, tlsIdentity: TlsIdentity | null) {
    this.objects = { luns: [], targets: [], portals: [portalRecord('p1')], ...objects }
    const states = new Map<string, MemorySavedState>()
    this.dataPlane = new LiveDataPlane({
      dataDirectory: this.directory.path,
      savedStateOf: (id) => {
        const state = states.get(id) ?? new MemorySavedState()
        states.set(id, state)
        return state
      },
      limits: { ...LIMITS, ...QUICK, ...limits },
      log: pino({ level: 'silent' }),
      tlsIdentity,
    })
  }

  /** Serving `objects`, with storage of 1 MiB made for each LUN. */
  static async start(
    objects: Objects,
    limits: Partial<Limits> = {},
    tlsIdentity: TlsIdentity | null = null,
  ): Promise<LiveArray> {
    const array = new LiveArray(objects, limits, tlsIdentity)
    for (const lun of array.objects.luns) await array.dataPlane.createStorage(lun, MIB)
    await array.apply({})
    return array
  }

  /** Replace some kinds of objects and have that applied. */
  apply(changes: Objects): Promise<void> {
    this.objects = { ...this.objects, ...changes }
    return this.dataPlane.apply(configurationOf(this.objects))
  }

  /** Change one LUN. */
  changeLun(id: string, changes: Partial<LunRecord>): Promise<void> {
    return this.apply({ luns: this.objects.luns.map((lun) => (lun.id === id ? { ...lun, ...changes } : lun)) })
  }

  portOf(portalId: string): number {
    const { port, reason } = this.dataPlane.portalState(portalId)
    if (port === null) throw new Error(`portal ${portalId} does not listen: ${reason}`)
    return port
  }

  /** A connection that has not logged in. */
  async connect(target: string, portalId = 'p1', options: Partial<InitiatorOptions> = {}): Promise<WireInitiator> {
    const host = this.objects.portals.find(({ id }) => id === portalId)?.host ?? '127.0.0.1'
    const place = { host, port: this.portOf(portalId), targetName: iscsiNameOf(target) }
    const initiator = await WireInitiator.connect({ ...place, ...options })
    this.#initiators.push(initiator)
    return initiator
  }

  async login(
    target: string,
    portalId = 'p1',
    options: Partial<InitiatorOptions> = {},
    keys: TextKeys = {},
  ): Promise<WireInitiator> {
    const initiator = await this.connect(target, portalId, options)
    await initiator.login(keys)
    return initiator
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const initiator of this.#initiators) initiator.destroy()
    await this.dataPlane.drain(500)
    this.directory[Symbol.dispose]()
  }
}
