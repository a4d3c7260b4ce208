/**
 * A LUN (IVdsLun, IVdsLunIscsi, IVdsLunNaming, IVdsLunNumber): a disk or CD with an identity of its own, the initiators that it
 * is unmasked to, and the targets that it is behind. Its size is the data plane's, its layout is one file.
 */

import type { Async, AsyncProgress } from './async.ts'
import type { Configuration, LunRecord, ObjectId, UnmaskList } from './configuration.ts'
import { type SuccessName, VdsError } from './hresult.ts'
import type { IscsiTarget } from './iscsi-target.ts'
import { demandWholeBlocks, knownBlockLength } from './lun-creation.ts'
import { type LunInformation, lunInformation } from './lun-identification.ts'
import { type LunProperties, lunProperties } from './lun-properties.ts'
import { newSizeAfterExtend, newSizeAfterShrink, turnOfLun } from './lun-sizes.ts'
import { fromDataPlane, isOwnStorage } from './lun-storage.ts'
import { ModelObject, notSupported } from './model-object.ts'
import { associateTargets, targetsOf } from './operations/association.ts'
import { invalidArgument, notFound } from './operations/change.ts'
import { deleteLun, ejectMedium, insertMedium, setLunFriendlyName, setLunStatus } from './operations/luns.ts'
import { setAccess, setMask } from './operations/mask.ts'
import type { SubSystem } from './sub-system.ts'
import type { Health, ObjectStatus, TransitionState } from './vds-types.ts'

/** VDS_LUN_PLEX_PROP, of the one that a file is. */
export interface PlexProperties {
  readonly id: ObjectId
  readonly sizeBytes: number | null
  readonly type: 'simple'
  readonly status: ObjectStatus
  readonly health: Health
  readonly transitionState: TransitionState
  readonly flags: number
  readonly stripeSizeBytes: number
  readonly rebuildPriority: number
}

/** VDS_HINTS, as far as a file has them: none is asked for, none is followed. */
export interface Hints {
  readonly hintMask: number
}

type DriveIds = readonly ObjectId[] | null

export class Lun extends ModelObject<LunRecord> {
  protected readonly kind = 'Lun'

  protected find({ luns }: Configuration): LunRecord | null {
    return luns.get(this.id) ?? null
  }

  /** `hresult` is VDS_S_PROPERTIES_INCOMPLETE while its size is not known. */
  getProperties(): LunProperties {
    return lunProperties(this.read('getProperties').record, this.management.dataPlane.lunState(this.id))
  }

  getSubSystem(): SubSystem {
    return this.context.objects.subSystem(this.read('getSubSystem').configuration.subSystem.id)
  }

  getIdentificationData(): LunInformation {
    return lunInformation(this.read('getIdentificationData').record)
  }

  /** For people; initiators see the numbers that `IscsiTarget.queryLunNumbers` tells. */
  getLunNumber(): number {
    return this.read('getLunNumber').record.number
  }

