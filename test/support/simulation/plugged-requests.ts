/**
 * Numbered requests, commands aside, that may stay without an answer: a target reset lets the target count every CmdSN
 * before its own as received (RFC 7143 4.2.3.3 b, 4.2.3.4 b), and what comes under such a CmdSN after that is ignored
 * (4.2.2.1). One has been ignored when its CmdSN counts as received and a ping sent behind it on its connection is
 * answered before it. The tasks of a session keep one of these.
 */

import { isSerialAfter } from '../wire-pdu.ts'
import { type Exchange, resetsTarget } from './exchanges.ts'
import type { InitiatorConnection } from './initiator-connection.ts'
import type { SessionNumbers } from './surroundings.ts'

export class PluggedRequests {
  readonly #session: SessionNumbers
  readonly #exchanges: Map<number, Exchange>
  readonly #ping: (connection: InitiatorConnection) => number | null
  /** By the tag of such a request, the tag of the ping that was sent behind it. */
  readonly #pings = new Map<number, number | null>()

  /** `exchanges`: what is not answered yet. `ping` sends an immediate ping and gives its tag. */
  constructor(
    session: SessionNumbers,
    exchanges: Map<number, Exchange>,
    ping: (connection: InitiatorConnection) => number | null,
  ) {
    this.#session = session
    this.#exchanges = exchanges
    this.#ping = ping
  }

  /** A function is asked for: a target reset may plug what was sent before it and is not answered. */
  asked(functionCode: number): void {
    if (!resetsTarget(functionCode)) return
    for (const { tag, cmdSN } of this.#exchanges.values()) if (cmdSN !== null) this.#pings.set(tag, null)
  }

  /** Send a ping behind each such request that can have been ignored. */
  tick(): void {
    for (const [tag, ping] of this.#pings) {
      const request = this.#exchanges.get(tag)
      if (request === undefined) this.#pings.delete(tag)
      else if (request.connection.phase === 'up' && this.#isReceived(request) && !this.#isOut(ping))
        this.#pings.set(tag, this.#ping(request.connection))
    }
  }

  /** The ping with this tag was answered: the requests that it was sent behind were ignored. Says whether there were any. */
  answered(pingTag: number): boolean {
    const ignored = [...this.#exchanges.keys()].filter((tag) => this.#pings.get(tag) === pingTag)
    for (const tag of ignored) this.#exchanges.delete(tag)
    return ignored.length > 0
  }

  #isReceived({ cmdSN }: Exchange): boolean {
    return cmdSN !== null && isSerialAfter(this.#session.expCmdSN, cmdSN)
  }

  #isOut(ping: number | null): boolean {
    return ping !== null && this.#exchanges.has(ping)
  }
}
