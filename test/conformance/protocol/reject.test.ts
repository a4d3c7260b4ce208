/** Reject, format errors and digest errors, RFC 7143 7.3, 7.7, 7.8 and 11.17. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE, type RequestFields, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  CHECK_CONDITION,
  commandFields,
  dataOutFields,
  execute,
  finishCommand,
  GOOD,
  holdWrite,
  pattern,
  read10,
  sendCommand,
  senseOf,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

/** Send a request with its last byte (of the data digest, or of the data) turned around. */
async function sendDamaged(initiator: WireInitiator, fields: RequestFields): Promise<Buffer> {
  const bytes = initiator.encode(fields)
  bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 0xff
  await initiator.connection.write(bytes)
  return bytes.subarray(0, 48)
}

async function expectReject(initiator: WireInitiator, reason: number): Promise<TargetPdu> {
  const reject = await initiator.expect(OPCODE.REJECT)
  expect(reject.byte(2)).toBe(reason)
  return reject
}

describe('Reject', () => {
  it('[REJ-1] carries the whole header, with additional segments and without digest', async () => {
    const initiator = await fixture.open({ HeaderDigest: 'CRC32C' })
    const ahs = Buffer.from([0, 5, 2, 0, 1, 2, 3, 4])
    const bytes = initiator.encode({ opcode: 0x1d, immediate: true, itt: 0x99, ahs, data: pattern(20) })
    await initiator.connection.write(bytes)
    const reject = await expectReject(initiator, 0x05)
    expect(reject.data.toString('hex')).toBe(bytes.subarray(0, 56).toString('hex'))
    await initiator.ping()
  })

  it('[REJ-9] [SN-8] limits immediate commands by rejecting one more, which may be sent again', async () => {
    const initiator = await fixture.open()
    const held: number[] = []
    let rejected = false
    for (let count = 0; count < 300 && !rejected; count++) {
      const itt = await sendCommand(initiator, {
        cdb: write10(0, 1),
        writeData: pattern(512),
        fields: { immediate: true },
      })
      const pdu = await initiator.read()
      if (pdu.opcode === OPCODE.R2T) held.push(itt)
      else {
        expect([pdu.opcode, pdu.byte(2)]).toEqual([OPCODE.REJECT, 0x06])
        rejected = true
      }
    }
    expect(held.length).toBeGreaterThan(0)
    expect(rejected).toBe(true)
    expect(await initiator.manageTasks(1, { words: { 20: held[0]!, 32: initiator.cmdSN } })).toBe(0)
    expect((await execute(initiator, { cdb: testUnitReady(), fields: { immediate: true } })).status).toBe(GOOD)
  })
})

