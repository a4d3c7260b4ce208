/**
 * The stages of the Login Phase and the moves between them (RFC 7143 6.3, 11.12.3), as one table. A move that is not
 * in it is a protocol error: nothing goes backwards and nothing repeats.
 */

import { STAGE } from '../constants.ts'

/** What a login can be in; `start` is before the first request. */
export type LoginStage = 'start' | 'security' | 'operational'

/** Where a login can go. */
export type NextStage = Exclude<LoginStage, 'start'> | 'fullFeature'

const STAGE_OF_CODE: ReadonlyMap<number, NextStage> = new Map([
  [STAGE.SECURITY_NEGOTIATION, 'security'],
  [STAGE.LOGIN_OPERATIONAL_NEGOTIATION, 'operational'],
  [STAGE.FULL_FEATURE_PHASE, 'fullFeature'],
])

const TRANSITIONS = {
  start: ['security', 'operational'],
  security: ['operational', 'fullFeature'],
  operational: ['fullFeature'],
} as const satisfies Record<LoginStage, readonly NextStage[]>

/** The stage behind a CSG or NSG code; null for the reserved code 2. */
export function stageOfCode(code: number): NextStage | null {
  return STAGE_OF_CODE.get(code) ?? null
}

/** Whether a login that is at `from` may go on to `to`. */
export function isTransitionAllowed(from: LoginStage, to: NextStage): boolean {
  const allowed: readonly NextStage[] = TRANSITIONS[from]
  return allowed.includes(to)
}
