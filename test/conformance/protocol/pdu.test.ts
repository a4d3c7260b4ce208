/** PDU framing and headers, RFC 7143 chapter 11.2, as seen on the wire. */

import { describe, expect, it } from 'vitest'
import { crc32cDigest } from '../../support/crc32c.ts'
import { extendedCdbAhs, VARIABLE_LENGTH_CDB } from '../../support/wire-ahs.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { FINAL, NO_TAG, OPCODE, requestBytes, requestHeader } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  answerR2T,
  commandFields,
  dataOutFields,
  execute,
  finishCommand,
  GOOD,
  holdWrite,
  inquiry,
  pattern,
  read10,
  readR2T,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'
import { decodeText, encodeText } from '../../support/wire-text.ts'

const fixture = useTarget()

describe('integers and reserved fields', () => {
  it('[PDU-1] takes and gives big-endian integers', async () => {
    const initiator = await fixture.connect({ firstCmdSN: 0x01020304 })
    const { final } = await initiator.login()
    expect(final.header.subarray(28, 32).toString('hex')).toBe('01020304')
  })

  it('[PDU-2] [PDU-7] [PDU-9] sets nothing reserved in any kind of PDU that answers a request', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(16_384)
    await execute(initiator, { cdb: write10(0, 32), writeData })
    await execute(initiator, { cdb: read10(0, 32), readBytes: 16_384 })
    await execute(initiator, { cdb: Buffer.from([0xff, 0, 0, 0, 0, 0]) })
    await initiator.ping({ data: Buffer.from('abc') })
    await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: '' }))
    await initiator.manageTasks(1, { words: { 20: 0x99, 32: initiator.cmdSN - 10 } })
    await initiator.send({ opcode: 0x1f, immediate: true })
    await initiator.expect(OPCODE.REJECT)
    await initiator.logout()
    const sent: number[] = [OPCODE.NOP_IN, OPCODE.SCSI_RESPONSE, OPCODE.TASK_MANAGEMENT_RESPONSE, OPCODE.LOGIN_RESPONSE]
    sent.push(OPCODE.TEXT_RESPONSE, OPCODE.DATA_IN, OPCODE.LOGOUT_RESPONSE, OPCODE.R2T, OPCODE.REJECT)
    expect([...initiator.checker.opcodes].sort()).toEqual(sent.sort())
  })

  it('[PDU-3] ignores reserved bits and fields of every request', async () => {
    const initiator = await fixture.open()
    const ones = (...ranges: (readonly [number, number])[]) => ({
      alterHeader: (bhs: Buffer) => {
        bhs[0] = bhs[0]! | 0x80
        for (const [first, last] of ranges) bhs.fill(0xff, first, last + 1)
      },
    })
    await initiator.ping(ones([1, 3], [32, 47]))
    const writeData = pattern(1024, 7)
    const command = { cdb: write10(0, 2), writeData }
    const itt = await sendCommand(initiator, {
      ...command,
      fields: {
        alterHeader: (bhs) => {
          bhs[0] = bhs[0]! | 0x80
          bhs[1] = bhs[1]! | 0x18
          bhs.fill(0xff, 2, 4)
        },
      },
    })
    const r2t = await readR2T(initiator, itt)
    const fields = ones([2, 3], [24, 27], [32, 35], [44, 47])
    const dataOut = { itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data: writeData, isFinal: true, fields }
    await initiator.send(dataOutFields(dataOut))
    expect((await finishCommand(initiator, itt, command)).status).toBe(GOOD)
    expect(await initiator.manageTasks(2, ones([2, 3], [32, 47]))).toBe(0)
    const text = await initiator.sendText({ 'X-com.example.a': '1' }, ones([2, 3], [32, 47]))
    expect(decodeText((await initiator.expect(OPCODE.TEXT_RESPONSE, text)).data)).toEqual({
      'X-com.example.a': 'NotUnderstood',
    })
    const logout = await initiator.sendLogout(0, ones([2, 3], [8, 15], [22, 23], [32, 47]))
    expect((await initiator.expect(OPCODE.LOGOUT_RESPONSE, logout)).byte(2)).toBe(0)
  })

  it('[PDU-3] ignores reserved bits and fields of a Login Request', async () => {
    const initiator = await fixture.connect()
    const alterHeader = (bhs: Buffer) => {
      bhs[0] = bhs[0]! | 0x80
      bhs[1] = bhs[1]! | 0x30
      bhs.fill(0xff, 22, 24)
      bhs.fill(0xff, 32, 48)
    }
    const { final } = await initiator.login({}, { alterHeader })
    expect([final.byte(1), final.header.readUInt16BE(36)]).toEqual([0x87, 0])
    await initiator.ping()
  })

  it.each([5, 6, 7])('[PDU-4] [REJ-7] does not execute a command with task attribute %i', async (attribute) => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { byte1: FINAL | attribute } })
    expect(await answerKind(initiator)).toBe('closed')
  })

  it.each([4, 15])('[PDU-4] refuses SNACK type %i', async (type) => {
    const initiator = await fixture.open()
    await initiator.send({ opcode: OPCODE.SNACK, byte1: FINAL | type, itt: NO_TAG, words: { 20: NO_TAG } })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[3459])$/)
  })

  it.each([3, 127])('[PDU-4] refuses Logout reason %i', async (reason) => {
    const initiator = await fixture.open()
    await initiator.sendLogout(reason, { immediate: true })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49])$/)
  })
})

