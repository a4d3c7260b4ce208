/**
 * An iSCSI target node on the network: its portals and everything that their connections share. The one object that an
 * application makes to serve iSCSI.
 */

import type { Socket } from 'node:net'
import { DataInPool } from '../framing/data-in-pool.ts'
import { HeaderCell } from '../framing/header-cell.ts'
import { ReceiveBufferPool } from '../framing/receive-buffer.ts'
import type { ProtocolLimits } from '../limits.ts'
import type { LoginPreferences } from '../login/login-machine.ts'
import { createRecentChallenges } from '../login/recent-challenges.ts'
import type { NodeContext, ProtocolLog, Scheduler } from '../node-context.ts'
import { ObjectPool } from '../object-pool.ts'
import type { ScsiLayer } from '../scsi-layer.ts'
import { drainSession } from '../session/session-drain.ts'
import { SessionRegistry } from '../session/session-registry.ts'
import { Task } from '../session/task.ts'
import type { TargetDirectory } from '../target-directory.ts'
import { type Occupant, Portal } from './portal.ts'
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
  readonly #portals: Portal[] = []
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
   * Open a portal, with `identity` one that speaks TLS. Gives its port, which the system chose when `port` is 0.
   * Errors: the system's (`code`), what OpenSSL says about an identity that it cannot use, and a portal group that would be
   * reached both with TLS and without it: a session belongs to its group, and who may disturb it came the same way.
   */
  async listen(
    host: string,
    port: number,
    portalGroupTag: number,
    identity: TlsIdentity | null = null,
  ): Promise<number> {
    const hasTls = identity !== null
    if (this.#portals.some((other) => other.portalGroupTag === portalGroupTag && other.hasTls !== hasTls)) {
      throw new RangeError(`portal group ${portalGroupTag} cannot have portals with TLS and without it`)
    }
    const portal = new Portal(this.#context, portalGroupTag, this.#connections, this.#wakefulness, identity)
    const actualPort = await portal.listen(host, port)
    this.#portals.push(portal)
    return actualPort
  }

  /** Shake hands with another identity on all TLS portals. Errors: throws as `listen`; then the old one stays. */
  renewTls(identity: TlsIdentity): void {
    for (const portal of this.#portals) portal.renewTls(identity)
  }

  /**
   * Stop accepting, ask every initiator to log out, let the commands that run be answered, end every session, close every
   * connection. Initiators have until `logoutRequestTimeoutMs`; what has not come to an end after `timeoutMs` is cut off;
   * the last answers have until `closeTimeoutMs` to be read.
   */
  async drain(timeoutMs: number): Promise<void> {
    const context = this.#context
    for (const portal of this.#portals) portal.stopListening()
    context.sessions.close()
    const logoutMs = Math.min(context.limits.logoutRequestTimeoutMs, timeoutMs)
    const sessions = [...context.sessions.sessions(), ...context.sessions.endingSessions()]
    const ended = Promise.all(
      sessions.map((session) => new Promise<void>((resolve) => drainSession(context, session, logoutMs, resolve))),
    )
    const isInTime = await isSettledWithin(ended, timeoutMs)
    if (!isInTime) this.#context.log.warn({}, `commands still ran after ${timeoutMs} ms; their sessions are cut off`)
    for (const session of sessions) session.drop()
    await isSettledWithin(ended, timeoutMs)
    const sockets = [...this.#connections.keys()]
    await isSettledWithin(Promise.all(sockets.map(lastBytesSent)), this.#context.limits.closeTimeoutMs)
    for (const socket of this.#connections.keys()) socket.destroy()
  }
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
