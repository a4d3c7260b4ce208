/**
 * How a login that has passed everything else enters a session (RFC 7143 6.3.1, table of login results): as the leading
 * connection of a new one, possibly in the place of an older session (6.3.5), or as one more connection of a session that
 * exists, possibly in the place of an older connection (6.3.4). Either way nobody is disturbed before this point, and the
 * login is answered only when nothing of what it replaces is in flight any more.
 */

import type { LostConnection } from '../recovery/lost-connection.ts'
import type { Session } from './session.ts'

export interface SessionEntry {
  readonly session: Session
  /**
   * Take the place in the session; `ready` is called, possibly at once, when the final Login Response can go out, and
   * never when the session has ended first.
   */
  establish(ready: () => void): void
  /** The login has come to nothing. */
  abandon(): void
}

/** The first connection of a session that this login makes. */
export class LeadingEntry implements SessionEntry {
  readonly session: Session
  readonly #takePlace: () => Session | undefined
  /** Closes the connection when the session ends before its login has. */
  readonly #sessionEnded: () => void
  #isOpen = true

  /** `takePlace` registers the session for its nexus and gives the one that was there. */
  constructor(session: Session, takePlace: () => Session | undefined, sessionEnded: () => void) {
    this.session = session
    this.#takePlace = takePlace
    this.#sessionEnded = sessionEnded
  }

  establish(ready: () => void): void {
    const predecessor = this.#takePlace()
    if (predecessor === undefined) ready()
    else this.session.succeed(predecessor, ready, () => this.#endedWhileWaiting())
  }

  abandon(): void {
    this.#isOpen = false
    this.session.end('loginFailed')
  }

  #endedWhileWaiting(): void {
    if (this.#isOpen) this.#sessionEnded()
  }
}

/** One more connection of a session; a CID that is taken means connection reinstatement. */
export class JoiningEntry implements SessionEntry {
  readonly session: Session
  readonly #cid: number
  /** Closes the connection when the session ends before its login has. */
  readonly #sessionEnded: () => void
  #isOpen = true
  /** The connection whose place is taken, while its tasks come to rest. */
  #cleanup: LostConnection | null = null

  constructor(session: Session, cid: number, sessionEnded: () => void) {
    this.session = session
    this.#cid = cid
    this.#sessionEnded = sessionEnded
  }

  get cid(): number {
    return this.#cid
  }

  establish(ready: () => void): void {
    this.session.joinStarted(this)
    this.#replace(ready)
  }

  abandon(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#cleanup?.abandonCleanup()
    this.session.joinEnded(this)
  }

  /** The session has ended. */
  sessionEnded(): void {
    this.#isOpen = false
    this.#sessionEnded()
  }

  /** Log out whoever has the CID, as often as somebody has it: other logins may be under way for the same. */
  #replace(ready: () => void): void {
    const lost = this.session.takeOut(this.#cid)
    if (!this.#isOpen) return
    if (lost === null) {
      this.#isOpen = false
      try {
        ready()
      } finally {
        this.session.joinEnded(this)
      }
      return
    }
    if (lost.isInCleanup) {
      lost.whenCleanupEnds(() => this.#goOn(ready))
      return
    }
    this.#cleanup = lost
    lost.beginCleanup()
    lost.whenAtRest(() => {
      if (!this.#isOpen) return
      this.#cleanup = null
      this.session.logOut(lost, 'recovery')
      this.#goOn(ready)
    })
  }

  #goOn(ready: () => void): void {
    if (this.#isOpen) this.#replace(ready)
  }
}
