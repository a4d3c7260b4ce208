import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CHAP_ALGORITHMS, type ChapPolicy, type ChapStep, createChapExchange } from '../../../../protocol/login/chap.ts'
import { createRecentChallenges, type RecentChallenges } from '../../../../protocol/login/recent-challenges.ts'
import { countingBytes, pairsOf } from '../../../support/login-steps.ts'

const SECRET = Buffer.from('alice-secret-0001')
const TARGET_SECRET = Buffer.from('bobs-secret-00002')
const ONE_WAY: ChapPolicy = { kind: 'chap', initiators: [{ user: 'alice', secret: SECRET }], target: null }
const MUTUAL: ChapPolicy = { ...ONE_WAY, target: { user: 'bob', secret: TARGET_SECRET } }
const HASHES: Record<number, string> = { 5: 'md5', 6: 'sha1', 7: 'sha256', 8: 'sha3-256' }

function chapHash(algorithm: number, identifier: number, secret: Buffer, challenge: Buffer): Buffer {
  const octets = Buffer.concat([Buffer.of(identifier), secret, challenge])
  return createHash(HASHES[algorithm]!).update(octets).digest()
}

const INITIATOR_NAME = 'iqn.2026-11.example:initiator'

function exchangeWith(
  policy: ChapPolicy,
  randomBytes = countingBytes(),
  recentChallenges: RecentChallenges = createRecentChallenges(16),
) {
  return createChapExchange({ policy, initiatorName: INITIATOR_NAME, randomBytes, recentChallenges })
}

/** An exchange whose challenge was fetched with CHAP_A=`algorithms`. */
function challenged(policy: ChapPolicy, algorithms = '5', recentChallenges?: RecentChallenges) {
  const exchange = exchangeWith(policy, countingBytes(), recentChallenges)
  const step = exchange.step(pairsOf([`CHAP_A=${algorithms}`]))
  if (step.kind !== 'challenge') throw new Error(`no challenge: ${step.kind}`)
  const [algorithm, identifier, challenge] = step.answers.map(({ value }) => value)
  const bytes = Buffer.from(challenge!.slice(2), 'hex')
  const respond = (secret: Buffer) => chapHash(Number(algorithm), Number(identifier), secret, bytes)
  return {
    exchange,
    algorithm: Number(algorithm),
    identifier: Number(identifier),
    challenge: challenge!,
    bytes,
    respond,
  }
}

function statusOf(step: ChapStep): number {
  if (step.kind !== 'refused') throw new Error(`not refused: ${step.kind}`)
  return (step.refusal.statusClass << 8) | step.refusal.statusDetail
}

const hex = (bytes: Buffer) => `0x${bytes.toString('hex')}`

