/**
 * Connection states of a target (RFC 7143 8.1) and the states of a connection's cleanup (8.2) as one table: state, event,
 * next state, with the standard's transition numbers. S8 and R1 are one state, and so are S1 and R3. A missing entry is
 * illegal. Nothing else assigns a connection's state.
 *
 *   S1 FREE --T3--> S3 XPT_UP --T4--> S4 IN_LOGIN --T5--> S5 LOGGED_IN --T9--> S6 IN_LOGOUT --T13--> FREE
 *                      |T6               |T7               | |T8  |T11          ^T10   |T17
 *                      v                 v             T15 | v    v             |      v
 *                    FREE              FREE                | FREE S7 LOGOUT_REQUESTED  CLEANUP_WAIT
 *                                                          |      |T12 |T16     |T18
 *                                                          v      v    v        v
 *                               S8, R1 CLEANUP_WAIT <------+----------+       FREE
 *                                  |M1   |M2  ^M3
 *                                  v     v    |
 *                                FREE  R2 IN_CLEANUP --M4--> FREE
 */

export type ConnectionState =
  | 'FREE'
  | 'XPT_UP'
  | 'IN_LOGIN'
  | 'LOGGED_IN'
  | 'IN_LOGOUT'
  | 'LOGOUT_REQUESTED'
  | 'CLEANUP_WAIT'
  | 'IN_CLEANUP'

export type ConnectionEvent =
  /** T3: the transport connection is there. */
  | 'transportConnected'
  /** T4: the first Login Request came. */
  | 'loginStarted'
  /** T5: the final Login Response with status 0 goes out. */
  | 'loginCompleted'
  /** T11, T12: the initiator is asked to log out. */
  | 'logoutRequested'
  /** T9, T10: a Logout Request came. */
  | 'logoutReceived'
  /** T13: the Logout Response with success went out. */
  | 'logoutCompleted'
  /** T17 a: the Logout Response says that the cleanup failed. */
  | 'logoutFailed'
  /** T8, T13, T18; M1 and M4 of a connection in cleanup: the session was closed or reinstated. */
  | 'sessionClosed'
  /** T6, T7, T15, T16, T17 b: the transport is gone, or we let it go. */
  | 'transportLost'
  /** M1: nobody has cleaned up the connection within Time2Wait and Time2Retain. */
  | 'stateTimedOut'
  /** M2: another connection logs this one out, or takes its place. */
  | 'cleanupStarted'
  /** M3: that did not succeed. */
  | 'cleanupFailed'
  /** M4: that has succeeded. */
  | 'cleanupCompleted'

/** What happens to a connection that is out of service (RFC 7143 8.2). */
export type CleanupEvent = Extract<
  ConnectionEvent,
  'sessionClosed' | 'stateTimedOut' | 'cleanupStarted' | 'cleanupFailed' | 'cleanupCompleted'
>

type ConnectionTransitions = Readonly<Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>>>

export const CONNECTION_TRANSITIONS: ConnectionTransitions = {
  FREE: { transportConnected: 'XPT_UP' },
  XPT_UP: { loginStarted: 'IN_LOGIN', transportLost: 'FREE' },
  IN_LOGIN: { loginCompleted: 'LOGGED_IN', transportLost: 'FREE' },
  LOGGED_IN: {
    logoutRequested: 'LOGOUT_REQUESTED',
    logoutReceived: 'IN_LOGOUT',
    transportLost: 'CLEANUP_WAIT',
    sessionClosed: 'FREE',
  },
  LOGOUT_REQUESTED: {
    logoutRequested: 'LOGOUT_REQUESTED',
    logoutReceived: 'IN_LOGOUT',
    transportLost: 'CLEANUP_WAIT',
    sessionClosed: 'FREE',
  },
  IN_LOGOUT: { logoutCompleted: 'FREE', logoutFailed: 'CLEANUP_WAIT', transportLost: 'CLEANUP_WAIT' },
  CLEANUP_WAIT: { cleanupStarted: 'IN_CLEANUP', stateTimedOut: 'FREE', sessionClosed: 'FREE' },
  IN_CLEANUP: { cleanupFailed: 'CLEANUP_WAIT', cleanupCompleted: 'FREE', sessionClosed: 'FREE' },
}

/**
 * The state after `event`.
 * Errors: throws on a transition that the table does not have, which is a mistake of ours.
 */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = CONNECTION_TRANSITIONS[state][event]
  if (next === undefined) throw new Error(`connection state ${state} has no transition for ${event}`)
  return next
}
