/** Additional header segments: long CDBs and bidirectional commands, RFC 7143 11.2.2, 11.3.4, 11.3.5 and 11.4.6. */

import { describe, expect, it } from 'vitest'
import { NodeHarness } from '../../support/connection-harness.ts'
import { bidirectionalReadAhs, extendedCdbAhs, UNKNOWN_CDB, VARIABLE_LENGTH_CDB } from '../../support/wire-ahs.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { FINAL, OPCODE } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  CHECK_CONDITION,
  commandFields,
  execute,
  finishCommand,
  GOOD,
  pattern,
  SIMPLE,
  sendCommand,
  testUnitReady,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

const READ_AND_WRITE = FINAL | 0x60 | SIMPLE
/** The residual bits of a SCSI Response: o, u, O, U. */
const RESIDUAL_BITS = 0x1e

const LONG_CDB_TAIL = pattern(16, 9)
const BOTH_ORDERS = [
  ['extended CDB first', [extendedCdbAhs(LONG_CDB_TAIL), bidirectionalReadAhs(2048)]],
  ['read length first', [bidirectionalReadAhs(2048), extendedCdbAhs(LONG_CDB_TAIL)]],
] as const

describe('two additional header segments', () => {
  it.each(BOTH_ORDERS)('[PDU-14] [PDU-15] both reach the SCSI layer, %s', (_order, segments) => {
    const node = new NodeHarness()
    const host = node.connect()
    host.login()
    const fields = { ahs: Buffer.concat(segments), byte1: READ_AND_WRITE, words: { 20: 512, 24: host.cmdSN } }
    host.request({ ...commandFields({ cdb: VARIABLE_LENGTH_CDB, fields }), itt: 7 })
    const [task] = node.scsi.tasks
    expect(task!.cdb.toString('hex')).toBe(Buffer.concat([VARIABLE_LENGTH_CDB, LONG_CDB_TAIL]).toString('hex'))
    expect([task!.bidirectionalReadBytes, task!.expectedBytes]).toEqual([2048, 512])
  })

  it.each(BOTH_ORDERS)('[PDU-14] [RSP-10] both count for the response, %s', async (_order, segments) => {
    const initiator = await fixture.open()
    const fields = { ahs: Buffer.concat(segments), byte1: READ_AND_WRITE, words: { 20: 512 } }
    const itt = await sendCommand(initiator, { cdb: VARIABLE_LENGTH_CDB, fields })
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect(response.byte(3)).toBe(CHECK_CONDITION)
    expect([response.byte(1) & RESIDUAL_BITS, response.word(40), response.word(44)]).toEqual([0x0a, 2048, 512])
  })
})

describe('an Extended CDB AHS', () => {
  it('[PDU-15] brings a 32-byte CDB, which nobody here knows', async () => {
    const initiator = await fixture.open()
    const itt = await sendCommand(initiator, { cdb: VARIABLE_LENGTH_CDB, fields: { ahs: extendedCdbAhs() } })
    const { status, sense } = await finishCommand(initiator, itt, { cdb: VARIABLE_LENGTH_CDB })
    expect([status, sense?.key]).toEqual([CHECK_CONDITION, 0x05])
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[PDU-15] may end between words', () => {
    const node = new NodeHarness()
    const host = node.connect()
    host.login()
    const fields = { ahs: extendedCdbAhs(Buffer.from('abcdef')), words: { 24: host.cmdSN } }
    host.request({ ...commandFields({ cdb: VARIABLE_LENGTH_CDB, fields }), itt: 7 })
    expect(node.scsi.tasks[0]!.cdb.subarray(16).toString()).toBe('abcdef')
  })
})

describe('a bidirectional command', () => {
  it('[PDU-16] [REJ-7] is refused without the length of its read', async () => {
    const initiator = await fixture.open()
    const fields = { byte1: READ_AND_WRITE, words: { 20: 512 } }
    await sendCommand(initiator, { cdb: UNKNOWN_CDB, fields })
    expect(await answerKind(initiator)).toBe('closed')
  })

  it('[PDU-16] [RSP-10] that nobody knows transfers nothing, and counts both residuals', async () => {
    const initiator = await fixture.open()
    const fields = { byte1: READ_AND_WRITE, words: { 20: 512 }, ahs: bidirectionalReadAhs(1024) }
    const itt = await sendCommand(initiator, { cdb: UNKNOWN_CDB, fields })
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect(response.byte(3)).toBe(CHECK_CONDITION)
    expect([response.byte(1) & RESIDUAL_BITS, response.word(40), response.word(44)]).toEqual([0x0a, 1024, 512])
  })
})

describe('additional header segments that cannot be', () => {
  it.each([0, 3, 63])('[PDU-4] [REJ-7] have type %i', async (type) => {
    const initiator = await fixture.open()
    const ahs = Buffer.from([0, 5, type, 0, 0, 0, 0, 0])
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { ahs } })
    expect(await answerKind(initiator)).toBe('closed')
  })

  it.each([
    ['are longer than their area', [0, 200, 1, 0, 0, 0, 0, 0]],
    ['have length 0', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['are 65535 bytes long', [0xff, 0xff, 1, 0, 0, 0, 0, 0]],
  ])('[REJ-7] %s', async (_case, ahs) => {
    const initiator = await fixture.open()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { ahs: Buffer.from(ahs) } })
    expect(await answerKind(initiator)).toBe('closed')
    await (await fixture.open()).ping()
  })
})
