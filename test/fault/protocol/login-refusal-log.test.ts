/** What the log says about logins that fail: which key, which rule, which CHAP step; never a secret. */

import { describe, expect, it } from 'vitest'
import { chapAnswer, hexValue, requestChallenge } from '../../support/wire-chap.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { pattern } from '../../support/wire-scsi.ts'

const SECRET = 'a secret of sixteen'
const TARGET_SECRET = 'another such secret'
const CHAP = { user: 'initiator', secret: SECRET, targetUser: 'target', targetSecret: TARGET_SECRET }
const SECURITY = { currentStage: 0, nextStage: 1 } as const

const open = useTarget({ limits: { loginExchangesMax: 6 } })
const guarded = useTarget({ chap: CHAP })

interface FailingLogin {
  readonly status: number
  readonly reason: RegExp
  readonly attempt: (initiator: WireInitiator) => Promise<number>
}

/** One request with the names and these keys. */
const single =
  (keys: Readonly<Record<string, string>>, fields = {}) =>
  (initiator: WireInitiator) =>
    initiator.refusedLogin({ ...fields, keys: { ...initiator.names(), ...keys } })

/** Keys in answer to a challenge; `right` are those that would do. */
const answering =
  (alter: (right: Record<string, string>) => Record<string, string>) => async (initiator: WireInitiator) => {
    const right = chapAnswer(await requestChallenge(initiator), CHAP.user, SECRET)
    return await initiator.refusedLogin({ keys: alter(right), ...SECURITY })
  }

const FAILING: Readonly<Record<string, FailingLogin>> = {
  'a key twice': {
    status: 0x0200,
    reason: /MaxBurstLength is sent a second time/,
    attempt: (initiator) =>
      initiator.refusedLogin({
        keys: [...Object.entries(initiator.names()), ['MaxBurstLength', '512'], ['MaxBurstLength', '512']],
      }),
  },
  'a value that is not allowed': {
    status: 0x0200,
    reason: /MaxRecvDataSegmentLength is "1", allowed is a number from 512/,
    attempt: single({ MaxRecvDataSegmentLength: '1' }),
  },
  'nothing to choose': {
    status: 0x0200,
    reason: /HeaderDigest: "Y-x" is offered/,
    attempt: single({ HeaderDigest: 'Y-x' }),
  },
  'a key in the wrong stage': {
    status: 0x0200,
    reason: /HeaderDigest belongs to the operational stage, this is security/,
    attempt: single({ HeaderDigest: 'None' }, SECURITY),
  },
  'an unknown target': {
    status: 0x0203,
    reason: /TargetName: "iqn.x:y" does not exist here, asked for by "iqn.2026-01.test.lunette:wire"/,
    attempt: single({ TargetName: 'iqn.x:y' }),
  },
  'a missing name': {
    status: 0x0207,
    reason: /InitiatorName is missing/,
    attempt: (initiator) => initiator.refusedLogin({ keys: { SessionType: 'Discovery' } }),
  },
  'a wrong stage': {
    status: 0x0200,
    reason: /CSG is 3 while the login is at start/,
    attempt: single({}, { currentStage: 3 }),
  },
  'too many requests': {
    status: 0x0200,
    reason: /a login has at most 6 requests/,
    async attempt(initiator) {
      for (let request = 0; request < 6; request++) {
        await initiator.stepLogin({ keys: request === 0 ? initiator.names() : {}, isTransit: false })
      }
      return await initiator.refusedLogin({ isTransit: false })
    },
  },
}

const FAILING_CHAP: Readonly<Record<string, FailingLogin>> = {
  'no security stage': { status: 0x0201, reason: /CSG: the security stage is skipped/, attempt: single({}) },
  'no method': { status: 0x0201, reason: /AuthMethod is missing/, attempt: single({}, SECURITY) },
  'another method': {
    status: 0x0201,
    reason: /AuthMethod="None" is offered, this target takes CHAP/,
    attempt: single({ AuthMethod: 'None' }, SECURITY),
  },
  'an unknown algorithm': {
    status: 0x0201,
    reason: /CHAP_A: none of "99" is supported/,
    async attempt(initiator) {
      await initiator.stepLogin({ keys: { ...initiator.names(), AuthMethod: 'CHAP' }, ...SECURITY, isTransit: false })
      return await initiator.refusedLogin({ keys: { CHAP_A: '99' }, ...SECURITY })
    },
  },
  'a wrong response': {
    status: 0x0201,
    reason: /CHAP_R: user "initiator" is unknown or its response does not match/,
    attempt: answering((right) => ({ ...right, CHAP_R: hexValue(pattern(16)) })),
  },
  'an unknown user': {
    status: 0x0201,
    reason: /CHAP_R: user "mallory" is unknown or its response does not match/,
    attempt: answering((right) => ({ ...right, CHAP_N: 'mallory' })),
  },
  'a missing response': {
    status: 0x0207,
    reason: /CHAP_R is missing: this CHAP step is CHAP_N CHAP_R/,
    attempt: answering(({ CHAP_N }) => ({ CHAP_N: CHAP_N! })),
  },
  'half a counter-challenge': {
    status: 0x0207,
    reason: /CHAP_C is missing: this CHAP step is CHAP_N CHAP_R CHAP_I CHAP_C/,
    attempt: answering((right) => ({ ...right, CHAP_I: '1' })),
  },
  'a response that is no binary value': {
    status: 0x0200,
    reason: /CHAP_R is not a binary value/,
    attempt: answering((right) => ({ ...right, CHAP_R: 'plain' })),
  },
}

const SECRETS_AS_LOGGED = [SECRET, TARGET_SECRET].flatMap((secret) => [secret, Buffer.from(secret).toString('hex')])

describe('the log tells of a login with', () => {
  it.each(Object.entries(FAILING))('%s', async (_what, { status, reason, attempt }) => {
    expect(await attempt(await open.connect())).toBe(status)
    expect(open.target.warnings.at(-1)).toMatch(/^refused a login /)
    expect(JSON.parse(open.target.warnings.at(-1)!.slice('refused a login '.length)).reason).toMatch(reason)
  })

  it.each(Object.entries(FAILING_CHAP))('CHAP and %s', async (_what, { status, reason, attempt }) => {
    expect(await attempt(await guarded.connect())).toBe(status)
    const { warnings } = guarded.target
    const line = JSON.parse(warnings.at(-1)!.slice('refused a login '.length))
    expect(line).toMatchObject({ remoteAddress: '127.0.0.1', reason: expect.stringMatching(reason) })
    expect(line.status).not.toBe('')
    for (const secret of SECRETS_AS_LOGGED) expect(warnings.join('\n')).not.toContain(secret)
  })

  it('a challenge of ours, reflected', async () => {
    const initiator = await guarded.connect()
    const asked = await requestChallenge(initiator)
    const reflected = { CHAP_I: String(asked.identifier), CHAP_C: hexValue(asked.challenge) }
    await initiator.sendLogin({ keys: { ...chapAnswer(asked, CHAP.user, SECRET), ...reflected }, ...SECURITY })
    expect(await initiator.connection.closesSilently()).toBe(true)
    expect(guarded.target.warnings.some((line) => /CHAP_C: the initiator reflects a challenge/.test(line))).toBe(true)
  })
})
