/**
 * The heart of the object model: holds the configuration that is in force, and makes every change to it in one way. A change
 * takes its turn, runs a pure operation, is committed together with its entry in the audit log, is told to subscribers, and is
 * applied to what serves initiators. What is acknowledged is committed.
 *
 * Invariants: memory is what the store holds, or `isCacheCorrupt`; then everything but reenumerate and refresh is refused with
 * VDS_E_PROVIDER_CACHE_CORRUPT. The data plane is told of configurations in the order of their generations.
 */

import { hostname } from 'node:os'
import { isAbsolute } from 'node:path'
import { causeOf, Failure } from '../failure.ts'
import type { Async, AsyncOutput, AsyncProgress } from './async.ts'
import type { Configuration, ObjectId } from './configuration.ts'
import { configurationDifference } from './configuration-difference.ts'
import {
  type Actor,
  type AuditArguments,
  type ConfigurationStore,
  type ExistingFile,
  type Growth,
  type LunFile,
  StaleConfigurationError,
} from './configuration-store.ts'
import type { DataPlane } from './data-plane.ts'
import { type HResultName, type SuccessName, VdsError } from './hresult.ts'
import { Jobs } from './jobs.ts'
import { LunStorage } from './lun-storage.ts'
import { MANAGEMENT_LIMITS, type ManagementLimits } from './management-limits.ts'
import { createMint } from './mint.ts'
import { openModel } from './model.ts'
import { Notifications, type ObjectChange } from './notifications.ts'
import type { Change, Mint, OperationRules } from './operations/change.ts'
import type { Provider } from './provider.ts'
import { type EndTurn, Turns } from './turns.ts'
import type { AsyncOutputType } from './vds-types.ts'

export interface ManagementOptions {
  readonly store: ConfigurationStore
  readonly dataPlane: DataPlane
  readonly limits?: Partial<ManagementLimits>
  readonly mint?: Mint
  /** The computer that getImportTarget and setImportTarget mean when none is named. */
  readonly hostName?: string
  readonly now?: () => Date
}

/** One call of a method of the object model. */
export interface Call {
  readonly actor: Actor
  /** Such as `Lun.setMask`. */
  readonly method: string
  /** What it is called on; null for the provider and the sub-system. */
  readonly objectId?: ObjectId | null
  /** For the audit log, without secrets. */
  readonly arguments?: AuditArguments
  readonly precondition?: Precondition
}

/**
 * What has to hold of the configuration when the turn of a call has come: it throws when it does not, and nothing changes. So
 * callers can make sure that they change what they looked at.
 */
export type Precondition = (configuration: Configuration) => void

/** An operation, given the configuration that is in force when its turn has come. */
export type Work<T> = (configuration: Configuration, rules: OperationRules) => Change<T>

export interface Committed<T> {
  readonly configuration: Configuration
  readonly result: T
  readonly hresult: SuccessName
  /** Resolves when the data plane serves it. */
  readonly applied: Promise<void>
}

const CONFIGURATION_TURN = 'configuration'
/** What is checked before exclusivity: a call that fails so fails whether or not it is its turn. */
const BEFORE_EXCLUSIVITY: ReadonlySet<HResultName> = new Set([
  'E_INVALIDARG',
  'VDS_E_OBJECT_DELETED',
  'VDS_E_NOT_SUPPORTED',
  'VDS_E_OBJECT_NOT_FOUND',
  'VDS_E_OBJECT_STATUS_FAILED',
])

type Life = 'new' | 'running' | 'closed'

export class Management {
  readonly store: ConfigurationStore
  readonly dataPlane: DataPlane
  readonly limits: ManagementLimits
  readonly storage: LunStorage
  readonly notifications: Notifications
  readonly jobs: Jobs
  readonly hostName: string
  readonly #rules: OperationRules
  readonly #turns = new Turns()
  readonly #now: () => Date
  #life: Life = 'new'
  #configuration: Configuration | null = null
  #isCacheCorrupt = false
  /** Why the store could not be written the last time; null when it could. */
  #storeFault: string | null = null
  #unsubscribe = () => {}

  constructor({ store, dataPlane, limits, mint, hostName, now }: ManagementOptions) {
    this.store = store
    this.dataPlane = dataPlane
    this.limits = { ...MANAGEMENT_LIMITS, ...limits }
    this.storage = new LunStorage(store, dataPlane)
    this.notifications = new Notifications(this.limits.notificationQueueMax)
    this.jobs = new Jobs(this.limits.finishedJobsMax)
    this.hostName = hostName ?? hostname()
    this.#rules = { limits: this.limits, mint: mint ?? createMint() }
    this.#now = now ?? (() => new Date())
  }

