/** Task management, RFC 7143 4.2.3, 7.11, 11.5 and 11.6. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  answerR2T,
  clearUnitAttentions,
  commandFields,
  execute,
  GOOD,
  holdWrite,
  pattern,
  read10,
  readR2T,
  sendCommand,
  sendDataOut,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

const FUNCTION = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
  TASK_REASSIGN: 8,
} as const

const COMPLETE = 0
const TASK_DOES_NOT_EXIST = 1
const LUN_DOES_NOT_EXIST = 2
const REASSIGNMENT_NOT_SUPPORTED = 4
const NOT_SUPPORTED = 5
const REJECTED = 255

/** ABORT TASK of a task by its tag and CmdSN; gives the response. */
async function abortTask(initiator: WireInitiator, itt: number, refCmdSN: number): Promise<number> {
  return await initiator.manageTasks(FUNCTION.ABORT_TASK, { words: { 20: itt, 32: refCmdSN } })
}

/** The next PDU that is no status of a task in `held`: those may come until the task management response does. */
async function readPastResponses(initiator: WireInitiator, held: readonly { itt: number }[]): Promise<TargetPdu> {
  for (;;) {
    const pdu = await initiator.read()
    const isStatus = pdu.opcode === OPCODE.SCSI_RESPONSE && held.some(({ itt }) => itt === pdu.itt)
    if (!isStatus) return pdu
  }
}

/** The target has sent nothing on this connection that was not asked for, news of the command window aside. */
async function expectNothingButNews(initiator: WireInitiator): Promise<void> {
  const ping = await initiator.sendNopOut({ immediate: true })
  for (;;) {
    const pdu = await initiator.expect(OPCODE.NOP_IN)
    if (pdu.itt === ping) return
    expect([pdu.itt, pdu.ttt]).toEqual([NO_TAG, NO_TAG])
  }
}

describe('responses', () => {
  it.each([0, 3, 9, 10, 11, 12, 13, 100, 127])('[TMF-1] [TMF-2] answers function %i with a response', async (code) => {
    const initiator = await fixture.open()
    expect(await initiator.manageTasks(code)).toBeOneOf([COMPLETE, NOT_SUPPORTED, REJECTED])
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it.each([13, 127])('[TMF-2] does not support function %i', async (code) => {
    expect(await (await fixture.open()).manageTasks(code)).toBe(NOT_SUPPORTED)
  })

  it.each([FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET])(
    '[TMF-2] does not find LUN 200 for function %i',
    async (code) => {
      expect(await (await fixture.open()).manageTasks(code, { lun: 200 })).toBe(LUN_DOES_NOT_EXIST)
    },
  )

  it('[TMF-1] takes its place in the command order when it is not immediate', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const itt = await initiator.sendTaskManagement(FUNCTION.ABORT_TASK_SET, { immediate: false, words: { 24: n + 1 } })
    await initiator.connection.expectSilence(50)
    const ping = await initiator.sendNopOut({ words: { 24: n } })
    await initiator.expect(OPCODE.NOP_IN, ping)
    expect((await initiator.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, itt)).byte(2)).toBe(COMPLETE)
  })

  it('[TMF-22] does not reassign tasks at error recovery level 0', async () => {
    const initiator = await fixture.open()
    const { itt } = await holdWrite(initiator, pattern(512))
    const words = { 20: itt }
    expect(await initiator.manageTasks(FUNCTION.TASK_REASSIGN, { words })).toBe(REASSIGNMENT_NOT_SUPPORTED)
  })
})

