/**
 * The login machine: one connection's Login Phase (RFC 7143 6.3, 11.12, 11.13), step by step. It puts together what
 * belongs to no single stage: header rules, the C bit in both directions, duplicates, stage moves and the final
 * response. The stages themselves are in `security-negotiation.ts` and `negotiation.ts`. Total: each request gives a
 * reply, and the first refusal ends the phase.
 *
 * Invariants: text is looked at only when the initiator has sent all of it; no stage is left before its predecessor
 * is settled; a response has T only if the request had it, with the stage that the request proposed, never with C.
 */

import { STAGE } from '../constants.ts'
import { formatAddress } from '../discovery/target-address.ts'
import { claimsOf, findWithdrawal, IDENTIFYING_KEYS, type Identification, identify } from './identification.ts'
import { findAnswerOnlyValue, findMisuse } from './key-rules.ts'
import { KEY_TABLE } from './key-table.ts'
import type {
  LoginAgreement,
  LoginClaims,
  LoginEnvironment,
  LoginMachine,
  LoginRefusal,
  LoginReply,
  LoginRequest,
} from './login-machine.ts'
import { isRefusal, LOGIN_STATUS, refuse } from './login-status.ts'
import { type AgreedParameters, negotiate, settle } from './negotiation.ts'
import { CONNECTION_PARAMETER_DEFAULTS } from './parameters.ts'
import { createSecurityNegotiation, type SecurityNegotiation } from './security-negotiation.ts'
import { isTransitionAllowed, type LoginStage, stageOfCode } from './stages.ts'
import { encodeText, parseText, quote, type TextPair } from './text.ts'

/** The one protocol version that exists (RFC 7143 11.12.4). */
const PROTOCOL_VERSION = 0

/** How much text one Login Response takes: the default MaxRecvDataSegmentLength holds during login (RFC 7143 6.3). */
const RESPONSE_TEXT_BYTES_MAX = CONNECTION_PARAMETER_DEFAULTS.initiatorMaxRecvDataSegmentLength

const NO_TEXT = Buffer.alloc(0)

/** How a step can end the phase. */
interface Ending {
  readonly outcome: 'refused' | 'drop'
  readonly refusal: LoginRefusal
  /** Goes with the refusal. */
  readonly text?: Buffer
}

/** The initiator as its first text identified it. */
interface Peer extends Identification {
  readonly security: SecurityNegotiation
}

/** The longest local name, in bytes of UTF-8 (RFC 7143 6.1). */
const ALIAS_BYTES_MAX = 255

/** A login machine for one new connection. */
export function createLoginMachine(environment: LoginEnvironment): LoginMachine {
  return new LoginPhase(environment)
}

class LoginPhase implements LoginMachine {
  readonly #environment: LoginEnvironment
  #isOver = false
  #requestCount = 0
  #first: LoginRequest | null = null
  #stage: LoginStage = 'start'
  /** Text of requests with the C bit, until one without it completes it. */
  #received: Buffer[] = []
  /** Text that is still to be sent. */
  #outgoing: Buffer = NO_TEXT
  readonly #keysSeen = new Set<string>()
  #peer: Peer | null = null
  #claims: LoginClaims = { initiatorName: null, targetName: null }
  #initiatorAlias = ''
  #agreed: AgreedParameters = {}

  constructor(environment: LoginEnvironment) {
    this.#environment = environment
  }

