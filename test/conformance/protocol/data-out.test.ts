/** Write data: immediate, unsolicited and solicited, RFC 7143 4.2.5.2, 11.3, 11.7, 11.8, 13.10 to 13.19. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { FINAL, NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  answerR2T,
  CHECK_CONDITION,
  clearUnitAttentions,
  dataOutFields,
  execute,
  finishCommand,
  GOOD,
  holdWrite,
  pattern,
  r2tRange,
  read10,
  readR2T,
  type Sense,
  SIMPLE,
  sendCommand,
  sendDataOut,
  senseOf,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

const UNEXPECTED_UNSOLICITED_DATA: Sense = { key: 0x0b, code: 0x0c0c }
const INCORRECT_AMOUNT_OF_DATA: Sense = { key: 0x0b, code: 0x0c0d }

async function readBack(initiator: WireInitiator, lba: number, byteCount: number): Promise<Buffer> {
  return (await execute(initiator, { cdb: read10(lba, byteCount / 512), readBytes: byteCount })).data
}

/** The status of a task that something was wrong with: Rejects for its PDUs may come first. */
async function statusAfterRejects(initiator: WireInitiator, itt: number): Promise<TargetPdu> {
  for (;;) {
    const pdu = await initiator.read()
    if (pdu.opcode === OPCODE.REJECT) continue
    expect([pdu.opcode, pdu.itt]).toEqual([OPCODE.SCSI_RESPONSE, itt])
    return pdu
  }
}

describe('the flags of a command', () => {
  it('[DATA-1] [REJ-7] must include F when no data follows', async () => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: read10(0, 1), readBytes: 512, fields: { byte1: 0x40 | SIMPLE } })
    expect(await answerKind(initiator)).toBe('closed')
  })

  it('[DATA-2] may say read or write of no bytes', async () => {
    const initiator = await fixture.open()
    for (const direction of [0x40, 0x20]) {
      const fields = { byte1: FINAL | direction | SIMPLE }
      const { status } = await execute(initiator, { cdb: testUnitReady(), fields })
      expect(status).toBe(GOOD)
    }
  })

  it('[DATA-2] [REJ-7] may not expect bytes in no direction', async () => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: read10(0, 1), fields: { words: { 20: 512 } } })
    expect(await answerKind(initiator)).toBe('closed')
  })

  it('[DATA-3] [DATA-8] ask for what did not come along', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(65_536, 2)
    const { status, readyToTransfers } = await execute(initiator, {
      cdb: write10(0, 128),
      writeData,
      immediateBytes: 8192,
    })
    expect(status).toBe(GOOD)
    expect(r2tRange(readyToTransfers[0]!).bufferOffsetBytes).toBe(8192)
    expect((await readBack(initiator, 0, 65_536)).equals(writeData)).toBe(true)
  })
})

