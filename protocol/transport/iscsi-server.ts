/**
 * An iSCSI target node on the network: its portals and everything that their connections share. The one object that an
 * application makes to serve iSCSI.
 */

import type { Socket } from 'node:net'
import { Connection } from '../connection/connection.ts'
import { DataInPool } from '../framing/data-in-pool.ts'
import { HeaderCell } from '../framing/header-cell.ts'
import { ReceiveBufferPool } from '../framing/receive-buffer.ts'
import type { ProtocolLimits } from '../limits.ts'
import type { LoginPreferences } from '../login/login-machine.ts'
import { createRecentChallenges } from '../login/recent-challenges.ts'
import type { NodeContext, NodeObserver, ProtocolLog, Scheduler } from '../node-context.ts'
import { ObjectPool } from '../object-pool.ts'
import type { ScsiLayer } from '../scsi-layer.ts'
import type { Session } from '../session/session.ts'
import { drainSession } from '../session/session-drain.ts'
import { SessionRegistry } from '../session/session-registry.ts'
import { Task } from '../session/task.ts'
import type { TargetDirectory } from '../target-directory.ts'
import { type Occupant, Portal, type PortalOptions } from './portal.ts'
import type { TlsIdentity } from './tls-acceptor.ts'
import { Wakefulness } from './wakefulness.ts'

export interface IscsiServerOptions {
  readonly limits: ProtocolLimits
  readonly preferences: LoginPreferences
  readonly directory: TargetDirectory
  readonly scsi: ScsiLayer
  readonly randomBytes: (byteCount: number) => Buffer
  readonly log: ProtocolLog
  /** How many processors this process may use. */
  readonly processorCount: number
  /** Hears of sessions and refused logins; by default nobody does. */
  readonly observer?: NodeObserver
}

/** Real time. */
export const SYSTEM_SCHEDULER: Scheduler = {
  nowMs: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  defer: (run) => setImmediate(run),
}

export class IscsiServer {
  readonly #context: NodeContext
  /** By id. */
  readonly #portals = new Map<string, Portal>()
  readonly #wakefulness: Wakefulness
  readonly #connections = new Map<Socket, Occupant>()

  constructor(options: IscsiServerOptions) {
    const { limits, processorCount } = options
    this.#wakefulness = new Wakefulness(SYSTEM_SCHEDULER, processorCount)
    this.#context = {
      ...options,
      sessions: new SessionRegistry(),
      headers: new ObjectPool(HeaderCell, limits.idleHeadersMax),
      slots: new DataInPool(limits.idleDataInBytesMax),
      receiveBuffers: new ReceiveBufferPool(limits.idleReceiveBytesMax),
      tasks: new ObjectPool(Task, limits.idleTasksMax),
      recentChallenges: createRecentChallenges(limits.recentChallengesMax),
      scheduler: SYSTEM_SCHEDULER,
    }
  }

  /** What all connections share; for statistics and tests. */
  get context(): NodeContext {
    return this.#context
  }

  /**
   * Open a portal and give its port. Errors: the system's (`code`), and what OpenSSL says about an identity that it cannot
   * use.
   */
  async openPortal(options: PortalOptions): Promise<number> {
    if (this.#portals.has(options.id)) throw new Error(`portal ${options.id} is open already`)
    const portal = new Portal(this.#context, options, this.#connections, this.#wakefulness)
    this.#portals.set(options.id, portal)
    try {
      return await portal.listen()
    } catch (error) {
      this.#portals.delete(options.id)
      throw error
    }
  }

  /**
   * Stop listening on a portal. Initiators that came in on it are asked to log out, and have until
   * `logoutRequestTimeoutMs`; then their sessions end as in `endSessions`, those with connections through other portals
   * lose only this one. Resolves when nobody is left.
   */
  async closePortal(id: string, timeoutMs: number): Promise<void> {
    const portal = this.#portals.get(id)
    if (portal === undefined) return
    this.#portals.delete(id)
    portal.stopListening()
    const occupants = [...portal.occupants]
    const sessions = new Set<Session>()
    const parts: Connection[] = []
    for (const [, occupant] of occupants) {
      if (!(occupant instanceof Connection) || !occupant.isLoggedIn) occupant.fail('its portal was closed')
      else if (isOnlyThrough(occupant.session, id)) sessions.add(occupant.session)
      else parts.push(occupant)
    }
    const logoutMs = this.#logoutMs(timeoutMs)
    for (const connection of parts) if (logoutMs > 0) connection.requestLogout(Math.ceil(logoutMs / MS_PER_SECOND))
    const leaving = occupants.filter(([, occupant]) => parts.some((connection) => connection === occupant))
    await Promise.all([
      this.endSessions([...sessions], timeoutMs),
      isSettledWithin(Promise.all(leaving.map(([socket]) => closed(socket))), logoutMs),
    ])
    for (const connection of parts) if (connection.isSending) connection.fail('its portal was closed')
    await this.#cutOff([...portal.occupants.keys()])
  }

  /** Shake hands with another identity on all TLS portals. Errors: throws as `openPortal`; then the old one stays. */
  renewTls(identity: TlsIdentity): void {
    for (const portal of this.#portals.values()) portal.renewTls(identity)
  }

  /**
   * Ask the initiators to log out, let the commands that run be answered and end the sessions. Initiators have until
   * `logoutRequestTimeoutMs`; what has not come to an end after `timeoutMs` is cut off. Resolves when nothing of the
   * sessions is in flight any more, or after twice that time.
   */
  async endSessions(sessions: readonly Session[], timeoutMs: number): Promise<void> {
    if (sessions.length === 0) return
    const context = this.#context
    const logoutMs = this.#logoutMs(timeoutMs)
    const ended = Promise.all(
      sessions.map((session) => new Promise<void>((resolve) => drainSession(context, session, logoutMs, resolve))),
    )
    const isInTime = await isSettledWithin(ended, timeoutMs)
    if (!isInTime) context.log.warn({}, `commands still ran after ${timeoutMs} ms; their sessions are cut off`)
    for (const session of sessions) session.drop()
    await isSettledWithin(ended, timeoutMs)
  }

  /**
   * Stop accepting, end every session as in `endSessions`, close every connection; the last answers have until
   * `closeTimeoutMs` to be read.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { sessions } = this.#context
    for (const portal of this.#portals.values()) portal.stopListening()
    sessions.close()
    await this.endSessions([...sessions.sessions(), ...sessions.endingSessions()], timeoutMs)
    await this.#cutOff([...this.#connections.keys()])
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  #logoutMs(timeoutMs: number): number {
    return Math.min(this.#context.limits.logoutRequestTimeoutMs, timeoutMs)
  }

  /** Let the last answers be read, but not for ever. */
  async #cutOff(sockets: readonly Socket[]): Promise<void> {
    await isSettledWithin(Promise.all(sockets.map(lastBytesSent)), this.#context.limits.closeTimeoutMs)
    for (const socket of sockets) socket.destroy()
  }
}

const MS_PER_SECOND = 1000

function isOnlyThrough({ connections }: Session, portalId: string): boolean {
  return [...connections.values()].every(({ endpoint }) => endpoint.portalId === portalId)
}

function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Settles when the system has all that a closing socket was given; at once for one that is not closing. */
function lastBytesSent(socket: Socket): Promise<void> {
  if (!socket.writableEnded || socket.writableFinished || socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    socket.once('finish', resolve)
    socket.once('close', () => resolve())
  })
}

async function isSettledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  const isInTime = await Promise.race([promise.then(() => true as const), timeout])
  clearTimeout(timer)
  return isInTime
}
