/** Sessions: who joins which, reinstatement and its effects, RFC 7143 4.4.3, 6.3.1, 6.3.4, 6.3.5 and 7.4.2. */

import { describe, expect, it } from 'vitest'
import { chapAnswer, loginWithChap, requestChallenge } from '../../support/wire-chap.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import {
  clearUnitAttentions,
  execute,
  GOOD,
  holdWrite,
  pattern,
  read10,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const fixture = useTarget()

type Login = Parameters<typeof loginWithChap>[1]

const UNIT_ATTENTION = 0x06
/** I_T NEXUS LOSS OCCURRED, and SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT. */
const NEXUS_LOSS = 0x2907
const CLEARED_BY_ISCSI = 0x477f

/** The target closed the connection, and announced that at most. */
async function expectDropped(initiator: WireInitiator): Promise<void> {
  for (const pdu of await initiator.readUntilClosed()) expect(pdu.describe()).toMatch(/^ASYNC/)
}

describe('ISID and TSIH', () => {
  it('[SESS-1] opens a session of its own for each ISID', async () => {
    const first = await fixture.open()
    const second = await fixture.open()
    await first.ping()
    await second.ping()
    expect(first.tsih).not.toBe(second.tsih)
  })

  it('[SESS-10] tells initiators with the same ISID apart by their names', async () => {
    const first = await fixture.open()
    const second = await fixture.open({}, { isid: first.isid, initiatorName: 'iqn.2026-01.test.lunette:other' })
    await first.ping()
    await second.ping()
  })

  it('[SESS-2] does not find a session by a TSIH that it never gave', async () => {
    const stranger = await fixture.connect()
    expect(await stranger.refusedLogin({ keys: stranger.names(), tsih: 0x7777 })).toBe(0x020a)
    const known = await fixture.open()
    const sameIsid = await fixture.connect({ isid: known.isid })
    const tsih = known.tsih === 0x7777 ? 0x7778 : 0x7777
    expect(await sameIsid.refusedLogin({ keys: sameIsid.names(), tsih })).toBe(0x020a)
    await known.ping()
  })

  it('[SESS-11] gives each live session a TSIH that is neither zero nor another’s', async () => {
    const handles = new Set<number>()
    for (let session = 0; session < 40; session++) {
      const initiator = await fixture.connect()
      await initiator.login()
      handles.add(initiator.tsih)
    }
    expect(handles.size).toBe(40)
    expect(handles.has(0)).toBe(false)
  })

  it.each([1, 2, 8])('[SESS-5] has room for MaxConnections=%i connections in a session', async (maxConnections) => {
    const first = await fixture.open({ MaxConnections: String(maxConnections) })
    const joining = async (cid: number) => {
      const initiator = await fixture.connect({ isid: first.isid })
      return { initiator, fields: { keys: initiator.names(), tsih: first.tsih, cid } }
    }
    for (let cid = 1; cid < maxConnections; cid++) {
      const { initiator, fields } = await joining(cid)
      const response = await initiator.stepLogin(fields)
      expect([response.header.readUInt16BE(36), response.header.readUInt16BE(14)]).toEqual([0, first.tsih])
    }
    const { initiator, fields } = await joining(maxConnections)
    expect(await initiator.refusedLogin(fields)).toBe(0x0206)
    await first.ping()
  })

  it('[SESS-25] starts every session with the defaults', async () => {
    const first = await fixture.open({ MaxRecvDataSegmentLength: '512' })
    const { dataIns } = await execute(first, { cdb: read10(0, 2), readBytes: 1024 })
    expect(dataIns.length).toBe(2)
    const again = await fixture.open({}, { isid: first.isid })
    expect((await execute(again, { cdb: read10(0, 2), readBytes: 1024 })).dataIns.length).toBe(1)
  })
})

