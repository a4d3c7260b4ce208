/**
 * What all connections of an iSCSI target node share. Time, randomness and scheduling come in through here, so that
 * tests can run the whole layer on a virtual clock.
 */

import type { DataInPool } from './framing/data-in-pool.ts'
import type { HeaderCell } from './framing/header-cell.ts'
import type { ReceiveBufferPool } from './framing/receive-buffer.ts'
import type { ProtocolLimits } from './limits.ts'
import type { LoginPreferences } from './login/login-machine.ts'
import type { RecentChallenges } from './login/recent-challenges.ts'
import type { ObjectPool } from './object-pool.ts'
import type { ScsiLayer } from './scsi-layer.ts'
import type { Session } from './session/session.ts'
import type { SessionRegistry } from './session/session-registry.ts'
import type { Task } from './session/task.ts'
import type { TargetDirectory } from './target-directory.ts'

/** A timer that has not fired yet. */
export interface Timer {
  cancel(): void
}

export interface Scheduler {
  /** Monotonic time in milliseconds. */
  nowMs(): number
  setTimer(delayMs: number, fire: () => void): Timer
  /** Run once, after the events of this turn of the event loop. */
  defer(run: () => void): void
}

/** Structured log; fields never contain secrets or payload. */
export interface ProtocolLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A login that came to nothing, as far as it is known who wanted what: names are what was claimed. */
export interface RefusedLogin {
  /** Normalised; null when none was given that can be one. */
  readonly initiatorName: string | null
  readonly targetName: string | null
  readonly remoteAddress: string
  /** RFC 7143 11.13.5. */
  readonly statusClass: number
  readonly statusDetail: number
  /** For the administrator. */
  readonly reason: string
}

/** Told of sessions that begin and end and of logins that are refused. Never throws. */
export interface NodeObserver {
  sessionBegan(session: Session): void
  /** The session takes part in nothing any more; commands of it may still come to rest. */
  sessionEnded(session: Session): void
  loginRefused(refusal: RefusedLogin): void
}

export interface NodeContext {
  readonly limits: ProtocolLimits
  readonly preferences: LoginPreferences
  readonly directory: TargetDirectory
  readonly scsi: ScsiLayer
  readonly sessions: SessionRegistry
  readonly headers: ObjectPool<HeaderCell>
  readonly slots: DataInPool
  readonly receiveBuffers: ReceiveBufferPool
  readonly tasks: ObjectPool<Task>
  readonly scheduler: Scheduler
  readonly recentChallenges: RecentChallenges
  readonly randomBytes: (byteCount: number) => Buffer
  readonly log: ProtocolLog
  readonly observer?: NodeObserver
}
