/** Authentication with CHAP: RFC 7143 9.2.1, 12.1.3 and RFC 1994. */

import { describe, expect, it } from 'vitest'
import {
  CHAP_DIGEST,
  chapAnswer,
  chapResponse,
  fromHexValue,
  hexValue,
  loginWithChap,
  requestChallenge,
} from '../../support/wire-chap.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { pattern } from '../../support/wire-scsi.ts'
import { decodeText, encodeText } from '../../support/wire-text.ts'

const USER = 'initiator'
const SECRET = 'a secret of sixteen'
const TARGET_USER = 'target'
const TARGET_SECRET = 'another such secret'

const mutual = useTarget({ chap: { user: USER, secret: SECRET, targetUser: TARGET_USER, targetSecret: TARGET_SECRET } })
const ALGORITHMS = Object.keys(CHAP_DIGEST).map(Number)
const SECURITY = { currentStage: 0, nextStage: 1 } as const

describe('who must authenticate', () => {
  it('[LOGIN-33] does not let an initiator skip the security stage', async () => {
    const initiator = await mutual.connect()
    expect(await initiator.refusedLogin({ keys: initiator.names() })).toBe(0x0201)
  })

  it.each([{}, { AuthMethod: 'None' }, { AuthMethod: 'KRB5,None' }])(
    '[SEC-3] [SEC-21] does not let an initiator in that offers %o',
    async (method) => {
      for (const nextStage of [1, 3]) {
        const initiator = await mutual.connect()
        const fields = { keys: { ...initiator.names(), ...method }, currentStage: 0, nextStage }
        expect(await initiator.refusedLogin(fields)).toBe(0x0201)
      }
    },
  )

  it('[SEC-3] picks the method that it demands, wherever in the list it stands', async () => {
    const initiator = await mutual.connect()
    const keys = { ...initiator.names(), AuthMethod: 'KRB5,None,CHAP' }
    const response = await initiator.stepLogin({ keys, ...SECURITY, isTransit: false })
    expect(decodeText(response.data)).toMatchObject({ AuthMethod: 'CHAP' })
  })

  it('[SEC-4] [LOGIN-23] challenges only after the algorithms were offered', async () => {
    const initiator = await mutual.connect()
    const keys = { ...initiator.names(), AuthMethod: 'CHAP' }
    const method = decodeText((await initiator.stepLogin({ keys, ...SECURITY, isTransit: false })).data)
    expect(Object.keys(method).filter((key) => key.startsWith('CHAP_'))).toEqual([])
    expect(method.TargetPortalGroupTag).toBe('1')
  })

  it.each([1, 3])(
    '[SEC-12] leaves the security stage for stage %i only with an authenticated initiator',
    async (nextStage) => {
      const initiator = await mutual.connect()
      const request = { currentStage: 0, nextStage }
      const method = await initiator.stepLogin({ keys: { ...initiator.names(), AuthMethod: 'CHAP' }, ...request })
      expect(method.byte(1) & 0x80).toBe(0)
      const challenge = await initiator.stepLogin({ keys: { CHAP_A: '5' }, ...request })
      expect(challenge.byte(1) & 0x80).toBe(0)
      expect(challenge.header.readUInt16BE(14)).toBe(0)
    },
  )

  it('[SEC-12] lets nobody by who leaves the security stage instead of answering', async () => {
    const initiator = await mutual.connect()
    await requestChallenge(initiator)
    expect((await initiator.refusedLogin({ keys: {} })) >> 8).toBe(0x02)
  })

  it('[SEC-12] lets nobody by who sends an empty answer', async () => {
    const initiator = await mutual.connect()
    await requestChallenge(initiator)
    expect((await initiator.refusedLogin({ keys: {}, ...SECURITY })) >> 8).toBe(0x02)
  })

  it('[SEC-21] demands authentication for discovery too', async () => {
    const initiator = await mutual.connect()
    expect(await initiator.refusedLogin({ keys: initiator.names('Discovery') })).toBe(0x0201)
  })
})