describe('session reinstatement', () => {
  it('[SESS-3] replaces the old session, whose tasks end without a word', async () => {
    const old = await fixture.open()
    await holdWrite(old, pattern(512))
    const successor = await fixture.connect({ isid: old.isid })
    await successor.login()
    await expectDropped(old)
    const { sense } = await execute(successor, { cdb: testUnitReady() })
    expect(sense?.key).toBe(UNIT_ATTENTION)
    expect(sense?.code).toBeOneOf([NEXUS_LOSS, CLEARED_BY_ISCSI])
  })

  it('[SESS-3] writes nothing for the old session afterwards', async () => {
    const old = await fixture.open()
    const before = pattern(1024, 21)
    expect((await execute(old, { cdb: write10(50, 2), writeData: before })).status).toBe(GOOD)
    await holdWrite(old, pattern(1024, 22), 50)
    const successor = await fixture.open({}, { isid: old.isid })
    await expectDropped(old)
    const { data } = await execute(successor, { cdb: read10(50, 2), readBytes: 1024 })
    expect(data.equals(before)).toBe(true)
  })

  it('[SESS-22] is a loss of the nexus to the SCSI layer', async () => {
    const old = await fixture.open()
    const successor = await fixture.connect({ isid: old.isid })
    await successor.login()
    const { sense } = await execute(successor, { cdb: testUnitReady() })
    expect(sense).toEqual({ key: UNIT_ATTENTION, code: NEXUS_LOSS })
  })

  it('[SESS-4] does not happen before the new login is complete', async () => {
    const old = await fixture.open()
    const successor = await fixture.connect({ isid: old.isid })
    await successor.stepLogin({ keys: successor.names(), isTransit: false })
    await old.ping()
    await successor.stepLogin()
    await expectDropped(old)
    await successor.ping()
  })

  it('[SESS-4] does not happen when the new login fails', async () => {
    const old = await fixture.open()
    const failing = await fixture.connect({ isid: old.isid })
    await failing.stepLogin({ keys: failing.names(), isTransit: false })
    await failing.refusedLogin({ currentStage: 0, nextStage: 1 })
    await old.ping()
  })

  it('[SESS-8] [SESS-16] [ERL-21] works when the old connection was reset', async () => {
    const old = await fixture.open()
    await holdWrite(old, pattern(512))
    old.connection.reset()
    const successor = await fixture.open({}, { isid: old.isid })
    expect((await execute(successor, { cdb: testUnitReady() })).status).toBe(GOOD)
  })

  it('[ERL-21] works over and over, in the middle of anything', async () => {
    let current = await fixture.open()
    const { isid } = current
    for (let round = 0; round < 10; round++) {
      await sendCommand(current, { cdb: write10(0, 64), writeData: pattern(32_768), immediateBytes: 512 })
      await sendCommand(current, { cdb: read10(0, 64), readBytes: 32_768 })
      current = await fixture.connect({ isid })
      await current.login()
    }
    await current.ping()
  })
})

describe('discovery sessions', () => {
  it('[SESS-12] are replaced by another one with the same ISID on the same portal, and by nothing else', async () => {
    const first = await fixture.discover()
    const normal = await fixture.open({}, { isid: first.isid })
    await first.ping()
    await normal.ping()
    const second = await fixture.discover({}, { isid: first.isid })
    await expectDropped(first)
    await second.ping()
    await normal.ping()
  })

  it('[SESS-13] that name their target are replaced by a normal session', async () => {
    const named = await fixture.discover({ TargetName: fixture.target.targetName })
    const normal = await fixture.open({}, { isid: named.isid })
    await expectDropped(named)
    await normal.ping()
  })
})

describe('reinstatement and authentication', () => {
  const [ALICE, BOB] = ['alice', 'bob'].map((user) => ({ user, secret: `the secret of ${user}` })) as [Login, Login]
  const initiators = [ALICE, BOB].map(({ user, secret }) => ({ user, secret: Buffer.from(secret) }))
  const shared = useTarget({ authentication: { kind: 'chap', initiators, target: null } })

  it('[SESS-4] [SEC-19] leaves a session alone that another CHAP user wants to replace, join or go on with', async () => {
    const owner = await shared.connect()
    await loginWithChap(owner, ALICE)
    await clearUnitAttentions(owner)
    await holdWrite(owner, pattern(512))
    for (const tsih of [0, owner.tsih]) {
      const thief = await shared.connect({ isid: owner.isid })
      thief.tsih = tsih
      thief.cid = tsih === 0 ? 0 : 1
      await expect(loginWithChap(thief, BOB)).rejects.toThrow('0201')
    }
    await owner.ping()
    owner.connection.reset()
    const again = await shared.connect({ isid: owner.isid })
    await loginWithChap(again, ALICE)
    await again.ping()
  })

  const USER = 'initiator'
  const SECRET = 'a secret of sixteen'
  const secured = useTarget({ chap: { user: USER, secret: SECRET } })

  it('[SESS-4] leaves a session alone that somebody without the secret wants to replace', async () => {
    const owner = await secured.connect()
    await loginWithChap(owner, { user: USER, secret: SECRET })
    const thief = await secured.connect({ isid: owner.isid })
    expect(await thief.refusedLogin({ keys: thief.names() })).toBe(0x0201)
    const second = await secured.connect({ isid: owner.isid })
    const keys = chapAnswer(await requestChallenge(second), USER, 'another secret')
    expect(await second.refusedLogin({ keys, currentStage: 0, nextStage: 1 })).toBe(0x0201)
    await owner.ping()
  })
})
