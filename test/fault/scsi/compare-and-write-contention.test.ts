/** Hundreds of hosts that agree by COMPARE AND WRITE, over sockets and a disk whose operations overtake each other. */

import assert from 'node:assert/strict'
import { it } from 'vitest'
import { DelayingStore } from '../../../scsi/backing/delaying.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { startTarget } from '../../support/target-server.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { CHECK_CONDITION, clearUnitAttentions, execute, GOOD, read10 } from '../../support/wire-scsi.ts'

const HOSTS = 200
/** Places on the disk that they fight for, one beside the other. */
const COUNTERS = 4
/** More than a page, so that a torn one could show. */
const BLOCKS = 16
const BYTES = BLOCKS * 512
const MISCOMPARE = 0x0e

function compareAndWrite(lba: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x89
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb[13] = BLOCKS
  return cdb
}

/** A counter, written so often that a mixture of two shows. */
function counterBlocks(value: number): Buffer {
  const blocks = Buffer.alloc(BYTES)
  for (let at = 0; at < BYTES; at += 4) blocks.writeUInt32BE(value, at)
  return blocks
}

/** Reads the counter and adds one until that succeeds; a conflict tells the value to try next. */
async function addOne(host: WireInitiator, counter: number): Promise<void> {
  const lba = counter * BLOCKS
  for (;;) {
    const { data } = await execute(host, { cdb: read10(lba, BLOCKS), readBytes: BYTES })
    const value = data.readUInt32BE(0)
    assert.ok(data.equals(counterBlocks(value)), `a torn read of ${value}`)
    const writeData = Buffer.concat([data, counterBlocks(value + 1)])
    const { status, sense } = await execute(host, { cdb: compareAndWrite(lba), writeData })
    if (status === GOOD) return
    assert.deepEqual([status, sense?.key], [CHECK_CONDITION, MISCOMPARE])
  }
}

it(`counts every one of the increments of ${HOSTS} sessions, and none twice`, async () => {
  const random = new SeededRandom(20261121)
  const wrap = (store: ConstructorParameters<typeof DelayingStore>[0]) =>
    new DelayingStore(
      store,
      () => random.integer(0, 1),
      (callback) => void setImmediate(callback),
    )
  const target = await startTarget({ disks: [{ sizeBytes: 1024 * 1024, wrap }] })
  const hosts: WireInitiator[] = []
  try {
    for (let count = 0; count < HOSTS; count++) {
      const host = await WireInitiator.connect(target)
      hosts.push(host)
      await host.login()
      await clearUnitAttentions(host)
    }
    await Promise.all(hosts.map((host, index) => addOne(host, index % COUNTERS)))
    for (let counter = 0; counter < COUNTERS; counter++) {
      const { data } = await execute(hosts[0]!, { cdb: read10(counter * BLOCKS, BLOCKS), readBytes: BYTES })
      assert.ok(data.equals(counterBlocks(HOSTS / COUNTERS)), `counter ${counter} says ${data.readUInt32BE(0)}`)
    }
  } finally {
    for (const host of hosts) host.destroy()
    await target.close()
  }
})
