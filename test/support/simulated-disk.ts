/**
 * A disk for simulations, and what initiators know of it. Its operations take effect when they complete, at once or when
 * the simulation says so and in any order: a read fills its memory late, a write looks at its data late, so that memory
 * which is used again too early shows. Failing operations do a part of their work.
 */

import assert from 'node:assert/strict'
import type { AllocationMap } from '../../scsi/backing/allocation-map.ts'
import type { BackingCapabilities, BackingDone, BackingSpace, BackingStore } from '../../scsi/backing/backing-store.ts'
import type { SeededRandom } from './seeded-random.ts'

export const BLOCK_BYTES = 512

export class SimulatedDisk implements BackingStore {
  readonly capabilities: BackingCapabilities = {
    readOnly: false,
    volatileWriteCache: true,
    thin: true,
    optimalIoBytes: 4096,
  }
  readonly sizeBytes: number
  readonly bytes: Buffer
  /** How likely an operation completes before its call returns. */
  promptness = 0.5
  /** How likely an operation fails. */
  faultiness = 0
  readonly #random: SeededRandom
  readonly #pending: (() => void)[] = []

  constructor(sizeBytes: number, random: SeededRandom) {
    this.sizeBytes = sizeBytes
    this.bytes = Buffer.alloc(sizeBytes)
    this.#random = random
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** Complete one operation. */
  completeOne(): void {
    const [complete] = this.#pending.splice(this.#random.integer(0, this.#pending.length - 1), 1)
    complete?.()
  }

  resize(): void {
    throw new Error('a simulated disk has a fixed size')
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    this.#perform(done, (byteCount) => {
      let at = offsetBytes
      for (const buffer of buffers)
        at += this.bytes.copy(buffer, 0, at, Math.min(at + buffer.length, offsetBytes + byteCount))
    })
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, _forceUnitAccess: boolean, done: BackingDone): void {
    this.#perform(done, (byteCount) => {
      let at = offsetBytes
      for (const buffer of buffers) at += buffer.copy(this.bytes, at, 0, Math.max(0, offsetBytes + byteCount - at))
    })
  }

  writeZeroes(offsetBytes: number, byteCount: number, _mayUnmap: boolean, done: BackingDone): void {
    this.#perform(done, (doneBytes) => this.bytes.fill(0, offsetBytes, offsetBytes + Math.min(byteCount, doneBytes)))
  }

  readAllocation(map: AllocationMap, _offsetBytes: number, byteCount: number, done: BackingDone): void {
    this.#perform(done, () => map.add(byteCount, true))
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    this.#perform(done, () => Object.assign(space, { usedBytes: this.sizeBytes, availableBytes: 0 }))
  }

  flush(done: BackingDone): void {
    this.#perform(done, () => {})
  }

  close(done: BackingDone): void {
    done(null)
  }

  /** `work` does as many bytes of the operation as it is told. */
  #perform(done: BackingDone, work: (byteCount: number) => void): void {
    const fails = this.#random.chance(this.faultiness)
    const complete = () => {
      work(fails ? this.#random.pick([0, 100, 512]) : Number.MAX_SAFE_INTEGER)
      done(fails ? { kind: 'io', message: 'simulated' } : null)
    }
    if (this.#random.chance(this.promptness)) complete()
    else this.#pending.push(complete)
  }
}

/** What each block may hold: what the last write that succeeded left there, or a mixture with writes that did not end well. */
export class DiskModel {
  /** Numbers of the writes whose data may be in a block; 0 stands for zeroes. */
  readonly #candidates: number[][]

  constructor(blocks: number) {
    this.#candidates = Array.from({ length: blocks }, () => [0])
  }

  succeeded(write: number, lba: number, blocks: number): void {
    for (let at = lba; at < lba + blocks; at++) this.#candidates[at] = [write]
  }

  /** The write was aborted, failed, or is not known to have ended. */
  mayHaveHappened(write: number, lba: number, blocks: number): void {
    for (let at = lba; at < lba + blocks; at++) this.#candidates[at]!.push(write)
  }

  /** Fails when `data` cannot be what the blocks hold. */
  check(data: Buffer, lba: number): void {
    for (let at = 0; at < data.length; at += BLOCK_BYTES) {
      const block = lba + at / BLOCK_BYTES
      const actual = data.subarray(at, at + BLOCK_BYTES)
      const possible = this.#candidates[block]!.map((write) => blockOf(write, block))
      if (possible.some((bytes) => bytes.equals(actual))) continue
      assert.ok(possible.length > 1, `block ${block} does not hold what write ${this.#candidates[block]} put there`)
      const isMixture = actual.every((byte, i) => possible.some((bytes) => bytes[i] === byte))
      assert.ok(isMixture, `block ${block} is no mixture of the writes ${this.#candidates[block]}`)
    }
  }
}

/** The data of write number `write` for a range of blocks; 0 gives zeroes. */
export function dataOf(write: number, lba: number, blocks: number): Buffer {
  return Buffer.concat(Array.from({ length: blocks }, (_, index) => blockOf(write, lba + index)))
}

function blockOf(write: number, block: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES)
  if (write === 0) return bytes
  for (let at = 0; at < BLOCK_BYTES; at += 4) {
    bytes.writeUInt32BE((Math.imul(write, 0x9e37_79b1) ^ Math.imul(block * 128 + at / 4 + 1, 0x85eb_ca6b)) >>> 0, at)
  }
  return bytes
}
