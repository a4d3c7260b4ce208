/** The arithmetic of extend and shrink: whole blocks, and never less than was asked for nor more cut off; and whose turn it is. */

import type { LunRecord, ObjectId } from './configuration.ts'
import { VdsError } from './hresult.ts'
import { invalidArgument } from './operations/change.ts'

type Blocks = Pick<LunRecord, 'blockLengthBytes'>

/** The key of the turn (`Management.takeTurn`) in which the size of a LUN is read and changed, or the LUN deleted. */
export function turnOfLun(id: ObjectId): string {
  return `lun ${id}`
}

/** The size in bytes of a LUN that holds at least `sizeBytes`. Errors: E_INVALIDARG. */
export function wholeBlocks({ blockLengthBytes }: Blocks, sizeBytes: number): number {
  demandByteCount('the size', sizeBytes)
  const rounded = Math.ceil(sizeBytes / blockLengthBytes) * blockLengthBytes
  if (!Number.isSafeInteger(rounded))
    throw invalidArgument(`a LUN of ${sizeBytes} bytes is larger than can be addressed`)
  return rounded
}

export function newSizeAfterExtend(lun: Blocks, sizeBytes: number, bytesToAdd: number): number {
  demandByteCount('what is added', bytesToAdd)
  return wholeBlocks(lun, sizeBytes + bytesToAdd)
}

/** Errors: E_INVALIDARG, VDS_E_INVALID_SHRINK_SIZE when nothing would be left. */
export function newSizeAfterShrink(lun: Blocks, sizeBytes: number, bytesToRemove: number): number {
  demandByteCount('what is removed', bytesToRemove)
  if (bytesToRemove >= sizeBytes) {
    throw new VdsError('VDS_E_INVALID_SHRINK_SIZE', `the LUN has ${sizeBytes} bytes: less than that can be removed`)
  }
  return wholeBlocks(lun, sizeBytes - bytesToRemove)
}

function demandByteCount(what: string, bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes > 0) return
  throw invalidArgument(`${what} is a whole number of bytes above 0, not ${bytes}`)
}
