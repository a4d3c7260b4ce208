/**
 * The contract of the Login Phase of one connection (RFC 7143 6.3), a pure stepper: a Login Request in, what
 * to answer out. No clock, no socket; randomness is injected. `createLoginMachine` in `login-phase.ts` makes one.
 */

import type { PortalEndpoint, TargetDescription, TargetDirectory } from '../target-directory.ts'
import type { ConnectionParameters, SessionParameters, SessionType } from './parameters.ts'
import type { RecentChallenges } from './recent-challenges.ts'

export { createLoginMachine } from './login-phase.ts'

/** The header fields of a Login Request that the Login Phase works with (RFC 7143 11.12), and its data segment. */
export interface LoginRequest {
  readonly isTransit: boolean
  readonly isContinued: boolean
  readonly currentStage: number
  readonly nextStage: number
  readonly versionMax: number
  readonly versionMin: number
  /** 6 bytes. */
  readonly isid: Buffer
  readonly tsih: number
  readonly initiatorTaskTag: number
  readonly cid: number
  readonly cmdSN: number
  readonly expStatSN: number
  readonly text: Buffer
}

/** What this side would like; the negotiation combines it with the offers. */
export interface LoginPreferences {
  readonly session: SessionParameters
  readonly connection: Omit<ConnectionParameters, 'initiatorMaxRecvDataSegmentLength'>
  /** How many bytes of text a request sequence (C bit) may add up to. */
  readonly textBytesMax: number
  /** How many keys a Login Phase may take, each of which is remembered and answered. */
  readonly keysMax: number
  /** How many requests one Login Phase may take. */
  readonly exchangesMax: number
}

/** Who is logging in, as far as the session layer decides about it. */
export interface LoginIdentity {
  readonly sessionType: SessionType
  /** Normalised. */
  readonly initiatorName: string
  readonly initiatorAlias: string
  /** Null for a discovery session without a target name. */
  readonly target: TargetDescription | null
  /** The group of the target through which it was reached. */
  readonly portalGroupTag: number
  /** The CHAP user that authenticated, null without authentication. */
  readonly chapUser: string | null
  readonly isid: Buffer
  readonly tsih: number
  readonly cid: number
  /** CmdSN of the leading Login Request. */
  readonly cmdSN: number
}

/** What a finished Login Phase agreed on. */
export interface LoginAgreement {
  readonly identity: LoginIdentity
  /** On a later connection (non-zero TSIH) the defaults: nothing was negotiated, and the session's own values hold. */
  readonly session: SessionParameters
  readonly connection: ConnectionParameters
}

/** Why a login was refused: the status of RFC 7143 11.13.5 and a sentence for the log that names key, rule or step. */
export interface LoginRefusal {
  readonly statusClass: number
  readonly statusDetail: number
  readonly reason: string
}

/**
 * Asked once, when everything but the session itself is settled: may this connection become (part of) a session?
 * Gives the TSIH for the final response, or the refusal (RFC 7143 6.3.1 login results).
 */
export type AdmitSession = (agreement: LoginAgreement) => { readonly tsih: number } | LoginRefusal

export interface LoginEnvironment {
  readonly directory: TargetDirectory
  readonly endpoint: PortalEndpoint
  readonly preferences: LoginPreferences
  readonly admit: AdmitSession
  readonly randomBytes: (byteCount: number) => Buffer
  /** Shared by all logins of a server, so that a challenge reflected from another connection is noticed. */
  readonly recentChallenges: RecentChallenges
}

/** A Login Response to send (RFC 7143 11.13); StatSN, ExpCmdSN and MaxCmdSN are the connection's. */
export interface LoginReply {
  readonly isTransit: boolean
  /** The C bit: more text follows after an empty request. */
  readonly isContinued: boolean
  readonly currentStage: number
  readonly nextStage: number
  readonly versionMax: number
  readonly versionActive: number
  readonly tsih: number
  readonly statusClass: number
  readonly statusDetail: number
  readonly text: Buffer
  /**
   * `continue`: await the next request. `complete`: full feature phase begins after this response. `refused`: close
   * after this response. `drop`: close without any response.
   */
  readonly outcome: 'continue' | 'complete' | 'refused' | 'drop'
  /** With `complete`. */
  readonly agreement?: LoginAgreement
  /** With `refused` and `drop`. */
  readonly refusal?: LoginRefusal
}

export interface LoginClaims {
  readonly initiatorName: string | null
  readonly targetName: string | null
}

export interface LoginMachine {
  /** Step with one complete Login Request PDU. Total: any bytes give a reply. Not called again after an end. */
  step(request: LoginRequest): LoginReply
  /** Who wants to log in to what, as far as the first text has said so; normalised. */
  claims(): LoginClaims
}
