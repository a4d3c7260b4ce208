/**
 * Files of LUNs around commits. A file is noted as doomed before it is made and when its LUN is deleted, and a commit that
 * makes a LUN of it takes the note away: so a process that ends at any moment leaves no file that nobody knows, and deletes
 * none that somebody uses.
 */

import { causeOf } from '../failure.ts'
import type { LunRecord } from './configuration.ts'
import type { ConfigurationStore, Growth, LunFile } from './configuration-store.ts'
import { type DataPlane, DataPlaneError, type DataPlaneErrorKind } from './data-plane.ts'
import { type HResultName, VdsError } from './hresult.ts'

/** Where the array puts the files that it makes itself; a name that is never used again. */
export function ownStoragePath(id: string): string {
  return `luns/${id}.img`
}

/** The array made the file of this LUN, rather than having been given it. */
export function isOwnStorage({ id, path }: LunFile): boolean {
  return path === ownStoragePath(id)
}

const HRESULTS_OF_KIND = {
  exists: 'VDS_E_OBJECT_EXISTS',
  notFound: 'VDS_E_OBJECT_OUT_OF_SYNC',
  noSpace: 'VDS_E_NOT_ENOUGH_SPACE',
  inUse: 'VDS_E_DEVICE_IN_USE',
  invalid: 'E_INVALIDARG',
  holdsData: 'VDS_E_SHRINK_OVER_DATA',
  io: 'VDS_E_IO_ERROR',
} as const satisfies Record<DataPlaneErrorKind, HResultName>

/** What the data plane refused, in the words of the object model; any other error is our bug and passes. */
export function fromDataPlane(error: unknown): unknown {
  if (!(error instanceof DataPlaneError)) return error
  return new VdsError(HRESULTS_OF_KIND[error.kind], error.message, { cause: error })
}

export interface NewFile {
  readonly lun: LunRecord
  readonly sizeBytes: number
}

/** More would only wait for the same disk. */
const FILES_AT_ONCE_MAX = 16

export class LunStorage {
  readonly #store: ConfigurationStore
  readonly #dataPlane: DataPlane

  constructor(store: ConfigurationStore, dataPlane: DataPlane) {
    this.#store = store
    this.#dataPlane = dataPlane
  }

  /** Make the storage of a LUN that is about to be committed. Errors: `VdsError`; then nothing is left of it. */
  async create(lun: LunRecord, sizeBytes: number): Promise<void> {
    this.#doom([lun])
    await this.#make({ lun, sizeBytes })
  }

  /** The same for many, which are noted at once and made some at a time. */
  async createAll(files: readonly NewFile[]): Promise<void> {
    if (files.length === 0) return
    this.#doom(files.map(({ lun }) => lun))
    const rest = files.values()
    const failures: unknown[] = []
    const makeSome = async () => {
      for (const file of rest) {
        if (failures.length > 0) this.#forget(file.lun)
        else await this.#make(file).catch((error: unknown) => failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: FILES_AT_ONCE_MAX }, makeSome))
    if (failures.length === 0) return
    for (const { lun } of files) await this.discard(lun)
    throw failures[0]
  }

  #doom(files: readonly LunFile[]): void {
    this.#note(() => this.#store.doomFiles(files))
  }

  #note(write: () => void): void {
    try {
      write()
    } catch (error) {
      throw new VdsError('VDS_E_OBJECT_STATUS_FAILED', `the store cannot be written: ${causeOf(error)}`, {
        cause: error,
      })
    }
  }

  async #make({ lun, sizeBytes }: NewFile): Promise<void> {
    try {
      await this.#dataPlane.createStorage(lun, sizeBytes)
    } catch (error) {
      this.#forget(lun)
      throw fromDataPlane(error)
    }
  }

  /** Delete a file if it is still doomed. One that cannot be deleted now is tried again at the next start. */
  async discard(file: LunFile): Promise<void> {
    if (!this.#store.isDoomed(file)) return
    try {
      await this.#dataPlane.deleteStorage(file)
    } catch (error) {
      if (!(error instanceof DataPlaneError)) throw error
      if (error.kind !== 'notFound') return
    }
    this.#forget(file)
  }

  /** A note that stays behind does no harm: the file is gone, and its name is never used again. */
  #forget({ id }: LunFile): void {
    try {
      this.#store.forgetFile(id)
    } catch {
      return
    }
  }

  /**
   * Make LUNs larger that are about to be committed so. Errors: `VdsError`; those that have grown are to be taken back with
   * `shrinkAgain`.
   */
  async growAll(growths: readonly Growth[]): Promise<void> {
    this.#note(() => this.#store.noteGrowths(growths))
    for (const { id, toBytes } of growths) {
      try {
        await this.#dataPlane.resize(id, toBytes, { mayDiscardData: false })
      } catch (error) {
        throw fromDataPlane(error)
      }
    }
  }

  /** What an initiator has written to a new end meanwhile keeps its LUN from that. */
  async shrinkAgain(growths: readonly Growth[]): Promise<void> {
    for (const { id, fromBytes, toBytes } of growths) {
      if (this.#dataPlane.lunState(id).sizeBytes !== toBytes) continue
      await this.#dataPlane.resize(id, fromBytes, { mayDiscardData: false }).catch(() => undefined)
    }
    this.#store.forgetGrowths(growths)
  }

  /** Take back the growth of LUNs that an earlier process did not commit. */
  async undoGrowths(): Promise<void> {
    const growths = this.#store.unfinishedGrowths()
    if (growths.length > 0) await this.shrinkAgain(growths)
  }

  /** Finish what an earlier process did not. */
  async discardAll(): Promise<void> {
    for (const file of this.#store.doomedFiles()) await this.discard(file)
  }
}
