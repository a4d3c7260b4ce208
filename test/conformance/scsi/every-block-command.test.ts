/**
 * What holds for every command that addresses a range of logical blocks (SBC-3, MMC-5), taken from the rows of the command
 * table: no blocks at all, blocks beyond the end, cache flags, and write protection. What each of them does to its blocks is
 * in the file of the command.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import type { CommandDefinition } from '../../../scsi/define-command.ts'
import type { DeviceType } from '../../../scsi/device-type.ts'
import { benchOf } from '../../support/cd-dvd-bench.ts'
import { cdbWith, fieldMax, rowsOf } from '../../support/command-rows.ts'
import { type SendOptions, type TestBench, testBench } from '../../support/scsi-initiator.ts'
import { writeUsingTokenList, zeroToken } from '../../support/third-party-copy.ts'

const ROWS = rowsOf(({ cdb: { fields } }) => fields.lba !== undefined && fields.lengthBlocks !== undefined)

/** Commands that a length of zero does not keep from the medium: 256 blocks, to the end, or refused (WSNZ). */
const LENGTH_ZERO: readonly { readonly pattern: RegExp; readonly means: 'all256' | 'toTheEnd' | 'refused' }[] = [
  { pattern: /\(6\)$/, means: 'all256' },
  { pattern: /^(PRE-FETCH|SYNCHRONIZE CACHE)/, means: 'toTheEnd' },
  { pattern: /^WRITE SAME/, means: 'refused' },
]

const lengthZeroOf = ({ name }: CommandDefinition) =>
  LENGTH_ZERO.find(({ pattern }) => pattern.test(name))?.means ?? 'nothing'

/** As much Data-Out as the command takes for these blocks. */
function dataOutFor({ name, data }: CommandDefinition, blocks: number, blockLengthBytes: number): SendOptions {
  if (data !== 'out' && data !== 'bidirectional') return {}
  if (name.startsWith('VERIFY')) return {}
  if (name.startsWith('WRITE SAME')) return { dataOut: Buffer.alloc(blockLengthBytes) }
  return { dataOut: Buffer.alloc(blocks * blockLengthBytes * (name === 'COMPARE AND WRITE' ? 2 : 1)) }
}

function send(bench: TestBench, row: CommandDefinition, fields: Record<string, number | bigint>, blocks: number) {
  const { blockLengthBytes } = bench.logicalUnit.properties
  const values = { lba: 0, lengthBlocks: blocks, ...(row.name === 'READ CD' ? { userData: 1 } : {}), ...fields }
  const options = dataOutFor(row, blocks, blockLengthBytes)
  return bench.initiator.send(cdbWith(row, values), options)
}

const accesses = ({ store }: TestBench) => store.calls.filter(({ operation }) => operation !== 'flush')

const lastLbaOf = ({ logicalUnit }: TestBench) => logicalUnit.properties.blockCount - 1

const SUCCESS: readonly number[] = [STATUS.GOOD, STATUS.CONDITION_MET]

describe.each(ROWS)('%s: %s', (deviceType, _name, row) => {
  it('with a length of zero at the last block does what the standard says zero is', () => {
    const bench = benchOf(deviceType)
    const exchange = send(bench, row, { lba: lastLbaOf(bench) }, 0)
    switch (lengthZeroOf(row)) {
      case 'nothing':
        expect([exchange.status, exchange.command.presentedDataBytes]).toEqual([STATUS.GOOD, 0])
        expect(accesses(bench)).toEqual([])
        break
      case 'all256':
        expect(exchange.senseText).toBe('5/21/00')
        break
      case 'toTheEnd':
        expect(SUCCESS).toContain(exchange.status)
        break
      case 'refused':
        expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', `${row.cdb.fields.lengthBlocks!.byte}`])
        break
    }
  })

  it('beyond the end is refused before anything happens, also with a length of zero', () => {
    const bench = benchOf(deviceType)
    const before = Buffer.from(bench.store.bytes)
    const blockCount = lastLbaOf(bench) + 1
    const beyond: (readonly [bigint, number])[] = [
      [BigInt(blockCount), 1],
      [BigInt(blockCount - 1), 2],
      [fieldMax(row.cdb.fields.lba!), 1],
    ]
    if (lengthZeroOf(row) !== 'refused') beyond.push([BigInt(blockCount), 0])
    for (const [lba, blocks] of beyond) {
      const exchange = send(bench, row, { lba }, blocks)
      expect([lba, blocks, exchange.senseText, exchange.dataIn.length]).toEqual([lba, blocks, '5/21/00', 0])
    }
    expect(bench.store.calls).toEqual([])
    expect(bench.store.bytes.equals(before)).toBe(true)
  })

  it('takes DPO, FUA, FUA_NV, IMMED and SYNC_NV where it has them, each alone and all together', () => {
    const names = ['dpo', 'fua', 'fuaNv', 'immed', 'syncNv'].filter((name) => row.cdb.fields[name] !== undefined)
    const together = Object.fromEntries(names.map((name) => [name, 1]))
    for (const flags of [...names.map((name) => ({ [name]: 1 })), together]) {
      const bench = benchOf(deviceType)
      // One block is compared with itself.
      if (row.name === 'COMPARE AND WRITE') bench.store.bytes.fill(0)
      expect([flags, SUCCESS.includes(send(bench, row, flags, 1).status)]).toEqual([flags, true])
    }
  })
})

