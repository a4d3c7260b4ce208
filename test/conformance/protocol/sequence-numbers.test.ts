/** CmdSN, StatSN, DataSN and R2TSN, RFC 7143 4.2.2. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import {
  answerR2T,
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

/** A command with a CmdSN of the test's choosing; the initiator's count stays. */
async function sendNumbered(initiator: WireInitiator, cmdSN: number, cdb = testUnitReady()): Promise<number> {
  return await sendCommand(initiator, { cdb, fields: { words: { 24: cmdSN } } })
}

describe('CmdSN order', () => {
  it('[SN-1] crosses the wrap of CmdSN', async () => {
    const initiator = await fixture.open({}, { firstCmdSN: 0xfffffff0 })
    for (let command = 0; command < 32; command++) {
      const { status, final } = await execute(initiator, { cdb: testUnitReady() })
      expect(status).toBe(GOOD)
      expect(final.expCmdSN).toBe(initiator.cmdSN)
    }
    expect(initiator.cmdSN).toBeLessThan(0x1000)
  })

  it('[SN-2] [SN-3] executes commands in the order of their CmdSN', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const third = await sendNumbered(initiator, n + 2)
    const second = await sendNumbered(initiator, n + 1)
    await initiator.connection.expectSilence()
    expect((await initiator.ping()).expCmdSN).toBe(n)
    const first = await sendNumbered(initiator, n)
    const order = [await initiator.read(), await initiator.read(), await initiator.read()]
    expect(order.map(({ itt }) => itt)).toEqual([first, second, third])
    expect(order.at(-1)!.expCmdSN).toBe(n + 3)
  })

  it('[SN-2] writes and reads in CmdSN order however they arrive', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const data = pattern(512, 77)
    const read = { cdb: read10(30, 1), readBytes: 512 }
    const write = { cdb: write10(30, 1), writeData: data, immediateBytes: 512 }
    const readTag = await sendCommand(initiator, { ...read, fields: { words: { 24: n + 1 } } })
    const writeTag = await sendCommand(initiator, { ...write, fields: { words: { 24: n } } })
    expect((await finishCommand(initiator, writeTag, write)).status).toBe(GOOD)
    expect((await finishCommand(initiator, readTag, read)).data.equals(data)).toBe(true)
  })

  it('[SN-5] ignores commands outside the window without a word, and their data', async () => {
    const initiator = await fixture.open()
    await initiator.ping()
    const before = (await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).data
    const write = commandFields({ cdb: write10(0, 1), writeData: pattern(512, 79), immediateBytes: 512 })
    for (const cmdSN of [initiator.maxCmdSN + 1, initiator.expCmdSN - 1, initiator.expCmdSN - 100]) {
      await initiator.send({ ...write, itt: initiator.newTag(), words: { ...write.words, 24: cmdSN } })
      await initiator.connection.expectSilence(50)
    }
    expect((await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).data.equals(before)).toBe(true)
  })

  it('[SN-5] discards the unsolicited data of a command that it ignores', async () => {
    const initiator = await fixture.open({ InitialR2T: 'No' })
    await initiator.ping()
    const data = pattern(1024, 8)
    const request = { cdb: write10(0, 2), writeData: data, unsolicitedBytes: 1024 }
    const itt = await sendCommand(initiator, { ...request, fields: { words: { 24: initiator.maxCmdSN + 1 } } })
    await initiator.send(dataOutFields({ itt, ttt: NO_TAG, dataSN: 0, bufferOffsetBytes: 0, data, isFinal: true }))
    await initiator.connection.expectSilence()
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[SN-5] ignores a duplicate inside the window', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const second = await sendNumbered(initiator, n + 1)
    await sendNumbered(initiator, n + 1)
    await initiator.connection.expectSilence(50)
    const first = await sendNumbered(initiator, n)
    expect([(await initiator.read()).itt, (await initiator.read()).itt]).toEqual([first, second])
    await initiator.connection.expectSilence(50)
    initiator.cmdSN = n + 2
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[SN-6] [ERL-14] executes a command once that is sent again', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(512)
    const { itt, r2t, cmdSN } = await holdWrite(initiator, writeData)
    await sendCommand(initiator, { cdb: write10(0, 1), writeData, fields: { itt, words: { 24: cmdSN } } })
    await initiator.connection.expectSilence(50)
    await answerR2T(initiator, r2t, writeData)
    expect((await finishCommand(initiator, itt, { cdb: write10(0, 1), writeData })).status).toBe(GOOD)
    await initiator.connection.expectSilence(50)
  })
})