  /**
   * Load the configuration, turn it into what `prepare` makes of it (the command line's objects, say), and serve it.
   * Errors: `Failure` when it cannot be loaded; `VdsError` of `prepare`.
   */
  async start(
    prepare: Work<unknown> = (configuration) => ({ configuration, result: null, hresult: 'S_OK' }),
  ): Promise<void> {
    this.#configuration = this.store.load()
    this.#life = 'running'
    const call = { actor: LOCAL_SYSTEM, method: 'Management.start' }
    this.#commit(call, prepare(this.#configuration, this.#rules).configuration, [])
    await this.dataPlane.apply(this.configuration)
    await this.storage.discardAll()
    await this.storage.undoGrowths()
    this.#unsubscribe = this.dataPlane.subscribe((event) => {
      if (event.kind === 'lunState') this.#notifyModified('lun', event.id)
      else if (event.kind === 'portalState') this.#notifyModified('portal', event.id)
    })
  }

  /** No more calls; resolves when those that run are done. The store and the data plane are the caller's to close. */
  async close(): Promise<void> {
    this.#life = 'closed'
    this.#unsubscribe()
    await this.jobs.settle()
  }

  /** The object model for this actor; all changes through it demand `precondition`. */
  as(actor: Actor, precondition: Precondition = () => {}): Provider {
    return openModel(this, actor, precondition)
  }

  /** What is in force. Errors: VDS_E_INITIALIZE_NOT_CALLED, VDS_E_PROVIDER_EXITING. */
  get configuration(): Configuration {
    if (this.#configuration === null)
      throw new VdsError('VDS_E_INITIALIZE_NOT_CALLED', 'the provider has not been started')
    if (this.#life === 'closed') throw new VdsError('VDS_E_PROVIDER_EXITING', 'the server is stopping')
    return this.#configuration
  }

  /** Why changes fail that should not; null while they do not. The sub-system's status is then failed. */
  get storeFault(): string | null {
    return this.#storeFault
  }

  /** What is in force, as long as it agrees with the store. Errors: VDS_E_PROVIDER_CACHE_CORRUPT, and those above. */
  read(): Configuration {
    const { configuration } = this
    if (this.#isCacheCorrupt || !this.store.agreesWith(configuration)) throw this.#cacheIsCorrupt()
    return configuration
  }

  /** One change from its turn until the data plane serves it. */
  async change<T>(call: Call, work: Work<T>): Promise<Omit<Committed<T>, 'applied'>> {
    const { applied, ...committed } = await this.commit(call, work)
    await applied
    return committed
  }

  /**
   * One change from its turn until it is committed; what applies it goes on. `doomedFiles` names files that are no LUN's any
   * more, to be discarded once it is applied; `grown` are LUNs that stay as large as they have become.
   * Errors: `VdsError` of `work`, or VDS_E_ACCESS_DENIED, VDS_E_ANOTHER_CALL_IN_PROGRESS, VDS_E_PROVIDER_CACHE_CORRUPT,
   * VDS_E_OBJECT_STATUS_FAILED when the store cannot be written; nothing has changed then.
   */
  async commit<T>(
    call: Call,
    work: Work<T>,
    doomedFiles: (before: Configuration) => readonly LunFile[] = () => [],
    grown: readonly Growth[] = [],
  ): Promise<Committed<T>> {
    return this.audited(call, async () => {
      const endTurn = await this.takeTurn(CONFIGURATION_TURN, () => work(this.read(), this.#rules))
      try {
        const before = this.read()
        call.precondition?.(before)
        const { configuration, result, hresult } = work(before, this.#rules)
        this.#commit({ ...call, hresult }, configuration, doomedFiles(before), grown)
        const applied = this.#apply()
        return { configuration: this.configuration, result, hresult, applied }
      } finally {
        endTurn()
      }
    })
  }

  /**
   * A file that can become a LUN or its medium. The server may read files of this machine that are none of an operator's
   * business: beyond the data directory only administrators choose.
   * Errors: E_INVALIDARG with what speaks against the file, VDS_E_ACCESS_DENIED.
   */
  existingFile(path: string, isReadOnly: boolean, { role }: Pick<Actor, 'role'> = LOCAL_SYSTEM): ExistingFile {
    const mayGoAnywhere = role === 'administrator'
    const staysInside = !isAbsolute(path) && !path.split(/[/\\]/).includes('..')
    try {
      const file = this.store.existingFile(path, { isReadOnly })
      if (mayGoAnywhere || !isAbsolute(file.path)) return file
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (mayGoAnywhere || staysInside) throw new VdsError('E_INVALIDARG', error.message, { cause: error })
    }
    throw new VdsError('VDS_E_ACCESS_DENIED', 'only an administrator may serve files beyond the data directory')
  }

  /** Errors: VDS_E_ACCESS_DENIED for the path of a LUN that lies where only administrators choose files. */
  demandFileRights(path: string, { role }: Pick<Actor, 'role'>): void {
    if (role === 'administrator' || !isAbsolute(path)) return
    throw new VdsError('VDS_E_ACCESS_DENIED', 'only an administrator may delete files beyond the data directory')
  }

  /** The id of an object that is about to be made. */
  mintObjectId(): ObjectId {
    return this.#rules.mint.objectId()
  }

  /** Try an operation without changing anything. Errors: those of `work`. */
  attempt<T>(work: Work<T>): Change<T> {
    return work(this.read(), this.#rules)
  }

  /**
   * Wait for the turn of `key`. Errors: what `attempt` throws of what is checked before exclusivity, otherwise
   * VDS_E_ANOTHER_CALL_IN_PROGRESS, when it does not come in time.
   */
  async takeTurn(key: string, attempt: () => unknown): Promise<EndTurn> {
    const endTurn = await this.#turns.take(key, this.limits.turnTimeoutMs)
    if (endTurn !== null) return endTurn
    try {
      attempt()
    } catch (error) {
      if (error instanceof VdsError && BEFORE_EXCLUSIVITY.has(error.name)) throw error
    }
    throw new VdsError('VDS_E_ANOTHER_CALL_IN_PROGRESS', 'another change is being made: try again')
  }

  /** Run a changing call: refused to viewers, its failure named after its method and put into the audit log. */
  async audited<T>(call: Call, run: () => Promise<T>): Promise<T> {
    try {
      if (call.actor.role === 'viewer') {
        throw new VdsError('VDS_E_ACCESS_DENIED', `${call.actor.name} may look but change nothing`)
      }
      return await run()
    } catch (error) {
      if (!(error instanceof VdsError)) throw error
      this.recordAudit(call, error.name, error.message)
      throw error.of(call.method)
    }
  }

  /** Put a call into the audit log that is not part of a commit. A store that cannot be written loses it. */
  recordAudit(call: Call, hresult: HResultName, message: string | null = null): void {
    try {
      this.store.recordAudit({ ...this.#auditEntry(call), hresult, message })
    } catch (error) {
      this.#storeFault = causeOf(error)
    }
  }

  /** Hand back an `Async` for work that goes on. */
  begin<T extends AsyncOutput | null>(
    { actor, method, objectId = null }: Call,
    outputType: AsyncOutputType,
    hresult: SuccessName,
    work: (progress: AsyncProgress) => Promise<T>,
  ): Async<T> {
    return this.jobs.start({ outputType, method, actor, objectId, beganAt: this.#now() }, hresult, async (progress) => {
      try {
        return await work(progress)
      } catch (error) {
        throw error instanceof VdsError ? error.of(method) : error
      }
    })
  }

  /** Tell subscribers what no configuration shows, such as another size. */
  notify(changes: readonly ObjectChange[]): void {
    this.notifications.notify(changes)
  }

  /**
   * Take from the store what `pick` makes of the configuration in force and the one that is stored, and serve it: how
   * reenumerate and refresh repair a corrupt cache.
   */
  async reload(call: Call, pick: (held: Configuration, stored: Configuration) => Configuration): Promise<void> {
    await this.audited(call, async () => {
      const { configuration: held } = this
      const endTurn = await this.takeTurn(CONFIGURATION_TURN, () => undefined)
      try {
        const stored = this.store.load()
        this.#configuration = pick(held, stored)
        this.#isCacheCorrupt = !this.store.agreesWith(this.#configuration)
        this.#storeFault = null
      } finally {
        endTurn()
      }
      this.recordAudit(call, 'S_OK')
      this.notify(configurationDifference(held, this.configuration))
      await this.#apply()
    })
  }

  #commit(
    call: Call & { readonly hresult?: SuccessName },
    after: Configuration,
    doomed: readonly LunFile[],
    grown: readonly Growth[] = [],
  ): void {
    const before = this.configuration
    const entry = { ...this.#auditEntry(call), hresult: call.hresult ?? 'S_OK', message: null }
    if (after === before && grown.length === 0) {
      if (call.method !== 'Management.start') this.recordAudit(call, entry.hresult)
      return
    }
    try {
      this.#configuration = this.store.commit(before, after, entry, doomed, grown)
      this.#storeFault = null
    } catch (error) {
      if (error instanceof StaleConfigurationError) throw this.#cacheIsCorrupt()
      this.#storeFault = causeOf(error)
      throw new VdsError('VDS_E_OBJECT_STATUS_FAILED', `the store cannot be written: ${this.#storeFault}`, {
        cause: error,
      })
    }
    this.notify(configurationDifference(before, this.configuration))
  }

  /** Calls of the data plane follow one another in the order in which this is called. */
  async #apply(): Promise<void> {
    try {
      await this.dataPlane.apply(this.configuration)
    } catch (error) {
      throw new VdsError('VDS_E_PROVIDER_INTERNAL_ERROR', `committed, but not served: ${causeOf(error)}`, {
        cause: error,
      })
    }
  }

  #auditEntry({ actor, method, objectId = null, arguments: given = {} }: Call) {
    return { at: this.#now(), actor, method, objectId, arguments: given }
  }

  #cacheIsCorrupt(): VdsError {
    this.#isCacheCorrupt = true
    return new VdsError(
      'VDS_E_PROVIDER_CACHE_CORRUPT',
      'the configuration in the store was changed by somebody else: reenumerate, then refresh',
    )
  }

  #notifyModified(object: 'lun' | 'portal', id: ObjectId): void {
    this.notify([{ object, change: 'modify', id }])
  }
}

/** Who acts when the server does so by itself. */
export const LOCAL_SYSTEM: Actor = { name: 'lunette', role: 'administrator' }
