/**
 * Ends a discovery session that asks for nothing any more. Such a session is never pinged and hears no Asynchronous
 * Messages (RFC 7143 7.4.3), so nothing else would find an initiator that has forgotten it.
 */

import type { Timer } from '../node-context.ts'
import type { Connection } from './connection.ts'

export class DiscoveryIdleTimer {
  readonly #connection: Connection
  #timer: Timer

  constructor(connection: Connection) {
    this.#connection = connection
    this.#timer = this.#schedule()
  }

  /** The connection has ended. */
  stop(): void {
    this.#timer.cancel()
  }

  #schedule(): Timer {
    const connection = this.#connection
    const silentMs = connection.nowMs() - connection.lastReceivedMs
    return connection.setTimer(connection.context.limits.discoveryIdleMs - silentMs, () => this.#check())
  }

  #check(): void {
    const { session, lastReceivedMs, context } = this.#connection
    const silentMs = this.#connection.nowMs() - lastReceivedMs
    if (silentMs >= context.limits.discoveryIdleMs) session.end('sessionClosed')
    else this.#timer = this.#schedule()
  }
}