describe('immediate commands', () => {
  it('[SN-7] do not move CmdSN and pass by a gap', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    await sendNumbered(initiator, n + 1)
    const fields = { immediate: true }
    const { status, final } = await execute(initiator, { cdb: testUnitReady(), fields })
    expect([status, final.expCmdSN]).toEqual([GOOD, n])
    expect((await initiator.ping({ words: { 20: NO_TAG, 24: n + 5000 } })).expCmdSN).toBe(n)
  })

  it('[SN-8] of both kinds are accepted at a time', async () => {
    const initiator = await fixture.open()
    const tag = initiator.newTag()
    await initiator.connection.write(
      Buffer.concat([
        initiator.encode({
          opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
          immediate: true,
          byte1: 0x82,
          itt: tag,
          words: { 20: NO_TAG },
        }),
        initiator.encode({ opcode: OPCODE.NOP_OUT, immediate: true, itt: tag + 1000, words: { 20: NO_TAG } }),
      ]),
    )
    const answers = [await initiator.read(), await initiator.read()].map(({ opcode }) => opcode)
    expect(answers.sort()).toEqual([OPCODE.NOP_IN, OPCODE.TASK_MANAGEMENT_RESPONSE])
  })
})

describe('a closed command window', () => {
  const narrow = useTarget({ limits: { commandWindow: 8 } })
  const writeData = pattern(512)

  /** Hold a write for every command that the window has room for. */
  async function fillWindow(initiator: WireInitiator): Promise<Awaited<ReturnType<typeof holdWrite>>[]> {
    await initiator.ping()
    const held: Awaited<ReturnType<typeof holdWrite>>[] = []
    while (initiator.cmdSN !== (initiator.maxCmdSN + 1) >>> 0) {
      held.push(await holdWrite(initiator, writeData))
      expect(held.length).toBeLessThanOrEqual(8)
    }
    return held
  }

  it('[SN-4] has room for no command, and drops what comes nevertheless', async () => {
    const initiator = await narrow.open()
    expect((await fillWindow(initiator)).length).toBe(8)
    await sendNumbered(initiator, initiator.cmdSN)
    await initiator.connection.expectSilence()
  })

  it('[SN-5] forgets a command beyond the window, also for the time when its CmdSN is due', async () => {
    const initiator = await narrow.open()
    await initiator.ping()
    const before = (await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).data
    const beyond = (initiator.maxCmdSN + 1) >>> 0
    const write = commandFields({ cdb: write10(0, 1), writeData: pattern(512, 80), immediateBytes: 512 })
    await initiator.send({ ...write, itt: initiator.newTag(), words: { ...write.words, 24: beyond } })
    while (initiator.cmdSN !== (beyond + 2) >>> 0) {
      expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
    }
    expect((await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).data.equals(before)).toBe(true)
  })

  it('[SN-7] lets immediate commands by', async () => {
    const initiator = await narrow.open()
    await fillWindow(initiator)
    await initiator.ping()
    expect((initiator.maxCmdSN + 1) >>> 0).toBe(initiator.expCmdSN)
  })

  it('[SN-4] [RSP-12] opens again with the responses, and never below none', async () => {
    const initiator = await narrow.open()
    const held = await fillWindow(initiator)
    expect((initiator.maxCmdSN + 1) >>> 0).toBe(initiator.expCmdSN)
    for (const { itt, r2t } of held) {
      await answerR2T(initiator, r2t, writeData)
      expect((await initiator.expect(OPCODE.SCSI_RESPONSE, itt)).byte(3)).toBe(GOOD)
    }
    expect((initiator.maxCmdSN - initiator.expCmdSN + 1) >>> 0).toBe(8)
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[SN-9] [NOP-5] [SN-12] opens when another initiator ends its commands, and tells so by NOP-In', async () => {
    const initiator = await narrow.open()
    const other = await narrow.open()
    const held = await fillWindow(initiator)
    const { expStatSN } = initiator.checker
    const clearTaskSet = await other.sendTaskManagement(4)
    const informational = await initiator.expect(OPCODE.NOP_IN, NO_TAG)
    expect([informational.ttt, informational.data.length, informational.statSN]).toEqual([NO_TAG, 0, expStatSN])
    expect(informational.expCmdSN).toBe(initiator.cmdSN)
    while ((initiator.maxCmdSN - initiator.expCmdSN + 1) >>> 0 < held.length) {
      expect((await initiator.expect(OPCODE.NOP_IN, NO_TAG)).ttt).toBe(NO_TAG)
    }
    await other.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, clearTaskSet)
    const { sense } = await execute(initiator, { cdb: testUnitReady() })
    expect(sense).toEqual({ key: 0x06, code: 0x2f00 })
  })

  it('[SN-4] [SN-2] never holds more early commands than it announced', async () => {
    const initiator = await narrow.open()
    await initiator.ping()
    const n = initiator.cmdSN
    const last = initiator.maxCmdSN
    for (let cmdSN = last; cmdSN > n; cmdSN--) await sendNumbered(initiator, cmdSN)
    await initiator.connection.expectSilence(50)
    await sendNumbered(initiator, n)
    for (let cmdSN = n; cmdSN <= last; cmdSN++) await initiator.expect(OPCODE.SCSI_RESPONSE)
    initiator.cmdSN = last + 1
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })
})

