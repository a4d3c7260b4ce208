/**
 * The server is killed at random moments, again and again, while hosts write with and without FUA, flush, compare and
 * write, write atomically and unmap, each in blocks of its own, and one changes a persistent reservation that is to
 * persist. What was acknowledged as durable is there, and nothing is torn that may not be. `ROUNDS` says how many times,
 * `SEED` which random choices.
 */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { it } from 'vitest'
import { BlockHistory } from '../../support/block-history.ts'
import { createSparseFile } from '../../support/disk-files.ts'
import { basicList, OUT, type ReserveOutFields } from '../../support/persistent-reserve.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, execute, GOOD, read10, write10 } from '../../support/wire-scsi.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const SEED = Number(process.env.SEED ?? 1)
const HOSTS = 4
const BLOCKS = 96
/** Longest write, in blocks. */
const WRITE_BLOCKS_MAX = 40
const UP_MS = { min: 30, max: 400 }
const ROUND_TIMEOUT_MS = 60_000
const FUA = 0x08
/** Of its own, because the hosts would run into the reservation. */
const RESERVED_LUN = 1

type Kind = 'WRITE' | 'COMPARE AND WRITE' | 'WRITE ATOMIC' | 'UNMAP'
const KINDS: readonly (Kind | 'SYNCHRONIZE CACHE')[] = [
  'WRITE',
  'WRITE',
  'COMPARE AND WRITE',
  'WRITE ATOMIC',
  'UNMAP',
  'SYNCHRONIZE CACHE',
]

interface Host {
  readonly history: BlockHistory
  readonly counts: Map<string, number>
  nextValue: number
}

/** Registered key and type of the reservation, 0 for none. */
interface Kept {
  readonly key: bigint
  readonly type: number
}

function longCdb(operationCode: number, flags: number, lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb.set([operationCode, flags])
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb[13] = blocks
  return cdb
}

function writeRequest(kind: Kind, history: BlockHistory, at: number, blocks: number, value: number, flags: number) {
  const lba = history.lba + at
  const writeData = history.filled(at, blocks, value)
  switch (kind) {
    case 'WRITE': {
      const cdb = write10(lba, blocks)
      cdb[1] = flags
      return { cdb, writeData }
    }
    case 'COMPARE AND WRITE':
      return {
        cdb: longCdb(0x89, flags, lba, blocks),
        writeData: Buffer.concat([history.current(at, blocks), writeData]),
      }
    case 'WRITE ATOMIC':
      return { cdb: longCdb(0x9c, flags, lba, blocks), writeData }
    case 'UNMAP': {
      const list = Buffer.alloc(24)
      list.writeUInt16BE(22, 0)
      list.writeUInt16BE(16, 2)
      list.writeBigUInt64BE(BigInt(lba), 8)
      list.writeUInt32BE(blocks, 16)
      return { cdb: Buffer.from([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0]), writeData: list }
    }
  }
}