  /** Grow at the end, rounded up to whole blocks. Errors: as `queryMaxLunExtendSize`, VDS_E_NOT_ENOUGH_SPACE. */
  extend(bytesToAdd: number, driveIds: DriveIds = null): Promise<Async<null>> {
    const given = { bytesToAdd, driveIds }
    return this.#resize('extendLun', 'extend', given, false, async (lun, sizeBytes) => {
      demandNoDrives(driveIds)
      const newSizeBytes = newSizeAfterExtend(lun, sizeBytes, bytesToAdd)
      if (newSizeBytes - sizeBytes > (await this.management.dataPlane.freeBytes())) {
        throw new VdsError('VDS_E_NOT_ENOUGH_SPACE', `there is no room to grow by ${bytesToAdd} bytes`)
      }
      return newSizeBytes
    })
  }

  /**
   * Cut off at the end, rounded down to whole blocks. With `mayDiscardData` (an extension) also what was written there.
   * Errors: VDS_E_INVALID_SHRINK_SIZE, VDS_E_SHRINK_OVER_DATA, and as `queryMaxLunExtendSize`.
   */
  shrink(bytesToRemove: number, { mayDiscardData = false } = {}): Promise<Async<null>> {
    const given = { bytesToRemove, mayDiscardData }
    return this.#resize('shrinkLun', 'shrink', given, mayDiscardData, async (lun, sizeBytes) =>
      newSizeAfterShrink(lun, sizeBytes, bytesToRemove),
    )
  }

  /** The most that extend can add. Errors: VDS_E_NOT_SUPPORTED, VDS_E_LUN_OFFLINE, VDS_E_OBJECT_STATUS_FAILED. */
  async queryMaxLunExtendSize(driveIds: DriveIds = null): Promise<number> {
    this.named('queryMaxLunExtendSize', () => {
      this.#resizable(this.read('queryMaxLunExtendSize').record, () => demandNoDrives(driveIds))
    })
    return this.management.dataPlane.freeBytes()
  }

  /** A file is one plex, with the LUN's own id. */
  queryPlexes(): PlexProperties[] {
    const { id, sizeBytes, status, health, transitionState } = this.getProperties()
    const plex = { id, sizeBytes, type: 'simple', status, health, transitionState } as const
    return [{ ...plex, flags: 0, stripeSizeBytes: 0, rebuildPriority: 0 }]
  }

  /** The whole list is replaced: `*` for everyone, empty for nobody, or names between semicolons. Errors: E_INVALIDARG. */
  setMask(unmaskingList: string): Promise<SuccessName> {
    return this.change('setMask', { unmaskingList }, (configuration, rules) =>
      setMask(configuration, this.id, unmaskingList, rules),
    )
  }

  /** Extension: replace initiators, networks and those that may only read, at once. Errors: E_INVALIDARG. */
  setAccess(unmask: UnmaskList): Promise<SuccessName> {
    return this.change('setAccess', { ...unmask }, (configuration, rules) =>
      setAccess(configuration, this.id, unmask, rules),
    )
  }

  /**
   * Remove the LUN, its associations and its data. The file that it was made from by import is kept, and so is one of the
   * array's own with `keepStorage` (an extension); with `keepStorage` false, no file is kept. Errors: VDS_E_OPERATION_DENIED
   * for one of the command line, VDS_E_ACCESS_DENIED to who is no administrator and would have a file deleted that lies
   * beyond the data directory.
   */
  async delete({ keepStorage }: { readonly keepStorage?: boolean } = {}): Promise<void> {
    const given = keepStorage === undefined ? {} : { keepStorage }
    await this.#exclusively('delete', given, async () => {
      const { applied, result: lun } = await this.commit(
        'delete',
        given,
        (configuration) => {
          const result = this.recordIn(configuration)
          if (keepStorage === false) this.management.demandFileRights(result.path, this.context.actor)
          return { ...deleteLun(configuration, this.id), result }
        },
        ({ luns }) => [luns.get(this.id)!].filter((lun) => !(keepStorage ?? !isOwnStorage(lun))),
      )
      await applied
      if (!(keepStorage ?? !isOwnStorage(lun))) await this.management.storage.discard(lun)
    })
  }

  /** VDS_S_NAME_TRUNCATED when it was too long. */
  setFriendlyName(friendlyName: string): Promise<SuccessName> {
    return this.change('setFriendlyName', { friendlyName }, (configuration, rules) =>
      setLunFriendlyName(configuration, this.id, friendlyName, rules),
    )
  }

  /**
   * Serve it or not. Errors: E_INVALIDARG for `unknown`, VDS_E_NOT_SUPPORTED for what is only reported,
   * VDS_E_OBJECT_STATUS_FAILED when it was to come online and its file cannot be served.
   */
  async setStatus(status: ObjectStatus): Promise<SuccessName> {
    const hresult = await this.change('setStatus', { status }, (configuration) =>
      setLunStatus(configuration, this.id, status),
    )
    if (status === 'online') this.named('setStatus', () => this.#demandNotFailed())
    return hresult
  }

  /** The complete new list of targets that it is behind; null for none. Errors: VDS_E_OBJECT_NOT_FOUND. */
  associateTargets(targetIds: readonly ObjectId[] | null): Promise<SuccessName> {
    return this.change('associateTargets', { targetIds }, (configuration, rules) =>
      associateTargets(configuration, this.id, targetIds ?? [], rules),
    )
  }

  queryAssociatedTargets(): IscsiTarget[] {
    const { configuration } = this.read('queryAssociatedTargets')
    return targetsOf(configuration, this.id).map(({ id }) => this.context.objects.target(id))
  }

  /**
   * Extension; with `isForced` also if an initiator prevents it.
   * Errors: VDS_E_NOT_SUPPORTED when it is not removable, VDS_E_INVALID_STATE when there is none in it, VDS_E_DEVICE_IN_USE
   * when an initiator prevents removal, which is then asked for it.
   */
  ejectMedium({ isForced = false }: { readonly isForced?: boolean } = {}): Promise<SuccessName> {
    return this.change('ejectMedium', { isForced }, (configuration) => {
      const change = ejectMedium(configuration, this.id)
      if (!isForced && !this.management.dataPlane.mayEject(this.id)) {
        throw new VdsError('VDS_E_DEVICE_IN_USE', 'an initiator prevents the removal of the medium; force it, or wait')
      }
      return change
    })
  }

  /** Extension: put in the file at `path`, by default what was in it last. Errors: as `ejectMedium`, E_INVALIDARG. */
  insertMedium(path: string | null = null): Promise<SuccessName> {
    return this.change('insertMedium', { path }, (configuration) => {
      const { isReadOnly, deviceType, blockLengthBytes } = this.recordIn(configuration)
      const file = path === null ? null : this.management.existingFile(path, isReadOnly, this.context.actor)
      const change = insertMedium(configuration, this.id, file?.path ?? null)
      if (file !== null && deviceType === 'disk') knownBlockLength(file, blockLengthBytes)
      if (file !== null) demandWholeBlocks(file, blockLengthBytes)
      return change
    })
  }

  queryHints(): Hints {
    this.read('queryHints')
    return { hintMask: 0 }
  }

  /** Hints are requests, and this array follows none. */
  applyHints(_hints: Hints): SuccessName {
    this.read('applyHints')
    return 'S_OK'
  }

  /** A file has nothing to rebuild from. Errors: always VDS_E_INVALID_OPERATION. */
  recover(): never {
    this.read('recover')
    throw new VdsError('VDS_E_INVALID_OPERATION', 'a simple LUN is not fault tolerant', { method: 'Lun.recover' })
  }

  addPlex(): never {
    this.read('addPlex')
    throw notSupported('Lun.addPlex', 'a LUN is one file and has no mirrors')
  }

  removePlex(): never {
    this.read('removePlex')
    throw notSupported('Lun.removePlex', 'a LUN is one file and has no mirrors')
  }

  associateControllers(): never {
    this.read('associateControllers')
    throw notSupported('Lun.associateControllers', 'this array has no controllers')
  }

  queryActiveControllers(): readonly never[] {
    this.read('queryActiveControllers')
    return []
  }

  /** One change of size from its turn to its end: `sizeOf` gives the new size in bytes for the LUN and its size. */
  async #resize(
    outputType: 'extendLun' | 'shrinkLun',
    method: string,
    given: Readonly<Record<string, unknown>>,
    mayDiscardData: boolean,
    sizeOf: (lun: LunRecord, sizeBytes: number) => Promise<number>,
  ): Promise<Async<null>> {
    const call = this.call(method, given)
    return this.management.audited(call, async () => {
      const endTurn = await this.#takeTurn()
      try {
        call.precondition?.(this.management.read())
        const sizeBytes = this.#resizable(this.read(method).record)
        const newSizeBytes = await sizeOf(this.read(method).record, sizeBytes)
        return this.management.begin(call, outputType, 'S_OK', async (progress: AsyncProgress) => {
          try {
            await this.management.audited(call, () => this.#setSize(progress, newSizeBytes, mayDiscardData))
            this.management.recordAudit(call, 'S_OK')
            return null
          } finally {
            endTurn()
          }
        })
      } catch (error) {
        endTurn()
        throw error
      }
    })
  }

  async #setSize(progress: AsyncProgress, sizeBytes: number, mayDiscardData: boolean): Promise<void> {
    progress.passCommitPoint()
    try {
      await this.management.dataPlane.resize(this.id, sizeBytes, { mayDiscardData })
    } catch (error) {
      throw fromDataPlane(error)
    }
    this.management.notify([{ object: 'lun', change: 'modify', id: this.id }])
  }

  /** Its size in bytes. */
  #resizable(lun: LunRecord, checkArguments = () => {}): number {
    checkArguments()
    if (lun.deviceType === 'cdDvd' || lun.isReadOnly || lun.isEjected) {
      throw new VdsError('VDS_E_NOT_SUPPORTED', `LUN ${this.id} can only be read: its size is what it is`)
    }
    this.#demandNotFailed()
    if (lun.status === 'offline')
      throw new VdsError('VDS_E_LUN_OFFLINE', `LUN ${this.id} is offline: set it online first`)
    const { sizeBytes } = this.management.dataPlane.lunState(this.id)
    if (sizeBytes === null) throw new VdsError('VDS_E_LUN_NOT_READY', `the size of LUN ${this.id} is not known`)
    return sizeBytes
  }

  #demandNotFailed(): void {
    const { status, reason } = this.management.dataPlane.lunState(this.id)
    if (status === 'failed') throw new VdsError('VDS_E_OBJECT_STATUS_FAILED', `LUN ${this.id} has failed: ${reason}`)
  }

  async #exclusively<T>(method: string, given: Readonly<Record<string, unknown>>, run: () => Promise<T>): Promise<T> {
    const endTurn = await this.management.audited(this.call(method, given), () => this.#takeTurn())
    try {
      return await run()
    } finally {
      endTurn()
    }
  }

  #takeTurn() {
    return this.management.takeTurn(turnOfLun(this.id), () => this.recordIn(this.management.read()))
  }
}

/** Errors: E_INVALIDARG for an empty list, VDS_E_OBJECT_NOT_FOUND for any drive: there are none. */
export function demandNoDrives(driveIds: DriveIds): void {
  if (driveIds === null) return
  const [first] = driveIds
  if (first === undefined) throw invalidArgument('a list of drives is null or names drives')
  throw notFound('drive', first)
}