  /** The login of a session's first connection. */
  get #isLeading(): boolean {
    return this.#first!.tsih === 0
  }

  step(request: LoginRequest): LoginReply {
    const ending = this.#take(request)
    return ending === null ? this.#answer(request) : this.#end(request, ending)
  }

  claims(): LoginClaims {
    return this.#claims
  }

  /** Everything up to the point where an answer can be given; null when there is one. */
  #take(request: LoginRequest): Ending | null {
    this.#requestCount++
    const misuse = this.#findHeaderMisuse(request)
    if (misuse !== null) return refused(misuse)
    this.#first ??= { ...request, isid: Buffer.from(request.isid), text: NO_TEXT }
    this.#stage = request.currentStage === STAGE.SECURITY_NEGOTIATION ? 'security' : 'operational'
    if (this.#outgoing.length > 0) return this.#takeContinuation(request)
    this.#received.push(request.text)
    const textBytes = this.#received.reduce((sum, { length }) => sum + length, 0)
    const { textBytesMax } = this.#environment.preferences
    if (textBytes > textBytesMax) {
      return refused(refuse('initiatorError', `the text of one sequence exceeds ${textBytesMax} bytes`))
    }
    if (request.isContinued) return null
    const text = Buffer.concat(this.#received)
    this.#received = []
    return this.#takeText(text)
  }

  /** While our own text is being sent, requests only ask for more of it (RFC 7143 6.2). */
  #takeContinuation({ text, isContinued }: LoginRequest): Ending | null {
    if (text.length === 0 && !isContinued) return null
    return refused(refuse('initiatorError', 'text was sent before the whole response was fetched'))
  }

  #findHeaderMisuse(request: LoginRequest): LoginRefusal | null {
    const { requestCount, first } = { requestCount: this.#requestCount, first: this.#first }
    const { exchangesMax } = this.#environment.preferences
    if (this.#isOver) return refuse('invalidDuringLogin', 'the Login Phase is over')
    if (requestCount > exchangesMax) return refuse('initiatorError', `a login has at most ${exchangesMax} requests`)
    if (first === null && request.versionMin > PROTOCOL_VERSION) {
      return refuse(
        'unsupportedVersion',
        `Version-min is ${request.versionMin}, version ${PROTOCOL_VERSION} is supported`,
      )
    }
    const changed = first === null ? null : findChangedField(first, request)
    if (changed !== null) return refuse('initiatorError', `${changed} differs from that of the first Login Request`)
    if (request.isContinued && request.isTransit) return refuse('initiatorError', 'both the C and the T bit are set')
    return this.#findStageMisuse(request)
  }

  #findStageMisuse({ currentStage, nextStage, isTransit }: LoginRequest): LoginRefusal | null {
    const stage = stageOfCode(currentStage)
    const isStageKept = stage === this.#stage
    const isStageEntered = stage !== null && this.#stage === 'start' && isTransitionAllowed('start', stage)
    if (stage === null || stage === 'fullFeature' || !(isStageKept || isStageEntered)) {
      return refuse('initiatorError', `CSG is ${currentStage} while the login is at ${this.#stage}`)
    }
    const next = stageOfCode(nextStage)
    if (isTransit && (next === null || !isTransitionAllowed(stage, next))) {
      return refuse('initiatorError', `NSG is ${nextStage}, which does not follow CSG ${currentStage}`)
    }
    return null
  }

  #takeText(text: Buffer): Ending | null {
    const pairs = parseText(text)
    if ('problem' in pairs) return refused(refuse('initiatorError', `text: ${pairs.problem}`))
    const stage = this.#stage === 'security' ? 'security' : 'operational'
    const misuse = this.#findKeyMisuse(pairs, stage)
    if (misuse !== null) return refused(refuse('initiatorError', misuse))
    const answers: TextPair[] = []
    if (this.#peer === null) {
      this.#claims = claimsOf(pairs)
      const identification = identify(pairs, this.#environment)
      if (isRefusal(identification)) return refused(identification)
      const { policy, initiatorName } = identification
      const security = createSecurityNegotiation(policy, initiatorName, this.#environment)
      this.#peer = { ...identification, security }
      answers.push(...this.#firstAnswers(identification))
    }
    const moved = this.#findRedirection(this.#peer)
    if (moved !== null) return moved
    const alias = pairs.find(({ key }) => key === 'InitiatorAlias')?.value
    if (alias !== undefined) this.#initiatorAlias = shortened(alias)
    const rest =
      stage === 'security' ? this.#takeSecurityKeys(this.#peer, pairs) : this.#takeOperationalKeys(this.#peer, pairs)
    if (!Array.isArray(rest)) return rest
    this.#outgoing = encodeText([...answers, ...rest])
    return null
  }

  /** The first protocol error among the keys of one text. Remembers the keys, which may not come again. */
  #findKeyMisuse(pairs: readonly TextPair[], stage: 'security' | 'operational'): string | null {
    const { keysMax } = this.#environment.preferences
    for (const pair of pairs) {
      const { key } = pair
      if (this.#keysSeen.has(key)) return `${key} is sent a second time`
      this.#keysSeen.add(key)
      if (this.#keysSeen.size > keysMax) return `a login has at most ${keysMax} keys`
      if (this.#peer !== null && IDENTIFYING_KEYS.includes(key)) return `${key} is not in the first request`
      const row = KEY_TABLE.get(key)
      const misuse =
        findAnswerOnlyValue(pair) ??
        (row && findMisuse(row, pair, { kind: 'login', stage, isLeading: this.#isLeading }))
      if (misuse != null) return misuse
    }
    return null
  }

  /** What the first complete response tells besides its answers (RFC 7143 6.3.1, 13.6). */
  #firstAnswers({ sessionType, target, portalGroupTag }: Identification): TextPair[] {
    const tag = { key: 'TargetPortalGroupTag', value: String(portalGroupTag) }
    if (sessionType === 'Discovery' || target === null || target.alias === '') return [tag]
    return [tag, { key: 'TargetAlias', value: target.alias }]
  }

  /**
   * New sessions are sent elsewhere with the first request after authentication, in which a target that had to prove
   * itself has done so; or at once where the redirection is for everybody (RFC 7143 11.13.5).
   */
  #findRedirection({ redirection, security, target }: Peer): Ending | null {
    if (redirection === null || !this.#isLeading) return null
    if (!security.isSettled() && !redirection.isForEverybody) return null
    if (this.#environment.endpoint.tls !== null) {
      return refused(refuse('serviceUnavailable', 'the target has moved, and the new address would lead around TLS'))
    }
    const addresses = redirection.addresses.map(formatAddress)
    const status = redirection.isPermanent ? 'targetMovedPermanently' : 'targetMovedTemporarily'
    const refusal = refuse(status, `TargetName: ${quote(target!.name)} has moved to ${addresses.join(', ')}`)
    return { ...refused(refusal), text: encodeText(addresses.map((value) => ({ key: 'TargetAddress', value }))) }
  }

  #takeSecurityKeys(peer: Peer, pairs: readonly TextPair[]): TextPair[] | Ending {
    const step = peer.security.step(pairs.filter(({ key }) => KEY_TABLE.get(key)?.role.kind === 'authentication'))
    if (step.kind === 'refused') return refused(step.refusal)
    if (step.kind === 'dropped') return { outcome: 'drop', refusal: step.refusal }
    const unknown = pairs.filter(({ key }) => !KEY_TABLE.has(key))
    return [...step.answers, ...unknown.map(({ key }) => ({ key, value: 'NotUnderstood' }))]
  }

  #takeOperationalKeys(peer: Peer, pairs: readonly TextPair[]): TextPair[] | Ending {
    if (!peer.security.isSettled()) {
      return refused(refuse('authenticationFailure', 'CSG: the security stage is skipped, this target requires CHAP'))
    }
    const { preferences } = this.#environment
    const round = negotiate(pairs, this.#agreed, preferences, peer.sessionType)
    if (isRefusal(round)) return refused(round)
    const isDeclared = round.agreed.targetMaxRecvDataSegmentLength !== undefined
    const { targetMaxRecvDataSegmentLength } = preferences.connection
    this.#agreed = { ...round.agreed, targetMaxRecvDataSegmentLength }
    if (isDeclared) return [...round.answers]
    return [...round.answers, { key: 'MaxRecvDataSegmentLength', value: String(targetMaxRecvDataSegmentLength) }]
  }

  /** Sends what there is to send, and moves on when the initiator asked for it and nothing is missing. */
  #answer(request: LoginRequest): LoginReply {
    if (request.isContinued) return reply(request, {})
    const text = this.#outgoing.subarray(0, RESPONSE_TEXT_BYTES_MAX)
    this.#outgoing = this.#outgoing.subarray(text.length)
    if (this.#outgoing.length > 0) return reply(request, { text, isContinued: true })
    if (!request.isTransit) return reply(request, { text })
    const { security, redirection } = this.#peer!
    if (!security.isSettled()) {
      if (security.isUnderWay()) return reply(request, { text })
      const reason = 'AuthMethod is missing: this target requires CHAP'
      return this.#end(request, refused(refuse('authenticationFailure', reason)))
    }
    if (request.nextStage === STAGE.FULL_FEATURE_PHASE) {
      // Who is sent elsewhere gets our proof with this response, and the addresses with the next.
      const isRedirected = redirection !== null && this.#isLeading
      return isRedirected ? reply(request, { text }) : this.#complete(request, text)
    }
    this.#stage = 'operational'
    return reply(request, { text, isTransit: true, nextStage: request.nextStage })
  }

  #complete(request: LoginRequest, text: Buffer): LoginReply {
    const results = settle(this.#agreed)
    if (isRefusal(results)) return this.#end(request, refused(results))
    const { isid, tsih, cid, cmdSN } = this.#first!
    const { sessionType, initiatorName, target, portalGroupTag, security } = this.#peer!
    const withdrawal = findWithdrawal(this.#peer!, this.#environment)
    if (withdrawal !== null) return this.#end(request, refused(withdrawal))
    const chapUser = security.chapUser()
    const initiatorAlias = this.#initiatorAlias
    const agreement: LoginAgreement = {
      identity: {
        sessionType,
        initiatorName,
        initiatorAlias,
        target,
        portalGroupTag,
        chapUser,
        isid,
        tsih,
        cid,
        cmdSN,
      },
      ...results,
    }
    const admission = this.#environment.admit(agreement)
    if (isRefusal(admission)) return this.#end(request, refused(admission))
    this.#isOver = true
    const final = { isTransit: true, nextStage: request.nextStage, tsih: admission.tsih } as const
    return reply(request, { ...final, text, outcome: 'complete', agreement })
  }

  #end(request: LoginRequest, { outcome, refusal, text = NO_TEXT }: Ending): LoginReply {
    this.#isOver = true
    const { statusClass, statusDetail } = refusal
    return reply(request, { statusClass, statusDetail, outcome, refusal, text })
  }
}

function refused(refusal: LoginRefusal): Ending {
  return { outcome: 'refused', refusal }
}

/** What has to stay the same through a Login Phase (RFC 7143 11.12.4 to 11.12.7, 6.3), by its name. */
function findChangedField(first: LoginRequest, request: LoginRequest): string | null {
  if (request.versionMin !== first.versionMin) return 'Version-min'
  if (request.versionMax !== first.versionMax) return 'Version-max'
  if (!request.isid.equals(first.isid)) return 'ISID'
  if (request.tsih !== first.tsih) return 'TSIH'
  if (request.cid !== first.cid) return 'CID'
  return request.initiatorTaskTag === first.initiatorTaskTag ? null : 'Initiator Task Tag'
}

/** A response to `request`, successful and without a move unless `fields` say otherwise. */
function reply(request: LoginRequest, fields: Partial<LoginReply>): LoginReply {
  const { statusClass, statusDetail } = LOGIN_STATUS.success
  return {
    isTransit: false,
    isContinued: false,
    currentStage: request.currentStage,
    nextStage: 0,
    versionMax: PROTOCOL_VERSION,
    versionActive: PROTOCOL_VERSION,
    tsih: request.tsih,
    statusClass,
    statusDetail,
    text: NO_TEXT,
    outcome: 'continue',
    ...fields,
  }
}

/** As much of a local name as RFC 7143 13.7 knows, without the text that it came in. */
function shortened(alias: string): string {
  return Buffer.from(alias).subarray(0, ALIAS_BYTES_MAX).toString()
}
