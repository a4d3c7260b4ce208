/**
 * Connection states of a target (RFC 7143 8.1) as a table: state, event, next state, with the standard's transition
 * numbers. A missing entry is illegal. Nothing else assigns a connection's state.
 *
 *   S1 FREE --T3--> S3 XPT_UP --T4--> S4 IN_LOGIN --T5--> S5 LOGGED_IN --T9--> S6 IN_LOGOUT --T13--> FREE
 *                      |T6               |T7                 |T15, T8            |T17
 *                      v                 v                   v                   v
 *                    FREE              FREE         S8 CLEANUP_WAIT, FREE   S8 CLEANUP_WAIT --M1--> FREE
 */

export type ConnectionState = 'FREE' | 'XPT_UP' | 'IN_LOGIN' | 'LOGGED_IN' | 'IN_LOGOUT' | 'CLEANUP_WAIT'

export type ConnectionEvent =
  /** T3: the transport connection is there. */
  | 'transportConnected'
  /** T4: the first Login Request came. */
  | 'loginStarted'
  /** T5: the final Login Response with status 0 goes out. */
  | 'loginCompleted'
  /** T9: a Logout Request came. */
  | 'logoutReceived'
  /** T13: the Logout Response with success went out. */
  | 'logoutCompleted'
  /** T8, or T13 during a logout: another connection of the session closed it, or the session was reinstated. */
  | 'sessionClosed'
  /** T6, T7, T15, T17: the transport is gone, or we let it go. */
  | 'transportLost'
  /** M1, M4: nothing of the connection is left. */
  | 'cleanedUp'

const TRANSITIONS: Readonly<Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>>> = {
  FREE: { transportConnected: 'XPT_UP' },
  XPT_UP: { loginStarted: 'IN_LOGIN', transportLost: 'FREE' },
  IN_LOGIN: { loginCompleted: 'LOGGED_IN', transportLost: 'FREE' },
  LOGGED_IN: { logoutReceived: 'IN_LOGOUT', transportLost: 'CLEANUP_WAIT', sessionClosed: 'FREE' },
  IN_LOGOUT: { logoutCompleted: 'FREE', transportLost: 'CLEANUP_WAIT', sessionClosed: 'FREE' },
  CLEANUP_WAIT: { cleanedUp: 'FREE' },
}

/**
 * The state after `event`.
 * Errors: throws on a transition that the table does not have, which is a mistake of ours.
 */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = TRANSITIONS[state][event]
  if (next === undefined) throw new Error(`connection state ${state} has no transition for ${event}`)
  return next
}
