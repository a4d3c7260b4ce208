/**
 * The Response Fence of a session (RFC 7143 4.2.2.3.3): on several connections responses can overtake each other, so a
 * response that must not be seen before earlier ones waits until those are acknowledged, and later ones wait until it is
 * acknowledged itself. With one connection the order of the stream is enough, and the fence never goes up.
 *
 * The fence covers the whole session rather than one I_T_L nexus: it goes up rarely, and holding the responses of other
 * logical units for a round trip changes nothing for them.
 */

import type { Connection } from '../connection/connection.ts'
import { solicitAcknowledgement } from '../connection/nop-in.ts'
import type { NodeContext, Timer } from '../node-context.ts'
import { isSerialLess } from '../serial.ts'
import type { Session } from './session.ts'

/** A response that waits. `connection` is set for one that itself needs the fence. */
interface HeldResponse {
  readonly connection: Connection | null
  readonly send: () => void
}

/** What the fence waits for before it goes on. */
interface Barrier {
  /** Each connection with an unacknowledged status, and the ExpStatSN that acknowledges it. */
  readonly awaited: Map<Connection, number>
  /** What is sent when all are acknowledged; null when the fenced response is out and it is its own that is awaited. */
  readonly response: HeldResponse | null
  readonly timer: Timer
}

export class ResponseFence {
  readonly #context: NodeContext
  readonly #session: Session
  #held: HeldResponse[] = []
  #barrier: Barrier | null = null

  constructor(context: NodeContext, session: Session) {
    this.#context = context
    this.#session = session
  }

  /** Responses have to wait: who would send one hands it to `pass`. */
  get isUp(): boolean {
    return this.#barrier !== null
  }

  /** Send a response now, or in its turn when the fence has come down. */
  pass(send: () => void): void {
    if (this.#barrier === null) send()
    else this.#held.push({ connection: null, send })
  }

  /**
   * Send a response that needs the fence: after every status of this session so far has been acknowledged, and before
   * any later one. `send` is called at most once, not at all when the session ends first.
   */
  raise(connection: Connection, send: () => void): void {
    this.#held.push({ connection, send })
    if (this.#barrier === null) this.#goOn()
  }

  /** A connection of the session has acknowledged more. Called while the fence is up. */
  acknowledged(): void {
    const { awaited } = this.#barrier!
    for (const [connection, expStatSN] of awaited) {
      if (!isSerialLess(connection.statuses.ackedStatSN, expStatSN)) awaited.delete(connection)
    }
    this.#goOn()
  }

  /**
   * A status that had been sent before went out again on `connection`: it does not wait at the fence, so a response that
   * does waits for it too.
   */
  sentAgain(connection: Connection): void {
    if (this.#barrier === null || this.#barrier.response === null) return
    this.#barrier.awaited.set(connection, connection.statuses.nextStatSN)
    solicitAcknowledgement(connection)
  }

  /** A connection is gone: nobody acknowledges anything on it any more. */
  connectionGone(connection: Connection): void {
    if (this.#barrier?.awaited.delete(connection)) this.#goOn()
  }

  /** The session has ended. */
  clear(): void {
    this.#barrier?.timer.cancel()
    this.#barrier = null
    this.#held = []
  }

  #goOn(): void {
    if (this.#barrier !== null) {
      if (this.#barrier.awaited.size > 0) return
      this.#barrier.timer.cancel()
      const { response } = this.#barrier
      this.#barrier = null
      if (response !== null) this.#sendFenced(response)
    }
    while (this.#barrier === null && this.#held.length > 0) {
      const response = this.#held.shift()!
      if (response.connection === null) response.send()
      else this.#await([...this.#session.connections.values()], response)
    }
  }

  /** Send it, and let everything else wait for its acknowledgement. */
  #sendFenced({ connection, send }: HeldResponse): void {
    send()
    // One that is being taken out of the session still sends, but acknowledges nothing any more.
    const isInService = this.#session.connections.get(connection!.cid) === connection
    if (isInService) this.#await([connection!], null)
  }

  /** Wait until everything sent so far on `connections` is acknowledged, then send `response`. */
  #await(connections: readonly Connection[], response: HeldResponse | null): void {
    const { acknowledgementTimeoutMs } = this.#context.limits
    const isOnly = this.#session.connections.size <= 1
    const awaited = new Map<Connection, number>()
    for (const connection of isOnly ? [] : connections) {
      const { ackedStatSN, nextStatSN } = connection.statuses
      if (isSerialLess(ackedStatSN, nextStatSN)) awaited.set(connection, nextStatSN)
    }
    if (awaited.size === 0) {
      if (response !== null) this.#sendFenced(response)
      return
    }
    const [first] = awaited.keys()
    const timer = first!.setTimer(acknowledgementTimeoutMs, () => this.#timedOut())
    this.#barrier = { awaited, response, timer }
    for (const connection of awaited.keys()) solicitAcknowledgement(connection)
  }

  /** Whoever has acknowledged nothing for so long is gone (RFC 7143 10.7). */
  #timedOut(): void {
    const { acknowledgementTimeoutMs } = this.#context.limits
    for (const connection of [...(this.#barrier?.awaited.keys() ?? [])]) {
      connection.fail(`a status was not acknowledged within ${acknowledgementTimeoutMs} ms`)
    }
  }
}
