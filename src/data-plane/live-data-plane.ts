/**
 * The data plane of this process: the iSCSI server, the SCSI targets, the logical units and their files, kept as the
 * configuration says that was applied last.
 *
 * The order of a change is what makes it safe: at once nobody new comes in who may not, and nobody finds a LUN who shall
 * not; those leave who may not stay, and when all commands that lose their LUN have come to rest its file is closed; only
 * then comes what is new. Changes are carried out one after the
 * other; what fails of one object is that object's state and disturbs no other.
 */

import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import type { Session } from '../../protocol/session/session.ts'
import type { NetworkAddress, Redirection } from '../../protocol/target-directory.ts'
import { IscsiServer } from '../../protocol/transport/iscsi-server.ts'
import type { TlsIdentity } from '../../protocol/transport/tls-acceptor.ts'
import type { GroupAccess } from '../../scsi/access-states.ts'
import { CopyManager } from '../../scsi/copy/copy-manager.ts'
import type { LogicalUnit } from '../../scsi/logical-unit.ts'
import type { Nexus } from '../../scsi/nexus.ts'
import type { SavedState } from '../../scsi/saved-state.ts'
import type { ScsiTarget } from '../../scsi/target.ts'
import type { LogicalUnitMetrics, MetricsSource, TargetMetrics } from '../api/metrics-source.ts'
import { Bridge, BridgedNexus } from '../bridge.ts'
import { causeOf } from '../failure.ts'
import { IsnsService } from '../isns.ts'
import { limitLog } from '../limited-log.ts'
import { type Limits, loginPreferences, type PreferredParameters } from '../limits.ts'
import type { Configuration, LunRecord, ObjectId } from '../management/configuration.ts'
import {
  type DataPlane,
  DataPlaneError,
  type DataPlaneEvent,
  type LoginRefusal,
  type LunState,
  type PortalState,
  type SessionInfo,
} from '../management/data-plane.ts'
import { accessByTargetPort } from '../portal-groups.ts'
import type { IsnsOptions } from '../server-options.ts'
import { AccessRules, isShownAlike } from './access-rules.ts'
import { ConfiguredDirectory } from './configured-directory.ts'
import { EMPTY_CONFIGURATION } from './empty-configuration.ts'
import { deleteLunFile, lunPath } from './lun-file.ts'
import { ServedLun, type ServedLunOptions } from './served-lun.ts'
import { ServedPortals } from './served-portals.ts'
import { ServedTarget } from './served-target.ts'
import { SessionBook } from './session-book.ts'
import { mayStay } from './session-rights.ts'
import { freeBytesAt, makeThinFile } from './storage.ts'

/** How often the disks are compared with the thresholds of space that initiators may have set. */
const SPACE_CHECK_PERIOD_MS = 10_000

/** Files that are opened at a time: enough to keep the threads busy that wait for the file system. */
const OPENING_MAX = 16

export interface LiveDataPlaneOptions {
  /** What relative paths begin at. Absolute. */
  readonly dataDirectory: string
  readonly savedStateOf: (id: ObjectId) => SavedState
  /** Files (absolute) that the caller keeps locked for us as long as the server runs. */
  readonly lockedPaths?: ReadonlySet<string>
  readonly limits: Limits
  readonly parameters?: Partial<PreferredParameters>
  readonly log: Logger
  /** How all LUNs are reached at first, by portal group tag; a group that is not named is active/optimized. */
  readonly portalGroupAccess?: ReadonlyMap<number, GroupAccess>
  /** Send new sessions elsewhere. */
  readonly redirection?: Redirection | null
  /** Register with an iSNS server. */
  readonly isns?: IsnsOptions | null
  /** What portals with TLS prove themselves with; without it they fail. */
  readonly tlsIdentity?: TlsIdentity | null
}

interface AwaitedConfiguration {
  configuration: Configuration
  readonly applied: Promise<void>
}

