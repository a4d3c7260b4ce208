/**
 * A store's operations as promises, for tests: they fulfil with null or the `BackingError`, never reject for one.
 */

import type { AllocationMap } from '../../scsi/backing/allocation-map.ts'
import type { BackingDone, BackingError, BackingSpace, BackingStore } from '../../scsi/backing/backing-store.ts'

/** What `start`'s `done` is called with. */
export function outcome(start: (done: BackingDone) => void): Promise<BackingError | null> {
  return new Promise((resolve) => start(resolve))
}

/** Writes `data` in one vector, cut into `pieceCount` buffers. */
export function write(store: BackingStore, offsetBytes: number, data: Buffer, pieceCount = 1, forceUnitAccess = false) {
  return outcome((done) => store.writev(cut(data, pieceCount), offsetBytes, forceUnitAccess, done))
}

/** Reads into memory full of a pattern, so that a byte that the store left alone shows. Throws the store's error. */
export async function read(store: BackingStore, offsetBytes: number, byteCount: number, pieceCount = 1) {
  const data = Buffer.alloc(byteCount, 'unfilled')
  const error = await outcome((done) => store.readv(cut(data, pieceCount), offsetBytes, done))
  if (error !== null) throw new Error(`${error.kind}: ${error.message}`)
  return data
}

export function writeZeroes(store: BackingStore, offsetBytes: number, byteCount: number, mayUnmap = false) {
  return outcome((done) => store.writeZeroes(offsetBytes, byteCount, mayUnmap, done))
}

export function readAllocation(store: BackingStore, map: AllocationMap, offsetBytes: number, byteCount: number) {
  return outcome((done) => store.readAllocation(map, offsetBytes, byteCount, done))
}

export function readSpace(store: BackingStore, space: BackingSpace) {
  return outcome((done) => store.readSpace(space, done))
}

export function resize(store: BackingStore, sizeBytes: number) {
  return outcome((done) => store.resize(sizeBytes, done))
}

export function flush(store: BackingStore) {
  return outcome((done) => store.flush(done))
}

export function close(store: BackingStore) {
  return outcome((done) => store.close(done))
}

/** `byteCount` bytes that differ from their neighbours, and for each `seed`. */
export function pattern(byteCount: number, seed: number): Buffer {
  const data = Buffer.alloc(byteCount)
  for (let index = 0; index < byteCount; index++) data[index] = (index * 31 + (index >> 8) * 7 + seed * 89 + 1) & 0xff
  return data
}

/** Views of `data`, of nearly equal length; the last ones are empty when there are more pieces than bytes. */
function cut(data: Buffer, pieceCount: number): Buffer[] {
  const pieceBytes = Math.ceil(data.length / pieceCount)
  return Array.from({ length: pieceCount }, (_, index) => data.subarray(index * pieceBytes, (index + 1) * pieceBytes))
}
