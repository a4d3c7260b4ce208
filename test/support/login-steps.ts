/** For tests of the login machine: an environment to start from, and requests made of pairs. */

import type {
  LoginAgreement,
  LoginEnvironment,
  LoginPreferences,
  LoginReply,
  LoginRequest,
} from '../../protocol/login/login-machine.ts'
import { createLoginMachine } from '../../protocol/login/login-machine.ts'
import { SESSION_PARAMETER_DEFAULTS } from '../../protocol/login/parameters.ts'
import { createRecentChallenges } from '../../protocol/login/recent-challenges.ts'
import { parseText, type TextPair } from '../../protocol/login/text.ts'
import type { AuthenticationPolicy, PortalEndpoint, TargetDirectory } from '../../protocol/target-directory.ts'

export const INITIATOR_NAME = 'iqn.2026-11.example:initiator'
export const TARGET_NAME = 'iqn.2026-11.example:disk'
export const NAMES = [`InitiatorName=${INITIATOR_NAME}`, `TargetName=${TARGET_NAME}`]

export const ENDPOINT: PortalEndpoint = {
  localAddress: '127.0.0.1',
  localPort: 3260,
  remoteAddress: '127.0.0.1',
  portalId: '7',
  tls: null,
}

/** What a capable target would like; everything differs from the defaults where it can. */
export const PREFERENCES: LoginPreferences = {
  session: {
    ...SESSION_PARAMETER_DEFAULTS,
    maxConnections: 4,
    initialR2T: false,
    maxBurstLength: 1_048_576,
    firstBurstLength: 262_144,
    defaultTime2Retain: 0,
    maxOutstandingR2T: 8,
  },
  connection: { headerDigest: true, dataDigest: true, targetMaxRecvDataSegmentLength: 262_144 },
  textBytesMax: 16_384,
  keysMax: 1024,
  exchangesMax: 32,
}

/** A directory with one target that everybody may see. */
export function directoryWith(authentication: AuthenticationPolicy, alias = ''): TargetDirectory {
  return {
    findTarget: (name) =>
      name === TARGET_NAME ? { kind: 'found', target: { name, alias }, portalGroupTag: 7 } : { kind: 'notFound' },
    discoveryPortalGroupTag: () => 7,
    discover: () => [{ name: TARGET_NAME, addresses: [{ host: '127.0.0.1', port: 3260, portalGroupTag: 7 }] }],
    authentication: () => authentication,
  }
}

export interface LoginDriver {
  readonly admitted: LoginAgreement[]
  /** Send a request: `CSG`, `NSG` (null for T=0) and pairs; `fields` override. */
  send(currentStage: number, nextStage: number | null, pairs: readonly string[], fields?: Partial<LoginRequest>): Answer
}

export interface Answer extends LoginReply {
  /** The text as `key=value` lines, joined over responses with the C bit. */
  readonly pairs: readonly string[]
  /** Class and detail in one number. */
  readonly status: number
}

const ISID = Buffer.from('00023d000001', 'hex')
const TSIH = 0x1234

/** A login machine to step; `overrides` replace parts of an environment without authentication. */
export function startLogin(overrides: Partial<LoginEnvironment> = {}): LoginDriver {
  const admitted: LoginAgreement[] = []
  const machine = createLoginMachine({
    directory: directoryWith({ kind: 'none' }),
    endpoint: ENDPOINT,
    preferences: PREFERENCES,
    admit: (agreement) => {
      admitted.push(agreement)
      return { tsih: TSIH }
    },
    randomBytes: countingBytes(),
    recentChallenges: createRecentChallenges(16),
    ...overrides,
  })
  let received = Buffer.alloc(0)
  return {
    admitted,
    send(currentStage, nextStage, offers, fields = {}) {
      const reply = machine.step({
        isTransit: nextStage !== null,
        isContinued: false,
        currentStage,
        nextStage: nextStage ?? 0,
        versionMax: 0,
        versionMin: 0,
        isid: ISID,
        tsih: 0,
        initiatorTaskTag: 1,
        cid: 0,
        cmdSN: 123,
        expStatSN: 0,
        text: Buffer.from(offers.map((pair) => `${pair}\0`).join('')),
        ...fields,
      })
      received = Buffer.concat(reply.outcome === 'refused' || reply.outcome === 'drop' ? [] : [received, reply.text])
      const pairs = reply.isContinued ? [] : textLines(received)
      if (!reply.isContinued) received = Buffer.alloc(0)
      return { ...reply, pairs, status: (reply.statusClass << 8) | reply.statusDetail }
    },
  }
}

/** A text as `key=value` lines; throws when it is malformed, as a strict initiator would. */
export function textLines(text: Buffer): readonly string[] {
  const pairs = parseText(text)
  if ('problem' in pairs) throw new Error(pairs.problem)
  return pairs.map(({ key, value }) => `${key}=${value}`)
}

export function pairsOf(lines: readonly string[]): readonly TextPair[] {
  const pairs = parseText(Buffer.from(lines.map((line) => `${line}\0`).join('')))
  if ('problem' in pairs) throw new Error(pairs.problem)
  return pairs
}

/** Bytes that never repeat within a test, in place of random ones. */
export function countingBytes(): (byteCount: number) => Buffer {
  let next = 0
  return (byteCount) => Buffer.from(Array.from({ length: byteCount }, () => next++ & 0xff))
}
