/** Portal groups belong to targets (RFC 7143 4.4.1, 13.9, appendix C): one portal, several targets, their own tags. */

import { describe, expect, it } from 'vitest'
import { iscsiNameOf, LiveArray, lunRecord, portalRecord, targetRecord } from '../../support/live-array.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { clearUnitAttentions, execute, testUnitReady } from '../../support/wire-scsi.ts'
import { decodeTextPairs } from '../../support/wire-text.ts'

const PORTALS = ['p1', 'p2'].map((id) => portalRecord(id))

const start = () =>
  LiveArray.start({
    luns: [lunRecord('a'), lunRecord('b')],
    targets: [
      targetRecord('one', { 1: ['p1'], 5: ['p2'] }, { 0: 'a' }),
      targetRecord('two', { 9: ['p1'] }, { 0: 'b' }),
    ],
    portals: PORTALS,
  })

async function sendTargets(initiator: WireInitiator, value: string): Promise<[string, string][]> {
  const response = await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: value }))
  return decodeTextPairs(response.data) as [string, string][]
}

describe('a portal of several targets', () => {
  it('[KEY-9] says in a login which group of the target it is in', async () => {
    await using array = await start()
    const tagOf = async (target: string, portal: string) => {
      const { keys } = await (await array.connect(target, portal)).login()
      return keys.TargetPortalGroupTag
    }
    expect([await tagOf('one', 'p1'), await tagOf('one', 'p2'), await tagOf('two', 'p1')]).toEqual(['1', '5', '9'])
    const elsewhere = await array.connect('two', 'p2')
    expect(await elsewhere.refusedLogin({ keys: elsewhere.names() })).toBe(0x0203)
  })

  it('[DISC-9] [DISC-10] tells of each target with its own tags, and of changes of them', async () => {
    await using array = await start()
    const [first, second] = [array.portOf('p1'), array.portOf('p2')]
    const discovery = await array.login('', 'p2', {}, { SessionType: 'Discovery' })
    const one = ['TargetName', iscsiNameOf('one')]
    const two = ['TargetName', iscsiNameOf('two')]
    expect(await sendTargets(discovery, 'All')).toEqual([
      one,
      ['TargetAddress', `127.0.0.1:${first},1`],
      ['TargetAddress', `127.0.0.1:${second},5`],
      two,
      ['TargetAddress', `127.0.0.1:${first},9`],
    ])
    await array.apply({ targets: [targetRecord('two', { 10: ['p1', 'p2'] }, { 0: 'b' })] })
    expect(await sendTargets(discovery, 'All')).toEqual([
      two,
      ['TargetAddress', `127.0.0.1:${first},10`],
      ['TargetAddress', `127.0.0.1:${second},10`],
    ])
  })

  it('[SESS-10] keeps sessions of the same initiator port to different targets apart', async () => {
    await using array = await start()
    const isid = Buffer.from('800000000077', 'hex')
    const sessions = [await array.login('one', 'p1', { isid }), await array.login('two', 'p1', { isid })]
    sessions.push(await array.login('one', 'p2', { isid }))
    for (const session of sessions) await session.ping()
    expect(array.dataPlane.sessions().map(({ targetId, portalGroupTag }) => [targetId, portalGroupTag])).toEqual([
      ['one', 1],
      ['two', 9],
      ['one', 5],
    ])
  })
})

describe('a logical unit of two targets', () => {
  it('is one: what a session of one target reserves, the other hears of', async () => {
    await using array = await LiveArray.start({
      luns: [lunRecord('a')],
      targets: [targetRecord('one', { 1: ['p1'] }, { 0: 'a' }), targetRecord('two', { 2: ['p1'] }, { 7: 'a' })],
    })
    const [one, two] = [await array.login('one'), await array.login('two')]
    await clearUnitAttentions(one)
    await execute(two, { cdb: testUnitReady(), lun: 7 })
    expect((await execute(one, { cdb: Buffer.from('160000000000', 'hex') })).status).toBe(0)
    expect((await execute(two, { cdb: testUnitReady(), lun: 7 })).status).toBe(0x18)
  })
})