describe('InitialR2T and ImmediateData', () => {
  const FIRST_BURST = 4096
  const MAX_BURST = 8192
  const SIZES = [0, 512, FIRST_BURST, FIRST_BURST + 512, 3 * MAX_BURST]
  const YES_NO = ['Yes', 'No'] as const

  for (const InitialR2T of YES_NO) {
    for (const ImmediateData of YES_NO) {
      it.each(SIZES)(
        `[DATA-9] [DATA-8] write %i bytes with InitialR2T=${InitialR2T}, ImmediateData=${ImmediateData}`,
        async (byteCount) => {
          const limits = { FirstBurstLength: String(FIRST_BURST), MaxBurstLength: String(MAX_BURST) }
          const initiator = await fixture.open({ InitialR2T, ImmediateData, ...limits })
          const { initialR2T, immediateData, firstBurstLength } = initiator.parameters
          const firstBurst = Math.min(firstBurstLength, byteCount)
          for (const immediateShare of immediateData ? [0, 512, firstBurst] : [0]) {
            const immediateBytes = Math.min(immediateShare, firstBurst)
            for (const unsolicitedBytes of initialR2T ? [0] : [0, firstBurst - immediateBytes]) {
              const writeData = pattern(byteCount, byteCount + immediateBytes + unsolicitedBytes)
              const request = { cdb: write10(100, byteCount / 512), writeData, immediateBytes, unsolicitedBytes }
              const outcome = await execute(initiator, { ...request, dataOutBytesMax: 1024 })
              expect(outcome.status).toBe(GOOD)
              if (byteCount > 0) expect((await readBack(initiator, 100, byteCount)).equals(writeData)).toBe(true)
            }
          }
        },
      )
    }
  }

  it('[DATA-4] [RSP-11] refuses immediate data that was not agreed', async () => {
    const initiator = await fixture.open({ ImmediateData: 'No' })
    const before = await readBack(initiator, 0, 512)
    const request = { cdb: write10(0, 1), writeData: pattern(512, 90), immediateBytes: 512 }
    const { status, sense } = await execute(initiator, request)
    expect([status, sense]).toEqual([CHECK_CONDITION, UNEXPECTED_UNSOLICITED_DATA])
    expect((await readBack(initiator, 0, 512)).equals(before)).toBe(true)
  })

  it('[DATA-5] [RSP-11] refuses unsolicited data that was not agreed', async () => {
    const initiator = await fixture.open({ InitialR2T: 'Yes' })
    const request = { cdb: write10(0, 2), writeData: pattern(1024, 91), unsolicitedBytes: 1024 }
    const { status, sense } = await execute(initiator, request)
    expect([status, sense]).toEqual([CHECK_CONDITION, UNEXPECTED_UNSOLICITED_DATA])
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[DATA-6] refuses more unsolicited data than FirstBurstLength', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No', FirstBurstLength: '4096' })
    const request = { cdb: write10(0, 16), writeData: pattern(8192), immediateBytes: 512, unsolicitedBytes: 4096 }
    const itt = await sendCommand(initiator, request)
    const data = request.writeData.subarray(512, 4608)
    await sendDataOut(initiator, { itt, ttt: NO_TAG, bufferOffsetBytes: 512, data }, 1024)
    const response = await statusAfterRejects(initiator, itt)
    expect(response.byte(3)).toBe(CHECK_CONDITION)
    expect([UNEXPECTED_UNSOLICITED_DATA, INCORRECT_AMOUNT_OF_DATA]).toContainEqual(senseOf(response))
  })

  it('[DATA-6] refuses more immediate data than FirstBurstLength', async () => {
    const initiator = await fixture.open({ FirstBurstLength: '4096' })
    const itt = await sendCommand(initiator, { cdb: write10(0, 16), writeData: pattern(8192), immediateBytes: 4608 })
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, INCORRECT_AMOUNT_OF_DATA])
  })

  it('[DATA-7] [RSP-11] refuses an unsolicited burst that ends early', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No', FirstBurstLength: '4096' })
    const writeData = pattern(8192)
    const itt = await sendCommand(initiator, { cdb: write10(0, 16), writeData, unsolicitedBytes: 4096 })
    const data = writeData.subarray(0, 1024)
    await sendDataOut(initiator, { itt, ttt: NO_TAG, bufferOffsetBytes: 0, data })
    const response = await statusAfterRejects(initiator, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, INCORRECT_AMOUNT_OF_DATA])
  })
})

