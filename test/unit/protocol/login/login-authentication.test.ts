import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KEY_TABLE } from '../../../../protocol/login/key-table.ts'
import type { LoginEnvironment } from '../../../../protocol/login/login-machine.ts'
import type { AuthenticationPolicy } from '../../../../protocol/target-directory.ts'
import { type Answer, directoryWith, type LoginDriver, NAMES, startLogin } from '../../../support/login-steps.ts'

const SECURITY = 0
const OPERATIONAL = 1
const FULL_FEATURE = 3
const SECRET = 'alice-secret-0001'
const POLICY: AuthenticationPolicy = {
  kind: 'chap',
  initiators: [{ user: 'alice', secret: Buffer.from(SECRET) }],
  target: { user: 'bob', secret: Buffer.from('bobs-secret-00002') },
}
const GUARDED: Partial<LoginEnvironment> = { directory: directoryWith(POLICY) }

/** CHAP_N and CHAP_R for the challenge in `answer`. */
function respond(answer: Answer, secret = SECRET): readonly string[] {
  const values = new Map(answer.pairs.map((pair) => pair.split('=') as [string, string]))
  const challenge = Buffer.from(values.get('CHAP_C')!.slice(2), 'hex')
  const hash = createHash('md5')
    .update(Buffer.of(Number(values.get('CHAP_I'))))
    .update(secret)
    .update(challenge)
  return ['CHAP_N=alice', `CHAP_R=0x${hash.digest('hex')}`]
}

/** A login that has its challenge; T is set throughout, as some initiators do. */
function challenge(login: LoginDriver, nextStage: number | null = OPERATIONAL): Answer {
  login.send(SECURITY, nextStage, [...NAMES, 'AuthMethod=CHAP,None'])
  return login.send(SECURITY, nextStage, ['CHAP_A=5'])
}