describe('one-way CHAP', () => {
  it.each(ALGORITHMS)('[SEC-1] [SEC-6] [SEC-7] takes the right response of algorithm %i', async (algorithm) => {
    const initiator = await mutual.connect()
    const outcome = await loginWithChap(initiator, { user: USER, secret: SECRET, algorithms: String(algorithm) })
    expect(outcome.algorithm).toBe(algorithm)
    await initiator.ping()
  })

  it.each(ALGORITHMS)('[SEC-10] refuses a wrong response of algorithm %i', async (algorithm) => {
    const initiator = await mutual.connect()
    const asked = await requestChallenge(initiator, String(algorithm))
    const keys = chapAnswer(asked, USER, `${SECRET}!`)
    expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0201)
  })

  it('[SEC-10] refuses an unknown user in the same way', async () => {
    const initiator = await mutual.connect()
    const asked = await requestChallenge(initiator)
    expect(await initiator.refusedLogin({ keys: chapAnswer(asked, 'somebody', SECRET), ...SECURITY })).toBe(0x0201)
  })

  it('[SEC-7] refuses a response to an earlier challenge', async () => {
    const old = await requestChallenge(await mutual.connect())
    const initiator = await mutual.connect()
    await requestChallenge(initiator)
    expect(await initiator.refusedLogin({ keys: chapAnswer(old, USER, SECRET), ...SECURITY })).toBe(0x0201)
  })

  it.each([
    ['8,7,6,5', 8],
    ['5,8', 5],
    ['99,7,5', 7],
  ] as const)('[SEC-5] picks from the algorithms %s', async (offer, picked) => {
    expect((await requestChallenge(await mutual.connect(), offer)).algorithm).toBe(picked)
  })

  it.each(['99', '4', '0'])('[SEC-5] refuses the algorithms %s', async (offer) => {
    const initiator = await mutual.connect()
    const keys = { ...initiator.names(), AuthMethod: 'CHAP' }
    await initiator.stepLogin({ keys, ...SECURITY, isTransit: false })
    expect(await initiator.refusedLogin({ keys: { CHAP_A: offer }, ...SECURITY, isTransit: false })).toBe(0x0201)
  })

  it('[SEC-8] never asks the same twice', async () => {
    const challenges = new Set<string>()
    for (let login = 0; login < 50; login++) {
      const initiator = await mutual.connect()
      const { challenge } = await requestChallenge(initiator)
      expect(challenge.length).toBeGreaterThanOrEqual(16)
      challenges.add(challenge.toString('hex'))
      initiator.destroy()
    }
    expect(challenges.size).toBe(50)
  })

  it.each([
    ['0x and upper-case digits', (bytes: Buffer) => `0x${bytes.toString('hex').toUpperCase()}`],
    ['0X', (bytes: Buffer) => `0X${bytes.toString('hex')}`],
    ['base64', (bytes: Buffer) => `0b${bytes.toString('base64')}`],
    ['base64 with 0B', (bytes: Buffer) => `0B${bytes.toString('base64')}`],
  ])('[TEXT-5] [SEC-9] takes CHAP_R written as %s', async (_form, write) => {
    const initiator = await mutual.connect()
    const { algorithm, identifier, challenge } = await requestChallenge(initiator)
    const CHAP_R = write(chapResponse(algorithm, identifier, SECRET, challenge))
    const response = await initiator.stepLogin({ keys: { CHAP_N: USER, CHAP_R }, ...SECURITY })
    expect(response.header.readUInt16BE(36)).toBe(0)
  })

  it.each(['CHAP_N', 'CHAP_R'])('[SEC-11] names it a missing parameter when %s is missing', async (absent) => {
    const initiator = await mutual.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    const keys = Object.fromEntries(Object.entries(answer).filter(([key]) => key !== absent))
    expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0207)
  })

  it('[SEC-11] names it a missing parameter when a step brings no key at all, or CHAP_A is missing', async () => {
    const silent = await mutual.connect()
    await requestChallenge(silent)
    expect(await silent.refusedLogin({ ...SECURITY })).toBe(0x0207)
    const hasty = await mutual.connect()
    await hasty.stepLogin({ keys: { ...hasty.names(), AuthMethod: 'CHAP' }, ...SECURITY, isTransit: false })
    expect(await hasty.refusedLogin({ keys: { CHAP_N: USER, CHAP_R: '0x00' }, ...SECURITY })).toBe(0x0207)
  })

  it.each(['256', '-1', '0x', 'one', ''])(
    '[SEC-11] names the malformed CHAP_I=%s an initiator error',
    async (CHAP_I) => {
      const initiator = await mutual.connect()
      const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
      const keys = { ...answer, CHAP_I, CHAP_C: hexValue(pattern(16)) }
      expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0200)
    },
  )

  it.each(['0x', '0xzz', '12', '0b!', `0x${'ab'.repeat(1025)}`])(
    '[SEC-9] [SEC-11] refuses CHAP_R=%.12s',
    async (CHAP_R) => {
      const initiator = await mutual.connect()
      await requestChallenge(initiator)
      const status = await initiator.refusedLogin({ keys: { CHAP_N: USER, CHAP_R }, ...SECURITY })
      expect(status).toBe(0x0200)
    },
  )
})