describe('R2T', () => {
  it.each([1, 4])('[DATA-12] [KEY-19] never has more than %i outstanding for a task', async (offer) => {
    const offered = { MaxOutstandingR2T: String(offer), MaxBurstLength: '4096' }
    const initiator = await fixture.open(offered)
    const { maxOutstandingR2T } = initiator.parameters
    const writeData = pattern(65_536, offer)
    const itt = await sendCommand(initiator, { cdb: write10(200, 128), writeData })
    const outstanding: TargetPdu[] = []
    let asked = 0
    while (asked < writeData.length) {
      while (outstanding.length < maxOutstandingR2T && asked < writeData.length) {
        const r2t = await readR2T(initiator, itt)
        expect(r2tRange(r2t).bufferOffsetBytes).toBe(asked)
        asked += r2tRange(r2t).lengthBytes
        outstanding.push(r2t)
      }
      if (outstanding.length === maxOutstandingR2T && asked < writeData.length) {
        await initiator.connection.expectSilence(20)
      }
      await answerR2T(initiator, outstanding.shift()!, writeData, 1024)
    }
    expect(new Set(outstanding.map(({ ttt }) => ttt)).size).toBe(outstanding.length)
    for (const r2t of outstanding) await answerR2T(initiator, r2t, writeData)
    expect((await initiator.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
    expect((await readBack(initiator, 200, 65_536)).equals(writeData)).toBe(true)
  })

  it('[KEY-14] [DATA-11] never asks for more than MaxBurstLength', async () => {
    const initiator = await fixture.open({ MaxBurstLength: '65536' })
    const writeData = pattern(1_048_576, 4)
    const { status, readyToTransfers } = await execute(initiator, { cdb: write10(0, 2048), writeData })
    expect(status).toBe(GOOD)
    expect(readyToTransfers.length).toBeGreaterThanOrEqual(16)
    expect((await readBack(initiator, 0, 1_048_576)).equals(writeData)).toBe(true)
  })

  it('[DATA-10] [REJ-8] [REJ-1] takes no data for a transfer that it did not ask for', async () => {
    const initiator = await fixture.open()
    const { itt, r2t } = await holdWrite(initiator, pattern(512))
    const data = pattern(512)
    const ttt = (r2t.ttt + 0x100) >>> 0
    const bytes = initiator.encode(dataOutFields({ itt, ttt, dataSN: 0, bufferOffsetBytes: 0, data, isFinal: true }))
    await initiator.connection.write(bytes)
    const reject = await initiator.expect(OPCODE.REJECT, NO_TAG)
    expect(reject.byte(2)).toBe(0x09)
    expect(reject.data.toString('hex')).toBe(bytes.subarray(0, 48).toString('hex'))
    await initiator.ping()
  })

  it('[DATA-10] goes by the transfer tag, not by the LUN of Data-Out, which some initiators leave empty', async () => {
    const initiator = await two.open()
    await clearUnitAttentions(initiator, 1)
    const writeData = pattern(512, 6)
    const write = { lun: 1, cdb: write10(0, 1), writeData }
    const itt = await sendCommand(initiator, write)
    const r2t = await readR2T(initiator, itt)
    await sendDataOut(initiator, { itt, ttt: r2t.ttt, bufferOffsetBytes: 0, data: writeData, lun: 0 })
    expect((await finishCommand(initiator, itt, write)).status).toBe(GOOD)
    const { data } = await execute(initiator, { lun: 1, cdb: read10(0, 1), readBytes: 512 })
    expect(data.equals(writeData)).toBe(true)
  })

  const two = useTarget({ disks: [{ sizeBytes: 1_048_576 }, { sizeBytes: 1_048_576 }] })
})

describe('the order of data', () => {
  it.each(['Yes', 'No'])(
    '[DATA-14] [KEY-20] within a sequence is rising, also when DataPDUInOrder=%s was offered',
    async (offer) => {
      const initiator = await fixture.connect()
      const { keys } = await initiator.login({ DataPDUInOrder: offer })
      expect(keys.DataPDUInOrder).toBe('Yes')
      await execute(initiator, { cdb: testUnitReady() })
      const writeData = pattern(2048, 13)
      const { itt, r2t } = await holdWrite(initiator, writeData, 60)
      for (const [dataSN, bufferOffsetBytes] of [1536, 1024, 512, 0].entries()) {
        const data = writeData.subarray(bufferOffsetBytes, bufferOffsetBytes + 512)
        const isFinal = bufferOffsetBytes === 0
        await initiator.send(dataOutFields({ itt, ttt: r2t.ttt, dataSN, bufferOffsetBytes, data, isFinal }))
      }
      const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
      expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, INCORRECT_AMOUNT_OF_DATA])
    },
  )

  it('[DATA-16] [RSP-11] ends a task whose sequence ends early', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(2048)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    const data = writeData.subarray(0, 512)
    await sendDataOut(initiator, { itt, ttt: r2t.ttt, bufferOffsetBytes: 0, data })
    const response = await statusAfterRejects(initiator, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, INCORRECT_AMOUNT_OF_DATA])
  })

  it.each([
    ['beyond the range of the R2T', 512, 1024],
    ['beyond the command', 1024 * 1024, 512],
    ['at offset 2^32 - 512', 0xffffffff - 511, 512],
  ])('[DATA-16] [DATA-20] writes no data %s', async (_case, bufferOffsetBytes, byteCount) => {
    const initiator = await fixture.open()
    const before = await readBack(initiator, 300, 4096)
    const { itt, r2t } = await holdWrite(initiator, pattern(1024, 14), 300)
    const data = pattern(byteCount, 15)
    await initiator.send(dataOutFields({ itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes, data, isFinal: true }))
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49]|status 02)$/)
    const observer = await fixture.open()
    expect((await readBack(observer, 300, 4096)).subarray(1024).equals(before.subarray(1024))).toBe(true)
  })

  it('[DATA-19] takes Data-Out without data', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(1024, 16)
    const { itt, r2t } = await holdWrite(initiator, writeData, 61)
    const first = { itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data: Buffer.alloc(0), isFinal: false }
    await initiator.send(dataOutFields(first))
    await initiator.send(dataOutFields({ ...first, dataSN: 1, data: writeData, isFinal: true }))
    expect((await initiator.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
    expect((await readBack(initiator, 61, 1024)).equals(writeData)).toBe(true)
  })

  it('[DATA-25] interleaves the unsolicited data of several commands', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No' })
    const writes = [0, 1].map((index) => ({ lba: 400 + 10 * index, writeData: pattern(2048, 17 + index) }))
    const tags: number[] = []
    for (const { lba, writeData } of writes) {
      tags.push(await sendCommand(initiator, { cdb: write10(lba, 4), writeData, unsolicitedBytes: 2048 }))
    }
    for (const [dataSN, start] of [0, 1024].entries()) {
      for (const [index, { writeData }] of writes.entries()) {
        const data = writeData.subarray(start, start + 1024)
        const dataOut = { itt: tags[index]!, ttt: NO_TAG, dataSN, bufferOffsetBytes: start, data }
        await initiator.send(dataOutFields({ ...dataOut, isFinal: start > 0 }))
      }
    }
    const ended = [await initiator.expect(OPCODE.SCSI_RESPONSE), await initiator.expect(OPCODE.SCSI_RESPONSE)]
    expect(ended.map(({ itt }) => itt).sort()).toEqual(tags)
    for (const { lba, writeData } of writes) {
      expect((await readBack(initiator, lba, 2048)).equals(writeData)).toBe(true)
    }
  })

  it('[DATA-26] serves other commands between the PDUs of a burst', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(1024, 19)
    const { itt, r2t } = await holdWrite(initiator, writeData, 62)
    const piece = (dataSN: number) => {
      const bufferOffsetBytes = dataSN * 512
      const data = writeData.subarray(bufferOffsetBytes, bufferOffsetBytes + 512)
      return dataOutFields({ itt, ttt: r2t.ttt, dataSN, bufferOffsetBytes, data, isFinal: dataSN === 1 })
    }
    await initiator.send(piece(0))
    await initiator.ping()
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
    expect((await readBack(initiator, 500, 512)).length).toBe(512)
    await initiator.send(piece(1))
    expect((await finishCommand(initiator, itt, { cdb: write10(62, 2), writeData })).status).toBe(GOOD)
    expect((await readBack(initiator, 62, 1024)).equals(writeData)).toBe(true)
  })

  it('[DATA-27] fails a command only when its unsolicited data has come', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No' })
    const writeData = pattern(2048)
    const itt = await sendCommand(initiator, { cdb: write10(0xfffffff0, 4), writeData, unsolicitedBytes: 2048 })
    await initiator.connection.expectSilence(50)
    await sendDataOut(initiator, { itt, ttt: NO_TAG, bufferOffsetBytes: 0, data: writeData })
    const { status, sense } = await finishCommand(initiator, itt, { cdb: write10(0, 4), writeData })
    expect([status, sense]).toEqual([CHECK_CONDITION, { key: 0x05, code: 0x2100 }])
  })
})