describe('ABORT TASK', () => {
  it('[TMF-3] [TMF-8] ends a task without a response', async () => {
    const initiator = await fixture.open()
    const { itt, cmdSN } = await holdWrite(initiator, pattern(512))
    expect(await abortTask(initiator, itt, cmdSN)).toBe(COMPLETE)
    await initiator.connection.expectSilence()
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[TMF-3] keeps data from the disk that comes after it', async () => {
    const initiator = await fixture.open()
    const before = pattern(1024, 41)
    await execute(initiator, { cdb: write10(70, 2), writeData: before })
    const late = pattern(1024, 42)
    const { itt, r2t, cmdSN } = await holdWrite(initiator, late, 70)
    expect(await abortTask(initiator, itt, cmdSN)).toBe(COMPLETE)
    await sendDataOut(initiator, { itt, ttt: r2t.ttt, bufferOffsetBytes: 0, data: late })
    const ping = await initiator.sendNopOut({ immediate: true })
    let answer = await initiator.read()
    if (answer.opcode === OPCODE.REJECT) {
      expect(answer.byte(2)).toBe(0x09)
      answer = await initiator.read()
    }
    expect([answer.opcode, answer.itt]).toEqual([OPCODE.NOP_IN, ping])
    const { data } = await execute(initiator, { cdb: read10(70, 2), readBytes: 1024 })
    expect(data.equals(before)).toBe(true)
  })

  it('[TMF-3] frees the tag of the task', async () => {
    const initiator = await fixture.open()
    const { itt, cmdSN } = await holdWrite(initiator, pattern(512))
    expect(await abortTask(initiator, itt, cmdSN)).toBe(COMPLETE)
    const fields = { itt }
    expect((await execute(initiator, { cdb: testUnitReady(), fields })).status).toBe(GOOD)
  })

  it('[TMF-4] takes the CmdSN of a command that never came as received', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    initiator.cmdSN = n + 1
    expect(await abortTask(initiator, 0x5555, n)).toBe(COMPLETE)
    expect((await initiator.ping()).expCmdSN).toBe(n + 1)
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { itt: 0x5555, words: { 24: n } } })
    await initiator.connection.expectSilence()
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[TMF-5] does not find a task that was answered', async () => {
    const initiator = await fixture.open()
    const { cmdSN } = initiator
    const { itt } = await execute(initiator, { cdb: testUnitReady() })
    expect(await abortTask(initiator, itt, cmdSN)).toBe(TASK_DOES_NOT_EXIST)
  })

  it('[TMF-6] is rejected for a task management request', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    initiator.cmdSN = n + 1
    const pending = await initiator.sendTaskManagement(FUNCTION.ABORT_TASK_SET)
    expect(await abortTask(initiator, pending, initiator.cmdSN)).toBe(REJECTED)
    const ping = await initiator.sendNopOut({ words: { 24: n } })
    await initiator.expect(OPCODE.NOP_IN, ping)
    await initiator.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, pending)
  })

  it('[TMF-7] ends an immediate command', async () => {
    const initiator = await fixture.open()
    const { cmdSN } = initiator
    const itt = await sendCommand(initiator, {
      cdb: write10(0, 1),
      writeData: pattern(512),
      fields: { immediate: true },
    })
    await readR2T(initiator, itt)
    expect(await abortTask(initiator, itt, cmdSN)).toBe(COMPLETE)
    await initiator.connection.expectSilence(50)
  })

  it('[TMF-3] leaves other tasks alone', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(512, 43)
    const kept = await holdWrite(initiator, writeData, 72)
    const ended = await holdWrite(initiator, pattern(512), 73)
    expect(await abortTask(initiator, ended.itt, ended.cmdSN)).toBe(COMPLETE)
    await answerR2T(initiator, kept.r2t, writeData)
    expect((await initiator.expect(OPCODE.SCSI_RESPONSE, kept.itt)).byte(3)).toBe(GOOD)
  })
})

