/**
 * Session states of a target (RFC 7143 8.3) as a table: state, event, next state, with the standard's transition
 * numbers. A missing entry is illegal. Nothing else assigns a session's state.
 *
 *   FREE --N1--> ACTIVE --N2--> LOGGED_IN --N3--> FREE
 *                  |N9             |N5
 *                  v               v
 *                FREE           FAILED --N6--> FREE
 */

export type SessionState = 'FREE' | 'ACTIVE' | 'LOGGED_IN' | 'FAILED'

export type SessionEvent =
  /** N1: the first connection has reached the Login Phase. */
  | 'loginStarted'
  /** N2: a connection is in full feature phase. */
  | 'loginCompleted'
  /** N9: the login of the first connection failed. */
  | 'loginFailed'
  /** N3: closed by logout, reinstatement, reset or the administrator. */
  | 'sessionClosed'
  /** N5: the last connection failed. */
  | 'lastConnectionFailed'
  /** N6: nothing of the session is kept any longer. */
  | 'stateTimedOut'

const TRANSITIONS: Readonly<Record<SessionState, Partial<Record<SessionEvent, SessionState>>>> = {
  FREE: { loginStarted: 'ACTIVE' },
  ACTIVE: { loginCompleted: 'LOGGED_IN', loginFailed: 'FREE' },
  LOGGED_IN: { sessionClosed: 'FREE', lastConnectionFailed: 'FAILED' },
  FAILED: { stateTimedOut: 'FREE', sessionClosed: 'FREE' },
}

/**
 * The state after `event`.
 * Errors: throws on a transition that the table does not have, which is a mistake of ours.
 */
export function nextSessionState(state: SessionState, event: SessionEvent): SessionState {
  const next = TRANSITIONS[state][event]
  if (next === undefined) throw new Error(`session state ${state} has no transition for ${event}`)
  return next
}
