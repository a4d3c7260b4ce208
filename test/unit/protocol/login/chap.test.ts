import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CHAP_ALGORITHMS, type ChapPolicy, type ChapStep, createChapExchange } from '../../../../protocol/login/chap.ts'
import { createRecentChallenges } from '../../../../protocol/login/recent-challenges.ts'
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

/** An exchange whose challenge was fetched with CHAP_A=`algorithms`. */
function challenged(policy: ChapPolicy, algorithms = '5', randomBytes = countingBytes()) {
  const exchange = createChapExchange(policy, randomBytes)
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
    const bytes = Buffer.alloc(16, 0xa5)
    const random = (byteCount: number) => (byteCount === 1 ? Buffer.of(identifier) : bytes)
    const chap = challenged(ONE_WAY, '5', random)
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
    expect(statusOf(createChapExchange(ONE_WAY, countingBytes()).step(pairsOf([`CHAP_A=${offered}`])))).toBe(0x0201)
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
    const early = createChapExchange(ONE_WAY, countingBytes()).step(pairsOf(['CHAP_N=alice', 'CHAP_R=0x00']))
    expect(statusOf(early)).toBe(0x0207)
    const both = createChapExchange(ONE_WAY, countingBytes()).step(pairsOf(['CHAP_A=5', 'CHAP_N=alice']))
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
    const other = createChapExchange(MUTUAL, () => Buffer.alloc(16, 0x77), recent)
    other.step(pairsOf(['CHAP_A=5']))
    const exchange = createChapExchange(MUTUAL, countingBytes(), recent)
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
  it('forgets the oldest beyond its bound', () => {
    const recent = createRecentChallenges(2)
    for (const byte of [1, 2, 3]) recent.remember(Buffer.of(byte))
    expect([1, 2, 3].map((byte) => recent.has(Buffer.of(byte)))).toEqual([false, true, true])
  })
})