describe('functions that cover many tasks', () => {
  const MANY = [FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET]

  it.each(MANY)('[TMF-12] [TMF-8] function %i waits for the data that it was asked for', async (code) => {
    const initiator = await fixture.open()
    const held = [await holdWrite(initiator, pattern(512), 80), await holdWrite(initiator, pattern(512), 81)]
    const itt = await initiator.sendTaskManagement(code)
    for (const { r2t } of held) {
      const ping = await initiator.sendNopOut({ immediate: true })
      expect((await readPastResponses(initiator, held)).itt).toBe(ping)
      await answerR2T(initiator, r2t, pattern(512))
    }
    const response = await readPastResponses(initiator, held)
    expect([response.opcode, response.itt, response.byte(2)]).toEqual([OPCODE.TASK_MANAGEMENT_RESPONSE, itt, COMPLETE])
    await initiator.connection.expectSilence(50)
    await clearUnitAttentions(initiator)
  })

  it.each(MANY)('[TMF-10] function %i waits for the commands that come before it', async (code) => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    initiator.cmdSN = n + 1
    const itt = await initiator.sendTaskManagement(code)
    await initiator.connection.expectSilence(50)
    const ping = await initiator.sendNopOut({ words: { 24: n } })
    await initiator.expect(OPCODE.NOP_IN, ping)
    expect((await initiator.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, itt)).byte(2)).toBe(COMPLETE)
  })

  it('[TMF-8] ABORT TASK SET is the last word about the tasks that it covers', async () => {
    const initiator = await fixture.open()
    const count = 60
    const tags = new Set<number>()
    const bytes: Buffer[] = []
    initiator.maxCmdSN = (await initiator.ping()).maxCmdSN
    for (let index = 0; index < count && initiator.cmdSN !== initiator.maxCmdSN; index++) {
      const itt = initiator.newTag()
      tags.add(itt)
      bytes.push(initiator.encode({ ...commandFields({ cdb: read10(0, 16), readBytes: 8192 }), itt }))
    }
    const tmf = initiator.newTag()
    const request = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x82, itt: tmf }
    bytes.push(initiator.encode({ ...request, words: { 20: NO_TAG } }))
    await initiator.connection.write(Buffer.concat(bytes))
    let pdu = await initiator.read()
    for (; pdu.opcode !== OPCODE.TASK_MANAGEMENT_RESPONSE; pdu = await initiator.read()) expect(tags).toContain(pdu.itt)
    expect(pdu.itt).toBe(tmf)
    await initiator.connection.expectSilence(50)
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[TMF-9] ABORT TASK SET leaves the tasks of another initiator alone', async () => {
    const issuer = await fixture.open()
    const other = await fixture.open()
    const writeData = pattern(512, 44)
    const { itt, r2t } = await holdWrite(other, writeData, 90)
    expect(await issuer.manageTasks(FUNCTION.ABORT_TASK_SET)).toBe(COMPLETE)
    await answerR2T(other, r2t, writeData)
    expect((await other.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
  })

  it.each([
    [FUNCTION.CLEAR_TASK_SET, 0x2f],
    [FUNCTION.LOGICAL_UNIT_RESET, 0x29],
    [FUNCTION.TARGET_WARM_RESET, 0x29],
  ])('[TMF-9] [TMF-18] function %i ends the tasks of another initiator and tells it', async (code, additionalSense) => {
    const issuer = await fixture.open()
    const other = await fixture.open()
    const writeData = pattern(512, 45)
    const { r2t } = await holdWrite(other, writeData, 91)
    expect(await issuer.manageTasks(code)).toBe(COMPLETE)
    await answerR2T(other, r2t, writeData)
    await expectNothingButNews(other)
    const { sense } = await execute(other, { cdb: testUnitReady() })
    expect(sense?.key).toBe(0x06)
    expect(sense!.code >> 8).toBe(additionalSense)
  })

  it('[TMF-16] [KEY-26] tells nobody by Asynchronous Message without FastAbort', async () => {
    const issuer = await fixture.open()
    const other = await fixture.open()
    const { itt, r2t } = await holdWrite(other, pattern(512), 92)
    expect(await issuer.manageTasks(FUNCTION.LOGICAL_UNIT_RESET)).toBe(COMPLETE)
    await sendDataOut(other, { itt, ttt: r2t.ttt, bufferOffsetBytes: 0, data: pattern(512) })
    await expectNothingButNews(other)
    await expectNothingButNews(issuer)
  })
})