describe('StatSN', () => {
  it('[SN-11] [SN-12] counts every status, and nothing else', async () => {
    const initiator = await fixture.open()
    const start = (await initiator.ping()).statSN
    const writeData = pattern(512)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    expect((r2t.statSN - start) >>> 0).toBe(1)
    await answerR2T(initiator, r2t, writeData)
    const written = await finishCommand(initiator, itt, { cdb: write10(0, 1), writeData })
    const read = await execute(initiator, { cdb: read10(0, 64), readBytes: 32_768 })
    const text = await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: '' }))
    await initiator.manageTasks(2)
    await initiator.send({ opcode: 0x1f, immediate: true })
    const reject = await initiator.expect(OPCODE.REJECT)
    const logout = await initiator.expect(OPCODE.LOGOUT_RESPONSE, await initiator.sendLogout(0))
    const counted = [written.final, read.final, text, reject, logout].map(({ statSN }) => (statSN - start) >>> 0)
    expect(counted).toEqual([1, 2, 3, 5, 6])
  })

  it('[SN-10] acknowledges a command no later than with its response', async () => {
    const initiator = await fixture.open()
    const { cmdSN } = initiator
    const { dataIns, final } = await execute(initiator, { cdb: read10(0, 32), readBytes: 16_384 })
    for (const pdu of [...dataIns, final]) expect((pdu.expCmdSN - cmdSN) | 0).toBeGreaterThan(0)
  })

  it.each([0, 1, 1000])('[SN-13] does not mind an ExpStatSN that is %i ahead', async (ahead) => {
    const initiator = await fixture.open()
    const words = { 28: initiator.checker.expStatSN + ahead }
    expect((await execute(initiator, { cdb: testUnitReady(), fields: { words } })).status).toBe(GOOD)
    await initiator.ping()
  })
})

describe('DataSN and R2TSN', () => {
  it('[SN-15] counts Data-In over several sequences', async () => {
    const initiator = await fixture.open({ MaxBurstLength: '4096', MaxRecvDataSegmentLength: '1024' })
    const { dataIns } = await execute(initiator, { cdb: read10(0, 32), readBytes: 16_384 })
    expect(dataIns.map((pdu) => pdu.word(36))).toEqual(Array.from({ length: 16 }, (_, index) => index))
  })

  it('[SN-16] [DATA-11] [DATA-13] [DATA-28] counts the R2Ts of a command', async () => {
    const initiator = await fixture.open({ MaxBurstLength: '4096' })
    const request = { cdb: write10(0, 80), writeData: pattern(40_960) }
    const { status, readyToTransfers } = await execute(initiator, request)
    expect(status).toBe(GOOD)
    expect(readyToTransfers.map((pdu) => pdu.word(36))).toEqual(Array.from({ length: 10 }, (_, index) => index))
  })

  it('[SN-18] has no more numbers in a command than it has 512-byte pieces, however small the bursts', async () => {
    const least = '512'
    const keys = { MaxRecvDataSegmentLength: least, MaxBurstLength: least, FirstBurstLength: least }
    const initiator = await fixture.open(keys)
    const pieces = 64
    const { dataIns } = await execute(initiator, { cdb: read10(0, pieces), readBytes: 512 * pieces })
    const write = { cdb: write10(0, pieces), writeData: pattern(512 * pieces) }
    const { readyToTransfers } = await execute(initiator, write)
    expect([dataIns.length, readyToTransfers.length]).toEqual([pieces, pieces])
  })

  it('[SN-17] notices a gap in the numbers of Data-Out', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(1024, 12)
    const { itt, r2t } = await holdWrite(initiator, writeData)
    const dataOut = { itt, ttt: r2t.ttt, dataSN: 0 }
    await initiator.send(
      dataOutFields({ ...dataOut, bufferOffsetBytes: 0, data: writeData.subarray(0, 512), isFinal: false }),
    )
    const second = { ...dataOut, dataSN: 2, bufferOffsetBytes: 512, data: writeData.subarray(512), isFinal: true }
    await initiator.send(dataOutFields(second))
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect([response.byte(3), senseOf(response)]).toEqual([CHECK_CONDITION, { key: 0x0b, code: 0x4705 }])
  })
})
