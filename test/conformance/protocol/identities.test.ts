/** Who may log in as whom, and what stays the same over the connections of a session: RFC 7143 9.2, 12.1. */

import { describe, expect, it } from 'vitest'
import type { AuthenticationPolicy } from '../../../protocol/target-directory.ts'
import { chapAnswer, loginWithChap, requestChallenge } from '../../support/wire-chap.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { decodeText, decodeTextPairs } from '../../support/wire-text.ts'

const ALICE = 'iqn.2026-01.test.lunette:alice'
const BOB = 'iqn.2026-01.test.lunette:bob'
const SECRETS: Readonly<Record<string, string>> = {
  alice: 'the secret of alice',
  bob: 'the secret of bob..',
  anybody: 'the secret of all..',
}
const POLICY: AuthenticationPolicy = {
  kind: 'chap',
  initiators: [
    { user: 'alice', secret: Buffer.from(SECRETS.alice!), initiatorNames: [ALICE] },
    {
      user: 'bob',
      secret: Buffer.from(SECRETS.bob!),
      initiatorNames: [BOB, 'iqn.2026-01.test.lunette:bobs-other-host'],
    },
    { user: 'anybody', secret: Buffer.from(SECRETS.anybody!) },
  ],
  target: null,
}
const SECURITY = { currentStage: 0, nextStage: 1 } as const

const fixture = useTarget({ authentication: POLICY, parameters: { maxConnections: 4 } })

/** The status of the response to the right secret of `user`. */
async function statusFor(initiator: WireInitiator, user: string): Promise<number> {
  const keys = chapAnswer(await requestChallenge(initiator), user, SECRETS[user]!)
  return (await initiator.stepLogin({ keys, ...SECURITY })).header.readUInt16BE(36)
}

describe('users that belong to initiators', () => {
  it.each([
    ['alice', ALICE, 0],
    ['alice', ALICE.toUpperCase(), 0],
    ['alice', BOB, 0x0201],
    ['bob', ALICE, 0x0201],
    ['bob', BOB, 0],
    ['bob', 'iqn.2026-01.test.lunette:bobs-other-host', 0],
    ['anybody', ALICE, 0],
    ['anybody', 'iqn.2026-01.test.lunette:stranger', 0],
    ['bob', `${BOB}y`, 0x0201],
  ])('[SEC-20] %s as %s gets status %i', async (user, initiatorName, status) => {
    expect(await statusFor(await fixture.connect({ initiatorName }), user)).toBe(status)
  })

  it('[SEC-10] [SEC-20] are refused in the same words for a wrong secret, a wrong user and a wrong initiator', async () => {
    const refusals: string[] = []
    for (const [user, secret] of [
      ['alice', 'not the secret at all'],
      ['nobody', 'not the secret at all'],
      ['bob', SECRETS.bob!],
    ] as const) {
      const initiator = await fixture.connect({ initiatorName: ALICE })
      const keys = chapAnswer(await requestChallenge(initiator), user, secret)
      const response = await initiator.stepLogin({ keys, ...SECURITY })
      refusals.push(
        `${response.header.subarray(0, 8).toString('hex')} ${response.header.readUInt16BE(36)} ${response.data}`,
      )
      await initiator.connection.expectClosed()
    }
    expect(new Set(refusals).size).toBe(1)
    expect(refusals[0]).toContain(String(0x0201))
  })
})

describe('the connections of a session', () => {
  const keys = { MaxConnections: '4' }

  async function openLeading(user = 'anybody'): Promise<WireInitiator> {
    const leading = await fixture.connect({ initiatorName: ALICE })
    await loginWithChap(leading, { user, secret: SECRETS[user]!, keys })
    return leading
  }

  /** A connection that names the session of `leading` and has come as far as the operational stage. */
  async function join(leading: WireInitiator, user: string): Promise<WireInitiator> {
    const second = await fixture.connect({ initiatorName: ALICE, isid: leading.isid })
    second.tsih = leading.tsih
    second.cid = 1
    expect(await statusFor(second, user)).toBe(0)
    return second
  }

  it('[SEC-19] [LOGIN-38] may join as the user of the first one', async () => {
    const leading = await openLeading()
    const second = await join(leading, 'anybody')
    await second.finishLogin({}, [await second.stepLogin()])
    await second.ping()
    await leading.ping()
  })

  it('[SEC-19] may not join as another user', async () => {
    const leading = await openLeading()
    const second = await join(leading, 'alice')
    expect(await second.refusedLogin()).toBe(0x0201)
    await leading.ping()
  })

  it('[LOGIN-38] may not join without authentication', async () => {
    const leading = await openLeading()
    const second = await fixture.connect({ initiatorName: ALICE, isid: leading.isid })
    const names = second.names()
    expect(await second.refusedLogin({ keys: names, tsih: leading.tsih, cid: 1 })).toBe(0x0201)
    await leading.ping()
  })
})

describe('discovery', () => {
  it('[SEC-21] [SEC-4] is for those who have authenticated', async () => {
    const initiator = await fixture.connect({ initiatorName: BOB })
    const names = { keys: { ...initiator.names('Discovery'), AuthMethod: 'CHAP' }, ...SECURITY, isTransit: false }
    expect(decodeText((await initiator.stepLogin(names)).data).AuthMethod).toBe('CHAP')
    const challenge = await initiator.stepLogin({ keys: { CHAP_A: '5' }, ...SECURITY, isTransit: false })
    const { CHAP_I, CHAP_C } = decodeText(challenge.data)
    const asked = { algorithm: 5, identifier: Number(CHAP_I), challenge: Buffer.from(CHAP_C!.slice(2), 'hex') }
    const keys = chapAnswer({ ...asked, response: challenge }, 'bob', SECRETS.bob!)
    const outcome = await initiator.finishLogin({}, [
      await initiator.stepLogin({ keys, currentStage: 0, nextStage: 3 }),
    ])
    expect(outcome.final.byte(1)).toBe(0x83)
    const itt = await initiator.sendText({ SendTargets: 'All' })
    const [record] = decodeTextPairs((await initiator.expect(OPCODE.TEXT_RESPONSE, itt)).data)
    expect(record).toEqual(['TargetName', fixture.target.targetName])
  })
})
