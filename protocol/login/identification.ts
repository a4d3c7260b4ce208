/**
 * Who logs in to what: the names and the session type of a login's first text (RFC 7143 6.3, 13.4, 13.5, 13.21),
 * looked up in the target directory. Called once per login by the login machine.
 */

import { prepareName } from '../names.ts'
import type { AuthenticationPolicy, TargetDescription } from '../target-directory.ts'
import type { LoginEnvironment, LoginRefusal } from './login-machine.ts'
import { isRefusal, type LoginRefusalStatus, refuse } from './login-status.ts'
import type { SessionType } from './parameters.ts'
import { quote, type TextPair } from './text.ts'

export interface Identification {
  readonly sessionType: SessionType
  /** Normalised. */
  readonly initiatorName: string
  /** Null for a discovery session without a target name. */
  readonly target: TargetDescription | null
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
  const sessionType: SessionType = findValue(pairs, 'SessionType') === 'Discovery' ? 'Discovery' : 'Normal'
  const isUnnamed = sessionType === 'Discovery' && findValue(pairs, 'TargetName') === undefined
  const target = isUnnamed ? null : findTarget(pairs, initiatorName, environment)
  if (target !== null && isRefusal(target)) return target
  const policy = directory.authentication(target?.name ?? null, initiatorName, endpoint)
  return { sessionType, initiatorName, target, policy }
}

function findTarget(
  pairs: readonly TextPair[],
  initiatorName: string,
  { directory, endpoint }: LoginEnvironment,
): TargetDescription | LoginRefusal {
  const targetName = requireName(pairs, 'TargetName')
  if (typeof targetName !== 'string') return targetName
  const lookup = directory.findTarget(targetName, initiatorName, endpoint)
  if (lookup.kind === 'found') return lookup.target
  const [status, what] = LOOKUP_REFUSALS[lookup.kind]
  return refuse(status, `TargetName: ${quote(targetName)} ${what}, asked for by ${quote(initiatorName)}`)
}

const LOOKUP_REFUSALS = {
  notFound: ['notFound', 'does not exist here'],
  removed: ['targetRemoved', 'has been removed'],
  forbidden: ['authorizationFailure', 'is not for this initiator'],
} as const satisfies Record<string, readonly [LoginRefusalStatus, string]>

function requireName(pairs: readonly TextPair[], key: 'InitiatorName' | 'TargetName'): string | LoginRefusal {
  const value = findValue(pairs, key)
  if (value === undefined) return refuse('missingParameter', `${key} is missing in the first request`)
  const name = prepareName(value)
  return typeof name === 'string' ? name : refuse('initiatorError', `${key}=${quote(value)}: ${name.problem}`)
}

function findValue(pairs: readonly TextPair[], key: string): string | undefined {
  return pairs.find((pair) => pair.key === key)?.value
}