describe('a login with authentication', () => {
  it('[SEC-4] [SEC-12] is let in after CHAP, and into no stage before it', () => {
    const login = startLogin(GUARDED)
    const first = login.send(SECURITY, OPERATIONAL, [...NAMES, 'AuthMethod=KRB5,CHAP,None'])
    expect(first).toMatchObject({ isTransit: false, pairs: ['TargetPortalGroupTag=7', 'AuthMethod=CHAP'] })
    const second = login.send(SECURITY, OPERATIONAL, ['CHAP_A=5'])
    expect(second.isTransit).toBe(false)
    expect(second.pairs.map((pair) => pair.split('=')[0])).toEqual(['CHAP_A', 'CHAP_I', 'CHAP_C'])
    const third = login.send(SECURITY, OPERATIONAL, respond(second))
    expect(third).toMatchObject({ isTransit: true, nextStage: 1, pairs: [] })
    const final = login.send(OPERATIONAL, FULL_FEATURE, [])
    expect(final).toMatchObject({ outcome: 'complete', agreement: { identity: { chapUser: 'alice' } } })
  })

  it('[SEC-4] proves the target in the same response', () => {
    const login = startLogin(GUARDED)
    const answer = login.send(SECURITY, FULL_FEATURE, [...respond(challenge(login)), 'CHAP_I=1', 'CHAP_C=0x0102'])
    expect(answer.outcome).toBe('complete')
    expect(answer.pairs.map((pair) => pair.split('=')[0])).toEqual(['CHAP_N', 'CHAP_R'])
  })

  describe('that is optional', () => {
    const optional = () => startLogin({ directory: directoryWith({ ...POLICY, isOptional: true }) })

    it.each([
      ['None is preferred', [...NAMES, 'AuthMethod=None,CHAP'], ['TargetPortalGroupTag=7', 'AuthMethod=None']],
      ['nothing is offered', NAMES, ['TargetPortalGroupTag=7']],
    ])('lets in without proof when %s', (_when, keys, pairs) => {
      const answer = optional().send(SECURITY, FULL_FEATURE, keys)
      expect(answer).toMatchObject({ outcome: 'complete', agreement: { identity: { chapUser: null } } })
      expect(answer.pairs).toEqual(expect.arrayContaining(pairs))
    })

    it('demands the proof from who prefers CHAP', () => {
      const [right, wrong, stopped] = [optional(), optional(), optional()]
      const challengeOf = (login: LoginDriver) => {
        const chosen = login.send(SECURITY, FULL_FEATURE, [...NAMES, 'AuthMethod=CHAP,None'])
        expect(chosen).toMatchObject({ isTransit: false, pairs: ['TargetPortalGroupTag=7', 'AuthMethod=CHAP'] })
        return login.send(SECURITY, FULL_FEATURE, ['CHAP_A=5'])
      }
      expect(right.send(SECURITY, FULL_FEATURE, respond(challengeOf(right)))).toMatchObject({ outcome: 'complete' })
      const refused = wrong.send(SECURITY, FULL_FEATURE, respond(challengeOf(wrong), 'alice-secret-0002'))
      expect(refused.refusal).toMatchObject({ statusClass: 2, statusDetail: 1 })
      challengeOf(stopped)
      expect(stopped.send(OPERATIONAL, FULL_FEATURE, []).outcome).not.toBe('complete')
    })
  })

  it('takes each secret of a user that has several, and no other', () => {
    const initiators = [SECRET, 'alice-secret-0002'].map((text) => ({ user: 'alice', secret: Buffer.from(text) }))
    const outcomeOf = (secret: string) => {
      const login = startLogin({ directory: directoryWith({ kind: 'chap', initiators, target: null }) })
      return login.send(SECURITY, FULL_FEATURE, respond(challenge(login), secret)).outcome
    }
    expect([SECRET, 'alice-secret-0002', 'alice-secret-0003'].map(outcomeOf)).toEqual([
      'complete',
      'complete',
      'refused',
    ])
  })

  it('[SEC-14] drops a reflected challenge without telling anything', () => {
    const login = startLogin(GUARDED)
    const asked = challenge(login)
    const reflected = asked.pairs.filter((pair) => /^CHAP_[IC]/.test(pair))
    const answer = login.send(SECURITY, OPERATIONAL, [...respond(asked), ...reflected])
    expect(answer).toMatchObject({ outcome: 'drop', pairs: [] })
    expect(login.send(SECURITY, OPERATIONAL, []).outcome).toBe('refused')
  })

  it('moves on later when the response came without T', () => {
    const login = startLogin(GUARDED)
    expect(login.send(SECURITY, null, respond(challenge(login, null)))).toMatchObject({ isTransit: false, status: 0 })
    expect(login.send(SECURITY, OPERATIONAL, [])).toMatchObject({ isTransit: true, status: 0 })
  })

  it.each([
    ['LOGIN-33', OPERATIONAL, FULL_FEATURE, []],
    ['LOGIN-33', OPERATIONAL, null, []],
    ['SEC-12', SECURITY, OPERATIONAL, []],
    ['SEC-12', SECURITY, FULL_FEATURE, []],
    ['SEC-21', SECURITY, FULL_FEATURE, ['AuthMethod=None']],
    ['SEC-3', SECURITY, OPERATIONAL, ['AuthMethod=SRP,KRB5']],
  ])('[%s] CSG %i NSG %s %j is an authentication failure', (_id, currentStage, nextStage, pairs) => {
    const login = startLogin(GUARDED)
    expect(login.send(currentStage, nextStage, [...NAMES, ...pairs])).toMatchObject({
      outcome: 'refused',
      status: 0x0201,
    })
    expect(login.admitted).toEqual([])
  })

  it('[LOGIN-38] demands it on later connections too', () => {
    const answer = startLogin(GUARDED).send(OPERATIONAL, FULL_FEATURE, NAMES, { tsih: 9, cid: 1 })
    expect(answer.status).toBe(0x0201)
  })

  it('[SEC-10] refuses a wrong secret, and stays closed', () => {
    const login = startLogin(GUARDED)
    const asked = challenge(login)
    expect(login.send(SECURITY, FULL_FEATURE, respond(asked, 'wrong')).status).toBe(0x0201)
    expect(login.send(SECURITY, FULL_FEATURE, respond(asked))).toMatchObject({ outcome: 'refused', status: 0x020b })
    expect(login.admitted).toEqual([])
  })

  it('[SEC-11] misses the keys of the step in an empty request', () => {
    const login = startLogin(GUARDED)
    login.send(SECURITY, OPERATIONAL, [...NAMES, 'AuthMethod=CHAP'])
    expect(login.send(SECURITY, OPERATIONAL, [])).toMatchObject({
      status: 0x0207,
      refusal: { reason: expect.stringContaining('CHAP_A') },
    })
  })

  it('[SEC-3] refuses an initiator that insists on CHAP where nobody has a secret', () => {
    expect(startLogin().send(SECURITY, OPERATIONAL, [...NAMES, 'AuthMethod=CHAP']).status).toBe(0x0201)
  })

  it('asks the directory for the policy of the very target and initiator', () => {
    const asked: unknown[] = []
    const authentication = (...question: unknown[]) => {
      asked.push(question)
      return POLICY
    }
    const directory = { ...directoryWith(POLICY), authentication }
    startLogin({ directory }).send(SECURITY, null, NAMES)
    startLogin({ directory }).send(SECURITY, null, [NAMES[0]!, 'SessionType=Discovery'])
    expect(asked).toMatchObject([
      ['iqn.2026-11.example:disk', 'iqn.2026-11.example:initiator', {}],
      [null, 'iqn.2026-11.example:initiator', {}],
    ])
  })
})

