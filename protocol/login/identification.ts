/**
 * Who logs in to what: the names and the session type of a login's first text (RFC 7143 6.3, 13.4, 13.5, 13.21),
 * looked up in the target directory. Called once per login by the login machine.
 */

import { prepareName } from '../names.ts'
import type {
  AuthenticationPolicy,
  PortalEndpoint,
  Redirection,
  TargetDescription,
  TargetLookup,
} from '../target-directory.ts'
import type { LoginClaims, LoginEnvironment, LoginIdentity, LoginRefusal } from './login-machine.ts'
import { isRefusal, type LoginRefusalStatus, refuse } from './login-status.ts'
import type { SessionType } from './parameters.ts'
import { quote, type TextPair } from './text.ts'

export interface Identification {
  readonly sessionType: SessionType
  /** Normalised. */
  readonly initiatorName: string
  /** Null for a discovery session without a target name. */
  readonly target: TargetDescription | null
  /** The group through which the target was reached. */
  readonly portalGroupTag: number
  /** Where a new session to this target is to go instead. */
  readonly redirection: Redirection | null
  /** What the initiator must prove. */
  readonly policy: AuthenticationPolicy
}

/** The keys that only a login's first text may hold, because everything after it builds on them. */
export const IDENTIFYING_KEYS: readonly string[] = ['InitiatorName', 'TargetName', 'SessionType']

/**
 * Identifies initiator and target from the pairs of the first text.
 * Errors: refusals for a missing or malformed name, and for a target that is not there or not for this initiator.
 */
export function identify(pairs: readonly TextPair[], environment: LoginEnvironment): Identification | LoginRefusal {
  const { directory, endpoint } = environment
  const initiatorName = requireName(pairs, 'InitiatorName')
  if (typeof initiatorName !== 'string') return initiatorName
  const imposture = findImposture(initiatorName, endpoint)
  if (imposture !== null) return imposture
  const sessionType: SessionType = findValue(pairs, 'SessionType') === 'Discovery' ? 'Discovery' : 'Normal'
  const isUnnamed = sessionType === 'Discovery' && findValue(pairs, 'TargetName') === undefined
  const destination = isUnnamed
    ? { target: null, portalGroupTag: directory.discoveryPortalGroupTag(endpoint), redirection: null }
    : findTarget(pairs, initiatorName, environment)
  if (isRefusal(destination)) return destination
  const { target, portalGroupTag } = destination
  const redirection = sessionType === 'Normal' ? destination.redirection : null
  const policy = directory.authentication(target?.name ?? null, initiatorName, endpoint)
  return { sessionType, initiatorName, target, portalGroupTag, redirection, policy }
}

/** A client with a certificate may only use the names in it; it learns nothing about any target before that is clear. */
function findImposture(initiatorName: string, { tls }: PortalEndpoint): LoginRefusal | null {
  if (tls === null || tls.clientNames === null || tls.clientNames.includes(initiatorName)) return null
  const carried = tls.clientNames.length === 0 ? 'no iSCSI name' : tls.clientNames.map(quote).join(', ')
  const reason = `InitiatorName: ${quote(initiatorName)} is not in the client's certificate, which carries ${carried}`
  return refuse('authorizationFailure', reason)
}

type Destination = Pick<Identification, 'target' | 'portalGroupTag' | 'redirection'>

function findTarget(
  pairs: readonly TextPair[],
  initiatorName: string,
  { directory, endpoint }: LoginEnvironment,
): Destination | LoginRefusal {
  const targetName = requireName(pairs, 'TargetName')
  if (typeof targetName !== 'string') return targetName
  const lookup = directory.findTarget(targetName, initiatorName, endpoint)
  if (lookup.kind === 'found') return { ...lookup, redirection: null }
  return lookup.kind === 'moved' ? lookup : refuseLookup(lookup.kind, targetName, initiatorName)
}

/**
 * Why a login that is about to succeed must not, because the target went away, changed its portal groups or was taken
 * from this initiator since the login began; null when nothing of it happened.
 */
export function findWithdrawal(
  { target, portalGroupTag, initiatorName }: Pick<Identification, 'target' | 'portalGroupTag' | 'initiatorName'>,
  { directory, endpoint }: LoginEnvironment,
): LoginRefusal | null {
  if (target === null) return null
  const lookup = directory.findTarget(target.name, initiatorName, endpoint)
  if (lookup.kind !== 'found' && lookup.kind !== 'moved') return refuseLookup(lookup.kind, target.name, initiatorName)
  return lookup.portalGroupTag === portalGroupTag ? null : refuseLookup('notFound', target.name, initiatorName)
}

function refuseLookup(kind: keyof typeof LOOKUP_REFUSALS, targetName: string, initiatorName: string): LoginRefusal {
  const [status, what] = LOOKUP_REFUSALS[kind]
  return refuse(status, `TargetName: ${quote(targetName)} ${what}, asked for by ${quote(initiatorName)}`)
}

const LOOKUP_REFUSALS = {
  notFound: ['notFound', 'does not exist here'],
  removed: ['targetRemoved', 'has been removed'],
  forbidden: ['authorizationFailure', 'is not for this initiator'],
} as const satisfies Partial<Record<TargetLookup['kind'], readonly [LoginRefusalStatus, string]>>

function requireName(pairs: readonly TextPair[], key: 'InitiatorName' | 'TargetName'): string | LoginRefusal {
  const value = findValue(pairs, key)
  if (value === undefined) return refuse('missingParameter', `${key} is missing in the first request`)
  const name = prepareName(value)
  return typeof name === 'string' ? name : refuse('initiatorError', `${key}=${quote(value)}: ${name.problem}`)
}

/** The names in the first text; null for one that is missing or cannot be a name. */
export function claimsOf(pairs: readonly TextPair[]): LoginClaims {
  const nameIn = (key: 'InitiatorName' | 'TargetName') => {
    const name = requireName(pairs, key)
    return typeof name === 'string' ? name : null
  }
  return { initiatorName: nameIn('InitiatorName'), targetName: nameIn('TargetName') }
}

function findValue(pairs: readonly TextPair[], key: string): string | undefined {
  return pairs.find((pair) => pair.key === key)?.value
}

/**
 * Why a connection may not join a session whose leading connection logged in as `leading`, or take its place: all
 * connections of a session have one authentication identity (RFC 7143 9.2), and nobody ends a session that he could not
 * have opened. Null when it may.
 */
export function findIdentityMismatch(leading: LoginIdentity, joining: LoginIdentity): LoginRefusal | null {
  const differing = leading.initiatorName !== joining.initiatorName ? 'InitiatorName' : 'CHAP_N'
  if (leading.initiatorName === joining.initiatorName && leading.chapUser === joining.chapUser) return null
  const describe = (identity: LoginIdentity) =>
    `${quote(identity.initiatorName)} (${identity.chapUser === null ? 'no CHAP' : `CHAP user ${quote(identity.chapUser)}`})`
  const reason = `${differing}: ${describe(joining)} cannot join or replace a session that ${describe(leading)} has opened`
  return refuse('authenticationFailure', reason)
}
