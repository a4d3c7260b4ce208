/**
 * The sub-system (IVdsSubSystem, IVdsSubSystemNaming, IVdsSubSystemInterconnect, IVdsSubSystemIscsi,
 * IVdsSubSystemImportTarget): the array that owns LUNs, targets and portals. It has no drives and controllers: its storage is
 * files.
 */

import type { Async } from './async.ts'
import type { Configuration, ObjectId, SubSystemRecord, UnmaskList } from './configuration.ts'
import { type SuccessName, VdsError } from './hresult.ts'
import type { IscsiTarget } from './iscsi-target.ts'
import { demandNoDrives, type Hints, type Lun } from './lun.ts'
import { createLun, type ImportLunRequest, importLun, type NewLunRequest } from './lun-creation.ts'
import { ModelObject, notSupported } from './model-object.ts'
import { invalidArgument } from './operations/change.ts'
import { removeDiscoveryUser, setDiscoveryUser } from './operations/chap.ts'
import { importTargetOf, setImportTarget } from './operations/import-targets.ts'
import { parseUnmaskingList } from './operations/mask.ts'
import { type CreatePortalRequest, createPortal } from './operations/portals.ts'
import { setSubSystemFriendlyName, setSubSystemStatus } from './operations/sub-system.ts'
import { createTarget } from './operations/targets.ts'
import type { Portal } from './portal.ts'
import type { Provider } from './provider.ts'
import {
  AUTOMAGIC_LUN_TYPES,
  type Health,
  INTERCONNECT_ISCSI,
  LUN_TYPE,
  type LunType,
  SUB_SYSTEM_FLAG,
  SUPPORTED_LUN_TYPES,
  type SubSystemStatus,
} from './vds-types.ts'

/** VDS_SUB_SYSTEM_PROP. */
export interface SubSystemProperties {
  readonly id: ObjectId
  readonly friendlyName: string
  /** The array's serial number. */
  readonly identification: string
  /** VDS_SF_. */
  readonly flags: number
  readonly stripeSizeFlags: number
  readonly status: SubSystemStatus
  /** Why it failed; null when it did not. */
  readonly reason: string | null
  readonly health: Health
  readonly internalBuses: number
  readonly slotsEachBusMax: number
  readonly controllersMax: number
  readonly rebuildPriority: number
}

/** What CreateLun is given, and beyond VDS what kind of disk it makes. */
export interface CreateLunRequest extends Omit<NewLunRequest, 'unmask'> {
  /** Default: simple. */
  readonly type?: LunType
  /** There are none; null or left out. */
  readonly driveIds?: readonly ObjectId[] | null
  /** `*`, empty (the default), or names between semicolons; instead of `unmask`. */
  readonly unmaskingList?: string
  /** Extension: everything that decides who sees it. */
  readonly unmask?: UnmaskList
  readonly hints?: Hints | null
}

const OUR_FLAGS =
  SUB_SYSTEM_FLAG.lunMaskingCapable |
  SUB_SYSTEM_FLAG.writeThroughCachingCapable |
  SUB_SYSTEM_FLAG.supportsNonFaultTolerantLuns |
  SUB_SYSTEM_FLAG.supportsSimpleLuns |
  SUB_SYSTEM_FLAG.supportsAuthChap |
  SUB_SYSTEM_FLAG.supportsAuthMutualChap |
  SUB_SYSTEM_FLAG.supportsLunNumber

export class SubSystem extends ModelObject<SubSystemRecord> {
  protected readonly kind = 'SubSystem'

  protected find({ subSystem }: Configuration): SubSystemRecord | null {
    return subSystem.id === this.id ? subSystem : null
  }

  getProperties(): SubSystemProperties {
    const { id, friendlyName, identification, status, hasSimpleTargetConfig } = this.read('getProperties').record
    const { storeFault } = this.management
    return {
      id,
      friendlyName,
      identification,
      flags: OUR_FLAGS | (hasSimpleTargetConfig ? SUB_SYSTEM_FLAG.supportsSimpleTargetConfig : 0),
      stripeSizeFlags: 0,
      status: storeFault === null ? status : 'failed',
      reason: storeFault,
      health: storeFault === null ? 'healthy' : 'failed',
      internalBuses: 0,
      slotsEachBusMax: 0,
      controllersMax: 0,
      rebuildPriority: 0,
    }
  }