describe('data digest errors', () => {
  const DIGEST = { DataDigest: 'CRC32C' }

  it('[REJ-4] [REJ-5] [SN-19] reject a command with its immediate data and leave its CmdSN open', async () => {
    const initiator = await fixture.open(DIGEST)
    const before = (await execute(initiator, { cdb: read10(110, 1), readBytes: 512 })).data
    const writeData = pattern(512, 61)
    const write = { cdb: write10(110, 1), writeData, immediateBytes: 512 }
    const { cmdSN } = initiator
    const itt = initiator.newTag()
    const header = await sendDamaged(initiator, { ...commandFields(write), itt })
    const reject = await expectReject(initiator, 0x02)
    expect(reject.data.equals(header)).toBe(true)
    expect(reject.expCmdSN).toBe(cmdSN)
    await initiator.connection.expectSilence(50)
    initiator.cmdSN = cmdSN
    expect((await execute(initiator, { cdb: read10(110, 1), readBytes: 512 })).data.equals(before)).toBe(true)
    await sendCommand(initiator, { ...write, fields: { itt } })
    expect((await finishCommand(initiator, itt, write)).status).toBe(GOOD)
    expect((await execute(initiator, { cdb: read10(110, 1), readBytes: 512 })).data.equals(writeData)).toBe(true)
  })

  it('[REJ-3] [REJ-5] [RSP-11] reject Data-Out and end its task when all data has come', async () => {
    const initiator = await fixture.open(DIGEST)
    const writeData = pattern(1024, 62)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    const piece = (dataSN: number) => {
      const bufferOffsetBytes = 512 * dataSN
      const data = writeData.subarray(bufferOffsetBytes, bufferOffsetBytes + 512)
      return dataOutFields({ itt, ttt: r2t.ttt, dataSN, bufferOffsetBytes, data, isFinal: dataSN === 1 })
    }
    await sendDamaged(initiator, piece(0))
    await expectReject(initiator, 0x02)
    await initiator.connection.expectSilence(50)
    await initiator.send(piece(1))
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, { key: 0x0b, code: 0x4705 }])
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[REJ-5] end a task whose last Data-Out is damaged', async () => {
    const initiator = await fixture.open(DIGEST)
    const data = pattern(512, 63)
    const { itt, r2t } = await holdWrite(initiator, data)
    await sendDamaged(
      initiator,
      dataOutFields({ itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data, isFinal: true }),
    )
    await expectReject(initiator, 0x02)
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, { key: 0x0b, code: 0x4705 }])
  })

  it('[REJ-5] reject a ping and keep the connection', async () => {
    const initiator = await fixture.open(DIGEST)
    const ping = { opcode: OPCODE.NOP_OUT, immediate: true, itt: 0x77, words: { 20: NO_TAG }, data: pattern(9) }
    await sendDamaged(initiator, ping)
    await expectReject(initiator, 0x02)
    await initiator.ping({ data: pattern(9) })
  })
})

describe('header digest errors', () => {
  it('[REJ-6] close the connection, for nothing after them can be trusted', async () => {
    const initiator = await fixture.open({ HeaderDigest: 'CRC32C' })
    const bytes = initiator.encode({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 1, words: { 20: NO_TAG } })
    bytes[19] = bytes[19]! ^ 1
    await initiator.connection.write(bytes)
    await initiator.connection.expectClosed()
  })

  it('[REJ-6] execute nothing of a damaged write', async () => {
    const initiator = await fixture.open({ HeaderDigest: 'CRC32C' })
    const before = (await execute(initiator, { cdb: read10(111, 1), readBytes: 512 })).data
    const write = commandFields({ cdb: write10(111, 1), writeData: pattern(512, 64), immediateBytes: 512 })
    const bytes = initiator.encode({ ...write, itt: initiator.newTag() })
    bytes[40] = bytes[40]! ^ 0x10
    await initiator.connection.write(bytes)
    await initiator.connection.expectClosed()
    const observer = await fixture.open()
    expect((await execute(observer, { cdb: read10(111, 1), readBytes: 512 })).data.equals(before)).toBe(true)
  })
})

describe('format errors', () => {
  it.each([
    ['longer than the additional header segments', [0, 200, 1, 0, 0, 0, 0, 0]],
    ['of nothing', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['65535 long', [0xff, 0xff, 1, 0, 0, 0, 0, 0]],
  ])('[REJ-7] refuses an additional header segment %s', async (_case, ahs) => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { ahs: Buffer.from(ahs) } })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49]|status 02)$/)
    await (await fixture.open()).ping()
  })

  it('[REJ-7] refuses task management with data', async () => {
    const initiator = await fixture.open()
    await initiator.sendTaskManagement(2, { data: pattern(8) })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49]|response ..)$/)
    await (await fixture.open()).ping()
  })

  it('[REJ-7] refuses opcodes of a target', async () => {
    for (const opcode of [OPCODE.NOP_IN, OPCODE.SCSI_RESPONSE, OPCODE.DATA_IN, OPCODE.R2T, OPCODE.REJECT]) {
      const initiator = await fixture.open()
      await initiator.send({ opcode, immediate: true, itt: 5 })
      expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[459])$/)
    }
  })
})
