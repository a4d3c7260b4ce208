/**
 * Session states of a target (RFC 7143 8.3) as a table: state, event, next state, with the standard's transition
 * numbers. A missing entry is illegal. Nothing else assigns a session's state.
 *
 *   Q1 FREE --N1--> Q2 ACTIVE --N2--> Q3 LOGGED_IN --N3--> FREE
 *                      |N9               |N5     ^N10
 *                      v                 v       |
 *                    FREE        Q4 FAILED --N7--> Q5 IN_CONTINUE --N11--> FREE
 *                                   |N6    <--N8--
 *                                   v
 *                                 FREE
 */

export type SessionState = 'FREE' | 'ACTIVE' | 'LOGGED_IN' | 'FAILED' | 'IN_CONTINUE'

export type SessionEvent =
  /** N1: the first connection has reached the Login Phase. */
  | 'loginStarted'
  /** N2: a connection is in full feature phase. */
  | 'loginCompleted'
  /** N9: the login of the first connection failed. */
  | 'loginFailed'
  /** N3, N11, and N6 of a failed session: closed by logout, reinstatement, reset or the administrator. */
  | 'sessionClosed'
  /** N5: the last connection failed, or was removed for recovery. */
  | 'lastConnectionFailed'
  /** N6: nothing of the session is kept any longer. */
  | 'stateTimedOut'
  /** N7: a login wants to go on with the session. */
  | 'continuationStarted'
  /** N8: the last such login has failed. */
  | 'continuationFailed'
  /** N10: such a login has succeeded. */
  | 'continuationCompleted'

type SessionTransitions = Readonly<Record<SessionState, Partial<Record<SessionEvent, SessionState>>>>

export const SESSION_TRANSITIONS: SessionTransitions = {
  FREE: { loginStarted: 'ACTIVE' },
  ACTIVE: { loginCompleted: 'LOGGED_IN', loginFailed: 'FREE' },
  LOGGED_IN: { sessionClosed: 'FREE', lastConnectionFailed: 'FAILED' },
  FAILED: { stateTimedOut: 'FREE', sessionClosed: 'FREE', continuationStarted: 'IN_CONTINUE' },
  IN_CONTINUE: { continuationCompleted: 'LOGGED_IN', continuationFailed: 'FAILED', sessionClosed: 'FREE' },
}

/**
 * The state after `event`.
 * Errors: throws on a transition that the table does not have, which is a mistake of ours.
 */
export function nextSessionState(state: SessionState, event: SessionEvent): SessionState {
  const next = SESSION_TRANSITIONS[state][event]
  if (next === undefined) throw new Error(`session state ${state} has no transition for ${event}`)
  return next
}
