/** CHAP (RFC 1994, RFC 7143 12.1.3) from the test initiator's side, independent of the target's implementation. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { LoginOutcome, WireInitiator } from './wire-initiator.ts'
import type { TargetPdu } from './wire-pdu.ts'
import { decodeText, type TextKeys } from './wire-text.ts'

/** Algorithm numbers of the IANA registry and the digests that they stand for. */
export const CHAP_DIGEST: Readonly<Record<number, string>> = { 5: 'md5', 6: 'sha1', 7: 'sha256', 8: 'sha3-256' }

/** RFC 1994 4.1: digest over identifier, secret and challenge. */
export function chapResponse(algorithm: number, identifier: number, secret: string, challenge: Buffer): Buffer {
  return createHash(CHAP_DIGEST[algorithm]!)
    .update(Buffer.from([identifier]))
    .update(secret)
    .update(challenge)
    .digest()
}

export function hexValue(bytes: Buffer): string {
  return `0x${bytes.toString('hex')}`
}

/** The bytes of a hexadecimal binary value as a target must send it. */
export function fromHexValue(value: string | undefined): Buffer {
  assert.match(value ?? '', /^0x([0-9a-f]{2})+$/, 'binary values go out as 0x and lower-case hexadecimal digits')
  return Buffer.from(value!.slice(2), 'hex')
}

/** What the target asked in the second step. */
export interface ChapChallenge {
  readonly algorithm: number
  readonly identifier: number
  readonly challenge: Buffer
  readonly response: TargetPdu
}

/** The steps up to the target's challenge. */
export async function requestChallenge(initiator: WireInitiator, algorithms = '5'): Promise<ChapChallenge> {
  const names = initiator.names()
  const stage = { currentStage: 0, nextStage: 1, isTransit: false }
  const method = await initiator.stepLogin({ ...stage, keys: { ...names, AuthMethod: 'CHAP' } })
  assert.equal(decodeText(method.data).AuthMethod, 'CHAP')
  const response = await initiator.stepLogin({ ...stage, keys: { CHAP_A: algorithms } })
  assert.equal(response.header.readUInt16BE(36), 0, 'login status after CHAP_A')
  const keys = decodeText(response.data)
  assert.match(keys.CHAP_I ?? '', /^(0|[1-9][0-9]{0,2})$/, 'CHAP_I')
  return {
    algorithm: Number(keys.CHAP_A),
    identifier: Number(keys.CHAP_I),
    challenge: fromHexValue(keys.CHAP_C),
    response,
  }
}

/** CHAP_N and CHAP_R for a challenge. */
export function chapAnswer(asked: ChapChallenge, user: string, secret: string): Record<string, string> {
  const { algorithm, identifier, challenge } = asked
  return { CHAP_N: user, CHAP_R: hexValue(chapResponse(algorithm, identifier, secret, challenge)) }
}

export interface ChapLogin {
  readonly user: string
  readonly secret: string
  readonly algorithms?: string
  /** Ask the target to authenticate itself, with this identifier and challenge. */
  readonly mutual?: { readonly identifier: number; readonly challenge: Buffer }
  /** Operational keys. */
  readonly keys?: TextKeys
}

/** Log in with CHAP; `security` holds the keys of the response that ended the security stage. */
export async function loginWithChap(
  initiator: WireInitiator,
  login: ChapLogin,
): Promise<LoginOutcome & { readonly security: Readonly<Record<string, string>>; readonly algorithm: number }> {
  const asked = await requestChallenge(initiator, login.algorithms)
  const { mutual } = login
  const mutualKeys = mutual && { CHAP_I: String(mutual.identifier), CHAP_C: hexValue(mutual.challenge) }
  const verdict = await initiator.stepLogin({
    currentStage: 0,
    nextStage: 1,
    keys: { ...chapAnswer(asked, login.user, login.secret), ...mutualKeys },
  })
  assert.equal(verdict.header.readUInt16BE(36), 0, 'login status after CHAP_R')
  assert.equal(verdict.byte(1) & 0x8f, 0x81, 'security stage ends into the operational stage')
  const keys = login.keys ?? {}
  const operational = await initiator.stepLogin({ keys })
  const outcome = await initiator.finishLogin(keys, [operational])
  return { ...outcome, security: decodeText(verdict.data), algorithm: asked.algorithm }
}
