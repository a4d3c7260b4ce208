/**
 * The life of an iSNS client as a table. Nothing else assigns its state, and what the table does not have is a mistake of
 * ours.
 *
 *   stopped --start--> connecting --opened--> connected --stop--> leaving --left--> stopped
 *                       |      ^                  |
 *                     failed  retry             failed
 *                       v      |                  |
 *                       waiting <-----------------+          (stop leads from everywhere to stopped)
 */

export const CLIENT_TRANSITIONS = {
  stopped: { start: 'connecting' },
  connecting: { opened: 'connected', failed: 'waiting', stop: 'stopped' },
  /** There is a connection; one request at a time is outstanding, or none when there is nothing to do. */
  connected: { failed: 'waiting', stop: 'leaving' },
  /** Until the next attempt. */
  waiting: { retry: 'connecting', stop: 'stopped' },
  /** Deregistering. */
  leaving: { left: 'stopped' },
} as const

export type ClientState = keyof typeof CLIENT_TRANSITIONS
export type ClientEvent = 'start' | 'opened' | 'failed' | 'retry' | 'stop' | 'left'

/** The state after `event`. Errors: throws when there is none. */
export function nextState(state: ClientState, event: ClientEvent): ClientState {
  const row: Partial<Record<ClientEvent, ClientState>> = CLIENT_TRANSITIONS[state]
  const next = row[event]
  if (next === undefined) throw new Error(`an iSNS client that is ${state} cannot have "${event}"`)
  return next
}
