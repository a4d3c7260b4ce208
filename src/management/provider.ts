/**
 * The provider (IVdsProvider, IVdsHwProvider, IVdsProviderSupport, IVdsHwProviderType, IVdsProviderPrivate): the way in to the
 * object model, for one actor.
 */

import type { Async } from './async.ts'
import type { ObjectId } from './configuration.ts'
import type { AuditRecord } from './configuration-store.ts'
import type { DataPlane } from './data-plane.ts'
import { VdsError } from './hresult.ts'
import type { IscsiTarget } from './iscsi-target.ts'
import type { Lun } from './lun.ts'
import type { Management } from './management.ts'
import type { ModelContext } from './model-object.ts'
import type { AdviseSink } from './notifications.ts'
import { findPortalGroup } from './operations/change.ts'
import type { Portal } from './portal.ts'
import type { PortalGroup } from './portal-group.ts'
import type { SubSystem } from './sub-system.ts'
import {
  HARDWARE_PROVIDER_TYPE_ISCSI,
  OBJECT_TYPE,
  type ObjectType,
  PROVIDER_TYPE_HARDWARE,
  VERSION_SUPPORT,
} from './vds-types.ts'

/** Ours since the first release: how VDS tells providers and their versions apart. */
const PROVIDER_ID = '6c756e65-7474-4e65-9a00-70726f766964'
const VERSION_ID = '6c756e65-7474-4e65-9a00-000000000001'
const VERSION = '0.1.0'

/** VDS_PROVIDER_PROP. */
export interface ProviderProperties {
  readonly id: ObjectId
  readonly name: string
  readonly versionId: string
  readonly version: string
  readonly type: number
  readonly flags: number
  readonly stripeSizeFlags: number
  readonly rebuildPriority: number
}

export type ModelObjectHandle = Provider | SubSystem | Lun | IscsiTarget | PortalGroup | Portal

export class Provider {
  readonly id: ObjectId = PROVIDER_ID
  readonly #context: ModelContext

  constructor(context: ModelContext) {
    this.#context = context
  }

  getProperties(): ProviderProperties {
    return {
      id: PROVIDER_ID,
      name: 'Lunette',
      versionId: VERSION_ID,
      version: VERSION,
      type: PROVIDER_TYPE_HARDWARE,
      flags: 0,
      stripeSizeFlags: 0,
      rebuildPriority: 0,
    }
  }

  /** VDS_VSF_: iSCSI interfaces came with 1.1. */
  getVersionSupport(): number {
    return VERSION_SUPPORT.vds1_0 | VERSION_SUPPORT.vds1_1
  }

  getProviderType(): number {
    return HARDWARE_PROVIDER_TYPE_ISCSI
  }

  querySubSystems(): SubSystem[] {
    return this.#named('querySubSystems', () => [this.#context.objects.subSystem(this.#management.read().subSystem.id)])
  }

  /** The only sub-system there is. */
  get subSystem(): SubSystem {
    return this.querySubSystems()[0]!
  }

  /** Look in the store for the sub-system; another one than before replaces it with all that it has. */
  async reenumerate(): Promise<void> {
    await this.#management.reload({ actor: this.#context.actor, method: 'Provider.reenumerate' }, (held, stored) =>
      stored.subSystem.id === held.subSystem.id ? held : stored,
    )
  }

  /**
   * Read the configuration of the known sub-system from the store again and serve it.
   * Errors: VDS_E_PROVIDER_CACHE_CORRUPT when the store has another sub-system: reenumerate first.
   */
  async refresh(): Promise<void> {
    await this.#management.reload({ actor: this.#context.actor, method: 'Provider.refresh' }, (held, stored) => {
      if (stored.subSystem.id === held.subSystem.id) return stored
      throw new VdsError('VDS_E_PROVIDER_CACHE_CORRUPT', 'the store has another sub-system: reenumerate first')
    })
  }

  /**
   * The object with this id and type. Errors: VDS_E_INVALID_OBJECT_TYPE for a type that VDS does not have,
   * VDS_E_OBJECT_NOT_FOUND when there is no object with this id of this type.
   */
  getObject(id: ObjectId, type: ObjectType): ModelObjectHandle {
    return this.#named('getObject', () => {
      if (!Object.hasOwn(OBJECT_TYPE, type))
        throw new VdsError('VDS_E_INVALID_OBJECT_TYPE', `there is no object type ${type}`)
      const object = this.#find(id.toLowerCase(), type)
      if (object === null) throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no ${type} ${id}`)
      return object
    })
  }

  #find(id: ObjectId, type: ObjectType): ModelObjectHandle | null {
    const configuration = this.#management.read()
    switch (type) {
      case 'provider':
        return id === PROVIDER_ID ? this : null
      case 'subSystem':
        return id === configuration.subSystem.id ? this.#context.objects.subSystem(id) : null
      case 'lun':
        return configuration.luns.has(id) ? this.#context.objects.lun(id) : null
      case 'target':
        return configuration.targets.has(id) ? this.#context.objects.target(id) : null
      case 'portal':
        return configuration.portals.has(id) ? this.#context.objects.portal(id) : null
      case 'portalGroup':
        return findPortalGroup(configuration, id) === null ? null : this.#context.objects.portalGroup(id)
      default:
        return null
    }
  }

  /** Hear of changes (IVdsService.Advise). Returns the cookie for `unadvise`. */
  advise(sink: AdviseSink): number {
    return this.#management.notifications.advise(sink)
  }

  /** Errors: VDS_E_BAD_COOKIE. */
  unadvise(cookie: number): void {
    this.#named('unadvise', () => this.#management.notifications.unadvise(cookie))
  }

  /** Asynchronous operations that run, and the last ones that are done. */
  queryAsyncs(): readonly Async[] {
    return this.#management.jobs.list()
  }

  /** Errors: VDS_E_OBJECT_NOT_FOUND when there is none, or none any more. */
  getAsync(id: ObjectId): Async {
    return this.#named('getAsync', () => {
      const job = this.#management.jobs.find(id.toLowerCase())
      if (job === null) throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no asynchronous operation ${id}`)
      return job
    })
  }

  /** The newest first, older than the record `before`. */
  auditLog(query: { readonly limit: number; readonly before?: number }): readonly AuditRecord[] {
    return this.#management.store.auditLog(query)
  }

  /** Write a consistent copy of the store to `path`, which must not exist. The key of its secrets is not in it. */
  async backup(path: string): Promise<void> {
    const call = { actor: this.#context.actor, method: 'Provider.backup', arguments: { path } }
    await this.#management.audited(call, async () => {
      await this.#management.store.backup(path)
      this.#management.recordAudit(call, 'S_OK')
    })
  }

  /** Sessions and refused logins, to be looked at. */
  get dataPlane(): Pick<DataPlane, 'sessions' | 'loginRefusals'> {
    return this.#management.dataPlane
  }

  /** Ask the initiator to log out, then end the session. Errors: VDS_E_ISCSI_SESSION_NOT_FOUND. */
  async endSession(sessionId: string): Promise<void> {
    const call = { actor: this.#context.actor, method: 'Provider.endSession', arguments: { sessionId } }
    await this.#management.audited(call, async () => {
      if (!(await this.#management.dataPlane.endSession(sessionId))) {
        throw new VdsError('VDS_E_ISCSI_SESSION_NOT_FOUND', `there is no session ${sessionId}`)
      }
      this.#management.recordAudit(call, 'S_OK')
    })
  }

  get #management(): Management {
    return this.#context.management
  }

  #named<T>(method: string, run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw error instanceof VdsError ? error.of(`Provider.${method}`) : error
    }
  }
}
