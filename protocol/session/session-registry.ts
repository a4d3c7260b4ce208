/**
 * All sessions of the node, and who may become one (RFC 7143 6.3.1, table of login results; 4.4.3 the ISID rule). A
 * login takes effect on an older session with the same name, ISID, target and portal group only when it has succeeded
 * in everything else: a peer that cannot log in disturbs nobody.
 */

import type { LoginAgreement, LoginIdentity, LoginRefusal } from '../login/login-machine.ts'
import { refuse } from '../login/login-status.ts'
import type { NodeContext } from '../node-context.ts'
import type { PortalEndpoint } from '../target-directory.ts'
import { Session, type SessionOwner } from './session.ts'

const TSIH_MAX = 0xffff

export class SessionRegistry implements SessionOwner {
  readonly #byTsih = new Map<number, Session>()
  /** The live session, or the one that is ending, of each nexus. */
  readonly #byNexus = new Map<string, Session>()
  #lastTsih = 0

  get size(): number {
    return this.#byTsih.size
  }

  sessions(): Iterable<Session> {
    return this.#byTsih.values()
  }

  /**
   * Make the session that a login which passed everything else leads to, or say why there is none. The session is not
   * in full feature phase yet: `establish` brings it there, `Session.end` gives it up.
   */
  admit(context: NodeContext, agreement: LoginAgreement, endpoint: PortalEndpoint): Session | LoginRefusal {
    const { tsih, cid } = agreement.identity
    const key = nexusKey(agreement.identity, endpoint)
    if (tsih !== 0) {
      const session = this.#byTsih.get(tsih)
      if (session === undefined || session.nexusKey !== key) {
        return refuse('sessionDoesNotExist', `TSIH ${tsih} names no session of this initiator`)
      }
      return refuse('tooManyConnections', `CID ${cid} would be a second connection of the session with TSIH ${tsih}`)
    }
    // Who takes the place of an own session adds none.
    if (this.#byTsih.size >= context.limits.sessionsMax && !this.#byNexus.has(key)) {
      return refuse('outOfResources', `${context.limits.sessionsMax} sessions exist, which is the limit`)
    }
    const freshTsih = this.#freeTsih()
    if (freshTsih === null) return refuse('outOfResources', 'every TSIH is in use')
    const session = new Session(context, agreement, freshTsih, endpoint.portalGroupTag, key, this)
    this.#byTsih.set(freshTsih, session)
    return session
  }

  /**
   * Let `session` take the place of the one that its nexus has so far (session reinstatement, RFC 7143 6.3.5). `ready`
   * is called, possibly at once, when nothing of the old session is in flight any more; never when `session` ended first.
   */
  establish(session: Session, ready: () => void): void {
    const predecessor = this.#byNexus.get(session.nexusKey)
    this.#byNexus.set(session.nexusKey, session)
    if (predecessor === undefined) ready()
    else session.succeed(predecessor, ready)
  }

  sessionEnding(session: Session): void {
    this.#byTsih.delete(session.tsih)
  }

  sessionQuiet(session: Session): void {
    if (this.#byNexus.get(session.nexusKey) === session) this.#byNexus.delete(session.nexusKey)
  }

  #freeTsih(): number | null {
    for (let tried = 0; tried < TSIH_MAX; tried++) {
      this.#lastTsih = this.#lastTsih === TSIH_MAX ? 1 : this.#lastTsih + 1
      if (!this.#byTsih.has(this.#lastTsih)) return this.#lastTsih
    }
    return null
  }
}

/**
 * What makes two sessions the same nexus: InitiatorName, ISID, TargetName and portal group (RFC 7143 4.4.3); for a
 * discovery session without a target name the address it came in on takes the target's place (7.4.2.1).
 */
function nexusKey(identity: LoginIdentity, endpoint: PortalEndpoint): string {
  const place =
    identity.target === null
      ? `discovery ${endpoint.localAddress} ${endpoint.localPort}`
      : `${identity.target.name} ${endpoint.portalGroupTag}`
  return `${identity.initiatorName} ${identity.isid.toString('hex')} ${place}`
}
