/**
 * All sessions of the node, and who may become one or part of one (RFC 7143 6.3.1, table of login results; 4.4.3 the ISID
 * rule). A login takes effect on an older session with the same name, ISID, target and portal group only when it has
 * succeeded in everything else: a peer that cannot log in disturbs nobody. Sessions without a connection are kept while
 * their time lasts, but only so many.
 */

import type { Connection } from '../connection/connection.ts'
import { findIdentityMismatch } from '../login/identification.ts'
import type { LoginAgreement, LoginIdentity, LoginRefusal } from '../login/login-machine.ts'
import { refuse } from '../login/login-status.ts'
import type { PortalEndpoint } from '../target-directory.ts'
import { Session, type SessionOwner } from './session.ts'
import { JoiningEntry, LeadingEntry, type SessionEntry } from './session-entry.ts'

const TSIH_MAX = 0xffff

export class SessionRegistry implements SessionOwner {
  readonly #byTsih = new Map<number, Session>()
  /** The live session, or the one that is ending, of each nexus. */
  readonly #byNexus = new Map<string, Session>()
  /** Those that have ended and still have something in flight. */
  readonly #ending = new Set<Session>()
  /** Sessions without a connection, the one that failed first at the beginning. */
  readonly #failed = new Set<Session>()
  #lastTsih = 0
  #isClosed = false

  get size(): number {
    return this.#byTsih.size
  }

  sessions(): Iterable<Session> {
    return this.#byTsih.values()
  }

  /** Those that are not sessions any more, but still have something in flight. */
  endingSessions(): Iterable<Session> {
    return this.#ending
  }

