import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type {
  AuthenticationPolicy,
  PortalEndpoint,
  Redirection,
  TargetDirectory,
} from '../../../../protocol/target-directory.ts'
import {
  type Answer,
  directoryWith,
  ENDPOINT,
  type LoginDriver,
  NAMES,
  startLogin,
  TARGET_NAME,
} from '../../../support/login-steps.ts'

const SECURITY = 0
const OPERATIONAL = 1
const FULL_FEATURE = 3
const SECRET = 'alice-secret-0001'
const GUARDED: AuthenticationPolicy = {
  kind: 'chap',
  initiators: [{ user: 'alice', secret: Buffer.from(SECRET) }],
  target: { user: 'bob', secret: Buffer.from('bobs-secret-00002') },
}
const REDIRECTION: Redirection = {
  addresses: [
    { host: '192.0.2.7', port: 3261 },
    { host: '2001:db8::7', port: 3260 },
    { host: 'san.example', port: 860 },
  ],
  isPermanent: false,
  isForEverybody: false,
}
const ADDRESSES = ['TargetAddress=192.0.2.7:3261', 'TargetAddress=[2001:db8::7]:3260', 'TargetAddress=san.example:860']

function redirecting(
  policy: AuthenticationPolicy,
  overrides: Partial<Redirection> = {},
  endpoint: PortalEndpoint = ENDPOINT,
): LoginDriver {
  const directory: TargetDirectory = {
    ...directoryWith(policy),
    findTarget: (name) => ({
      kind: 'moved',
      target: { name, alias: '' },
      portalGroupTag: 7,
      redirection: { ...REDIRECTION, ...overrides },
    }),
  }
  return startLogin({ directory, endpoint })
}

/** The text of a refusal, which the driver does not collect. */
const textOf = ({ text }: Answer) => text.toString().split('\0').slice(0, -1)

function answerChallenge(login: LoginDriver, nextStage: number, more: readonly string[] = []): Answer {
  const begun = login.send(SECURITY, null, [...NAMES, 'AuthMethod=CHAP'])
  expect(begun.status).toBe(0)
  const asked = Object.fromEntries(login.send(SECURITY, null, ['CHAP_A=5']).pairs.map((pair) => pair.split('=')))
  const response = createHash('md5')
    .update(Buffer.of(Number(asked.CHAP_I)))
    .update(SECRET)
    .update(Buffer.from(asked.CHAP_C!.slice(2), 'hex'))
  return login.send(SECURITY, nextStage, ['CHAP_N=alice', `CHAP_R=0x${response.digest('hex')}`, ...more])
}

describe('a target that has moved', () => {
  it('sends nobody around TLS who came through it', () => {
    const login = redirecting({ kind: 'none' }, {}, { ...ENDPOINT, tls: { clientNames: null } })
    const answer = login.send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect(answer.status).toBe(0x0301)
    expect(textOf(answer)).toEqual([])
  })

  it.each([
    [false, 0x0101],
    [true, 0x0102],
  ])('[LOGIN-29] [PORT-4] [PORT-5] names its addresses without tags (permanently: %s)', (isPermanent, status) => {
    const login = redirecting({ kind: 'none' }, { isPermanent })
    const answer = login.send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect(answer).toMatchObject({ outcome: 'refused', status, isTransit: false })
    expect(textOf(answer)).toEqual(ADDRESSES)
    expect(answer.refusal?.reason).toBe(
      `TargetName: "${TARGET_NAME}" has moved to 192.0.2.7:3261, [2001:db8::7]:3260, san.example:860`,
    )
    expect(login.admitted).toEqual([])
  })

  it('[LOGIN-30] tells nothing to who has not authenticated', () => {
    const skipping = redirecting(GUARDED).send(OPERATIONAL, FULL_FEATURE, NAMES)
    expect([skipping.status, textOf(skipping)]).toEqual([0x0201, []])
    const login = redirecting(GUARDED)
    login.send(SECURITY, null, [...NAMES, 'AuthMethod=CHAP'])
    login.send(SECURITY, null, ['CHAP_A=5'])
    const failed = login.send(SECURITY, OPERATIONAL, ['CHAP_N=alice', 'CHAP_R=0x00'])
    expect([failed.status, textOf(failed)]).toEqual([0x0201, []])
  })

  it.each([OPERATIONAL, FULL_FEATURE])('[LOGIN-30] redirects after CHAP, asked for stage %i', (nextStage) => {
    const login = redirecting(GUARDED)
    const authenticated = answerChallenge(login, nextStage, ['CHAP_I=1', `CHAP_C=0x${'5c'.repeat(16)}`])
    expect(authenticated).toMatchObject({ status: 0, outcome: 'continue', isTransit: nextStage === OPERATIONAL })
    expect(authenticated.pairs.map((pair) => pair.split('=')[0])).toEqual(['CHAP_N', 'CHAP_R'])
    const stage = nextStage === OPERATIONAL ? OPERATIONAL : SECURITY
    const answer = login.send(stage, FULL_FEATURE, [])
    expect([answer.status, textOf(answer)]).toEqual([0x0101, ADDRESSES])
    expect(login.admitted).toEqual([])
  })

  it('[LOGIN-30] redirects before CHAP where that is for everybody', () => {
    const answer = redirecting(GUARDED, { isForEverybody: true }).send(SECURITY, null, [...NAMES, 'AuthMethod=CHAP'])
    expect([answer.status, textOf(answer)]).toEqual([0x0101, ADDRESSES])
  })

  it('is there for discovery, and for connections of sessions that exist', () => {
    const discovery = redirecting({ kind: 'none' })
    expect(discovery.send(OPERATIONAL, FULL_FEATURE, [...NAMES, 'SessionType=Discovery']).outcome).toBe('complete')
    const later = redirecting({ kind: 'none' })
    expect(later.send(OPERATIONAL, FULL_FEATURE, NAMES, { tsih: 9, cid: 1 }).outcome).toBe('complete')
  })

  it('redirects only when the whole text is there', () => {
    const login = redirecting({ kind: 'none' })
    expect(login.send(OPERATIONAL, null, [NAMES[0]!], { isContinued: true })).toMatchObject({ status: 0, pairs: [] })
    expect(login.send(OPERATIONAL, FULL_FEATURE, [NAMES[1]!]).status).toBe(0x0101)
  })
})
