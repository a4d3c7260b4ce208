/**
 * The target's side of CHAP (RFC 7143 12.1.3, RFC 1994), one-way and mutual, as a stepper over the keys of each
 * request. Steps: CHAP_A -> CHAP_A CHAP_I CHAP_C -> CHAP_N CHAP_R [CHAP_I CHAP_C] -> [CHAP_N CHAP_R].
 *
 * Invariants: nobody is authenticated without a response that was computed from a configured secret and this
 * exchange's own challenge; our own response is given out only after that, and never for a challenge of our making;
 * an unknown user takes the same path as a wrong response, and a user that belongs to another initiator gets the same
 * answer; secrets and responses occur in no reason.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { AuthenticationPolicy, ChapCredential, ChapInitiator } from '../target-directory.ts'
import type { LoginRefusal } from './login-machine.ts'
import { type LoginRefusalStatus, refuse } from './login-status.ts'
import type { RecentChallenges } from './recent-challenges.ts'
import { encodeBinaryValue, parseBinaryValue, parseNumericalValue, quote, type TextPair } from './text.ts'

interface ChapAlgorithm {
  /** In IANA's registry of PPP authentication algorithms. */
  readonly number: number
  readonly name: string
  /** The name that `node:crypto` gives it. */
  readonly hash: string
  /** Length of the response, and of the challenges that we send. */
  readonly digestBytes: number
}

/** RFC 7143 12.1.3 requires MD5; the others are in the registry and in use. */
export const CHAP_ALGORITHMS = [
  { number: 5, name: 'MD5', hash: 'md5', digestBytes: 16 },
  { number: 6, name: 'SHA1', hash: 'sha1', digestBytes: 20 },
  { number: 7, name: 'SHA-256', hash: 'sha256', digestBytes: 32 },
  { number: 8, name: 'SHA3-256', hash: 'sha3-256', digestBytes: 32 },
] as const satisfies readonly ChapAlgorithm[]

/** The longest CHAP_C or CHAP_R in bytes, decoded (RFC 7143 12.1.3). */
const CHAP_BINARY_BYTES_MAX = 1024
/** CHAP_I is one octet (RFC 1994 4.1). */
const CHAP_IDENTIFIER_MAX = 255

export type ChapPolicy = Extract<AuthenticationPolicy, { kind: 'chap' }>

export type ChapStep =
  /** Send these keys and await the next step. */
  | { readonly kind: 'challenge'; readonly answers: readonly TextPair[] }
  /** The initiator is who it says; `answers` prove who we are when it asked. */
  | { readonly kind: 'authenticated'; readonly user: string; readonly answers: readonly TextPair[] }
  | { readonly kind: 'refused'; readonly refusal: LoginRefusal }
  /** Reflection: close without an answer. */
  | { readonly kind: 'dropped'; readonly refusal: LoginRefusal }

export interface ChapExchange {
  /** Take the CHAP keys of one request, without duplicates. Total. */
  step(keys: readonly TextPair[]): ChapStep
}

/** CHAP(identifier, secret, challenge) of RFC 1994 4.1: the hash over all three, in this order. */
export function chapResponse(algorithm: ChapAlgorithm, identifier: number, secret: Buffer, challenge: Buffer): Buffer {
  return createHash(algorithm.hash).update(Buffer.of(identifier)).update(secret).update(challenge).digest()
}

interface Challenge {
  readonly algorithm: ChapAlgorithm
  readonly identifier: number
  readonly bytes: Buffer
}

export interface ChapEnvironment {
  readonly policy: ChapPolicy
  /** Normalised; credentials may be bound to it. */
  readonly initiatorName: string
  readonly randomBytes: (byteCount: number) => Buffer
  /** Detects reflection between connections. */
  readonly recentChallenges: RecentChallenges
}

