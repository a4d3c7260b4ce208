/** Login exchanges of real initiators (fixtures/login): their requests, replayed against the login machine. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createFullFeatureText } from '../../../../protocol/login/full-feature-text.ts'
import type { LoginReply, LoginRequest } from '../../../../protocol/login/login-machine.ts'
import { createLoginMachine } from '../../../../protocol/login/login-machine.ts'
import type { AuthenticationPolicy, TargetDirectory } from '../../../../protocol/target-directory.ts'
import { ENDPOINT, PREFERENCES, textLines } from '../../../support/login-steps.ts'

const FIXTURES = new URL('../../../../fixtures/login/', import.meta.url)
const TARGET_NAME = 'iqn.2026-11.example:capture'
const OPCODE_MASK = 0x3f
const LOGIN_REQUEST = 0x03
const TEXT_REQUEST = 0x04

const CHAP: AuthenticationPolicy = {
  kind: 'chap',
  initiators: [{ user: 'alice', secret: Buffer.from('alice-secret-0001') }],
  target: { user: 'bob', secret: Buffer.from('bobs-secret-00002') },
}

interface Capture {
  readonly name: string
  /** What the initiator sent, whole PDUs. */
  readonly requests: readonly Buffer[]
  /** The values of CHAP_I and CHAP_C that the initiator answered, if any. */
  readonly challenge: readonly Buffer[]
}

function readCapture(name: string): Capture {
  const lines = readFileSync(new URL(name, FIXTURES), 'utf8').split('\n')
  const pdus = (direction: string) =>
    lines.filter((line) => line.startsWith(`${direction} `)).map((line) => Buffer.from(line.slice(2), 'hex'))
  const asked = pdus('T').flatMap((pdu) => textLines(textOf(pdu)))
  const findValue = (key: string) => asked.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1)
  const [identifier, challenge] = [findValue('CHAP_I'), findValue('CHAP_C')]
  const isAsked = identifier !== undefined && challenge !== undefined
  const bytes = isAsked ? [Buffer.of(Number(identifier)), Buffer.from(challenge.slice(2), 'hex')] : []
  return { name: name.replace('.txt', ''), requests: pdus('I'), challenge: bytes }
}

function textOf(pdu: Buffer): Buffer {
  return pdu.subarray(48, 48 + pdu.readUIntBE(5, 3))
}

/** Fields at their offsets in RFC 7143 11.12. */
function parseLoginRequest(pdu: Buffer): LoginRequest {
  const flags = pdu[1]!
  return {
    isTransit: (flags & 0x80) !== 0,
    isContinued: (flags & 0x40) !== 0,
    currentStage: (flags >> 2) & 3,
    nextStage: flags & 3,
    versionMax: pdu[2]!,
    versionMin: pdu[3]!,
    isid: pdu.subarray(8, 14),
    tsih: pdu.readUInt16BE(14),
    initiatorTaskTag: pdu.readUInt32BE(16),
    cid: pdu.readUInt16BE(20),
    cmdSN: pdu.readUInt32BE(24),
    expStatSN: pdu.readUInt32BE(28),
    text: textOf(pdu),
  }
}

function directoryFor(policy: AuthenticationPolicy): TargetDirectory {
  return {
    findTarget: (name) =>
      name === TARGET_NAME ? { kind: 'found', target: { name, alias: '' }, portalGroupTag: 7 } : { kind: 'notFound' },
    discoveryPortalGroupTag: () => 7,
    discover: () => [{ name: TARGET_NAME, addresses: [{ host: '127.0.0.1', port: 3260, portalGroupTag: 7 }] }],
    authentication: () => policy,
  }
}

/** Replays the Login Requests; gives the replies. */
function replay({ requests, challenge }: Capture, directory: TargetDirectory): readonly LoginReply[] {
  const [identifier, ...random] = challenge
  const machine = createLoginMachine({
    directory,
    endpoint: ENDPOINT,
    preferences: PREFERENCES,
    admit: () => ({ tsih: 1 }),
    randomBytes: (byteCount) => {
      const bytes = random.shift()
      if (bytes?.length !== byteCount) throw new Error(`the capture has no ${byteCount} bytes of challenge`)
      return bytes
    },
    recentChallenges: { remember: () => identifier![0]!, has: () => false },
  })
  return requests.filter(isLoginRequest).map((pdu) => machine.step(parseLoginRequest(pdu)))
}

const CAPTURES = readdirSync(FIXTURES).map(readCapture)
const keyOf = (line: string) => line.split('=')[0]!

/** Which keys a target may send on its own account, and which it does not have to answer. */
const UNASKED_KEYS = [
  'TargetPortalGroupTag',
  'TargetAlias',
  'MaxRecvDataSegmentLength',
  'CHAP_I',
  'CHAP_C',
  'CHAP_N',
  'CHAP_R',
]
const DECLARED_KEYS = [
  'InitiatorName',
  'TargetName',
  'SessionType',
  'InitiatorAlias',
  'CHAP_N',
  'CHAP_R',
  'CHAP_I',
  'CHAP_C',
]