  getProvider(): Provider {
    this.read('getProvider')
    return this.context.objects.provider()
  }

  /** VDS_ITF_. */
  getSupportedInterconnects(): number {
    this.read('getSupportedInterconnects')
    return INTERCONNECT_ISCSI
  }

  queryControllers(): readonly never[] {
    this.read('queryControllers')
    return []
  }

  queryDrives(): readonly never[] {
    this.read('queryDrives')
    return []
  }

  /** Errors: always VDS_E_OBJECT_NOT_FOUND: no slot holds a drive. */
  getDrive(bus: number, slot: number): never {
    this.read('getDrive')
    throw new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no drive on bus ${bus} slot ${slot}`, {
      method: 'SubSystem.getDrive',
    })
  }

  /** Look for drives: there never are any. */
  reenumerate(): SuccessName {
    this.read('reenumerate')
    return 'S_OK'
  }

  replaceDrive(): never {
    this.read('replaceDrive')
    throw notSupported('SubSystem.replaceDrive', 'this array has no drives')
  }

  setControllerStatus(): never {
    this.read('setControllerStatus')
    throw notSupported('SubSystem.setControllerStatus', 'this array has no controllers')
  }

  /** All of them, unmasked or not. */
  queryLuns(): Lun[] {
    return [...this.read('queryLuns').configuration.luns.keys()].map((id) => this.context.objects.lun(id))
  }

  queryTargets(): IscsiTarget[] {
    return [...this.read('queryTargets').configuration.targets.keys()].map((id) => this.context.objects.target(id))
  }

  /** In portal groups or not. */
  queryPortals(): Portal[] {
    return [...this.read('queryPortals').configuration.portals.keys()].map((id) => this.context.objects.portal(id))
  }

  /**
   * A new LUN, thin and reading as zeroes, of at least the size asked for.
   * Errors: E_INVALIDARG, VDS_E_NOT_SUPPORTED for a layout that a file cannot have, VDS_E_OBJECT_NOT_FOUND for a drive,
   * VDS_E_NOT_ENOUGH_SPACE, VDS_E_CONFIG_LIMIT.
   */
  async createLun(request: CreateLunRequest): Promise<Async<Lun>> {
    const { type = 'simple', driveIds = null, unmaskingList, hints = null, ...rest } = request
    const call = this.call('createLun', { ...request })
    return this.management.audited(call, async () => {
      const unmask = this.#unmaskOf(request.unmask, unmaskingList)
      checkLayout(type, driveIds, hints)
      this.read('createLun')
      return createLun(this.context, call, unmask === undefined ? rest : { ...rest, unmask })
    })
  }

  #unmaskOf(unmask: UnmaskList | undefined, unmaskingList: string | undefined): UnmaskList | undefined {
    if (unmaskingList === undefined) return unmask
    if (unmask !== undefined) throw invalidArgument('unmask and unmaskingList say the same: give one of them')
    return {
      initiators: parseUnmaskingList(unmaskingList, this.management.limits),
      networks: [],
      readOnlyInitiators: [],
    }
  }

  /** Extension: a file that exists becomes a LUN, with the identity it had when it was served before. */
  async importLun(request: ImportLunRequest): Promise<Async<Lun>> {
    const call = this.call('importLun', { ...request })
    return this.management.audited(call, async () => {
      this.read('importLun')
      return importLun(this.context, call, request)
    })
  }

  /** The size of the largest LUN that createLun would make. Errors: those of createLun for the same arguments. */
  async queryMaxLunCreateSize(
    type: LunType = 'simple',
    driveIds: readonly ObjectId[] | null = null,
    hints: Hints | null = null,
  ): Promise<number> {
    this.named('queryMaxLunCreateSize', () => {
      this.read('queryMaxLunCreateSize')
      checkLayout(type, driveIds, hints)
    })
    return this.management.dataPlane.freeBytes()
  }

  /** Errors: E_INVALIDARG for `unknown`, VDS_E_NOT_SUPPORTED for what is only reported. */
  setStatus(status: SubSystemStatus): Promise<SuccessName> {
    return this.change('setStatus', { status }, (configuration) => setSubSystemStatus(configuration, status))
  }

  /** VDS_S_NAME_TRUNCATED when it was too long. */
  setFriendlyName(friendlyName: string): Promise<SuccessName> {
    return this.change('setFriendlyName', { friendlyName }, (configuration, rules) =>
      setSubSystemFriendlyName(configuration, friendlyName, rules),
    )
  }

  /**
   * A new target without portal groups, LUNs and secrets. Null or an empty name for a generated one.
   * Errors: E_INVALIDARG, VDS_E_NOT_SUPPORTED with simple target configuration, VDS_E_NAME_NOT_UNIQUE, VDS_E_CONFIG_LIMIT.
   */
  createTarget(iscsiName: string | null, friendlyName = ''): Promise<Async<IscsiTarget>> {
    return this.changeAsync(
      'createTarget',
      'createTarget',
      { iscsiName, friendlyName },
      (configuration, rules) => createTarget(configuration, { iscsiName, friendlyName }, rules),
      (id) => this.context.objects.target(id),
    )
  }

  /** Extension: listen on one more address. Errors: E_INVALIDARG, VDS_E_OBJECT_EXISTS, VDS_E_CONFIG_LIMIT. */
  async createPortal(request: CreatePortalRequest): Promise<Portal> {
    const { applied, result } = await this.commit('createPortal', { ...request }, (configuration, rules) =>
      createPortal(configuration, request, rules),
    )
    await applied
    return this.context.objects.portal(result)
  }

  setIpsecGroupPresharedKey(): never {
    this.read('setIpsecGroupPresharedKey')
    throw notSupported('SubSystem.setIpsecGroupPresharedKey', 'IPsec belongs to the operating system')
  }

  /** The iSCSI name of the import target of a computer, by default this one. Errors: VDS_E_NO_IMPORT_TARGET. */
  getImportTarget(host = this.management.hostName): string {
    return this.named('getImportTarget', () => importTargetOf(this.read('getImportTarget').configuration, host))
  }

  /** Null clears it. Errors: E_INVALIDARG for a malformed name, VDS_E_OBJECT_NOT_FOUND for a target that is not here. */
  setImportTarget(iscsiName: string | null, host = this.management.hostName): Promise<SuccessName> {
    return this.change('setImportTarget', { iscsiName, host }, (configuration) =>
      setImportTarget(configuration, host, iscsiName),
    )
  }

  /** Extension: the import targets of all computers, by their names. */
  queryImportTargets(): ReadonlyMap<string, IscsiTarget> {
    const { importTargets } = this.read('queryImportTargets').configuration
    return new Map([...importTargets].map(([host, id]) => [host, this.context.objects.target(id)]))
  }

  /** Extension: a user that may ask for targets; with the first one nobody else may. Errors: E_INVALIDARG. */
  setDiscoveryUser(user: string, secret: Buffer, initiatorNames: readonly string[] = []): Promise<SuccessName> {
    const given = { user, initiatorNames, hasSecret: true }
    return this.change('setDiscoveryUser', given, (configuration, rules) =>
      setDiscoveryUser(configuration, { user, secret, initiatorNames }, rules),
    )
  }

  /** Extension. Errors: VDS_E_OBJECT_NOT_FOUND. */
  removeDiscoveryUser(user: string): Promise<SuccessName> {
    return this.change('removeDiscoveryUser', { user }, (configuration) => removeDiscoveryUser(configuration, user))
  }

  /** Extension: users and the initiators that may use them; never the secrets. */
  queryDiscoveryUsers(): { readonly user: string; readonly initiatorNames: readonly string[] }[] {
    const { discoveryUsers } = this.read('queryDiscoveryUsers').record
    return discoveryUsers.map(({ user, initiatorNames }) => ({ user, initiatorNames }))
  }
}

function checkLayout(type: LunType, driveIds: readonly ObjectId[] | null, hints: Hints | null): void {
  if (!Object.hasOwn(LUN_TYPE, type)) throw invalidArgument(`there is no LUN type ${type}`)
  if (hints !== null && !AUTOMAGIC_LUN_TYPES.includes(type)) {
    throw invalidArgument(`hints are for ${AUTOMAGIC_LUN_TYPES.join(', ')}: ${type} says what it is`)
  }
  if (driveIds?.length === 0) throw invalidArgument('a list of drives is null or names drives')
  if (!SUPPORTED_LUN_TYPES.includes(type)) {
    throw new VdsError(
      'VDS_E_NOT_SUPPORTED',
      `a LUN is one file: ${SUPPORTED_LUN_TYPES.join(', ')} can be made, not ${type}`,
    )
  }
  demandNoDrives(driveIds)
}