describe('what a function covers', () => {
  const two = useTarget({ disks: [{ sizeBytes: 1_048_576 }, { sizeBytes: 1_048_576 }] })

  it.each([FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET])(
    '[TMF-9] function %i leaves the tasks of another logical unit alone',
    async (code) => {
      const initiator = await two.open()
      await clearUnitAttentions(initiator, 1)
      const write = { lun: 1, cdb: write10(0, 1), writeData: pattern(512, code) }
      const itt = await sendCommand(initiator, write)
      const r2t = await readR2T(initiator, itt)
      expect(await initiator.manageTasks(code, { lun: 0 })).toBe(COMPLETE)
      await answerR2T(initiator, r2t, write.writeData)
      expect((await initiator.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
    },
  )

  it('[TMF-10] of ABORT TASK SET ends before commands with a later CmdSN', async () => {
    const initiator = await two.open()
    const writeData = pattern(512, 46)
    const { itt, r2t, cmdSN } = await holdWrite(initiator, writeData)
    expect(await initiator.manageTasks(FUNCTION.ABORT_TASK_SET, { words: { 24: cmdSN } })).toBe(COMPLETE)
    await answerR2T(initiator, r2t, writeData)
    expect((await initiator.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
  })

  it('[TMF-19] of LOGICAL UNIT RESET may reach later commands, which then end without a word', async () => {
    const initiator = await two.open()
    const writeData = pattern(512, 47)
    const { r2t, cmdSN } = await holdWrite(initiator, writeData)
    const reset = await initiator.sendTaskManagement(FUNCTION.LOGICAL_UNIT_RESET, { words: { 24: cmdSN } })
    await answerR2T(initiator, r2t, writeData)
    const response = await initiator.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, reset)
    expect(response.byte(2)).toBe(COMPLETE)
    await initiator.connection.expectSilence(50)
    await clearUnitAttentions(initiator)
  })
})

describe('target resets', () => {
  it('[TMF-11] wait for the commands before them, or fill their places', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    initiator.cmdSN = n + 1
    const reset = await initiator.sendTaskManagement(FUNCTION.TARGET_WARM_RESET)
    const ping = await initiator.sendNopOut({ immediate: true })
    let next = await initiator.read()
    if (next.itt === ping) {
      expect(next.expCmdSN).toBe(n)
      const missing = await initiator.sendNopOut({ words: { 24: n } })
      await initiator.expect(OPCODE.NOP_IN, missing)
      next = await initiator.read()
    }
    expect([next.opcode, next.itt, next.byte(2)]).toEqual([OPCODE.TASK_MANAGEMENT_RESPONSE, reset, COMPLETE])
    expect(next.expCmdSN).toBe(n + 1)
  })

  it('[TMF-20] TARGET WARM RESET keeps the sessions', async () => {
    const issuer = await fixture.open()
    const other = await fixture.open()
    expect(await issuer.manageTasks(FUNCTION.TARGET_WARM_RESET)).toBe(COMPLETE)
    await clearUnitAttentions(issuer)
    await clearUnitAttentions(other)
  })

  it('[TMF-20] [TMF-21] TARGET COLD RESET closes every connection', async () => {
    const issuer = await fixture.open()
    const other = await fixture.open()
    await issuer.sendTaskManagement(FUNCTION.TARGET_COLD_RESET)
    expect(await answerKind(issuer)).toBe('response 00')
    for (const initiator of [issuer, other]) {
      for (const pdu of await initiator.readUntilClosed()) expect(pdu.opcode).toBe(OPCODE.ASYNC)
    }
    const again = await fixture.connect()
    await again.login()
    const { sense } = await execute(again, { cdb: testUnitReady() })
    expect([sense?.key, sense!.code >> 8]).toEqual([0x06, 0x29])
  })
})