describe('for arbitrary sequences of requests', () => {
  const value = fc.oneof(
    fc.constantFrom(
      'CHAP',
      'None',
      'CHAP,None',
      '5',
      '5,7',
      'alice',
      '0x00',
      `0x${'11'.repeat(16)}`,
      'Yes',
      '65536',
      '',
    ),
    fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => text.replaceAll('\0', '')),
  )
  const pair = fc.tuple(fc.constantFrom(...KEY_TABLE.keys(), 'X-a'), value).map(([key, text]) => `${key}=${text}`)
  const lines = fc.oneof(
    fc.constantFrom(NAMES, [...NAMES, 'AuthMethod=CHAP'], ['CHAP_A=5'], ['CHAP_N=alice', 'CHAP_R=0x00'], []),
    fc.array(pair, { maxLength: 4 }),
    fc.array(pair, { maxLength: 2 }).map((pairs) => [...NAMES, ...pairs]),
  )
  const stage = fc.constantFrom(0, 1, 0, 1, 2, 3)
  const next = fc.constantFrom(null, 1, 3, 3, 2, 0)
  const fields = fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    fc.constantFrom({ isContinued: true }, { tsih: 3 }, { versionMin: 1 }),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => ({ text: Buffer.from(bytes) })),
  )
  const requests = fc.array(fc.tuple(stage, next, lines, fields), { maxLength: 8 })

  it('[SEC-12] [LOGIN-15] [LOGIN-17] nobody gets in without CHAP, and every reply keeps the rules of T and C', () => {
    fc.assert(
      fc.property(requests, (sequence) => {
        const login = startLogin(GUARDED)
        for (const [currentStage, nextStage, offers, overrides] of sequence) {
          const answer = login.send(currentStage, nextStage, offers, overrides)
          expect(answer.outcome).not.toBe('complete')
          if (answer.isTransit) expect([answer.nextStage, answer.isContinued]).toEqual([nextStage, false])
        }
        expect(login.admitted).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('replies to the same requests the same, and ends with its first refusal', () => {
    fc.assert(
      fc.property(requests, (sequence) => {
        const logins = [startLogin(), startLogin()]
        let isOver = false
        for (const [currentStage, nextStage, offers, overrides] of sequence) {
          const [one, other] = logins.map((login) => login.send(currentStage, nextStage, offers, overrides))
          expect(other).toEqual(one)
          if (isOver) expect(one!.status).toBe(0x020b)
          isOver ||= one!.outcome !== 'continue'
        }
        expect(logins[0]!.admitted.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 1000 },
    )
  })
})