describe('mutual CHAP', () => {
  it.each(ALGORITHMS)('[SEC-1] [SEC-6] [SEC-7] proves itself with algorithm %i', async (algorithm) => {
    for (const identifier of [0, 255]) {
      const initiator = await mutual.connect()
      const challenge = pattern(24, algorithm + identifier)
      const login = { user: USER, secret: SECRET, algorithms: String(algorithm), mutual: { identifier, challenge } }
      const { security } = await loginWithChap(initiator, login)
      expect(security.CHAP_N).toBe(TARGET_USER)
      const proof = chapResponse(algorithm, identifier, TARGET_SECRET, challenge)
      expect(fromHexValue(security.CHAP_R).toString('hex')).toBe(proof.toString('hex'))
    }
  })

  it('[SEC-9] takes a challenge of 1024 bytes', async () => {
    const initiator = await mutual.connect()
    const challenge = pattern(1024)
    const { security } = await loginWithChap(initiator, {
      user: USER,
      secret: SECRET,
      mutual: { identifier: 7, challenge },
    })
    expect(security.CHAP_R).toBe(hexValue(chapResponse(5, 7, TARGET_SECRET, challenge)))
  })

  it('[SEC-9] refuses a challenge of 1025 bytes', async () => {
    const initiator = await mutual.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    const keys = { ...answer, CHAP_I: '7', CHAP_C: hexValue(pattern(1025)) }
    expect((await initiator.refusedLogin({ keys, ...SECURITY })) >> 8).toBe(0x02)
  })

  it.each(['CHAP_I', 'CHAP_C'])('[SEC-11] refuses a mutual request without %s', async (absent) => {
    const initiator = await mutual.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    const asked = { CHAP_I: '7', CHAP_C: hexValue(pattern(16)) }
    const keys = Object.fromEntries(Object.entries({ ...answer, ...asked }).filter(([key]) => key !== absent))
    expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0207)
  })

  it('[SEC-10] does not prove itself to an initiator that fails', async () => {
    const initiator = await mutual.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, 'not the secret')
    const keys = { ...answer, CHAP_I: '7', CHAP_C: hexValue(pattern(16)) }
    const response = await initiator.stepLogin({ keys, ...SECURITY })
    expect(response.header.readUInt16BE(36)).toBe(0x0201)
    expect(response.data.toString()).not.toContain('CHAP_R')
    await initiator.connection.expectClosed()
  })

  it.each(['hex', 'base64'] as const)(
    '[SEC-14] does not answer its own challenge (sent back in %s)',
    async (encoding) => {
      const initiator = await mutual.connect()
      const asked = await requestChallenge(initiator)
      const CHAP_C = encoding === 'hex' ? hexValue(asked.challenge) : `0b${asked.challenge.toString('base64')}`
      const keys = { ...chapAnswer(asked, USER, SECRET), CHAP_I: '7', CHAP_C }
      await initiator.sendLogin({ keys, ...SECURITY })
      expect(await initiator.readUntilClosed()).toEqual([])
    },
  )

  it('[SEC-17] does not answer a challenge that it has open on another connection', async () => {
    const victim = await requestChallenge(await mutual.connect())
    const initiator = await mutual.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    const keys = { ...answer, CHAP_I: String(victim.identifier), CHAP_C: hexValue(victim.challenge) }
    await initiator.sendLogin({ keys, ...SECURITY })
    for (const pdu of await initiator.readUntilClosed()) expect(pdu.data.toString()).not.toContain('CHAP_R')
  })
})

describe('a target without a secret of its own', () => {
  const oneWay = useTarget({ chap: { user: USER, secret: SECRET } })

  it('[SEC-13] refuses to be authenticated', async () => {
    const initiator = await oneWay.connect()
    const answer = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    const keys = { ...answer, CHAP_I: '7', CHAP_C: hexValue(pattern(16)) }
    expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0201)
  })
})

describe('a target with the secret of its initiators', () => {
  const careless = useTarget({ chap: { user: USER, secret: SECRET, targetUser: TARGET_USER, targetSecret: SECRET } })

  it('[SEC-15] lets nobody in with a response that it would give itself', async () => {
    const initiator = await careless.connect()
    const keys = chapAnswer(await requestChallenge(initiator), USER, SECRET)
    expect(await initiator.refusedLogin({ keys, ...SECURITY })).toBe(0x0201)
  })
})

describe('a target without authentication', () => {
  const open = useTarget()

  it('[SEC-3] picks None where it stands in the list, and refuses a list without it', async () => {
    const initiator = await open.connect()
    const keys = { ...initiator.names(), AuthMethod: 'CHAP,None' }
    expect(decodeText((await initiator.stepLogin({ keys, ...SECURITY })).data).AuthMethod).toBe('None')
    const kerberos = await open.connect()
    const text = encodeText({ ...kerberos.names(), AuthMethod: 'KRB5' })
    const response = await kerberos.stepLogin({ text, ...SECURITY })
    if (response.byte(36) === 0) expect(decodeText(response.data).AuthMethod).toBe('Reject')
    else expect(response.byte(36)).toBe(0x02)
    await kerberos.connection.expectClosed()
  })
})
