/** What connected initiators see when the configuration changes: over the wire, while they are logged in. */

import { describe, expect, it } from 'vitest'
import { iscsiNameOf, LiveArray, lunRecord, portalRecord, targetRecord } from '../../support/live-array.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import {
  answerR2T,
  clearUnitAttentions,
  execute,
  read10,
  readR2T,
  reportLuns,
  sendCommand,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const [ALICE, BOB] = ['iqn.2026-01.test:alice', 'iqn.2026-01.test:bob']
const LOGOUT_REQUEST = 1
/** An initiator that answers has time; what is tested is that it is asked. */
const PATIENT = { logoutRequestTimeoutMs: 10_000, drainTimeoutMs: 20_000 }

const only = (...initiators: string[]) => ({ initiators, networks: [], readOnlyInitiators: [] })
const one = (luns: Readonly<Record<number, string>>, tag = 1) => targetRecord('t', { [tag]: ['p1'] }, luns)

async function senseOf(initiator: WireInitiator, lun: number): Promise<string> {
  const { sense } = await execute(initiator, { cdb: testUnitReady(), lun })
  return sense === null ? 'ready' : `${sense.key}/${sense.code.toString(16)}`
}

async function lunsOf(initiator: WireInitiator): Promise<number[]> {
  const { data } = await execute(initiator, { cdb: reportLuns(4096), readBytes: 4096 })
  return Array.from({ length: data.readUInt32BE(0) / 8 }, (_, index) => data[9 + 8 * index]!)
}

/** Reads the request to log out, and does. */
async function obeyLogoutRequest(initiator: WireInitiator): Promise<void> {
  const message = await initiator.expect(OPCODE.ASYNC)
  expect(message.byte(36)).toBe(LOGOUT_REQUEST)
  await initiator.logout()
}

