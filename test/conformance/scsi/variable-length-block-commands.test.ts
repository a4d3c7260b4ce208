import { describe, expect, it } from 'vitest'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { emptyCdb, testBench } from '../../support/scsi-initiator.ts'

/** A 32-byte CDB with expectations about protection information that no disk here has. */
function cdb32(name: string, lba: number, blocks: number, flags = 0): Buffer {
  const row = COMMAND_SETS.disk.rows.find((candidate) => candidate.name === name)!
  const cdb = emptyCdb(row)
  cdb[10] = flags
  cdb.writeBigUInt64BE(BigInt(lba), 12)
  cdb.fill(0xab, 20, 28)
  cdb.writeUInt32BE(blocks, 28)
  return cdb
}

const FUA = 0x08
const DATA = Buffer.alloc(1024, 'thirty-two')

describe('on a disk without protection information', () => {
  it('READ (32) reads and WRITE (32) writes', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(cdb32('WRITE (32)', 7, 2, FUA), { dataOut: DATA }).status).toBe(0)
    expect(store.bytes.subarray(7 * 512, 9 * 512).equals(DATA)).toBe(true)
    expect(store.calls.at(-1)!.forceUnitAccess).toBe(true)
    const read = initiator.send(cdb32('READ (32)', 7, 2), { dataInCapacityBytes: 1024 })
    expect([read.status, read.residual, read.dataIn.equals(DATA)]).toEqual([0, 0, true])
  })

  it('VERIFY (32) and WRITE AND VERIFY (32) compare what BYTCHK says', () => {
    const BYTCHK_DATA = 0x02
    const { initiator, store } = testBench()
    const send = (name: string, flags: number) => initiator.send(cdb32(name, 0, 2, flags), { dataOut: DATA })
    expect(send('VERIFY (32)', BYTCHK_DATA).senseText).toBe('e/1d/00')
    expect(send('WRITE AND VERIFY (32)', BYTCHK_DATA).status).toBe(0)
    expect(send('VERIFY (32)', BYTCHK_DATA).status).toBe(0)
    expect(store.bytes.subarray(0, 1024).equals(DATA)).toBe(true)
  })

  it('WRITE SAME (32) repeats its block, or unmaps', () => {
    const UNMAP_AND_NDOB = 0x09
    const { initiator, store } = testBench()
    expect(initiator.send(cdb32('WRITE SAME (32)', 1, 3), { dataOut: DATA.subarray(0, 512) }).status).toBe(0)
    expect(store.bytes.subarray(1536, 2048).equals(DATA.subarray(0, 512))).toBe(true)
    expect(initiator.send(cdb32('WRITE SAME (32)', 1, 3, UNMAP_AND_NDOB)).status).toBe(0)
    expect(store.calls.at(-1)).toMatchObject({ operation: 'writeZeroes', mayUnmap: true })
  })

  it.each(['READ (32)', 'WRITE (32)', 'VERIFY (32)', 'WRITE AND VERIFY (32)', 'WRITE SAME (32)'])(
    '%s refuses to check protection information, and blocks beyond the end',
    (name) => {
      const { initiator } = testBench({ blockCount: 1024 })
      const dataOut = name === 'READ (32)' ? {} : { dataOut: DATA.subarray(0, 512) }
      expect(initiator.send(cdb32(name, 0, 1, 0x20), dataOut).pointedAt).toBe('10.7')
      expect(initiator.send(cdb32(name, 1024, 1), dataOut).senseText).toBe('5/21/00')
    },
  )
})