/** A CHAP exchange with `initiatorName` against the credentials of `policy`. */
export function createChapExchange(environment: ChapEnvironment): ChapExchange {
  const { policy, initiatorName, randomBytes, recentChallenges } = environment
  let challenge: Challenge | null = null
  let isOver = false

  function sendChallenge(keys: ReadonlyMap<string, string>): ChapStep {
    const problem = checkKeys(keys, ['CHAP_A'])
    if (problem !== null) return problem
    const offered = keys.get('CHAP_A')!
    const algorithm = selectAlgorithm(offered)
    if (algorithm === null) {
      const supported = CHAP_ALGORITHMS.map(({ number, name }) => `${number} (${name})`).join(', ')
      return refused('authenticationFailure', `CHAP_A: none of ${quote(offered)} is supported, ${supported} are`)
    }
    const bytes = randomBytes(algorithm.digestBytes)
    const identifier = recentChallenges.remember(bytes)
    challenge = { algorithm, identifier, bytes }
    return {
      kind: 'challenge',
      answers: [
        { key: 'CHAP_A', value: String(algorithm.number) },
        { key: 'CHAP_I', value: String(identifier) },
        { key: 'CHAP_C', value: encodeBinaryValue(challenge.bytes) },
      ],
    }
  }

  function checkResponse(keys: ReadonlyMap<string, string>, sent: Challenge): ChapStep {
    const isMutual = keys.has('CHAP_I') || keys.has('CHAP_C')
    const problem = checkKeys(keys, isMutual ? ['CHAP_N', 'CHAP_R', 'CHAP_I', 'CHAP_C'] : ['CHAP_N', 'CHAP_R'])
    if (problem !== null) return problem
    const user = keys.get('CHAP_N')!
    const response = readBinary(keys, 'CHAP_R')
    if (!Buffer.isBuffer(response)) return response
    const counterChallenge = isMutual ? readCounterChallenge(keys, sent.algorithm) : null
    if (counterChallenge !== null && 'kind' in counterChallenge) return counterChallenge
    if (counterChallenge !== null && isReflected(counterChallenge.bytes, sent)) {
      const reason = 'CHAP_C: the initiator reflects a challenge of ours (RFC 7143 9.2.1)'
      return { kind: 'dropped', refusal: refuse('authenticationFailure', reason) }
    }
    const failure = verify(user, response, sent)
    if (failure !== null) return refused('authenticationFailure', failure)
    if (counterChallenge === null) return { kind: 'authenticated', user, answers: [] }
    if (policy.target === null) {
      const reason =
        'CHAP_C: the initiator asks the target to authenticate, but the target has no CHAP secret of its own'
      return refused('authenticationFailure', reason)
    }
    return { kind: 'authenticated', user, answers: proveTarget(policy.target, counterChallenge) }
  }

  function isReflected(bytes: Buffer, sent: Challenge): boolean {
    return bytes.equals(sent.bytes) || recentChallenges.has(bytes)
  }

  /** Null when the response proves that the peer knows the user's secret, else what to log. */
  function verify(user: string, response: Buffer, sent: Challenge): string | null {
    const named = policy.initiators.filter((candidate) => candidate.user === user)
    const expectedOf = ({ secret }: ChapInitiator) => chapResponse(sent.algorithm, sent.identifier, secret, sent.bytes)
    const proven = (named.length === 0 ? [DECOY] : named).find((candidate) => {
      const expected = expectedOf(candidate)
      return response.length === expected.length && timingSafeEqual(response, expected)
    })
    if (proven === undefined || proven === DECOY) {
      return `CHAP_R: user ${quote(user)} is unknown or its response does not match`
    }
    const isForInitiator = proven.initiatorNames?.includes(initiatorName) ?? true
    if (!isForInitiator) return `CHAP_N: user ${quote(user)} is not for the initiator ${quote(initiatorName)}`
    if (policy.target !== null) {
      const ours = chapResponse(sent.algorithm, sent.identifier, policy.target.secret, sent.bytes)
      if (timingSafeEqual(ours, response)) {
        return `CHAP_R: user ${quote(user)} has the same secret as the target; each direction needs its own`
      }
    }
    return null
  }

  return {
    step(pairs) {
      const keys = new Map(pairs.map(({ key, value }) => [key, value]))
      if (isOver) return refused('initiatorError', `${[...keys.keys()].join(', ')}: CHAP is over`)
      const step = challenge === null ? sendChallenge(keys) : checkResponse(keys, challenge)
      isOver = step.kind !== 'challenge'
      return step
    },
  }
}

/** Stands in for the credential of an unknown user, so that the same work is done; it authenticates nobody. */
const DECOY: ChapInitiator = { user: '', secret: Buffer.alloc(16) }

function refused(status: LoginRefusalStatus, reason: string): ChapStep & { kind: 'refused' } {
  return { kind: 'refused', refusal: refuse(status, reason) }
}

/** Exactly the keys of a step: a missing one is a missing parameter, another one an initiator error (RFC 7143 9.2). */
function checkKeys(keys: ReadonlyMap<string, string>, required: readonly string[]): ChapStep | null {
  const step = required.join(' ')
  const missing = required.find((key) => !keys.has(key))
  if (missing !== undefined) return refused('missingParameter', `${missing} is missing: this CHAP step is ${step}`)
  const other = [...keys.keys()].find((key) => !required.includes(key))
  return other === undefined ? null : refused('initiatorError', `${other} is out of place: this CHAP step is ${step}`)
}

/** The first algorithm of the initiator's list that we have (RFC 7143 6.2.1). */
function selectAlgorithm(offered: string): ChapAlgorithm | null {
  for (const item of offered.split(',')) {
    const number = parseNumericalValue(item)
    const algorithm = CHAP_ALGORITHMS.find((candidate) => candidate.number === number)
    if (algorithm !== undefined) return algorithm
  }
  return null
}

function readBinary(
  keys: ReadonlyMap<string, string>,
  key: 'CHAP_C' | 'CHAP_R',
): Buffer | (ChapStep & { kind: 'refused' }) {
  const bytes = parseBinaryValue(keys.get(key)!)
  if (bytes === null) return refused('initiatorError', `${key} is not a binary value: 0x and hex, or 0b and base64`)
  if (bytes.length > CHAP_BINARY_BYTES_MAX) {
    return refused('initiatorError', `${key} has ${bytes.length} bytes, at most ${CHAP_BINARY_BYTES_MAX} are allowed`)
  }
  return bytes
}

function readCounterChallenge(
  keys: ReadonlyMap<string, string>,
  algorithm: ChapAlgorithm,
): Challenge | (ChapStep & { kind: 'refused' }) {
  const identifier = parseNumericalValue(keys.get('CHAP_I')!)
  if (identifier === null || identifier > CHAP_IDENTIFIER_MAX) {
    return refused(
      'initiatorError',
      `CHAP_I is ${quote(keys.get('CHAP_I')!)}, not a number up to ${CHAP_IDENTIFIER_MAX}`,
    )
  }
  const bytes = readBinary(keys, 'CHAP_C')
  return Buffer.isBuffer(bytes) ? { algorithm, identifier, bytes } : bytes
}

function proveTarget(target: ChapCredential, challenge: Challenge): readonly TextPair[] {
  const response = chapResponse(challenge.algorithm, challenge.identifier, target.secret, challenge.bytes)
  return [
    { key: 'CHAP_N', value: target.user },
    { key: 'CHAP_R', value: encodeBinaryValue(response) },
  ]
}
