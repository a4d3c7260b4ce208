/**
 * A host that writes at random to blocks that are its own alone, in every way there is, until the server is killed; and
 * what it then expects to find there.
 */

import assert from 'node:assert/strict'
import type { SeededRandom } from '../seeded-random.ts'
import type { WireInitiator } from '../wire-initiator.ts'
import { execute, GOOD, read10, type ScsiRequest, write10 } from '../wire-scsi.ts'
import { BLOCK_BYTES, BlockHistory } from './block-history.ts'

/** How many blocks a host has. */
export const HOST_BLOCKS = 96
/** Longest write, in blocks. */
const WRITE_BLOCKS_MAX = 40
const FUA = 0x08
const UNMAP_BIT = 0x08

type WriteKind = 'WRITE' | 'WRITE AND VERIFY' | 'COMPARE AND WRITE' | 'WRITE ATOMIC' | 'WRITE SAME' | 'UNMAP'
export const KINDS: readonly (WriteKind | 'SYNCHRONIZE CACHE')[] = [
  'WRITE',
  'WRITE',
  'WRITE AND VERIFY',
  'COMPARE AND WRITE',
  'WRITE ATOMIC',
  'WRITE SAME',
  'UNMAP',
  'SYNCHRONIZE CACHE',
]
const ATOMIC_KINDS: ReadonlySet<WriteKind> = new Set(['COMPARE AND WRITE', 'WRITE ATOMIC'])
/** They leave zeroes, and have no FUA. */
const ZEROING_KINDS: ReadonlySet<WriteKind> = new Set(['WRITE SAME', 'UNMAP'])

const SYNCHRONIZE_CACHE = Buffer.from([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0])

export class WritingHost {
  readonly #history: BlockHistory
  readonly #random: SeededRandom
  readonly #acknowledged: (kind: string) => void
  #nextValue = 1

  /** The host has `HOST_BLOCKS` blocks from `lba` on; `acknowledged` hears of each command that ended well. */
  constructor(lba: number, random: SeededRandom, acknowledged: (kind: string) => void) {
    this.#history = new BlockHistory(lba, HOST_BLOCKS)
    this.#random = random
    this.#acknowledged = acknowledged
  }

  /** What is there after a restart, which must be what may be. */
  async check(initiator: WireInitiator): Promise<void> {
    const request = { cdb: read10(this.#history.lba, HOST_BLOCKS), readBytes: HOST_BLOCKS * BLOCK_BYTES }
    this.#history.found((await execute(initiator, request)).data)
  }

  /** One random command after the other, until the connection breaks. */
  async writeUntilCut(initiator: WireInitiator): Promise<void> {
    for (;;) {
      const kind = this.#random.pick(KINDS)
      if (kind === 'SYNCHRONIZE CACHE') {
        assert.equal((await execute(initiator, { cdb: SYNCHRONIZE_CACHE })).status, GOOD)
        this.#history.flushed()
      } else {
        await this.#write(initiator, kind)
      }
      this.#acknowledged(kind)
    }
  }

  async #write(initiator: WireInitiator, kind: WriteKind): Promise<void> {
    const at = this.#random.integer(0, HOST_BLOCKS - 1)
    const blocks = this.#random.integer(1, Math.min(WRITE_BLOCKS_MAX, HOST_BLOCKS - at))
    const value = ZEROING_KINDS.has(kind) ? 0 : this.#nextValue++
    const mayBeDurable = !ZEROING_KINDS.has(kind) && kind !== 'WRITE AND VERIFY'
    // What was verified on the medium is there (SBC-3).
    const isDurable = kind === 'WRITE AND VERIFY' || (mayBeDurable && this.#random.chance(0.4))
    const request = this.#request(kind, at, blocks, value, isDurable && mayBeDurable ? FUA : 0)
    this.#history.begin({ at, blocks, value, isAtomic: ATOMIC_KINDS.has(kind) })
    const { status, sense } = await execute(initiator, request)
    assert.equal(status, GOOD, `${kind} of ${blocks} blocks: ${JSON.stringify(sense)}`)
    this.#history.end(isDurable)
  }

  #request(kind: WriteKind, at: number, blocks: number, value: number, flags: number): ScsiRequest {
    const lba = this.#history.lba + at
    const writeData = this.#history.filled(at, blocks, value)
    switch (kind) {
      case 'WRITE':
      case 'WRITE AND VERIFY': {
        const cdb = write10(lba, blocks)
        cdb[0] = kind === 'WRITE' ? 0x2a : 0x2e
        cdb[1] = flags
        return { cdb, writeData }
      }
      case 'COMPARE AND WRITE':
        return {
          cdb: longCdb(0x89, flags, lba, blocks),
          writeData: Buffer.concat([this.#history.current(at, blocks), writeData]),
        }
      case 'WRITE ATOMIC':
        return { cdb: longCdb(0x9c, flags, lba, blocks), writeData }
      case 'WRITE SAME':
        return {
          cdb: longCdb(0x93, this.#random.chance(0.5) ? UNMAP_BIT : 0, lba, blocks),
          writeData: Buffer.alloc(BLOCK_BYTES),
        }
      case 'UNMAP': {
        const list = unmapList(lba, blocks)
        return { cdb: Buffer.from([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0]), writeData: list }
      }
    }
  }
}

function longCdb(operationCode: number, flags: number, lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb.set([operationCode, flags])
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb[13] = blocks
  return cdb
}

function unmapList(lba: number, blocks: number): Buffer {
  const list = Buffer.alloc(24)
  list.writeUInt16BE(22, 0)
  list.writeUInt16BE(16, 2)
  list.writeBigUInt64BE(BigInt(lba), 8)
  list.writeUInt32BE(blocks, 16)
  return list
}
