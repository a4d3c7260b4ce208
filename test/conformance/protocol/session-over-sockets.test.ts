/** Sessions of several connections over TCP, with a real device server behind: RFC 7143 4.2.1, 4.2.5.1, 7.6, 9.2. */

import { describe, expect, it } from 'vitest'
import { startTarget } from '../../support/target-server.ts'
import { chapAnswer, loginWithChap, requestChallenge } from '../../support/wire-chap.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import {
  execute,
  GOOD,
  holdWrite,
  pattern,
  read10,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const UNIT_ATTENTION = 0x06
/** SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT. */
const CLEARED_BY_ISCSI = 0x477f
const PARAMETERS = { maxConnections: 4, defaultTime2Wait: 0, defaultTime2Retain: 5 } as const
const KEYS = { MaxConnections: '4', DefaultTime2Wait: '0', DefaultTime2Retain: '5' }

const fixture = useTarget({ parameters: PARAMETERS })

/** Another connection of the session; the CmdSN that is due has to be told from one to the other. */
async function join(leading: WireInitiator, cid: number): Promise<WireInitiator> {
  const second = await fixture.connect({ isid: leading.isid, firstCmdSN: leading.cmdSN })
  const { InitiatorName, TargetName } = second.names()
  const keys = { InitiatorName: InitiatorName!, TargetName: TargetName! }
  second.cid = cid
  await second.finishLogin(keys, [await second.stepLogin({ keys, tsih: leading.tsih })])
  return second
}

/** The next PDU that is not about the command window alone. */
async function nextAnswer(initiator: WireInitiator): Promise<TargetPdu> {
  for (;;) {
    const pdu = await initiator.read()
    if (pdu.opcode !== OPCODE.NOP_IN || pdu.itt !== NO_TAG) return pdu
  }
}

describe('a session of several connections', () => {
  it('[SESS-5] [SESS-14] [SESS-15] [SN-2] reads on one connection what it wrote on another', async () => {
    const leading = await fixture.open(KEYS)
    const connections = [leading, await join(leading, 1), await join(leading, 2), await join(leading, 3)]
    expect(connections.map(({ tsih }) => tsih)).toEqual([leading.tsih, leading.tsih, leading.tsih, leading.tsih])
    let { cmdSN } = leading
    for (const [at, writer] of connections.entries()) {
      const reader = connections[(at + 1) % connections.length]!
      const writeData = pattern(1024, 70 + at)
      writer.cmdSN = cmdSN
      expect((await execute(writer, { cdb: write10(at * 2, 2), writeData })).status).toBe(GOOD)
      reader.cmdSN = writer.cmdSN
      const { data } = await execute(reader, { cdb: read10(at * 2, 2), readBytes: 1024 })
      expect(data.equals(writeData)).toBe(true)
      cmdSN = reader.cmdSN
    }
  })

  it('[SN-2] [SN-3] waits for the connection that is behind', async () => {
    const leading = await fixture.open(KEYS)
    const second = await join(leading, 1)
    const { cmdSN } = leading
    const late = await sendCommand(second, { cdb: testUnitReady(), fields: { words: { 24: cmdSN + 1 } } })
    await second.connection.expectSilence(50)
    const first = await sendCommand(leading, { cdb: testUnitReady(), fields: { words: { 24: cmdSN } } })
    expect((await nextAnswer(leading)).itt).toBe(first)
    expect((await nextAnswer(second)).itt).toBe(late)
  })

  it('[SESS-23] [ASYNC-8] outlives a connection, whose commands end with a unit attention', async () => {
    const leading = await fixture.open(KEYS)
    const second = await join(leading, 1)
    await holdWrite(second, pattern(512))
    second.connection.reset()
    const message = await leading.expect(OPCODE.ASYNC)
    expect([message.byte(36), message.header.readUInt16BE(38)]).toEqual([2, 1])
    leading.cmdSN = second.cmdSN
    const { sense } = await execute(leading, { cdb: testUnitReady() })
    expect(sense).toEqual({ key: UNIT_ATTENTION, code: CLEARED_BY_ISCSI })
    expect((await execute(leading, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[SESS-6] [SESS-21] goes on after its only connection was reset', async () => {
    const leading = await fixture.open(KEYS)
    const { tsih, isid } = leading
    leading.connection.reset()
    const second = await fixture.connect({ isid, firstCmdSN: leading.cmdSN })
    const { InitiatorName, TargetName } = second.names()
    const keys = { InitiatorName: InitiatorName!, TargetName: TargetName! }
    await second.finishLogin(keys, [await second.stepLogin({ keys, tsih })])
    expect(second.tsih).toBe(tsih)
    expect((await execute(second, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[SESS-28] has a target port whose SCSI name is made of the target name and the portal group tag', async () => {
    const initiator = await fixture.open(KEYS)
    const deviceIdentification = Buffer.from([0x12, 1, 0x83, 1, 0, 0])
    const { data } = await execute(initiator, { cdb: deviceIdentification, readBytes: 256 })
    expect(data.toString('latin1')).toContain(`${fixture.target.targetName},t,0x0001\0`)
  })

  it('[LOGOUT-5] [SESS-18] is closed on all of its connections', async () => {
    const leading = await fixture.open(KEYS)
    const second = await join(leading, 1)
    const response = await leading.expect(OPCODE.LOGOUT_RESPONSE, await leading.sendLogout(0))
    expect(response.byte(2)).toBe(0)
    await second.connection.expectClosed()
    await leading.connection.expectClosed()
  })
})

describe('a server that stops', () => {
  it('[ASYNC-3] [LOGOUT-11] asks for a logout, and has stopped when its initiators have logged out', async () => {
    const target = await startTarget({ limits: { logoutRequestTimeoutMs: 60_000, drainTimeoutMs: 60_000 } })
    const initiator = await WireInitiator.connect(target)
    await initiator.login()
    const closing = target.close()
    const message = await initiator.expect(OPCODE.ASYNC)
    expect([message.byte(36), message.header.readUInt16BE(42)]).toEqual([1, 60])
    await initiator.logout()
    await closing
  })
})

describe('a session whose first connection has authenticated', () => {
  const USER = 'initiator'
  const SECRET = 'a secret of sixteen'
  const secured = useTarget({ chap: { user: USER, secret: SECRET }, parameters: PARAMETERS })

  it('[LOGIN-38] [SESS-26] lets no connection in that does not authenticate too', async () => {
    const leading = await secured.connect()
    await loginWithChap(leading, { user: USER, secret: SECRET, keys: KEYS })
    const { InitiatorName, TargetName } = leading.names()
    const keys = { InitiatorName: InitiatorName!, TargetName: TargetName! }
    const second = await secured.connect({ isid: leading.isid })
    expect(await second.refusedLogin({ keys, tsih: leading.tsih, cid: 1 })).toBe(0x0201)
    await leading.ping()
  })

  it('[SESS-4] is not disturbed by somebody without the secret who wants to take its CID', async () => {
    const leading = await secured.connect()
    await loginWithChap(leading, { user: USER, secret: SECRET, keys: KEYS })
    const thief = await secured.connect({ isid: leading.isid })
    const keys = chapAnswer(await requestChallenge(thief), USER, 'another secret')
    expect(await thief.refusedLogin({ keys, currentStage: 0, nextStage: 1 })).toBe(0x0201)
    await leading.ping()
  })
})