/** One random command after the other, until the connection breaks. */
async function writeUntilCut(initiator: WireInitiator, host: Host, random: SeededRandom): Promise<void> {
  const { history, counts } = host
  for (;;) {
    const kind = random.pick(KINDS)
    if (kind === 'SYNCHRONIZE CACHE') {
      assert.equal((await execute(initiator, { cdb: Buffer.from([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]) })).status, GOOD)
      history.flushed()
    } else {
      const at = random.integer(0, BLOCKS - 1)
      const blocks = random.integer(1, Math.min(WRITE_BLOCKS_MAX, BLOCKS - at))
      const value = kind === 'UNMAP' ? 0 : ++host.nextValue
      const isDurable = kind !== 'UNMAP' && random.chance(0.4)
      const request = writeRequest(kind, history, at, blocks, value, isDurable ? FUA : 0)
      history.begin({ at, blocks, value, isAtomic: kind === 'COMPARE AND WRITE' || kind === 'WRITE ATOMIC' })
      const { status, sense } = await execute(initiator, request)
      assert.equal(status, GOOD, `${kind} of ${blocks} blocks: ${JSON.stringify(sense)}`)
      history.end(isDurable)
    }
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
}

class ReservationChanger {
  kept: Kept = { key: 0n, type: 0 }
  #underWay: Kept = this.kept
  #nextKey = 1n

  async changeUntilCut(initiator: WireInitiator, random: SeededRandom): Promise<void> {
    for (;;) {
      const { key, type } = this.kept
      const newType = random.pick([1, 3, 5, 6, 7, 8])
      if (key !== 0n && type === 0) {
        await this.#change(initiator, OUT.RESERVE, { key, type: newType }, { key, type: newType })
      } else if (type !== 0 && random.chance(0.5)) {
        await this.#change(initiator, OUT.RELEASE, { key, type }, { key, type: 0 })
      } else {
        const actionKey = this.#nextKey++
        await this.#change(initiator, OUT.REGISTER, { key, actionKey }, { key: actionKey, type })
      }
    }
  }

  /** What is there after a restart is the last change that was acknowledged, or the one that was under way. */
  async check(initiator: WireInitiator): Promise<void> {
    const read = async (action: number) => {
      const cdb = Buffer.from([0x5e, action, 0, 0, 0, 0, 0, 0, 64, 0])
      return (await execute(initiator, { cdb, readBytes: 64, lun: RESERVED_LUN })).data
    }
    const [keys, reservation] = [await read(0), await read(1)]
    const key = keys.readUInt32BE(4) > 0 ? keys.readBigUInt64BE(8) : 0n
    const found = { key, type: reservation[21] ?? 0 }
    const isExpected = [this.kept, this.#underWay].some((kept) => kept.key === found.key && kept.type === found.type)
    assert.ok(
      isExpected,
      `key ${found.key} and type ${found.type} after key ${this.kept.key} and type ${this.kept.type}`,
    )
    this.kept = found
    this.#underWay = found
  }

  async #change(initiator: WireInitiator, action: number, fields: ReserveOutFields, then: Kept): Promise<void> {
    const writeData = basicList({ ...fields, aptpl: true })
    const cdb = Buffer.alloc(10)
    cdb.set([0x5f, action, fields.type ?? 0])
    cdb.writeUInt32BE(writeData.length, 5)
    this.#underWay = then
    assert.equal((await execute(initiator, { cdb, writeData, lun: RESERVED_LUN })).status, GOOD)
    this.kept = then
  }
}

async function logIn(server: ServerProcess, index: number): Promise<WireInitiator> {
  const { host, port, targetName } = server
  const isid = Buffer.from([0, 0x02, 0x3d, 0, 0, index + 1])
  const initiator = await WireInitiator.connect({ host, port, targetName, isid })
  await initiator.login()
  for (const lun of [0, RESERVED_LUN]) await clearUnitAttentions(initiator, lun)
  return initiator
}

async function checkBlocks(initiator: WireInitiator, { history }: Host): Promise<void> {
  const { data } = await execute(initiator, { cdb: read10(history.lba, BLOCKS), readBytes: BLOCKS * 512 })
  history.found(data)
}

/** The connection is gone; an answer that was no good is another matter. */
function expectCut(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error
}

it(
  `keeps what it acknowledged as durable through ${ROUNDS} kills (SEED=${SEED})`,
  async () => {
    using directory = temporaryDirectory()
    const random = new SeededRandom(SEED)
    for (const name of ['disk.img', 'reserved.img']) createSparseFile(directory.file(name), 2 ** 20)
    const counts = new Map<string, number>()
    // Odd addresses, so that writes begin and end inside of pages.
    const hosts: Host[] = Array.from({ length: HOSTS }, (_, index) => ({
      history: new BlockHistory(3 + index * BLOCKS, BLOCKS),
      counts,
      nextValue: 0,
    }))
    const reservation = new ReservationChanger()
    for (let round = 0; round <= ROUNDS; round++) {
      await using server = await startServer({ directory: directory.path, args: ['disk.img', 'reserved.img'] })
      const initiators: WireInitiator[] = []
      for (let index = 0; index <= HOSTS; index++) initiators.push(await logIn(server, index))
      for (const [index, host] of hosts.entries()) await checkBlocks(initiators[index]!, host)
      await reservation.check(initiators[HOSTS]!)
      if (round < ROUNDS) {
        const ends = hosts.map((host, index) => writeUntilCut(initiators[index]!, host, random).catch(expectCut))
        ends.push(reservation.changeUntilCut(initiators[HOSTS]!, random).catch(expectCut))
        await sleep(random.integer(UP_MS.min, UP_MS.max))
        await server.kill()
        await Promise.all(ends)
      }
      for (const initiator of initiators) initiator.destroy()
    }
    for (const kind of KINDS) assert.ok((counts.get(kind) ?? 0) > 0, `no ${kind} was acknowledged`)
    assert.ok(reservation.kept.key > 0n, 'no reservation change was acknowledged')
  },
  (ROUNDS + 1) * ROUND_TIMEOUT_MS,
)
