/**
 * How a LUN comes into being: its file first, then the commit that makes it one. Until the commit it can be cancelled, and then
 * the file goes again; a process that ends in between leaves the file noted as doomed.
 */

import { mintDiskIdentity } from '../store/disk-identity.ts'
import type { Async } from './async.ts'
import type { ExistingFile } from './configuration-store.ts'
import { VdsError } from './hresult.ts'
import type { Lun } from './lun.ts'
import { wholeBlocks } from './lun-sizes.ts'
import { ownStoragePath } from './lun-storage.ts'
import type { Call } from './management.ts'
import type { ModelContext } from './model-object.ts'
import { invalidArgument } from './operations/change.ts'
import { addLun, type LunIdentity, type LunRequest } from './operations/luns.ts'

export interface NewLunRequest extends LunRequest {
  /** Rounded up to whole blocks. */
  readonly sizeBytes: number
}

export interface ImportLunRequest extends LunRequest {
  /** Relative to the data directory, or absolute. */
  readonly path: string
}

export async function createLun(context: ModelContext, call: Call, request: NewLunRequest): Promise<Async<Lun>> {
  const { management } = context
  if (request.deviceType === 'cdDvd') {
    throw new VdsError('VDS_E_NOT_SUPPORTED', 'a CD is made from an image: import its file')
  }
  const identity = mintLunIdentity(management.mintObjectId())
  const path = ownStoragePath(identity.id)
  const { configuration, hresult } = management.attempt((current, rules) =>
    addLun(current, identity, path, request, rules),
  )
  const lun = configuration.luns.get(identity.id)!
  const sizeBytes = wholeBlocks(lun, request.sizeBytes)
  const freeBytes = await management.dataPlane.freeBytes()
  if (sizeBytes > freeBytes) {
    const message = `there is room for ${freeBytes} bytes, and the LUN is to have ${sizeBytes}`
    throw new VdsError('VDS_E_NOT_ENOUGH_SPACE', message)
  }
  return management.begin(call, 'createLun', hresult, async (progress) => {
    await management.storage.create(lun, sizeBytes)
    try {
      progress.passCommitPoint()
      const { applied } = await management.commit(call, (current, rules) =>
        addLun(current, identity, path, request, rules),
      )
      await applied
    } catch (error) {
      if (!management.configuration.luns.has(identity.id)) await management.storage.discard(lun)
      throw error
    }
    return context.objects.lun(identity.id)
  })
}

export async function importLun(context: ModelContext, call: Call, request: ImportLunRequest): Promise<Async<Lun>> {
  const { management } = context
  const file = management.existingFile(request.path, request.isReadOnly === true, context.actor)
  const deviceType = request.deviceType ?? (file.isCdImage ? 'cdDvd' : 'disk')
  const blockLengthBytes =
    deviceType === 'disk' ? knownBlockLength(file, request.blockLengthBytes) : request.blockLengthBytes
  const complete: LunRequest = {
    ...request,
    deviceType,
    ...(blockLengthBytes === undefined ? {} : { blockLengthBytes }),
  }
  const identity = file.known ?? mintLunIdentity(management.mintObjectId())
  const { id, serialNumber, naa } = identity
  const { result, hresult, applied } = await management.commit(call, (current, rules) => {
    const change = addLun(current, { id, serialNumber, naa }, file.path, complete, rules)
    demandWholeBlocks(file, change.configuration.luns.get(change.result)!.blockLengthBytes)
    return change
  })
  return management.begin(call, 'createLun', hresult, async (progress) => {
    progress.passCommitPoint()
    await applied
    return context.objects.lun(result)
  })
}

/** What is on a disk was written in blocks of one length; with another it could not be read. */
export function knownBlockLength({ path, known }: ExistingFile, given: number | undefined): number | undefined {
  if (known === null || given === known.blockLengthBytes) return given
  if (given === undefined) return known.blockLengthBytes
  throw invalidArgument(`${path} has been served with blocks of ${known.blockLengthBytes} bytes, not ${given}`)
}

export function demandWholeBlocks({ path, sizeBytes }: ExistingFile, blockLengthBytes: number): void {
  if (sizeBytes % blockLengthBytes === 0) return
  throw invalidArgument(`the ${sizeBytes} bytes of ${path} are no multiple of the block length ${blockLengthBytes}`)
}

export function mintLunIdentity(id: string): LunIdentity {
  const { serialNumber, naa } = mintDiskIdentity(id)
  return { id, serialNumber, naa: naa.toString('hex') }
}