describe('the LUNs of a target', () => {
  it('come and go for those who see them: REPORTED LUNS DATA HAS CHANGED, and nothing for the others', async () => {
    await using array = await LiveArray.start({
      luns: [lunRecord('a'), lunRecord('b', { unmask: only(ALICE) })],
      targets: [one({ 0: 'a' })],
    })
    const alice = await array.login('t', 'p1', { initiatorName: ALICE })
    const bob = await array.login('t', 'p1', { initiatorName: BOB })
    for (const initiator of [alice, bob]) await clearUnitAttentions(initiator)
    await array.apply({ targets: [one({ 0: 'a', 3: 'b' })] })
    expect([await senseOf(alice, 0), await senseOf(bob, 0)]).toEqual(['6/3f0e', 'ready'])
    expect([await lunsOf(alice), await lunsOf(bob)]).toEqual([[0, 3], [0]])
    expect([await senseOf(alice, 3), await senseOf(bob, 3)]).toEqual(['6/2900', '5/2500'])
    await array.changeLun('b', { unmask: only(BOB) })
    expect([await senseOf(alice, 0), await senseOf(bob, 0)]).toEqual(['6/3f0e', '6/3f0e'])
    expect([await senseOf(alice, 3), await senseOf(bob, 3)]).toEqual(['5/2500', '6/2900'])
    await array.apply({ targets: [one({ 0: 'a' })] })
    expect([await senseOf(alice, 0), await senseOf(bob, 0)]).toEqual(['ready', '6/3f0e'])
  })

  it('become larger and smaller: CAPACITY DATA HAS CHANGED', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [one({ 0: 'a' })] })
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator)
    await array.dataPlane.resize('a', 2 ** 21, { mayDiscardData: false })
    expect(await senseOf(initiator, 0)).toBe('6/2a09')
    const writeData = Buffer.alloc(512, 5)
    expect((await execute(initiator, { cdb: write10(4095, 1), writeData })).status).toBe(0)
    await expect(array.dataPlane.resize('a', 2 ** 20, { mayDiscardData: false })).rejects.toMatchObject({
      kind: 'holdsData',
    })
    await array.dataPlane.resize('a', 2 ** 20, { mayDiscardData: true })
    expect(array.dataPlane.lunState('a')).toMatchObject({ status: 'online', sizeBytes: 2 ** 20 })
    await expect(array.dataPlane.resize('a', 1000, { mayDiscardData: true })).rejects.toMatchObject({ kind: 'invalid' })
    await expect(array.dataPlane.resize('x', 512, { mayDiscardData: true })).rejects.toMatchObject({ kind: 'notFound' })
  })

  it('become read-only for an initiator: MODE PARAMETERS CHANGED, then WRITE PROTECTED', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [one({ 0: 'a' })] })
    const alice = await array.login('t', 'p1', { initiatorName: ALICE })
    const bob = await array.login('t', 'p1', { initiatorName: BOB })
    for (const initiator of [alice, bob]) await clearUnitAttentions(initiator)
    await array.changeLun('a', { unmask: { initiators: '*', networks: [], readOnlyInitiators: [BOB] } })
    expect([await senseOf(alice, 0), await senseOf(bob, 0)]).toEqual(['ready', '6/2a01'])
    const write = { cdb: write10(0, 1), writeData: Buffer.alloc(512, 1) }
    expect((await execute(alice, write)).status).toBe(0)
    expect((await execute(bob, write)).sense).toEqual({ key: 7, code: 0x2700 })
    expect((await execute(bob, { cdb: read10(0, 1), readBytes: 512 })).data[0]).toBe(1)
  })

  it('are for addresses', async () => {
    const networks = ['127.0.0.2/31', '::1']
    await using array = await LiveArray.start({
      luns: [lunRecord('a'), lunRecord('b', { unmask: { initiators: '*', networks, readOnlyInitiators: [] } })],
      targets: [one({ 0: 'a', 1: 'b' })],
    })
    const near = await array.login('t', 'p1', { localAddress: '127.0.0.3' }, { MaxConnections: '4' })
    const far = await array.login('t', 'p1', { localAddress: '127.0.0.4' })
    expect([await lunsOf(near), await lunsOf(far)]).toEqual([[0, 1], [0]])
    const joining = await array.connect('t', 'p1', { localAddress: '127.0.0.4', isid: near.isid })
    expect(await joining.refusedLogin({ keys: joining.names(), tsih: near.tsih, cid: 1 })).toBe(0x0208)
  })

  it('that are taken away end a write with TASK ABORTED when the data has come that was asked for, and wait for nobody', async () => {
    await using array = await LiveArray.start({
      luns: [lunRecord('a'), lunRecord('b')],
      targets: [one({ 0: 'a', 1: 'b' })],
    })
    const initiator = await array.login('t')
    for (const lun of [0, 1]) await clearUnitAttentions(initiator, lun)
    const write = { cdb: write10(0, 8), lun: 1, writeData: Buffer.alloc(4096, 1) }
    const itt = await sendCommand(initiator, { ...write, immediateBytes: 0 })
    const r2t = await readR2T(initiator, itt)
    await array.apply({ targets: [one({ 0: 'a' })] })
    await answerR2T(initiator, r2t, write.writeData)
    const response = await initiator.expect(OPCODE.SCSI_RESPONSE, itt)
    expect(response.byte(3)).toBe(0x40)
    expect([await senseOf(initiator, 0), await senseOf(initiator, 1)]).toEqual(['6/3f0e', '5/2500'])
    expect(array.dataPlane.sessions()[0]!.luns).toEqual(new Map([[0, 'a']]))
  })

  it('go offline and come back with their data', async () => {
    await using array = await LiveArray.start({
      luns: [lunRecord('a'), lunRecord('b')],
      targets: [one({ 0: 'a', 1: 'b' })],
    })
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator, 1)
    await execute(initiator, { cdb: write10(7, 1), lun: 1, writeData: Buffer.alloc(512, 9) })
    await array.changeLun('b', { status: 'offline' })
    expect(await senseOf(initiator, 1)).toBe('5/2500')
    expect(array.dataPlane.lunState('b')).toMatchObject({ status: 'offline', sizeBytes: 2 ** 20 })
    await array.changeLun('b', { status: 'online' })
    await clearUnitAttentions(initiator, 1)
    expect((await execute(initiator, { cdb: read10(7, 1), lun: 1, readBytes: 512 })).data[0]).toBe(9)
  })
})

describe('a target that is deleted', () => {
  it('[ASYNC-3] asks its initiators to log out, and lets those of others alone', async () => {
    await using array = await LiveArray.start(
      { luns: [lunRecord('a')], targets: [one({ 0: 'a' }), targetRecord('other', { 1: ['p1'] }, { 0: 'a' })] },
      PATIENT,
    )
    const leaving = await array.login('t')
    const staying = await array.login('other')
    const applied = array.apply({ targets: [targetRecord('other', { 1: ['p1'] }, { 0: 'a' })] })
    await obeyLogoutRequest(leaving)
    await applied
    await staying.ping()
    const again = await array.connect('t')
    expect(await again.refusedLogin({ keys: again.names() })).toBe(0x0203)
    expect(array.dataPlane.sessions().map(({ targetId }) => targetId)).toEqual(['other'])
  })

  it('ends the sessions of those who do not listen', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [one({ 0: 'a' })] })
    const deaf = await array.login('t')
    await array.apply({ targets: [] })
    const messages = (await deaf.readUntilClosed()).map((pdu) => pdu.byte(36))
    expect(messages).toEqual([1, 3])
    expect(array.dataPlane.sessions()).toEqual([])
  })

  it('and made anew under the same name is another one', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [one({ 0: 'a' })] })
    const before = await array.login('t')
    const again = targetRecord('u', { 1: ['p1'] }, { 0: 'a' }, { iscsiName: iscsiNameOf('t') })
    await array.apply({ targets: [again] })
    await before.readUntilClosed()
    await array.login('t')
    expect(array.dataPlane.sessions().map(({ targetId }) => targetId)).toEqual(['u'])
  })
})