describe('framing', () => {
  const DIGESTS = ['None', 'CRC32C'] as const
  const combinations = DIGESTS.flatMap((HeaderDigest) => DIGESTS.map((DataDigest) => ({ HeaderDigest, DataDigest })))

  for (const pieceBytes of [1, 7, 1_000_000]) {
    it.each(combinations)(
      `[PDU-5] [PDU-17] [KEY-1] parses PDUs sent ${pieceBytes} bytes at a time, header digest $HeaderDigest, data digest $DataDigest`,
      async (digests) => {
        const initiator = await fixture.open(digests)
        const writeData = pattern(512, pieceBytes)
        const write = commandFields({ cdb: write10(9, 1), writeData, immediateBytes: 512, fields: { itt: 2 } })
        const bytes = Buffer.concat([
          initiator.encode({ opcode: OPCODE.NOP_OUT, itt: 1, words: { 20: NO_TAG }, data: Buffer.from('12345') }),
          initiator.encode(write),
          initiator.encode(commandFields({ cdb: inquiry(36), readBytes: 36, fields: { itt: 3 } })),
          initiator.encode({
            ...commandFields({ cdb: VARIABLE_LENGTH_CDB, fields: { itt: 4 } }),
            ahs: extendedCdbAhs(),
          }),
          initiator.encode(commandFields({ cdb: testUnitReady(), fields: { itt: 5 } })),
          initiator.encode({ opcode: OPCODE.NOP_OUT, itt: 6, words: { 20: NO_TAG } }),
        ])
        await initiator.connection.write(bytes, pieceBytes)
        const ended = new Map<number, string>()
        while (ended.size < 6) {
          const pdu = await initiator.read()
          if (pdu.opcode === OPCODE.NOP_IN) ended.set(pdu.itt, pdu.data.toString())
          else if (pdu.opcode === OPCODE.SCSI_RESPONSE || (pdu.byte(1) & 1) !== 0) {
            ended.set(pdu.itt, pdu.byte(3).toString(16))
          }
        }
        expect(Object.fromEntries(ended)).toEqual({ 1: '12345', 2: '0', 3: '0', 4: '2', 5: '0', 6: '' })
        const readBack = await execute(initiator, { cdb: read10(9, 1), readBytes: 512 })
        expect(readBack.data.equals(writeData)).toBe(true)
      },
    )
  }

  it.each([1, 2, 3, 4, 5])(
    '[PDU-6] [PDU-17] pads %i bytes with zeros and ignores what it is padded with',
    async (n) => {
      const initiator = await fixture.open({ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' })
      const data = pattern(n)
      const reply = await initiator.ping({ data, padByte: 0xa5 })
      expect(reply.data.equals(data)).toBe(true)
    },
  )

  it('[PDU-8] sends no data digest where there is no data segment', async () => {
    const initiator = await fixture.open({ DataDigest: 'CRC32C' })
    const writeData = pattern(512)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    await initiator.ping()
    await answerR2T(initiator, r2t, writeData)
    expect((await finishCommand(initiator, itt, { cdb: write10(0, 1), writeData })).status).toBe(GOOD)
    expect(await initiator.manageTasks(2)).toBe(0)
    await initiator.logout()
  })

  it.each([0x07, 0x11, 0x1c, 0x1f])(
    '[PDU-10] rejects opcode %i as not supported, with and without data',
    async (opcode) => {
      const initiator = await fixture.open()
      for (const data of [Buffer.alloc(0), pattern(13)]) {
        const fields = { opcode, immediate: true, itt: 0x77, data, words: { 24: 5, 28: 6 } }
        await initiator.send(fields)
        const reject = await initiator.expect(OPCODE.REJECT)
        expect(reject.byte(2)).toBe(0x05)
        expect(reject.data.subarray(0, 48).equals(requestHeader(fields))).toBe(true)
        await initiator.ping()
      }
    },
  )

  it.each([OPCODE.NOP_IN, OPCODE.SCSI_RESPONSE, OPCODE.DATA_IN, OPCODE.R2T, OPCODE.REJECT])(
    '[PDU-10] rejects opcode %i, which is a target’s, as not supported',
    async (opcode) => {
      const initiator = await fixture.open()
      await initiator.send({ opcode, immediate: true, itt: 5 })
      expect(await answerKind(initiator)).toBe('reject 05')
      await initiator.ping()
    },
  )
})

describe('tasks', () => {
  it('[PDU-11] never executes a command with the reserved Initiator Task Tag', async () => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { itt: NO_TAG } })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49])$/)
  })

  it('[PDU-12] rejects a command whose Initiator Task Tag is in use, and completes the first', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(512, 3)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { itt } })
    expect(await answerKind(initiator)).toBe('reject 07')
    await answerR2T(initiator, r2t, writeData)
    expect((await finishCommand(initiator, itt, { cdb: write10(0, 1), writeData })).status).toBe(GOOD)
  })

  it('[PDU-13] rejects Data-Out whose tags belong to different tasks', async () => {
    const initiator = await fixture.open()
    const { r2t } = await holdWrite(initiator, pattern(512), 0)
    const other = await holdWrite(initiator, pattern(512), 1)
    const data = pattern(512)
    await initiator.send(
      dataOutFields({ itt: other.itt, ttt: r2t.ttt, dataSN: 0, bufferOffsetBytes: 0, data, isFinal: true }),
    )
    expect(await answerKind(initiator)).toBe('reject 09')
  })
})

