/** Discovery sessions and SendTargets, RFC 7143 4.3, 7.4 and appendix C. */

import { describe, expect, it } from 'vitest'
import { useTarget, type WireFixture } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import { sendCommand, testUnitReady } from '../../support/wire-scsi.ts'
import { decodeTextPairs, type TextPair } from '../../support/wire-text.ts'

const fixture = useTarget()

/** The pairs of the answer to SendTargets. */
async function sendTargets(initiator: WireInitiator, value: string): Promise<TextPair[]> {
  const response = await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: value }))
  expect(response.isFinal).toBe(true)
  return decodeTextPairs(response.data)
}

/** What this server has to tell. */
function ownRecord({ target }: WireFixture, tag = 1): TextPair[] {
  return [
    ['TargetName', target.targetName],
    ['TargetAddress', `${target.host}:${target.port},${tag}`],
  ]
}

describe('SendTargets in a discovery session', () => {
  it('[DISC-1] [DISC-5] [DISC-8] [DISC-9] [DISC-11] lists all targets with their addresses', async () => {
    expect(await sendTargets(await fixture.discover(), 'All')).toEqual(ownRecord(fixture))
  })

  it('[DISC-6] lists a target by its name', async () => {
    const initiator = await fixture.discover()
    expect(await sendTargets(initiator, fixture.target.targetName)).toEqual(ownRecord(fixture))
  })

  it('[DISC-6] [DISC-12] lists nothing for a name that nobody has', async () => {
    const initiator = await fixture.discover()
    expect(await sendTargets(initiator, 'iqn.2026-01.test.lunette:absent')).toEqual([])
    expect(await sendTargets(initiator, fixture.target.targetName)).toEqual(ownRecord(fixture))
  })

  it.each(['Alle', 'A', 'all', 'test.lunette'])('rejects %s, which is neither All nor a name', async (value) => {
    for (const initiator of [await fixture.discover(), await fixture.open()]) {
      await initiator.sendText({ SendTargets: value }, { immediate: true })
      expect(await answerKind(initiator)).toBe('reject 04')
      expect(await sendTargets(initiator, fixture.target.targetName)).toEqual(ownRecord(fixture))
    }
  })

  it.each(['SendTargetsPlease', 'sENDtARGETS'])('rejects %s as SendTargets misspelt', async (key) => {
    const initiator = await fixture.open()
    await initiator.sendText({ [key]: 'All' }, { immediate: true })
    expect(await answerKind(initiator)).toBe('reject 04')
    await initiator.ping()
  })

  it('[DISC-4] takes no key beside it', async () => {
    const initiator = await fixture.discover()
    await initiator.sendText({ SendTargets: 'All', 'X-com.example.a': '1' }, { immediate: true })
    const answer = await answerKind(initiator)
    expect(answer).toMatch(/^(closed|reject 0[459])$/)
  })

  it('[DISC-11] names the portal group', async () => {
    expect(await sendTargets(await tagged.discover(), 'All')).toEqual(ownRecord(tagged, 4711))
    const { keys } = await (await tagged.connect()).login()
    expect(keys.TargetPortalGroupTag).toBe('4711')
  })

  it('[KEY-9] may have portal group tag 0', async () => {
    expect(await sendTargets(await zero.discover(), 'All')).toEqual(ownRecord(zero, 0))
    const { keys } = await (await zero.connect()).login()
    expect(keys.TargetPortalGroupTag).toBe('0')
  })

  const tagged = useTarget({ portalGroupTag: 4711 })
  const zero = useTarget({ portalGroupTag: 0 })
})

describe('SendTargets in a normal session', () => {
  it('[DISC-7] without a value tells of the target that one is logged in to', async () => {
    expect(await sendTargets(await fixture.open(), '')).toEqual(ownRecord(fixture))
  })

  it('[DISC-5] does not list all targets', async () => {
    const initiator = await fixture.open()
    expect(await sendTargets(initiator, 'All')).toEqual([])
    await initiator.ping()
  })
})

describe('a discovery session', () => {
  it('[LOGIN-35] opens in the security stage alone', async () => {
    const initiator = await fixture.connect()
    const keys = { ...initiator.names('Discovery'), AuthMethod: 'None' }
    const response = await initiator.stepLogin({ keys, currentStage: 0, nextStage: 3 })
    expect([response.header.readUInt16BE(36), response.byte(1)]).toEqual([0, 0x83])
    expect(await sendTargets(initiator, 'All')).toEqual(ownRecord(fixture))
  })

  it('[DISC-2] rejects SCSI commands', async () => {
    const initiator = await fixture.discover()
    await sendCommand(initiator, { cdb: testUnitReady(), fields: { immediate: true } })
    expect(await answerKind(initiator)).toMatch(/^reject 0[45]$/)
    expect(await sendTargets(initiator, 'All')).toEqual(ownRecord(fixture))
  })

  it('[DISC-2] rejects task management, data and SNACK', async () => {
    for (const fields of [
      { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x82, words: { 20: NO_TAG } },
      { opcode: OPCODE.DATA_OUT, words: { 20: NO_TAG } },
      { opcode: OPCODE.SNACK, byte1: 0x80, words: { 20: NO_TAG } },
    ]) {
      const initiator = await fixture.discover()
      await initiator.send({ ...fields, itt: 9 })
      expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[3459])$/)
    }
  })

  it('[DISC-2] refuses other keys than SendTargets', async () => {
    const initiator = await fixture.discover()
    await initiator.sendText({ MaxRecvDataSegmentLength: '512' }, { immediate: true })
    const pdu = await initiator.read()
    if (pdu.opcode === OPCODE.TEXT_RESPONSE) expect(pdu.data.toString()).toBe('MaxRecvDataSegmentLength=Reject\0')
    else expect([pdu.opcode, pdu.byte(2)]).toEqual([OPCODE.REJECT, expect.toBeOneOf([0x04, 0x05])])
  })

  it('[DISC-2] answers a ping, as the initiators expect that send one', async () => {
    const initiator = await fixture.discover()
    expect((await initiator.ping({ data: Buffer.from('here') })).data.toString()).toBe('here')
  })

  it('[DISC-2] closes with the logout of its session, and with no other', async () => {
    const initiator = await fixture.discover()
    await initiator.sendLogout(2, { immediate: true })
    expect(await answerKind(initiator)).toMatch(/^(reject 0[459]|response 02)$/)
    await initiator.logout()
  })

  it('[DISC-3] is left in peace by the target', async () => {
    const initiator = await restless.discover()
    await initiator.connection.expectSilence(150)
    expect(await sendTargets(initiator, 'All')).toEqual(ownRecord(restless))
  })

  const restless = useTarget({ limits: { pingIdleMs: 30, pingTimeoutMs: 60 } })
})
