/** Targets that have moved: RFC 7143 11.13.5, Status-Class 1, and 13.8. */

import { afterEach, describe, expect, it } from 'vitest'
import type { Redirection } from '../../../protocol/target-directory.ts'
import { chapAnswer, fromHexValue, hexValue, requestChallenge } from '../../support/wire-chap.ts'
import { useTarget, type WireFixture } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { pattern } from '../../support/wire-scsi.ts'
import { decodeTextPairs } from '../../support/wire-text.ts'

const CHAP = { user: 'initiator', secret: 'a secret of sixteen', targetUser: 'target', targetSecret: 'another secret' }
const SECURITY = { currentStage: 0, nextStage: 1 } as const

const open = useTarget()
const guarded = useTarget({ chap: CHAP })

/** Send new sessions to `port` of `host`. */
function redirect({ target }: WireFixture, changes: Partial<Redirection> = {}): void {
  const addresses = [{ host: '2001:db8::7', port: 3261 }]
  target.directory.redirect({ addresses, isPermanent: false, isForEverybody: false, ...changes })
}

afterEach(() => {
  for (const { target } of [open, guarded]) target.directory.redirect(null)
})

/** Status-Class and Status-Detail with the text of the response, after the close that must follow. */
async function redirection(initiator: WireInitiator, fields: Parameters<WireInitiator['stepLogin']>[0]) {
  const response = await initiator.stepLogin(fields)
  await initiator.connection.expectClosed()
  expect(response.byte(1) & 0x80).toBe(0)
  return [response.header.readUInt16BE(36), decodeTextPairs(response.data)] as const
}

describe('a target that has moved', () => {
  it.each([
    [false, 0x0101],
    [true, 0x0102],
  ])(
    '[LOGIN-29] [PORT-4] [PORT-5] [LOGIN-28] answers a login with its addresses (permanently: %s)',
    async (isPermanent, status) => {
      const addresses = [
        { host: '192.0.2.7', port: 3260 },
        { host: '2001:db8::7', port: 3261 },
        { host: 'san.example', port: 860 },
      ]
      redirect(open, { isPermanent, addresses })
      const initiator = await open.connect()
      expect(await redirection(initiator, { keys: initiator.names() })).toEqual([
        status,
        [
          ['TargetAddress', '192.0.2.7:3260'],
          ['TargetAddress', '[2001:db8::7]:3261'],
          ['TargetAddress', 'san.example:860'],
        ],
      ])
    },
  )

  it('[PORT-5] is found by an initiator that follows', async () => {
    redirect(guarded, { addresses: [open.target], isForEverybody: true })
    const moved = await guarded.connect()
    const [, pairs] = await redirection(moved, { keys: moved.names() })
    const [host, port] = pairs[0]![1].split(':')
    const initiator = await open.open({}, { host: host!, port: Number(port) })
    await initiator.ping()
  })

  it('[PORT-4] is listed by SendTargets with its portal as before', async () => {
    redirect(open)
    const initiator = await open.discover()
    const itt = await initiator.sendText({ SendTargets: 'All' })
    const { host, port, targetName } = open.target
    expect(decodeTextPairs((await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).data)).toEqual([
      ['TargetName', targetName],
      ['TargetAddress', `${host}:${port},1`],
    ])
  })

  it('leaves the sessions alone that it has', async () => {
    const initiator = await open.open()
    redirect(open)
    await initiator.ping()
    await initiator.logout()
  })
})

describe('a target that has moved and demands CHAP', () => {
  it('[LOGIN-30] tells an initiator that has not authenticated nothing', async () => {
    redirect(guarded)
    const skipping = await guarded.connect()
    expect(await redirection(skipping, { keys: skipping.names() })).toEqual([0x0201, []])
    const failing = await guarded.connect()
    const keys = chapAnswer(await requestChallenge(failing), CHAP.user, 'not the secret')
    expect(await redirection(failing, { keys, ...SECURITY })).toEqual([0x0201, []])
  })

  it.each([1, 3])('[LOGIN-30] proves itself first, asked for stage %i', async (nextStage) => {
    redirect(guarded)
    const initiator = await guarded.connect()
    const answer = chapAnswer(await requestChallenge(initiator), CHAP.user, CHAP.secret)
    const keys = { ...answer, CHAP_I: '7', CHAP_C: hexValue(pattern(16)) }
    const proof = await initiator.stepLogin({ keys, currentStage: 0, nextStage })
    expect(proof.header.readUInt16BE(36)).toBe(0)
    const pairs = Object.fromEntries(decodeTextPairs(proof.data))
    expect(fromHexValue(pairs.CHAP_R)).toHaveLength(16)
    const next = (proof.byte(1) & 0x80) === 0 ? { currentStage: 0, nextStage } : { currentStage: 1, nextStage: 3 }
    expect(await redirection(initiator, next)).toEqual([0x0101, [['TargetAddress', '[2001:db8::7]:3261']]])
  })

  it('[LOGIN-30] tells everybody where that is wanted', async () => {
    redirect(guarded, { isForEverybody: true })
    const initiator = await guarded.connect()
    const fields = { keys: { ...initiator.names(), AuthMethod: 'CHAP' }, ...SECURITY, isTransit: false }
    expect((await redirection(initiator, fields))[0]).toBe(0x0101)
  })
})
