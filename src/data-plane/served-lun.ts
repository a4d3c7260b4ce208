/**
 * One LUN that is served: its logical unit, which all targets that are associated with it share, and the medium in it.
 */

import type { GroupAccess } from '../../scsi/access-states.ts'
import type { BackingError } from '../../scsi/backing/backing-store.ts'
import type { CopyManager } from '../../scsi/copy/copy-manager.ts'
import type { ErasurePace } from '../../scsi/erasure.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import type { EjectOutcome } from '../../scsi/removable-medium.ts'
import { isDataInTheWay } from '../../scsi/resize.ts'
import type { SavedState } from '../../scsi/saved-state.ts'
import { Failure } from '../failure.ts'
import type { LunRecord, ObjectId } from '../management/configuration.ts'
import { DataPlaneError } from '../management/data-plane.ts'
import { logicalUnitIdentity } from '../store/disk-identity.ts'
import { type LunFile, type LunFileOptions, lunPath, openLunFile } from './lun-file.ts'

export interface ServedLunOptions extends LunFileOptions {
  /** Where the logical unit of a LUN keeps what outlives a restart. */
  readonly savedStateOf: (id: ObjectId) => SavedState
  /** By target port group, for every logical unit. */
  readonly groupAccess: ReadonlyMap<number, GroupAccess>
  /** An initiator reaches all LUNs of a target through one nexus: that is all that it can copy from and to. */
  readonly copyManager: CopyManager
}

/**
 * FORMAT UNIT and SANITIZE write patterns as fast as a hard disk would: other disks on the same medium, and the page cache
 * that all of them share, are still of use meanwhile.
 */
const ERASURE_PACE: ErasurePace = {
  bytesPerSecond: 160 * 2 ** 20,
  wait: (resume, delayMs) => void setTimeout(resume, delayMs).unref(),
}

export class ServedLun {
  readonly logicalUnit: LogicalUnit
  readonly #options: ServedLunOptions
  #record: LunRecord
  /** Null while the medium is out. */
  #file: LunFile | null

  private constructor(record: LunRecord, logicalUnit: LogicalUnit, file: LunFile | null, options: ServedLunOptions) {
    this.#record = record
    this.logicalUnit = logicalUnit
    this.#file = file
    this.#options = options
  }

  /** Errors: `Failure` with a sentence for the administrator; then nothing is left open. */
  static async open(record: LunRecord, options: ServedLunOptions): Promise<ServedLun> {
    const file = record.isEjected ? null : await openLunFile(record, options)
    try {
      const logicalUnit = new LogicalUnit(unitOptions(record, options), file?.store ?? null)
      if (file !== null) {
        await undoTornWrite(logicalUnit, file.path)
        logicalUnit.erasure.resume()
      }
      return new ServedLun(record, logicalUnit, file, options)
    } catch (error) {
      await file?.close()
      throw error
    }
  }

  get id(): ObjectId {
    return this.#record.id
  }

  /** Null while the medium is out. */
  get sizeBytes(): number | null {
    return this.#file?.store.sizeBytes ?? null
  }

  /** Whether `record` can be served by changing the medium at most; otherwise the LUN has to be closed and opened anew. */
  canBecome(record: LunRecord): boolean {
    return describe(record) === describe(this.#record) && (record.isRemovable || record.path === this.#record.path)
  }

  /**
   * Serve the medium that `record` names. Errors: `Failure`; a medium that could not be taken out stays, one that could not
   * be put in leaves the LUN without one.
   */
  async become(record: LunRecord): Promise<void> {
    const path = record.isEjected ? null : lunPath(record, this.#options.dataDirectory)
    if (this.#file !== null && this.#file.path !== path) await this.#eject(this.#file)
    this.#record = record
    if (this.#file !== null || path === null) return
    const file = await openLunFile(record, this.#options)
    try {
      this.logicalUnit.medium.insert(file.store)
    } catch (error) {
      await file.close()
      throw new Failure(error instanceof Error ? error.message : String(error), { cause: error })
    }
    this.#file = file
  }

  /** Whether no initiator prevents the removal of the medium; those that do hear of the wish. */
  mayEject(): boolean {
    const { medium } = this.logicalUnit
    if (!medium.isRemovalPrevented) return true
    medium.eject(null, false, () => {})
    return false
  }

  /** Errors: `DataPlaneError`; then nothing has changed. */
  async resize(sizeBytes: number, options: { readonly mayDiscardData: boolean }): Promise<void> {
    const error = await new Promise<BackingError | null>((done) => this.logicalUnit.resize(sizeBytes, options, done))
    if (error === null) return
    if (isDataInTheWay(error)) throw new DataPlaneError('holdsData', error.message)
    const kind = error.kind === 'noSpace' ? 'noSpace' : error.kind === 'io' ? 'io' : 'invalid'
    throw new DataPlaneError(kind, error.message)
  }

  /** Nobody reaches the logical unit any more: write everything out and let go of the file. Errors: `Failure`. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  async #eject(file: LunFile): Promise<void> {
    const { medium } = this.logicalUnit
    const outcome = await new Promise<EjectOutcome>((done) => medium.eject(null, true, done))
    if (outcome !== 'ejected') {
      const reason = outcome === 'prevented' ? 'an initiator prevents that' : outcome.message
      throw new Failure(`the medium ${file.path} cannot be taken out: ${reason}`)
    }
    medium.take()
    this.#file = null
    await file.close()
  }
}

/** What cannot change while initiators use the LUN. */
function describe({ deviceType, blockLengthBytes, physicalBlockBytes, isRemovable, ...record }: LunRecord): string {
  const { isReadOnly, serialNumber, naa } = record
  return JSON.stringify([deviceType, blockLengthBytes, physicalBlockBytes, isRemovable, isReadOnly, serialNumber, naa])
}

function unitOptions(record: LunRecord, { groupAccess, copyManager, savedStateOf }: ServedLunOptions) {
  const { id, serialNumber, deviceType, isRemovable, physicalBlockBytes, blockLengthBytes, isReadOnly } = record
  const identity = logicalUnitIdentity({ guid: id, serialNumber, naa: Buffer.from(record.naa, 'hex') }, deviceType)
  const savedState = savedStateOf(id)
  const shared = { groupAccess, copyManager, erasurePace: ERASURE_PACE }
  return { identity, deviceType, isRemovable, physicalBlockBytes, blockLengthBytes, isReadOnly, savedState, ...shared }
}

/** An atomic write that the end of the last process cut in two goes back before anybody reads. Errors: `Failure`. */
function undoTornWrite({ atomicWriter }: LogicalUnit, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    atomicWriter.recover((error) => {
      if (error === null) resolve()
      else reject(new Failure(`cannot serve ${path}: an unfinished atomic write could not be undone: ${error.message}`))
    })
  })
}
