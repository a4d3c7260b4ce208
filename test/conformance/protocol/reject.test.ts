/** Reject, format errors and digest errors, RFC 7143 7.3, 7.7, 7.8 and 11.17. */

import { describe, expect, it } from 'vitest'
import { bidirectionalReadAhs } from '../../support/wire-ahs.ts'
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
  it('[REJ-7] close the connection of task management with data', async () => {
    const initiator = await fixture.open()
    await initiator.sendTaskManagement(2, { data: pattern(8) })
    await initiator.connection.expectClosed()
    await (await fixture.open()).ping()
  })

  it('[REJ-7] close the connection of task management with an additional header segment', async () => {
    const initiator = await fixture.open()
    await initiator.sendTaskManagement(2, { ahs: bidirectionalReadAhs(512) })
    await initiator.connection.expectClosed()
  })
})

describe('each fault', () => {
  const UNKNOWN_OPCODE = 0x1c
  const DAMAGED_PING = { opcode: OPCODE.NOP_OUT, immediate: true, itt: 0x77, words: { 20: NO_TAG }, data: pattern(9) }

  it('[REJ-2] [REJ-9] has its reason, and none is that of obsolete negotiation resets', async () => {
    const initiator = await fixture.open({ DataDigest: 'CRC32C' })
    const { itt, r2t } = await holdWrite(initiator, pattern(512))
    const answers: string[] = []
    const rejected = async (sent: Promise<unknown>) => {
      await sent
      answers.push(await answerKind(initiator))
    }
    await rejected(sendDamaged(initiator, DAMAGED_PING))
    await rejected(initiator.send({ opcode: OPCODE.SNACK, byte1: 0x81, itt: NO_TAG, words: { 20: NO_TAG } }))
    const pair = ['MaxRecvDataSegmentLength', '8192'] as const
    await rejected(initiator.sendText([pair, pair], { immediate: true }))
    await rejected(initiator.send({ opcode: UNKNOWN_OPCODE, immediate: true }))
    await rejected(sendCommand(initiator, { cdb: testUnitReady(), fields: { itt, words: { 24: initiator.cmdSN } } }))
    const foreign = {
      itt,
      ttt: (r2t.ttt + 9) >>> 0,
      dataSN: 0,
      bufferOffsetBytes: 0,
      data: pattern(512),
      isFinal: true,
    }
    await rejected(initiator.send(dataOutFields(foreign)))
    expect(answers).toEqual(['02', '03', '04', '05', '07', '09'].map((reason) => `reject ${reason}`))
  })

  it('[REJ-8] is named when tags describe no transfer: a tag of another task', async () => {
    const initiator = await fixture.open()
    const { itt, r2t } = await holdWrite(initiator, pattern(512))
    const dataOut = { itt: itt + 1, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data: pattern(512), isFinal: true }
    await initiator.send(dataOutFields(dataOut))
    expect(await answerKind(initiator)).toBe('reject 09')
  })

  it('[REJ-8] is named when a Text Request continues what was never begun', async () => {
    const initiator = await fixture.open()
    await initiator.sendText({ 'X-com.example.a': '1' }, { immediate: true, words: { 20: 0x1234_5678 } })
    expect(await answerKind(initiator)).toBe('reject 09')
    await initiator.ping()
  })

  it('[REJ-8] is named when a command has the reserved tag', async () => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { itt: NO_TAG } })
    expect(await answerKind(initiator)).toBe('reject 09')
  })
})

describe('recovery', () => {
  it('[REJ-12] does not begin before full feature phase', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names(), ErrorRecoveryLevel: '2' }
    expect((await initiator.stepLogin({ keys, isTransit: false })).byte(36)).toBe(0)
    await initiator.send({ opcode: OPCODE.SNACK, byte1: 0x81, itt: NO_TAG, words: { 20: NO_TAG } })
    expect(await answerKind(initiator)).toBe('login 020b')
    await initiator.connection.expectClosed()
  })
})
