/** SCSI Response: sense, residuals and the fields beside them, RFC 7143 11.4. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import {
  CHECK_CONDITION,
  execute,
  GOOD,
  inquiry,
  pattern,
  read10,
  reportLuns,
  type ScsiOutcome,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

/** READ (10) far behind the end of any disk here. */
const READ_BEYOND_END = read10(0xfffffff0, 1)

function residualOf({ isOverflow, isUnderflow, residualBytes }: ScsiOutcome): [string, number] {
  return [isOverflow ? 'overflow' : isUnderflow ? 'underflow' : 'none', residualBytes]
}

describe('sense', () => {
  it('[RSP-1] [RSP-2] comes with every CHECK CONDITION', async () => {
    const initiator = await fixture.open()
    const { response, status, sense, final } = await execute(initiator, { cdb: READ_BEYOND_END, readBytes: 512 })
    expect([response, status, sense]).toEqual([0, CHECK_CONDITION, { key: 0x05, code: 0x2100 }])
    expect(final.data.length).toBe(2 + final.data.readUInt16BE(0))
  })

  it('[RSP-2] is sent with digests too', async () => {
    const initiator = await fixture.open({ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' })
    const { sense } = await execute(initiator, { cdb: Buffer.from([0xff, 0, 0, 0, 0, 0]) })
    expect(sense).toEqual({ key: 0x05, code: 0x2000 })
  })
})

describe('residuals', () => {
  it.each([
    ['equal', 4096, ['none', 0]],
    ['smaller', 512, ['overflow', 3584]],
    ['smaller and odd', 1001, ['overflow', 3095]],
    ['larger', 8192, ['underflow', 4096]],
  ] as const)(
    '[RSP-3] [DATA-29] of a read of 4096 bytes when the expected length is %s',
    async (_case, edtl, residual) => {
      const initiator = await fixture.open()
      const writeData = pattern(4096, 31)
      await execute(initiator, { cdb: write10(0, 8), writeData })
      const outcome = await execute(initiator, { cdb: read10(0, 8), readBytes: edtl })
      expect(outcome.status).toBe(GOOD)
      expect(residualOf(outcome)).toEqual(residual)
      expect(outcome.data.equals(writeData.subarray(0, edtl))).toBe(true)
    },
  )

  it('[RSP-3] [DATA-29] of a write when the expected length is larger', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(8192, 32)
    const outcome = await execute(initiator, { cdb: write10(20, 8), writeData })
    expect(outcome.status).toBe(GOOD)
    expect(residualOf(outcome)).toEqual(['underflow', 4096])
    const { data } = await execute(initiator, { cdb: read10(20, 8), readBytes: 4096 })
    expect(data.equals(writeData.subarray(0, 4096))).toBe(true)
  })

  it('[RSP-3] [DATA-29] of a write when the expected length is smaller', async () => {
    const initiator = await fixture.open()
    const before = (await execute(initiator, { cdb: read10(40, 8), readBytes: 4096 })).data
    const writeData = pattern(512, 33)
    const outcome = await execute(initiator, { cdb: write10(40, 8), writeData })
    expect(residualOf(outcome)).toEqual(['overflow', 3584])
    const { data } = await execute(initiator, { cdb: read10(40, 8), readBytes: 4096 })
    expect(data.subarray(512).equals(before.subarray(512))).toBe(true)
  })

  it('[RSP-3] of a command without data when bytes were expected', async () => {
    const initiator = await fixture.open()
    expect(residualOf(await execute(initiator, { cdb: testUnitReady(), readBytes: 100 }))).toEqual(['underflow', 100])
  })

  it('[RSP-5] ignore what ALLOCATION LENGTH cut off', async () => {
    const initiator = await fixture.open()
    const shortInquiry = await execute(initiator, { cdb: inquiry(5), readBytes: 5 })
    expect([shortInquiry.data.length, ...residualOf(shortInquiry)]).toEqual([5, 'none', 0])
    const shortReport = await execute(initiator, { cdb: reportLuns(16), readBytes: 16 })
    expect(shortReport.isOverflow).toBe(false)
  })

  it('[RSP-6] tell of an answer shorter than expected', async () => {
    const initiator = await fixture.open()
    const cut = await execute(initiator, { cdb: inquiry(5), readBytes: 255 })
    expect([cut.data.length, ...residualOf(cut)]).toEqual([5, 'underflow', 250])
    const outcome = await execute(initiator, { cdb: inquiry(255), readBytes: 255 })
    expect(outcome.data.length).toBeLessThan(255)
    expect(residualOf(outcome)).toEqual(['underflow', 255 - outcome.data.length])
  })

  it('[RSP-4] never say overflow and underflow at once', async () => {
    const initiator = await fixture.open()
    const requests = [512, 4096, 8192].flatMap((bytes) => [
      { cdb: read10(0, 8), readBytes: bytes },
      { cdb: write10(0, 8), writeData: pattern(bytes) },
      { cdb: READ_BEYOND_END, readBytes: bytes },
      { cdb: inquiry(255), readBytes: bytes },
    ])
    const residualBits = new Set<number>()
    for (const request of requests) residualBits.add((await execute(initiator, request)).final.byte(1) & 0x1e)
    expect([...residualBits].sort()).toEqual([0, 0x02, 0x04])
  })

  it('[RSP-7] are exact when a command fails', async () => {
    const initiator = await fixture.open()
    const read = await execute(initiator, { cdb: READ_BEYOND_END, readBytes: 512 })
    expect(residualOf(read)).toEqual(['underflow', 512])
    const write = await execute(initiator, { cdb: write10(0xfffffff0, 1), writeData: pattern(512) })
    expect(residualOf(write)).toEqual(['underflow', 512])
  })
})

describe('other fields', () => {
  it('[RSP-8] ExpDataSN counts the Data-In PDUs of a read', async () => {
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: '512' })
    const { final, dataIns } = await execute(initiator, { cdb: read10(0, 2), readBytes: 2048 })
    expect([dataIns.length, final.opcode, final.word(36)]).toEqual([2, OPCODE.SCSI_RESPONSE, 2])
    const write = await execute(initiator, { cdb: write10(0, 1), writeData: pattern(512) })
    expect(write.final.word(36)).toBe(0)
    const failed = await execute(initiator, { cdb: READ_BEYOND_END, readBytes: 512 })
    expect([failed.status, failed.final.word(36)]).toEqual([CHECK_CONDITION, 0])
  })

  it('[RSP-9] [RSP-13] SNACK Tag and Status Qualifier are zero below protocol level 2', async () => {
    const initiator = await fixture.open()
    for (const request of [
      { cdb: testUnitReady() },
      { cdb: read10(0, 1), readBytes: 1024 },
      { cdb: write10(0, 1), writeData: pattern(512) },
      { cdb: READ_BEYOND_END, readBytes: 512 },
    ]) {
      const { final } = await execute(initiator, request)
      expect([final.opcode, final.word(20), final.word(8), final.word(12)]).toEqual([OPCODE.SCSI_RESPONSE, 0, 0, 0])
    }
  })

  it('[RSP-14] the priority of a command is ignored below protocol level 2', async () => {
    const initiator = await fixture.open()
    expect((await execute(initiator, { cdb: testUnitReady(), fields: { byte2: 0xf0 } })).status).toBe(GOOD)
  })
})