describe('digests and limits', () => {
  it('[PDU-18] is checked by a CRC32C that reproduces the published vectors', () => {
    const rising = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
    const readHeader = requestHeader({
      opcode: OPCODE.SCSI_COMMAND,
      byte1: 0xc0,
      itt: 0x14000000,
      words: { 20: 0x400, 24: 0x14, 28: 0x18, 32: 0x28000000, 40: 0x02000000 },
    })
    expect(crc32cDigest(Buffer.alloc(32)).toString('hex')).toBe('aa36918a')
    expect(crc32cDigest(Buffer.alloc(32, 0xff)).toString('hex')).toBe('43aba862')
    expect(crc32cDigest(rising).toString('hex')).toBe('4e79dd46')
    expect(crc32cDigest(Buffer.from(rising).reverse()).toString('hex')).toBe('5cdb3f11')
    expect(crc32cDigest(readHeader).toString('hex')).toBe('563a96d9')
  })

  it('[PDU-19] digests start with the first PDU of full feature phase', async () => {
    const initiator = await fixture.connect()
    const offered = { ...initiator.names(), HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' }
    const first = await initiator.stepLogin({ keys: offered, isTransit: false })
    const last = await initiator.stepLogin()
    expect(last.byte(1) & 0x83).toBe(0x83)
    initiator.enterFullFeaturePhase(offered, decodeText(first.data), last)
    expect(initiator.digests).toEqual({ header: true, data: true })
    expect((await initiator.ping({ data: Buffer.from('digest') })).data.toString()).toBe('digest')
  })

  it('[PDU-20] refuses a data segment beyond its MaxRecvDataSegmentLength', async () => {
    const initiator = await fixture.open({ MaxRecvDataSegmentLength: '8192' })
    const data = Buffer.alloc(initiator.parameters.targetMaxRecvDataSegmentLength + 4)
    await initiator.sendNopOut({ immediate: true, data })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49])$/)
  })

  it('[PDU-20] refuses more than 8192 bytes in one Login Request', async () => {
    const initiator = await fixture.connect()
    const text = Buffer.concat([
      encodeText(initiator.names()),
      Buffer.from('X-com.example.fill='),
      Buffer.alloc(8192, 0x61),
      Buffer.alloc(1),
    ])
    await initiator.sendLogin({ text })
    expect(await answerKind(initiator)).toMatch(/^(closed|login 02..)$/)
  })

  it('[PDU-5] finds the next PDU behind data that it discards', async () => {
    const initiator = await fixture.open()
    const rejected = requestBytes({ opcode: 0x1c, immediate: true, data: pattern(8000) }, initiator.digests)
    await initiator.connection.write(Buffer.concat([rejected, rejected]), 4096)
    await initiator.expect(OPCODE.REJECT)
    await initiator.expect(OPCODE.REJECT)
    await initiator.ping()
  })
})
