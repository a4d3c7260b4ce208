/**
 * The SecurityNegotiation stage (RFC 7143 6.3.2, chapter 12): which authentication method, and whether the initiator
 * has satisfied it. Stepped by the login machine with the security keys of each text.
 *
 * Invariant: `isSettled` is true only while the policy demands nothing, or after the method that was chosen succeeded.
 */

import { type AuthenticationPolicy, isOpen } from '../target-directory.ts'
import { type ChapExchange, createChapExchange } from './chap.ts'
import type { LoginEnvironment, LoginRefusal } from './login-machine.ts'
import { type LoginRefusalStatus, refuse } from './login-status.ts'
import { quote, type TextPair } from './text.ts'

export type SecurityStep =
  | { readonly kind: 'answers'; readonly answers: readonly TextPair[] }
  | { readonly kind: 'refused'; readonly refusal: LoginRefusal }
  | { readonly kind: 'dropped'; readonly refusal: LoginRefusal }

type SecurityState =
  /** AuthMethod has not been offered. */
  | { readonly kind: 'methodOpen' }
  | { readonly kind: 'chap'; readonly exchange: ChapExchange }
  | { readonly kind: 'done'; readonly chapUser: string | null }

export interface SecurityNegotiation {
  /** Take the security keys of one text, without duplicates. Total. */
  step(keys: readonly TextPair[]): SecurityStep
  /** Whether the stage may be left. */
  isSettled(): boolean
  /** Whether a method was chosen, so that more steps can settle it. */
  isUnderWay(): boolean
  /** The user that CHAP authenticated, null without authentication. */
  chapUser(): string | null
}

/** The stage against `policy`, for one login of `initiatorName`. */
export function createSecurityNegotiation(
  policy: AuthenticationPolicy,
  initiatorName: string,
  environment: Pick<LoginEnvironment, 'randomBytes' | 'recentChallenges'>,
): SecurityNegotiation {
  let state: SecurityState = { kind: 'methodOpen' }

  function stepChap(exchange: ChapExchange, keys: readonly TextPair[]): SecurityStep {
    const step = exchange.step(keys)
    if (step.kind === 'refused' || step.kind === 'dropped') return step
    if (step.kind === 'authenticated') state = { kind: 'done', chapUser: step.user }
    return { kind: 'answers', answers: step.answers }
  }

  function chooseMethod(offered: string): SecurityStep {
    const ours = [...(policy.kind === 'chap' ? ['CHAP'] : []), ...(isOpen(policy) ? ['None'] : [])]
    const method = offered.split(',').find((candidate) => ours.includes(candidate))
    if (method === undefined) {
      const taken = ours.join(' or ')
      return refused('authenticationFailure', `AuthMethod=${quote(offered)} is offered, this target takes ${taken}`)
    }
    state =
      policy.kind === 'chap' && method === 'CHAP'
        ? { kind: 'chap', exchange: createChapExchange({ ...environment, policy, initiatorName }) }
        : { kind: 'done', chapUser: null }
    return { kind: 'answers', answers: [{ key: 'AuthMethod', value: method }] }
  }

  return {
    step(keys) {
      const method = keys.find(({ key }) => key === 'AuthMethod')
      const methodKeys = keys.filter((pair) => pair !== method)
      if (method !== undefined) {
        if (methodKeys.length > 0) {
          return refused('initiatorError', `${methodKeys[0]!.key} precedes the answer to AuthMethod`)
        }
        return chooseMethod(method.value)
      }
      if (state.kind === 'chap') return stepChap(state.exchange, methodKeys)
      if (methodKeys.length === 0) return { kind: 'answers', answers: [] }
      return refused('initiatorError', `${methodKeys[0]!.key} is out of place: no CHAP exchange is under way`)
    },
    isSettled: () => state.kind === 'done' || (isOpen(policy) && state.kind === 'methodOpen'),
    isUnderWay: () => state.kind === 'chap',
    chapUser: () => (state.kind === 'done' ? state.chapUser : null),
  }
}

function refused(status: LoginRefusalStatus, reason: string): SecurityStep {
  return { kind: 'refused', refusal: refuse(status, reason) }
}
