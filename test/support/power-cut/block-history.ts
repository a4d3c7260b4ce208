/**
 * What an initiator knows of a range of 512-byte blocks that only it writes: the values that each block may have after
 * the server was killed. A write that is acknowledged may be lost until it is made durable, by FUA or by a flush, and one
 * that is under way may have happened or not. A block with a value holds it and its own address in turn, so that a torn
 * or misplaced block shows; zero is a block of zeroes.
 */

import assert from 'node:assert/strict'

export const BLOCK_BYTES = 512

export interface WriteUnderWay {
  /** From the beginning of the range. */
  readonly at: number
  readonly blocks: number
  readonly value: number
  /** There as a whole or not at all. */
  readonly isAtomic: boolean
}

export class BlockHistory {
  readonly lba: number
  readonly blockCount: number
  /** By block: the value of the last write that was acknowledged. */
  readonly #latest: number[]
  readonly #possible: Set<number>[]
  #underWay: WriteUnderWay | null = null

  constructor(lba: number, blockCount: number) {
    this.lba = lba
    this.blockCount = blockCount
    this.#latest = Array<number>(blockCount).fill(0)
    this.#possible = this.#latest.map((value) => new Set([value]))
  }

  /** The bytes of blocks as they are now. */
  current(at: number, blocks: number): Buffer {
    return Buffer.concat(this.#latest.slice(at, at + blocks).map((value, i) => blockOf(value, this.lba + at + i)))
  }

  /** The bytes of blocks that all get the same value. */
  filled(at: number, blocks: number, value: number): Buffer {
    return Buffer.concat(Array.from({ length: blocks }, (_, i) => blockOf(value, this.lba + at + i)))
  }

  begin(write: WriteUnderWay): void {
    this.#underWay = write
    for (let i = write.at; i < write.at + write.blocks; i++) this.#possible[i]!.add(write.value)
  }

  /** The write that was begun is acknowledged. */
  end(isDurable: boolean): void {
    const { at, blocks, value } = this.#underWay!
    this.#underWay = null
    for (let i = at; i < at + blocks; i++) {
      this.#latest[i] = value
      if (isDurable) this.#possible[i] = new Set([value])
    }
  }

  /** A flush is acknowledged. */
  flushed(): void {
    for (const [i, value] of this.#latest.entries()) this.#possible[i] = new Set([value])
  }

  /**
   * Take what was read after a restart for what is there from now on.
   * Errors: throws for what was acknowledged as durable and is not there, and for what is torn and may not be.
   */
  found(data: Buffer): void {
    assert.equal(data.length, this.blockCount * BLOCK_BYTES)
    const values = this.#latest.map((_, i) => this.#valueOf(data, i))
    for (const [i, value] of values.entries()) {
      const possible = [...this.#possible[i]!]
      assert.ok(possible.includes(value), `block ${this.lba + i} holds ${value}, which is none of ${possible}`)
    }
    if (this.#underWay?.isAtomic) {
      const { at, blocks, value } = this.#underWay
      const written = values.slice(at, at + blocks).filter((candidate) => candidate === value).length
      assert.ok(
        written === 0 || written === blocks,
        `${written} of ${blocks} blocks from ${this.lba + at} on are written`,
      )
    }
    this.#underWay = null
    for (const [i, value] of values.entries()) this.#latest[i] = value
    this.flushed()
  }

  #valueOf(data: Buffer, index: number): number {
    const block = data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)
    const value = block.readUInt32BE(0)
    assert.ok(block.equals(blockOf(value, this.lba + index)), `block ${this.lba + index} is torn or misplaced`)
    return value
  }
}

function blockOf(value: number, lba: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  if (value === 0) return block
  for (let at = 0; at < BLOCK_BYTES; at += 8) {
    block.writeUInt32BE(value, at)
    block.writeUInt32BE(lba, at + 4)
  }
  return block
}
