/** Logout, RFC 7143 11.14 and 11.15. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import {
  execute,
  finishCommand,
  GOOD,
  holdWrite,
  pattern,
  read10,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

const CLOSE_SESSION = 0
const CLOSE_CONNECTION = 1
const REMOVE_FOR_RECOVERY = 2

const I_T_NEXUS_LOSS_OCCURRED = 0x2907

describe('Logout', () => {
  it.each([CLOSE_SESSION, CLOSE_CONNECTION])(
    '[LOGOUT-1] [LOGOUT-5] [LOGOUT-9] closes for reason %i',
    async (reason) => {
      const initiator = await fixture.open()
      const response = await initiator.expect(OPCODE.LOGOUT_RESPONSE, await initiator.sendLogout(reason))
      expect(response.byte(2)).toBe(0)
      await initiator.connection.expectClosed()
    },
  )

  it('[LOGOUT-1] ignores the CID when the session is to be closed', async () => {
    const initiator = await fixture.open()
    const itt = await initiator.sendLogout(CLOSE_SESSION, { words: { 20: 0x7777_0000 } })
    expect((await initiator.expect(OPCODE.LOGOUT_RESPONSE, itt)).byte(2)).toBe(0)
    await initiator.connection.expectClosed()
  })

  it('[LOGOUT-2] does not find a connection with another CID', async () => {
    const initiator = await fixture.open()
    const itt = await initiator.sendLogout(CLOSE_CONNECTION, { words: { 20: 0x0009_0000 } })
    expect((await initiator.expect(OPCODE.LOGOUT_RESPONSE, itt)).byte(2)).toBe(1)
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[LOGOUT-2] does not support recovery at error recovery level 0', async () => {
    const initiator = await fixture.open()
    const itt = await initiator.sendLogout(REMOVE_FOR_RECOVERY)
    expect((await initiator.expect(OPCODE.LOGOUT_RESPONSE, itt)).byte(2)).toBe(2)
    await initiator.ping()
  })

  it('[LOGOUT-7] tells the times that were negotiated when recovery is not supported', async () => {
    const initiator = await fixture.connect()
    const { keys } = await initiator.login({ DefaultTime2Wait: '7', DefaultTime2Retain: '5' })
    const itt = await initiator.sendLogout(REMOVE_FOR_RECOVERY)
    const response = await initiator.expect(OPCODE.LOGOUT_RESPONSE, itt)
    const times = [response.header.readUInt16BE(40), response.header.readUInt16BE(42)]
    expect(times).toEqual([Number(keys.DefaultTime2Wait), Number(keys.DefaultTime2Retain)])
    expect(times[0]).toBe(7)
  })

  it.each([CLOSE_SESSION, CLOSE_CONNECTION])(
    '[LOGOUT-3] ends what is under way for reason %i, silently',
    async (reason) => {
      const initiator = await fixture.open()
      await holdWrite(initiator, pattern(512))
      const response = await initiator.expect(OPCODE.LOGOUT_RESPONSE, await initiator.sendLogout(reason))
      expect(response.byte(2)).toBe(0)
      await initiator.connection.expectClosed()
    },
  )

  it('[LOGOUT-8] frees the ISID and loses the nexus', async () => {
    const first = await fixture.open()
    await first.logout()
    const second = await fixture.connect({ isid: first.isid })
    await second.login()
    expect(second.tsih).not.toBe(first.tsih)
    const { sense } = await execute(second, { cdb: testUnitReady() })
    expect(sense).toEqual({ key: 0x06, code: I_T_NEXUS_LOSS_OCCURRED })
    const removed = await fixture.connect({ isid: Buffer.from('80000000fffe', 'hex') })
    expect(await removed.refusedLogin({ keys: removed.names(), tsih: first.tsih })).toBe(0x020a)
  })

  it('[LOGOUT-10] comes after the commands before it when it is not immediate', async () => {
    const initiator = await fixture.open()
    const writeData = pattern(512, 51)
    const write = { cdb: write10(95, 1), writeData, immediateBytes: 512 }
    const itt = await sendCommand(initiator, write)
    const logout = await initiator.sendLogout(CLOSE_SESSION)
    const outcome = await finishCommand(initiator, itt, write)
    expect(outcome.status).toBe(GOOD)
    await initiator.expect(OPCODE.LOGOUT_RESPONSE, logout)
    await initiator.connection.expectClosed()
    const observer = await fixture.open()
    const { data } = await execute(observer, { cdb: read10(95, 1), readBytes: 512 })
    expect(data.equals(writeData)).toBe(true)
  })

  it('[LOGOUT-10] waits for a CmdSN that is missing when it is not immediate', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const logout = await initiator.sendLogout(CLOSE_SESSION, { words: { 24: n + 1 } })
    await initiator.connection.expectSilence(50)
    await initiator.expect(OPCODE.NOP_IN, await initiator.sendNopOut({ words: { 24: n } }))
    await initiator.expect(OPCODE.LOGOUT_RESPONSE, logout)
    await initiator.connection.expectClosed()
  })

  it('[LOGOUT-10] acts at once when it is immediate', async () => {
    const initiator = await fixture.open()
    initiator.cmdSN += 1
    const logout = await initiator.sendLogout(CLOSE_SESSION, { immediate: true })
    await initiator.expect(OPCODE.LOGOUT_RESPONSE, logout)
    await initiator.connection.expectClosed()
  })

  it('[LOGOUT-9] [REJ-7] refuses a request with data', async () => {
    const initiator = await fixture.open()
    await initiator.sendLogout(CLOSE_SESSION, { immediate: true, data: Buffer.from('data') })
    expect(await answerKind(initiator)).toBe('closed')
  })
})