describe('a portal', () => {
  const portals = ['p1', 'p2'].map((id) => portalRecord(id))
  const target = targetRecord('t', { 1: ['p1', 'p2'] }, { 0: 'a' })
  const offline = [portalRecord('p1', { status: 'offline' }), portalRecord('p2')]

  it('[ASYNC-3] that goes offline asks its initiators to log out, and listens again when it is back', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [target], portals }, PATIENT)
    const leaving = await array.login('t', 'p1')
    const staying = await array.login('t', 'p2')
    const stranger = await array.connect('t', 'p1')
    const applied = array.apply({ portals: offline })
    await obeyLogoutRequest(leaving)
    await applied
    await stranger.connection.expectClosed()
    await staying.ping()
    expect(array.dataPlane.portalState('p1')).toEqual({ status: 'offline', reason: null, port: null })
    await array.apply({ portals })
    await (await array.login('t', 'p1')).ping()
  })

  it('that goes offline takes its connections out of sessions that have others', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [target], portals })
    const leading = await array.login('t', 'p2', {}, { MaxConnections: '4' })
    const second = await array.connect('t', 'p1', { isid: leading.isid })
    await second.login({}, { tsih: leading.tsih, cid: 1 })
    await array.apply({ portals: offline })
    expect((await second.readUntilClosed()).map((pdu) => pdu.byte(36))).toEqual([1])
    expect(array.dataPlane.sessions().map(({ connections }) => connections.length)).toEqual([1])
  })

  it('that leaves the groups of a target ends the sessions that came through it', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [target], portals })
    const leaving = await array.login('t', 'p1')
    const staying = await array.login('t', 'p2')
    await array.apply({ targets: [targetRecord('t', { 1: ['p2'] }, { 0: 'a' })] })
    await leaving.readUntilClosed()
    await staying.ping()
  })

  it('that cannot listen says why, and is tried again', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [target], portals })
    const taken = portalRecord('p3', { port: array.portOf('p1') })
    await array.apply({ portals: [...portals, taken] })
    expect(array.dataPlane.portalState('p3')).toMatchObject({ status: 'failed', port: null })
    expect(array.dataPlane.portalState('p3').reason).toContain('EADDRINUSE')
    await array.apply({ portals: [portals[1]!, taken] })
    expect(array.dataPlane.portalState('p3')).toMatchObject({ status: 'online', port: taken.port })
    await array.apply({ portals: [...portals, portalRecord('secure', { hasTls: true })] })
    expect(array.dataPlane.portalState('secure')).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/TLS/),
    })
  })
})

describe('CHAP that a target begins to demand', () => {
  it('ends the sessions that have not proved themselves', async () => {
    await using array = await LiveArray.start({ luns: [lunRecord('a')], targets: [one({ 0: 'a' })] })
    const before = await array.login('t')
    const sharedSecret = Buffer.from('a secret of 16 B')
    await array.apply({ targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' }, { sharedSecret })] })
    await before.readUntilClosed()
    const after = await array.connect('t')
    expect(await after.refusedLogin({ keys: after.names() })).toBe(0x0201)
  })
})

describe('TARGET COLD RESET', () => {
  const [COLD_RESET, NOT_AUTHORIZED, COMPLETE] = [7, 6, 0]

  it('is for who may write to all that others have there', async () => {
    const mine = { initiators: [ALICE, BOB], networks: [], readOnlyInitiators: [BOB] }
    await using array = await LiveArray.start({
      luns: [lunRecord('a', { unmask: mine })],
      targets: [one({ 0: 'a' })],
    })
    const alice = await array.login('t', 'p1', { initiatorName: ALICE })
    for (const initiatorName of [BOB, 'iqn.2026-01.test:nobody']) {
      const other = await array.login('t', 'p1', { initiatorName })
      expect(await other.manageTasks(COLD_RESET)).toBe(NOT_AUTHORIZED)
    }
    await clearUnitAttentions(alice)
    expect(await senseOf(alice, 0)).toBe('ready')
    expect(await alice.manageTasks(COLD_RESET)).toBe(COMPLETE)
  })
})