export class LiveDataPlane implements DataPlane, MetricsSource {
  readonly #options: LiveDataPlaneOptions
  readonly #lunOptions: ServedLunOptions
  readonly #server: IscsiServer
  readonly #portals: ServedPortals
  readonly #isns: IsnsService | null
  readonly #directory: ConfiguredDirectory
  readonly #luns = new Map<ObjectId, ServedLun>()
  readonly #lunFailures = new Map<ObjectId, Error>()
  readonly #targets = new Map<ObjectId, ServedTarget>()
  /** The same for the bridge, by iSCSI name. */
  readonly #scsiTargets = new Map<string, ScsiTarget>()
  readonly #book = new SessionBook()
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>()
  readonly #spaceTimer: NodeJS.Timeout
  #rules = new AccessRules(EMPTY_CONFIGURATION)
  /** The last configuration that waits for its turn, while nothing else waits behind it. */
  #waiting: AwaitedConfiguration | null = null
  /** The end of the last change that was begun. */
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(options: LiveDataPlaneOptions) {
    const { limits, log, parameters, dataDirectory, savedStateOf, lockedPaths = new Set() } = options
    this.#options = options
    this.#lunOptions = {
      dataDirectory,
      savedStateOf,
      lockedPaths,
      claimedPaths: new Set(),
      groupAccess: accessByTargetPort(options.portalGroupAccess ?? new Map()),
      copyManager: new CopyManager({ randomBytes }),
      onViolation: (violation, path) => log.error({ err: violation, path }, 'internal error in a disk'),
    }
    const limitedLog = limitLog(log, { linesMax: limits.logLinesMax, periodMs: limits.logPeriodMs }, () =>
      performance.now(),
    )
    this.#isns = options.isns ? new IsnsService(options.isns, limitedLog) : null
    this.#directory = new ConfiguredDirectory(this, options.redirection ?? null)
    this.#server = new IscsiServer({
      limits,
      preferences: loginPreferences(limits, parameters),
      directory: this.#isns?.guard(this.#directory) ?? this.#directory,
      scsi: new Bridge(this.#scsiTargets),
      randomBytes,
      processorCount: availableParallelism(),
      log: limitedLog,
      observer: {
        sessionBegan: (session) => this.#sessionBegan(session),
        sessionEnded: (session) => this.#tell({ kind: 'sessionEnded', session: this.#describe(session) }),
        loginRefused: (refusal) => this.#tell({ kind: 'loginRefused', refusal: this.#book.refused(refusal) }),
      },
    })
    this.#portals = new ServedPortals(this.#server, options.tlsIdentity ?? null, limits.drainTimeoutMs)
    this.#spaceTimer = setInterval(() => this.#checkSpace(), SPACE_CHECK_PERIOD_MS).unref()
  }

  /** A configuration that another one overtakes before its turn is never served: the newer one is both. */
  apply(configuration: Configuration): Promise<void> {
    if (this.#waiting !== null) {
      this.#waiting.configuration = configuration
      return this.#waiting.applied
    }
    const applied: Promise<void> = this.#inTurn(() => {
      const { configuration: newest } = waiting
      if (this.#waiting === waiting) this.#waiting = null
      return this.#reconcile(newest)
    })
    const waiting: AwaitedConfiguration = { configuration, applied }
    this.#waiting = waiting
    return applied
  }

  /** What the configuration that was applied last says; asked at every login and by every nexus that opens. */
  get rules(): AccessRules {
    return this.#rules
  }

  /** For the directory: sessions to this target can be opened. */
  isServed(targetId: ObjectId): boolean {
    const target = this.#targets.get(targetId)
    return target !== undefined && this.rules.configuration.targets.get(targetId)?.iscsiName === target.name
  }

  /** For the directory: where a portal listens. */
  addressOf(portalId: ObjectId): NetworkAddress | null {
    return this.#portals.addressOf(portalId)
  }

  lunState(id: ObjectId): LunState {
    const record = this.rules.configuration.luns.get(id)
    const served = this.#luns.get(id)
    const failure = this.#lunFailures.get(id)
    const {
      readCommands = 0,
      readBytes = 0,
      writeCommands = 0,
      writtenBytes = 0,
    } = served?.logicalUnit.statistics ?? {}
    const file = record === undefined ? null : this.#statOf(record)
    return {
      status: failure !== undefined ? 'failed' : served === undefined ? 'offline' : 'online',
      reason: failure === undefined ? null : causeOf(failure),
      sizeBytes: served?.sizeBytes ?? file?.sizeBytes ?? null,
      allocatedBytes: file?.allocatedBytes ?? null,
      counters: { readCommands, readBytes, writeCommands, writtenBytes },
    }
  }

  portalState(id: ObjectId): PortalState {
    return this.#portals.stateOf(id)
  }

  /** Why a LUN or a portal is not served that shall be; null when it is. */
  failureOf(id: ObjectId): Error | null {
    return this.#lunFailures.get(id) ?? this.#portals.failureOf(id)
  }

  async createStorage(lun: LunRecord, sizeBytes: number): Promise<void> {
    const { blockLengthBytes } = lun
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % blockLengthBytes !== 0) {
      const allowed = `a positive multiple of the block length ${blockLengthBytes}`
      throw new DataPlaneError('invalid', `a size of ${sizeBytes} bytes is not possible: it must be ${allowed}`)
    }
    await makeThinFile(lunPath(lun, this.#options.dataDirectory), sizeBytes)
  }

  deleteStorage(lun: LunRecord): Promise<void> {
    return this.#inTurn(async () => {
      const path = lunPath(lun, this.#options.dataDirectory)
      const user = [...this.rules.configuration.luns.values()].find(
        (other) => lunPath(other, this.#options.dataDirectory) === path,
      )
      if (user !== undefined) throw new DataPlaneError('inUse', `${path} is LUN ${user.id}`)
      await deleteLunFile(path)
    })
  }

  resize(id: ObjectId, sizeBytes: number, options: { readonly mayDiscardData: boolean }): Promise<void> {
    return this.#inTurn(async () => {
      const lun = this.#luns.get(id)
      if (lun === undefined) throw new DataPlaneError('notFound', `LUN ${id} is not served, so its size cannot change`)
      await lun.resize(sizeBytes, options)
      this.#tell({ kind: 'lunState', id })
    })
  }

  mayEject(id: ObjectId): boolean {
    return this.#luns.get(id)?.mayEject() ?? true
  }

  freeBytes(): Promise<number> {
    return freeBytesAt(this.#options.dataDirectory)
  }

  sessions(): readonly SessionInfo[] {
    const begun = [...this.#server.context.sessions.sessions()].filter((session) => this.#book.idOf(session) !== null)
    return begun.map((session) => this.#describe(session)).sort((a, b) => Number(a.id) - Number(b.id))
  }

  async endSession(id: string): Promise<boolean> {
    const session = [...this.#server.context.sessions.sessions()].find((other) => this.#book.idOf(other) === id)
    if (session === undefined) return false
    await this.#server.endSessions([session], this.#options.limits.drainTimeoutMs)
    return true
  }

  loginRefusals(): readonly LoginRefusal[] {
    return this.#book.refusals
  }

  subscribe(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The targets that are served now, for the metrics. */
  *targets(): Iterable<TargetMetrics> {
    for (const { name, scsi } of this.#targets.values()) yield { iscsiName: name, latencies: scsi.latencies }
  }

  /** The LUNs that are served now, for the metrics. */
  *logicalUnits(): Iterable<LogicalUnitMetrics> {
    for (const [id, { logicalUnit }] of this.#luns) {
      yield { id, statistics: logicalUnit.statistics, queueDepth: logicalUnit.taskSet.size }
    }
  }

  /** Prove ourselves with this to new TLS clients. Errors: throws when it cannot be used; then the old one stays. */
  renewTls(identity: TlsIdentity): void {
    this.#portals.renewTls(identity)
  }

  /** Finish what runs, end every session, write every LUN out. Errors: rejects when one could not be written out. */
  drain(timeoutMs = this.#options.limits.drainTimeoutMs): Promise<void> {
    clearInterval(this.#spaceTimer)
    return this.#inTurn(async () => {
      await this.#isns?.stop()
      await this.#server.drain(timeoutMs)
      const closed = await Promise.allSettled([...this.#luns.values()].map((lun) => lun.close()))
      this.#luns.clear()
      const failures = closed.flatMap((result) => (result.status === 'rejected' ? [causeOf(result.reason)] : []))
      if (failures.length > 0) throw new Error(failures.join('; '))
    })
  }

  async #reconcile(configuration: Configuration): Promise<void> {
    const { luns, targets, portals } = configuration
    const before = this.#states()
    this.#revokeCopyTokens(configuration)
    this.#rules = new AccessRules(configuration)
    const [kept, gone] = this.#partition(configuration)
    const withdrawn = this.#withdraw(kept, configuration)
    await Promise.all([withdrawn, this.#portals.close(portals), this.#endSessionsWithoutRight()])
    await this.#withdraw(gone, configuration)
    for (const { id, name } of gone) {
      this.#targets.delete(id)
      this.#scsiTargets.delete(name)
    }
    await this.#closeLuns(luns)
    await this.#openLuns(luns)
    const units = this.#units(luns)
    for (const record of targets.values()) this.#serve(record.id).grant(record, units)
    await this.#portals.open(portals)
    await this.#isns?.publish(this.#published())
    this.#tellOfStates(before)
  }

  /** Who shows a token reads its LUN, seen or not: with who sees it, those change who may have made one. */
  #revokeCopyTokens(configuration: Configuration): void {
    for (const [id, { logicalUnit }] of this.#luns) {
      if (!isShownAlike(id, this.rules.configuration, configuration)) logicalUnit.copies.watch.revokeAll()
    }
  }

  /** The targets that stay, and those that go, which a target under another name counts as. */
  #partition({ targets }: Configuration): readonly [kept: readonly ServedTarget[], gone: readonly ServedTarget[]] {
    const { kept = [], gone = [] } = Object.groupBy(this.#targets.values(), ({ id, name }) =>
      targets.get(id)?.iscsiName === name ? 'kept' : 'gone',
    )
    return [kept, gone]
  }

  /** Take away from these targets what they shall not have any more. */
  async #withdraw(served: readonly ServedTarget[], { luns, targets }: Configuration): Promise<void> {
    const units = this.#units(luns)
    const lunsOf = ({ id, name }: ServedTarget) => {
      const record = targets.get(id)
      return record?.iscsiName === name ? record.luns : new Map<ObjectId, number>()
    }
    await Promise.all(served.map((target) => target.withdraw(lunsOf(target), units)))
  }

  #serve(id: ObjectId): ServedTarget {
    const known = this.#targets.get(id)
    if (known !== undefined) return known
    const record = this.rules.configuration.targets.get(id)!
    const policyOf = (lunId: ObjectId) => (nexus: Nexus) =>
      this.rules.accessTo(lunId, nexus.initiatorDeviceName, nexus.initiatorAddress)
    const target = new ServedTarget(record, policyOf, this.#options.log)
    this.#scsiTargets.set(target.name, target.scsi)
    this.#targets.set(id, target)
    return target
  }

  /** The logical units that are open and can go on under these records. */
  #units(luns: ReadonlyMap<ObjectId, LunRecord>): ReadonlyMap<ObjectId, LogicalUnit> {
    const kept = [...this.#luns].filter(([id, lun]) => isKept(lun, luns.get(id)))
    return new Map(kept.map(([id, { logicalUnit }]) => [id, logicalUnit]))
  }

  /** What could not be written out is the failure of a LUN that stays in the configuration, and logged of one that goes. */
  async #closeLuns(luns: ReadonlyMap<ObjectId, LunRecord>): Promise<void> {
    this.#lunFailures.clear()
    const gone = [...this.#luns].filter(([id, lun]) => !isKept(lun, luns.get(id)))
    await forEachParallel(gone, async ([id, lun]) => {
      this.#luns.delete(id)
      await lun.close().catch((error: Error) => this.#lunFailed(id, error))
    })
  }

  async #openLuns(luns: ReadonlyMap<ObjectId, LunRecord>): Promise<void> {
    const wanted = [...luns.values()].filter(({ status }) => status === 'online')
    await forEachParallel(wanted, async (record) => {
      try {
        const lun = this.#luns.get(record.id)
        if (lun !== undefined) await lun.become(record)
        else if (!this.#lunFailures.has(record.id)) {
          this.#luns.set(record.id, await ServedLun.open(record, this.#lunOptions))
        }
      } catch (error) {
        this.#lunFailed(record.id, error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  #lunFailed(id: ObjectId, error: Error): void {
    this.#options.log.error({ err: error, lun: id }, 'a LUN cannot be served')
    this.#lunFailures.set(id, error)
  }

  /** Ask those to leave who could not log in as they did. Resolves when they have. */
  async #endSessionsWithoutRight(): Promise<void> {
    const { sessions } = this.#server.context
    const isServing = (session: Session, id: ObjectId) => {
      const served = this.#targets.get(id)
      return served !== undefined && (session.nexusOrNull === null || this.#targetOf(session) === served)
    }
    const leaving = [...sessions.sessions()].filter((session) => !mayStay(session, this.rules, isServing))
    await this.#server.endSessions(leaving, this.#options.limits.drainTimeoutMs)
  }

  #targetOf({ nexusOrNull }: Session): ServedTarget | null {
    if (!(nexusOrNull instanceof BridgedNexus)) return null
    return [...this.#targets.values()].find(({ scsi }) => scsi === nexusOrNull.target) ?? null
  }

  #describe(session: Session): SessionInfo {
    return this.#book.describe(session, this.#targetOf(session))
  }

  #sessionBegan(session: Session): void {
    this.#book.began(session)
    this.#tell({ kind: 'sessionBegan', session: this.#describe(session) })
  }

  #published() {
    const targets = [...this.rules.targets]
    return targets.map((target) => ({
      name: target.record.iscsiName,
      alias: target.record.friendlyName,
      portals: this.#directory.addressesOf(target),
    }))
  }

  #statOf(record: LunRecord): { readonly sizeBytes: number; readonly allocatedBytes: number } | null {
    const stat = statSync(lunPath(record, this.#options.dataDirectory), { throwIfNoEntry: false })
    return stat === undefined ? null : { sizeBytes: stat.size, allocatedBytes: stat.blocks * STAT_BLOCK_BYTES }
  }

  #checkSpace(): void {
    for (const { logicalUnit } of this.#luns.values()) logicalUnit.provisioningWatch.check()
  }

  /** How LUNs and portals are, to tell later what has changed. */
  #states(): ReadonlyMap<ObjectId, string> {
    const { luns, portals } = this.rules.configuration
    const stateOfLun = (id: ObjectId) =>
      this.#lunFailures.has(id) ? this.#lunFailures.get(id)!.message : String(this.#luns.get(id)?.sizeBytes)
    return new Map([
      ...[...luns.keys()].map((id) => [id, stateOfLun(id)] as const),
      ...[...portals.keys()].map((id) => [id, JSON.stringify(this.portalState(id))] as const),
    ])
  }

  #tellOfStates(before: ReadonlyMap<ObjectId, string>): void {
    const { luns } = this.rules.configuration
    for (const [id, state] of this.#states()) {
      if (before.get(id) !== state) this.#tell({ kind: luns.has(id) ? 'lunState' : 'portalState', id })
    }
  }

  /** Who listens does not disturb what happens. */
  #tell(event: DataPlaneEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#options.log.error({ err: error, event: event.kind }, 'internal error: a listener failed')
      }
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    this.#waiting = null
    const result = this.#lastChange.then(change)
    this.#lastChange = result.catch(() => {})
    return result
  }
}

/** The unit of `Stats.blocks`. */
const STAT_BLOCK_BYTES = 512

function isKept(lun: ServedLun, record: LunRecord | undefined): boolean {
  return record !== undefined && record.status === 'online' && lun.canBecome(record)
}

/** `work` handles what goes wrong itself. */
async function forEachParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(OPENING_MAX, items.length) }, worker))
}