/** Commands that change blocks and are of another task class than `write`. */
const WRITING = /^(FORMAT UNIT|SANITIZE \((OVERWRITE|BLOCK ERASE|CRYPTOGRAPHIC ERASE)\)|WRITE USING TOKEN)$/

/** A whole block to write, and parameter lists that are right. */
function writeOnce(bench: TestBench, row: CommandDefinition) {
  const { initiator } = bench
  if (row.cdb.fields.lba !== undefined) return send(bench, row, {}, 1)
  const lists: Readonly<Record<string, Buffer>> = {
    UNMAP: Buffer.from('0016001000000000000000000000000000000001'.padEnd(48, '0'), 'hex'),
    'WRITE USING TOKEN': writeUsingTokenList(zeroToken(), [[0, 1]]),
    'SANITIZE (OVERWRITE)': Buffer.from([1, 0, 0, 1, 0xaa]),
  }
  const dataOut = lists[row.name]
  if (dataOut === undefined) return initiator.send(cdbWith(row, {}))
  return initiator.send(cdbWith(row, { parameterListLength: dataOut.length }), { dataOut })
}

describe.each(rowsOf(({ taskClass, name }) => taskClass === 'write' || WRITING.test(name)))(
  '%s: %s',
  (_type, _name, row) => {
    it('changes a disk that may be written', () => {
      const bench = testBench({ nowMs: () => 0 })
      if (row.name === 'COMPARE AND WRITE') bench.store.bytes.fill(0)
      expect(writeOnce(bench, row).status).toBe(STATUS.GOOD)
      expect(accesses(bench).some(({ operation }) => operation === 'writev' || operation === 'writeZeroes')).toBe(true)
    })

    it('is refused on one that is write protected, by the server or by SWP, which nothing touches', () => {
      for (const protection of ['server', 'SWP'] as const) {
        const bench = testBench({ isReadOnly: protection === 'server' })
        if (protection === 'SWP') setSoftwareWriteProtect(bench)
        const before = Buffer.from(bench.store.bytes)
        bench.store.calls.length = 0
        expect([protection, writeOnce(bench, row).senseText]).toEqual([protection, '7/27/00'])
        expect(bench.store.calls).toEqual([])
        expect(bench.store.bytes.equals(before)).toBe(true)
      }
    })
  },
)

describe.each(ROWS.filter(([, , { taskClass }]) => taskClass !== 'write'))(
  '%s: %s',
  (deviceType: DeviceType, _name, row) => {
    it('goes on when the disk is write protected', () => {
      const bench = deviceType === 'disk' ? testBench({ isReadOnly: true }) : benchOf(deviceType)
      expect(SUCCESS).toContain(send(bench, row, {}, 1).status)
    })
  },
)

/** MODE SELECT (10) of the Control mode page with SWP. */
function setSoftwareWriteProtect({ initiator }: TestBench): void {
  const page = initiator.send([0x5a, 0x08, 0x0a, 0, 0, 0, 0, 0, 0xff, 0]).dataIn.subarray(8)
  page[0]! &= 0x3f
  page[4]! |= 0x08
  const dataOut = Buffer.concat([Buffer.alloc(8), page])
  expect(initiator.send([0x55, 0x10, 0, 0, 0, 0, 0, 0, dataOut.length, 0], { dataOut }).status).toBe(STATUS.GOOD)
}
