import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CheckedStore } from '../../../scsi/backing/checked.ts'
import { openRawFile } from '../../../scsi/backing/raw-file.ts'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { close } from '../../support/backing-calls.ts'
import { createSparseFile } from '../../support/disk-files.ts'
import { directoryForTest } from '../../support/raw-file-stores.ts'
import {
  blockCdb,
  type Exchange,
  type SendOptions,
  TEST_IDENTITY,
  TestInitiator,
} from '../../support/scsi-initiator.ts'

const MIB = 2 ** 20
const MAY_MOUNT = process.platform === 'linux' && process.getuid?.() === 0

/** A disk of 64 MiB in a file system of 8 MiB, and an initiator whose `send` waits for the end. */
async function overcommittedDisk() {
  const directory = directoryForTest()
  const mountPoint = directory.file('small')
  mkdirSync(mountPoint)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mountPoint])
  onTestFinished(() => void execFileSync('umount', [mountPoint]))
  createSparseFile(`${mountPoint}/disk.img`, 64 * MIB)
  const store = new CheckedStore(await openRawFile(`${mountPoint}/disk.img`))
  onTestFinished(async () => void (await close(store)))
  const logicalUnit = new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }, store)
  const target = new ScsiTarget({
    logicalUnits: new Map([[0, logicalUnit]]),
    onInternalError: (error) => {
      throw error
    },
  })
  const initiator = new TestInitiator(target).clearUnitAttentions()
  const send = async (cdb: Buffer | number[], options: SendOptions = {}): Promise<Exchange> => {
    const exchange = initiator.send(cdb, options)
    while (exchange.end === 'none') await new Promise(setImmediate)
    return exchange
  }
  return { send, target }
}

describe.runIf(MAY_MOUNT || process.env.CI)('a disk whose file system is full', () => {
  const BLOCKS = MIB / 512
  const dataOf = (round: number) => Buffer.alloc(MIB, `round ${round} `)

  it('refuses what does not fit, loses nothing else, and goes on when space was given back', async () => {
    const { send } = await overcommittedDisk()
    const write = async (round: number) =>
      await send(blockCdb(0x8a, round * BLOCKS, BLOCKS), { dataOut: dataOf(round) })
    const written: number[] = []
    let refused: Exchange | null = null
    for (let round = 0; refused === null; round++) {
      const exchange = await write(round)
      if (exchange.status === 0) written.push(round)
      else refused = exchange
    }
    expect(refused.senseText).toBe('7/27/07')
    expect(written.length).toBeGreaterThanOrEqual(6)
    for (const round of written) {
      const read = await send(blockCdb(0x88, round * BLOCKS, BLOCKS), { dataInCapacityBytes: MIB })
      expect(read.dataIn.equals(dataOf(round))).toBe(true)
    }
    // A block that has space already can be written again, and a flush has nothing to complain about.
    expect((await write(0)).status).toBe(0)
    expect((await send([0x35])).status).toBe(0)
    const unmap = blockCdb(0x93, 0, 2 * BLOCKS, 0x09)
    expect((await send(unmap)).status).toBe(0)
    expect((await write(20)).status).toBe(0)
  })
})