const isAuthenticated = ({ challenge }: Capture) => challenge.length > 0
const policyOf = (capture: Capture): AuthenticationPolicy => (isAuthenticated(capture) ? CHAP : { kind: 'none' })
const replayProperly = (capture: Capture) => replay(capture, directoryFor(policyOf(capture)))
const agreementOf = (capture: Capture) => replayProperly(capture).at(-1)?.agreement

const isLoginRequest = (pdu: Buffer) => (pdu[0]! & OPCODE_MASK) === LOGIN_REQUEST
const textRequestOf = ({ requests }: Capture) => requests.find((pdu) => (pdu[0]! & OPCODE_MASK) === TEXT_REQUEST)

describe.each(CAPTURES)('$name', (capture) => {
  it('logs in', () => {
    const replies = replayProperly(capture)
    expect(replies.filter(({ refusal }) => refusal !== undefined)).toEqual([])
    expect(replies.at(-1)?.outcome).toBe('complete')
    expect(agreementOf(capture)?.identity.chapUser).toBe(isAuthenticated(capture) ? 'alice' : null)
  })

  it('gets a value for each key that it offered, and nothing that it did not ask for', () => {
    const offered = capture.requests.filter(isLoginRequest).flatMap((pdu) => textLines(textOf(pdu)).map(keyOf))
    const answered = replayProperly(capture).flatMap(({ text }) => textLines(text))
    const awaited = offered.filter((key) => !DECLARED_KEYS.includes(key))
    expect(awaited.filter((key) => !answered.map(keyOf).includes(key))).toEqual([])
    const unasked = answered.map(keyOf).filter((key) => !offered.includes(key))
    expect(unasked.filter((key) => !UNASKED_KEYS.includes(key))).toEqual([])
    expect(answered.filter((line) => /=(Reject|Irrelevant|NotUnderstood)$/.test(line))).toEqual([])
  })

  it('finishes its operational stage in one response', () => {
    expect(replayProperly(capture).filter(({ currentStage }) => currentStage === 1)).toHaveLength(1)
  })
})

it.each(CAPTURES.filter(isAuthenticated))('$name is kept out with another secret', (capture) => {
  const wrong = { ...CHAP, initiators: [{ user: 'alice', secret: Buffer.from('another-secret-1') }] }
  expect(replay(capture, directoryFor(wrong)).map(({ outcome }) => outcome)).not.toContain('complete')
})

it.each(CAPTURES.filter((capture) => !isAuthenticated(capture)))(
  '$name is kept out where CHAP is required',
  (capture) => {
    const replies = replay(capture, directoryFor(CHAP))
    expect(replies[0]).toMatchObject({ outcome: 'refused', statusClass: 2, statusDetail: 1 })
  },
)

it.each(CAPTURES.filter((capture) => textRequestOf(capture) !== undefined))('$name is told the targets', (capture) => {
  const { sessionType, initiatorName } = agreementOf(capture)!.identity
  const session = { sessionType, initiatorName, targetName: null, endpoint: ENDPOINT }
  const negotiation = createFullFeatureText(session, directoryFor({ kind: 'none' }), PREFERENCES.keysMax)
  const answer = negotiation.step(textOf(textRequestOf(capture)!))
  expect(answer.kind === 'answer' && textLines(answer.text)).toEqual([
    `TargetName=${TARGET_NAME}`,
    'TargetAddress=127.0.0.1:3260,7',
  ])
})

describe('what the initiators negotiated', () => {
  const agreed = (name: string) => agreementOf(CAPTURES.find((capture) => capture.name === name)!)

  it('libiscsi: unsolicited data, no digests', () => {
    expect(agreed('libiscsi-normal')).toMatchObject({
      session: { initialR2T: false, immediateData: true, maxBurstLength: 262_144, firstBurstLength: 262_144 },
      connection: { headerDigest: false, initiatorMaxRecvDataSegmentLength: 262_144 },
    })
  })

  it('QEMU: the header digest that it asked for', () => {
    expect(agreed('qemu-chap-header-digest')?.connection).toMatchObject({ headerDigest: true, dataDigest: false })
  })

  it('iPXE: no unsolicited data, small segments', () => {
    expect(agreed('ipxe-normal')).toMatchObject({
      session: { initialR2T: true, immediateData: false, defaultTime2Wait: 2 },
      connection: { initiatorMaxRecvDataSegmentLength: 8192 },
    })
  })

  it('open-iscsi: a discovery session with an alias', () => {
    expect(agreed('open-iscsi-discovery')).toMatchObject({
      identity: { sessionType: 'Discovery', initiatorAlias: 'workstation', target: null },
      connection: { initiatorMaxRecvDataSegmentLength: 32_768 },
    })
  })
})