describe('CHAP, one way', () => {
  it.each(CHAP_ALGORITHMS)('[SEC-6] [SEC-7] authenticates with algorithm $number, $name', ({ number, digestBytes }) => {
    const { exchange, algorithm, bytes, respond } = challenged(ONE_WAY, String(number))
    expect(algorithm).toBe(number)
    expect(bytes.length).toBe(digestBytes)
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`]))
    expect(step).toEqual({ kind: 'authenticated', user: 'alice', answers: [] })
  })

  it.each([0, 255])('[SEC-7] works with identifier %d', (identifier) => {
    const chap = challenged(ONE_WAY, '5', { remember: () => identifier, has: () => false })
    expect(chap.identifier).toBe(identifier)
    const step = chap.exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(chap.respond(SECRET))}`]))
    expect(step.kind).toBe('authenticated')
  })

  it.each([
    ['8,7,6,5', 8],
    ['7,5', 7],
    ['99,bogus,5', 5],
  ])('[SEC-5] takes from %s the initiator’s first that it has', (offered, chosen) => {
    expect(challenged(ONE_WAY, offered).algorithm).toBe(chosen)
  })

  it.each(['99', '', 'md5', '4,9'])('[SEC-5] refuses CHAP_A=%s', (offered) => {
    expect(statusOf(exchangeWith(ONE_WAY).step(pairsOf([`CHAP_A=${offered}`])))).toBe(0x0201)
  })

  it('[TEXT-5] [SEC-9] takes the response in hex of either case and in base64', () => {
    for (const encode of [
      (response: Buffer) => `0X${response.toString('hex').toUpperCase()}`,
      (response: Buffer) => `0b${response.toString('base64')}`,
      (response: Buffer) => `0B${response.toString('base64')}`,
    ]) {
      const { exchange, respond } = challenged(ONE_WAY)
      const step = exchange.step(pairsOf([`CHAP_R=${encode(respond(SECRET))}`, 'CHAP_N=alice']))
      expect(step.kind).toBe('authenticated')
    }
  })

  it('[SEC-9] sends the challenge as 0x and lower-case hex', () => {
    expect(challenged(ONE_WAY, '7').challenge).toMatch(/^0x[0-9a-f]{64}$/)
  })

  it('[SEC-10] refuses a wrong secret and an unknown user alike', () => {
    const wrong = challenged(ONE_WAY)
    const wrongStep = wrong.exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(wrong.respond(TARGET_SECRET))}`]))
    const unknown = challenged(ONE_WAY)
    const decoys = [SECRET, Buffer.alloc(16), Buffer.alloc(0)]
    for (const secret of decoys) {
      const { exchange, respond } = challenged(ONE_WAY)
      const step = exchange.step(pairsOf(['CHAP_N=mallory', `CHAP_R=${hex(respond(secret))}`]))
      expect(statusOf(step)).toBe(0x0201)
    }
    const unknownStep = unknown.exchange.step(pairsOf(['CHAP_N=mallory', 'CHAP_R=0x00']))
    expect(statusOf(wrongStep)).toBe(0x0201)
    expect(JSON.stringify(unknownStep).replace('mallory', 'alice')).toBe(JSON.stringify(wrongStep))
  })

  describe('with users that belong to initiators', () => {
    const bound = (initiatorNames: readonly string[]): ChapPolicy => ({
      ...ONE_WAY,
      initiators: [
        { user: 'alice', secret: SECRET, initiatorNames },
        { user: 'carol', secret: Buffer.from('carols-secret-003') },
      ],
    })

    it('[SEC-20] authenticates the initiator that a user belongs to', () => {
      const { exchange, respond } = challenged(bound(['iqn.2026-11.example:other', INITIATOR_NAME]))
      const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`]))
      expect(step).toMatchObject({ kind: 'authenticated', user: 'alice' })
    })

    it.each([[['iqn.2026-11.example:other']], [[]]])('[SEC-20] refuses it where the user belongs to %j', (names) => {
      const { exchange, respond } = challenged(bound(names))
      const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`]))
      expect(statusOf(step)).toBe(0x0201)
      expect(step).toMatchObject({ refusal: { reason: expect.stringMatching(/^CHAP_N: user "alice" is not for/) } })
    })

    it('takes each user by its own secret only', () => {
      const secrets = { alice: SECRET, carol: Buffer.from('carols-secret-003') }
      for (const [user, secret] of Object.entries(secrets)) {
        for (const claimed of ['alice', 'carol']) {
          const { exchange, respond } = challenged(bound([INITIATOR_NAME]))
          const step = exchange.step(pairsOf([`CHAP_N=${claimed}`, `CHAP_R=${hex(respond(secret))}`]))
          expect(step.kind).toBe(claimed === user ? 'authenticated' : 'refused')
        }
      }
    })
  })

  it('keeps secrets and responses out of reasons', () => {
    const { exchange, respond } = challenged(ONE_WAY)
    const response = respond(TARGET_SECRET).toString('hex')
    const told = JSON.stringify(exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=0x${response}`])))
    expect(told).not.toContain(response)
    expect(told).not.toContain(SECRET.toString())
  })

  it.each([
    [['CHAP_N=alice'], 'CHAP_R'],
    [['CHAP_R=0x00'], 'CHAP_N'],
    [[], 'CHAP_N'],
    [['CHAP_N=alice', 'CHAP_R=0x00', 'CHAP_I=1'], 'CHAP_C'],
    [['CHAP_N=alice', 'CHAP_R=0x00', 'CHAP_C=0x00'], 'CHAP_I'],
    [['CHAP_N=alice', 'CHAP_I=1', 'CHAP_C=0x00'], 'CHAP_R'],
  ])('[SEC-11] %j misses %s', (keys, missing) => {
    const step = challenged(MUTUAL).exchange.step(pairsOf(keys))
    expect(statusOf(step)).toBe(0x0207)
    expect(step).toMatchObject({ refusal: { reason: expect.stringContaining(`${missing} is missing`) } })
  })

  it('[SEC-4] [SEC-11] wants CHAP_A first, and each step’s keys only', () => {
    const early = exchangeWith(ONE_WAY).step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00']))
    expect(statusOf(early)).toBe(0x0207)
    const both = exchangeWith(ONE_WAY).step(pairsOf(['CHAP_A=5', 'CHAP_N=alice']))
    expect(statusOf(both)).toBe(0x0200)
    const again = challenged(ONE_WAY).exchange.step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00', 'CHAP_A=5']))
    expect(statusOf(again)).toBe(0x0200)
  })

  it.each(['12', 'zz', '0x', `0x${'00'.repeat(1025)}`, `0b${Buffer.alloc(1025).toString('base64')}`])(
    '[SEC-9] [SEC-11] refuses the malformed CHAP_R %s',
    (response) => {
      expect(statusOf(challenged(ONE_WAY).exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${response}`])))).toBe(0x0200)
    },
  )

  it('[SEC-9] reads a response of 1024 bytes, which then is wrong', () => {
    const step = challenged(ONE_WAY).exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=0x${'00'.repeat(1024)}`]))
    expect(statusOf(step)).toBe(0x0201)
  })

  it('gives no second chance', () => {
    const { exchange, respond } = challenged(ONE_WAY)
    exchange.step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00']))
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`]))
    expect(statusOf(step)).toBe(0x0200)
  })
})

describe('[SEC-8] challenges', () => {
  it('of 10,000 logins are all different, and neighbours have different identifiers', () => {
    const recent = createRecentChallenges(16)
    const challenges = new Set<string>()
    let before = -1
    for (let login = 0; login < 10_000; login++) {
      const step = exchangeWith(ONE_WAY, randomBytes, recent).step(pairsOf(['CHAP_A=5']))
      if (step.kind !== 'challenge') throw new Error(step.kind)
      const [, identifier, challenge] = step.answers.map(({ value }) => value)
      expect(Number(identifier)).not.toBe(before)
      before = Number(identifier)
      challenges.add(challenge!)
    }
    expect(challenges.size).toBe(10_000)
  })
})

describe('CHAP, mutual', () => {
  const counter = ['CHAP_I=9', `CHAP_C=0x${'5c'.repeat(16)}`]

  it.each([5, 6, 7, 8])('[SEC-1] [SEC-4] proves the target with algorithm %d', (algorithm) => {
    const { exchange, respond } = challenged(MUTUAL, String(algorithm))
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`, ...counter]))
    const expected = chapHash(algorithm, 9, TARGET_SECRET, Buffer.alloc(16, 0x5c))
    expect(step).toEqual({
      kind: 'authenticated',
      user: 'alice',
      answers: pairsOf(['CHAP_N=bob', `CHAP_R=${hex(expected)}`]),
    })
  })

  it('does not prove itself to an initiator that failed', () => {
    const step = challenged(MUTUAL).exchange.step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00', ...counter]))
    expect(statusOf(step)).toBe(0x0201)
  })

  it('[SEC-13] refuses when it has no secret of its own', () => {
    const { exchange, respond } = challenged(ONE_WAY)
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`, ...counter]))
    expect(statusOf(step)).toBe(0x0201)
  })

  it.each(['0x', '0b'])('[SEC-14] drops a reflected challenge, whatever its encoding (%s)', (prefix) => {
    const { exchange, respond, bytes } = challenged(MUTUAL)
    const reflected = `CHAP_C=${prefix}${bytes.toString(prefix === '0x' ? 'hex' : 'base64')}`
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`, 'CHAP_I=1', reflected]))
    expect(step.kind).toBe('dropped')
  })

  it('[SEC-17] drops a challenge reflected from another connection', () => {
    const recent = createRecentChallenges(8)
    const other = exchangeWith(MUTUAL, () => Buffer.alloc(16, 0x77), recent)
    other.step(pairsOf(['CHAP_A=5']))
    const exchange = exchangeWith(MUTUAL, countingBytes(), recent)
    exchange.step(pairsOf(['CHAP_A=5']))
    const reflected = `CHAP_C=0x${'77'.repeat(16)}`
    expect(exchange.step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00', 'CHAP_I=1', reflected])).kind).toBe('dropped')
  })

  it('[SEC-15] refuses one secret for both directions', () => {
    const shared: ChapPolicy = { ...ONE_WAY, target: { user: 'bob', secret: SECRET } }
    const { exchange, respond } = challenged(shared)
    const step = exchange.step(pairsOf(['CHAP_N=alice', `CHAP_R=${hex(respond(SECRET))}`, ...counter]))
    expect(statusOf(step)).toBe(0x0201)
  })

  it.each(['CHAP_I=256', 'CHAP_I=-1', 'CHAP_I='])('[SEC-11] refuses %s', (identifier) => {
    const step = challenged(MUTUAL).exchange.step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00', identifier, counter[1]!]))
    expect(statusOf(step)).toBe(0x0200)
  })
})

describe('recent challenges', () => {
  it('[SEC-8] come with an identifier that is an octet and changes each time', () => {
    const recent = createRecentChallenges(2)
    const identifiers = Array.from({ length: 600 }, (_, index) => recent.remember(Buffer.of(index)))
    identifiers.forEach((identifier, index) => {
      expect(identifier & 0xff).toBe(identifier)
      expect(identifier).not.toBe(identifiers[index + 1])
    })
  })

  it('forgets the oldest beyond its bound', () => {
    const recent = createRecentChallenges(2)
    for (const byte of [1, 2, 3]) recent.remember(Buffer.of(byte))
    expect([1, 2, 3].map((byte) => recent.has(Buffer.of(byte)))).toEqual([false, true, true])
  })
})