  /** No login succeeds any more: the node is about to stop. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * The way into a session for a login that passed everything else, or why there is none. No living session is disturbed
   * before `SessionEntry.establish`; `SessionEntry.abandon` gives it up.
   */
  admit(connection: Connection, agreement: LoginAgreement): SessionEntry | LoginRefusal {
    if (this.#isClosed) return refuse('serviceUnavailable', 'the server is about to stop')
    return agreement.identity.tsih === 0 ? this.#lead(connection, agreement) : this.#join(connection, agreement)
  }

  /** End every session of a target by a decision of ours, which the initiators are told. */
  dropSessionsOf(targetName: string): void {
    for (const session of [...this.#byTsih.values()]) if (session.identity.target?.name === targetName) session.drop()
  }

  sessionFailed(session: Session, keptMax: number): void {
    this.#failed.add(session)
    while (this.#failed.size > keptMax) chooseFailed(this.#failed)!.end('stateTimedOut')
  }

  sessionContinued(session: Session): void {
    this.#failed.delete(session)
  }

  sessionEnding(session: Session): void {
    this.#failed.delete(session)
    this.#byTsih.delete(session.tsih)
    this.#ending.add(session)
  }

  sessionQuiet(session: Session): void {
    this.#ending.delete(session)
    if (this.#byNexus.get(session.nexusKey) === session) this.#byNexus.delete(session.nexusKey)
  }

  /** A session of its own, possibly in the place of an older one (session reinstatement, RFC 7143 6.3.5). */
  #lead(connection: Connection, agreement: LoginAgreement): SessionEntry | LoginRefusal {
    const { context, endpoint } = connection
    const { sessionsMax } = context.limits
    const key = nexusKey(agreement.identity, endpoint)
    const predecessor = this.#byNexus.get(key)
    const isReinstatement = predecessor !== undefined && !predecessor.hasEnded
    const mismatch = isReinstatement ? findIdentityMismatch(predecessor.identity, agreement.identity) : null
    if (mismatch !== null) return mismatch
    // Who takes the place of an own session adds none.
    if (predecessor === undefined && !this.#hasRoom(sessionsMax)) {
      return refuse('outOfResources', `${sessionsMax} sessions exist, which is the limit`)
    }
    const tsih = this.#freeTsih()
    if (tsih === null) return refuse('outOfResources', 'every TSIH is in use')
    const session = new Session(context, agreement, tsih, endpoint.remoteAddress, key, this)
    this.#byTsih.set(tsih, session)
    const takePlace = () => {
      const replaced = this.#byNexus.get(key)
      this.#byNexus.set(key, session)
      return replaced
    }
    return new LeadingEntry(session, takePlace, () => connection.fail('its session ended before it had logged in'))
  }

  /** One more connection of a session, or one in the place of a connection with the same CID (RFC 7143 6.3.4). */
  #join(connection: Connection, { identity }: LoginAgreement): SessionEntry | LoginRefusal {
    const { tsih, cid } = identity
    const { endpoint, context } = connection
    const session = this.#byTsih.get(tsih)
    const isKnown = session !== undefined && session.state !== 'ACTIVE' && isSameInitiatorPort(session, identity)
    if (!isKnown) return refuse('sessionDoesNotExist', `TSIH ${tsih} names no session of this initiator`)
    if (session.nexusKey !== nexusKey(identity, endpoint) || session.identity.sessionType !== identity.sessionType) {
      const reason = `TSIH ${tsih} is a session of another target, portal group or type`
      return refuse('cannotIncludeInSession', reason)
    }
    const mismatch = findIdentityMismatch(session.identity, identity)
    if (mismatch !== null) return mismatch
    const { target, initiatorName } = identity
    const { remoteAddress } = endpoint
    const maySpan =
      target === null || context.directory.maySpan?.(target.name, initiatorName, session.remoteAddress, remoteAddress)
    if (maySpan === false) {
      const reason = `from ${remoteAddress} the initiator would find something else than from ${session.remoteAddress}`
      return refuse('cannotIncludeInSession', reason)
    }
    const { maxConnections } = session.parameters
    if (session.otherConnectionCount(cid) >= maxConnections) {
      const reason = `CID ${cid} would be one connection too many: MaxConnections is ${maxConnections}`
      return refuse('tooManyConnections', reason)
    }
    return new JoiningEntry(session, cid, () => connection.fail('the session ended while the connection joined it'))
  }

  /**
   * Whether there is room for one more session. When there is none, a session that has failed and keeps no tasks (error
   * recovery level below 2) ends for it: its initiator loses nothing that a new session does not give it.
   */
  #hasRoom(sessionsMax: number): boolean {
    const isFull = () => this.#byTsih.size + this.#ending.size >= sessionsMax
    if (isFull()) {
      const dispensable = [...this.#failed].filter(({ parameters }) => parameters.errorRecoveryLevel < 2)
      chooseFailed(dispensable)?.end('stateTimedOut')
    }
    return !isFull()
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
 * Which of these failed sessions (in the order in which they failed) ends to make room: the first one of the initiator
 * that has most of them, so that who leaves many behind drives out nobody else's. Undefined when there is none.
 */
function chooseFailed(failed: Iterable<Session>): Session | undefined {
  const byInitiator = Map.groupBy(failed, ({ identity }) => identity.chapUser ?? identity.initiatorName)
  let largest: readonly Session[] = []
  for (const sessions of byInitiator.values()) if (sessions.length > largest.length) largest = sessions
  return largest[0]
}

function isSameInitiatorPort({ identity }: Session, { initiatorName, isid }: LoginIdentity): boolean {
  return identity.initiatorName === initiatorName && identity.isid.equals(isid)
}

/**
 * What makes two sessions the same nexus: InitiatorName, ISID, TargetName and portal group (RFC 7143 4.4.3); for a
 * discovery session without a target name the address it came in on takes the target's place (7.4.2.1). Who comes without
 * TLS never meets a session that came with it.
 */
function nexusKey(identity: LoginIdentity, endpoint: PortalEndpoint): string {
  const place =
    identity.target === null
      ? `discovery ${endpoint.localAddress} ${endpoint.localPort}`
      : `${identity.target.name} ${identity.portalGroupTag}`
  return `${identity.initiatorName} ${identity.isid.toString('hex')} ${place}${endpoint.tls === null ? '' : ' TLS'}`
}
