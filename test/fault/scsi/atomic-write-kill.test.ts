/** COMPARE AND WRITE and WRITE ATOMIC of several pages, and a server that is killed amid them: whole or not at all. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { it } from 'vitest'
import { createSparseFile } from '../../support/disk-files.ts'
import { startServer } from '../../support/server-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, execute, GOOD, read10 } from '../../support/wire-scsi.ts'

const HOSTS = 4
const ROUNDS = 5
const BLOCKS = 64
const BYTES = BLOCKS * 512

function filled(value: number): Buffer {
  const blocks = Buffer.alloc(BYTES)
  for (let at = 0; at < BYTES; at += 4) blocks.writeUInt32BE(value, at)
  return blocks
}

function atomicCdb(operationCode: number, lba: number, lengthAt: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = operationCode
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb[lengthAt] = BLOCKS
  return cdb
}

interface Place {
  readonly lba: number
  readonly write: (value: number) => { readonly cdb: Buffer; readonly writeData: Buffer }
  /** What the last write that ended well has left. */
  value: number
}

const PLACES: readonly Place[] = Array.from({ length: HOSTS }, (_, index) => {
  const lba = index * BLOCKS + 3
  const isCompareAndWrite = index % 2 === 0
  return {
    lba,
    value: 0,
    write: (value) =>
      isCompareAndWrite
        ? { cdb: atomicCdb(0x89, lba, 13), writeData: Buffer.concat([filled(value - 1), filled(value)]) }
        : { cdb: atomicCdb(0x9c, lba, 13), writeData: filled(value) },
  }
})

async function countUp(host: WireInitiator, place: Place): Promise<void> {
  for (;;) {
    const { status } = await execute(host, place.write(place.value + 1))
    assert.equal(status, GOOD)
    place.value += 1
  }
}

/** The connection is gone; an answer that was no good is another matter. */
function expectCut(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error
}

/** What is there now: the value of all of its words, which may be one more than what is known to have ended. */
async function checkPlace(host: WireInitiator, place: Place): Promise<void> {
  const { data } = await execute(host, { cdb: read10(place.lba, BLOCKS), readBytes: BYTES })
  const value = data.readUInt32BE(0)
  assert.ok(data.equals(filled(value)), `block ${place.lba} on is torn after ${place.value}`)
  assert.ok(value === place.value || value === place.value + 1, `${value} after ${place.value} ended`)
  place.value = value
}

it('tears no atomic write and loses none that has ended', async () => {
  using directory = temporaryDirectory()
  createSparseFile(directory.file('disk.img'), 2 ** 20)
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await startServer({ directory: directory.path, args: ['disk.img'] })
    const address = { host: server.host, port: server.port, targetName: server.targetName }
    const hosts: WireInitiator[] = []
    for (const place of PLACES) {
      const host = await WireInitiator.connect(address)
      hosts.push(host)
      await host.login()
      await clearUnitAttentions(host)
      await checkPlace(host, place)
    }
    const ends = PLACES.map((place, index) => countUp(hosts[index]!, place).catch(expectCut))
    await sleep(100 + 37 * round)
    await server.kill()
    await Promise.all(ends)
    for (const host of hosts) host.destroy()
  }
  assert.ok(
    PLACES.every(({ value }) => value > 0),
    'nothing was written',
  )
})
