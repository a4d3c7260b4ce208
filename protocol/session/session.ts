/**
 * A session (RFC 7143 4.2.1, 4.4.2): one I_T nexus with its command window, its tasks and its connections. Discovery
 * sessions are sessions without a nexus.
 *
 * A connection that fails does not end its session: what belongs to it is kept for Time2Wait and Time2Retain
 * (`LostConnection`), and so is a session that has no connection left (Q4 FAILED), for a login that goes on with it.
 * A session ends once, whatever ends it: its connections close, its tasks end without responses, and `ended` is told when
 * nothing of it is in flight any more, so that whatever comes after it on the same nexus cannot be overtaken by a write of
 * the past.
 */

import { sendConnectionDrop, sendSessionDrop } from '../connection/async-messages.ts'
import type { Connection } from '../connection/connection.ts'
import type { LoginAgreement, LoginIdentity } from '../login/login-machine.ts'
import type { SessionParameters } from '../login/parameters.ts'
import type { NodeContext } from '../node-context.ts'
import { LostConnection, retentionMs } from '../recovery/lost-connection.ts'
import type { NexusHandler } from '../scsi-layer.ts'
import { isSerialLess } from '../serial.ts'
import { tasksClearedByAnother } from '../task-management/task-termination.ts'
import { CommandWindow } from './command-window.ts'
import { ResponseFence } from './response-fence.ts'
import type { JoiningEntry } from './session-entry.ts'
import { nextSessionState, type SessionEvent, type SessionState } from './session-states.ts'
import type { Task } from './task.ts'
import { TaskQueue } from './task-queue.ts'

/** Told about the turns of a session's life. */
export interface SessionOwner {
  /** The session has no connection any more; of such sessions `keptMax` are to be kept. */
  sessionFailed(session: Session, keptMax: number): void
  /** A login goes on with such a session. */
  sessionContinued(session: Session): void
  /** The end begins: the session takes part in nothing any more. */
  sessionEnding(session: Session): void
  /** Nothing of the session is in flight any more. */
  sessionQuiet(session: Session): void
}

export class Session {
  readonly identity: LoginIdentity
  readonly parameters: SessionParameters
  readonly tsih: number
  readonly portalGroupTag: number
  /** Where its first connection comes from. */
  readonly remoteAddress: string
  /** Names the nexus: a second session with the same key reinstates the first. */
  readonly nexusKey: string
  readonly window: CommandWindow
  readonly fence: ResponseFence
  readonly queue: TaskQueue
  /** By Initiator Task Tag as a signed number (`tag | 0`), which the engine keeps as a small integer. */
  readonly tasks = new Map<number, Task>()
  /** Initiator Task Tags of task management requests that are not answered yet. */
  readonly managementTags = new Set<number>()

  readonly #context: NodeContext
  readonly #owner: SessionOwner
  #state: SessionState = 'FREE'
  #nexus: NexusHandler | null = null
  /** Those in full feature phase, by CID. */
  readonly #connections = new Map<number, Connection>()
  /** Connections out of service whose cleanup or tasks are not done with, oldest first. */
  readonly #lost = new Set<LostConnection>()
  /** Logins that are about to add a connection. */
  readonly #joining = new Set<JoiningEntry>()
  /** CID of the connection that another one is taking out of service, which is not reported as a failure. */
  #takenOutCid: number | null = null
  #endedListeners: (() => void)[] = []
  #isQuiet = false
  /** Set until the session whose place this one takes is quiet: tells the login that this one has ended before it began. */
  #endedWhileWaiting: (() => void) | null = null
  #nextTransferTag = 0
  #hasBegun = false
  #isEnding = false

  constructor(
    context: NodeContext,
    agreement: LoginAgreement,
    tsih: number,
    remoteAddress: string,
    nexusKey: string,
    owner: SessionOwner,
  ) {
    this.#context = context
    this.identity = agreement.identity
    this.parameters = agreement.session
    this.tsih = tsih
    this.remoteAddress = remoteAddress
    this.portalGroupTag = agreement.identity.portalGroupTag
    this.window = new CommandWindow(agreement.identity.cmdSN, context.limits.commandWindow)
    this.fence = new ResponseFence(context, this)
    this.queue = new TaskQueue(context, this)
    this.nexusKey = nexusKey
    this.#owner = owner
    this.#step('loginStarted')
  }

  get state(): SessionState {
    return this.#state
  }

  get isDiscovery(): boolean {
    return this.identity.sessionType === 'Discovery'
  }

  /** The way to the device server. Only for normal sessions in full feature phase. */
  get nexus(): NexusHandler {
    if (this.#nexus === null) throw new Error('the session has no nexus')
    return this.#nexus
  }

  /** The same, or null where there is none. */
  get nexusOrNull(): NexusHandler | null {
    return this.#nexus
  }

  get connections(): ReadonlyMap<number, Connection> {
    return this.#connections
  }

  get lost(): ReadonlySet<LostConnection> {
    return this.#lost
  }

  get hasEnded(): boolean {
    return this.#isEnding
  }

  /** Those in full feature phase and those about to be, the login of `cid` aside. */
  otherConnectionCount(cid: number): number {
    const cids = new Set(this.#connections.keys())
    for (const joining of this.#joining) cids.add(joining.cid)
    cids.delete(cid)
    return cids.size
  }

  /**
   * Wait for `predecessor`, whose place this session takes, to come to rest: before `ready` this session does nothing,
   * and it does not count as quiet itself, so that a third session waits for the first one too. `ended` is called instead
   * of `ready`, and at once, when this session ends before that.
   */
  succeed(predecessor: Session, ready: () => void, ended: () => void): void {
    this.#endedWhileWaiting = ended
    predecessor.end('sessionClosed', () => {
      this.#endedWhileWaiting = null
      if (this.#isEnding) this.#quiet()
      else ready()
    })
  }

  /** A connection enters full feature phase. */
  begin(connection: Connection): void {
    this.#connections.set(connection.cid, connection)
    if (this.#state === 'ACTIVE') {
      if (!this.isDiscovery) this.#openNexus()
      this.#step('loginCompleted')
      this.#hasBegun = true
      this.#context.observer?.sessionBegan(this)
    } else if (this.#state === 'IN_CONTINUE') {
      this.#step('continuationCompleted')
    }
    this.queue.dispatchWaiting()
  }

  /** A Target Transfer Tag that no live transfer of this session has; never the reserved one. */
  takeTransferTag(): number {
    const tag = this.#nextTransferTag
    this.#nextTransferTag = tag === 0xffff_fffe ? 0 : tag + 1
    return tag
  }

  /** A transfer of this session has, or had, this Target Transfer Tag. */
  hasIssuedTransferTag(tag: number): boolean {
    return isSerialLess(tag, this.#nextTransferTag)
  }

  /**
   * A connection has left full feature phase without a logout. Says whether its state is kept, and with it who ends its
   * cleanup.
   */
  connectionLost(connection: Connection): boolean {
    if (this.#connections.get(connection.cid) !== connection) {
      return [...this.#lost].some((lost) => lost.connection === connection)
    }
    if (this.#state === 'ACTIVE') {
      this.#connections.delete(connection.cid)
      this.end('loginFailed')
      return false
    }
    const isLast = this.#connections.size === 1 && this.#joining.size === 0
    if (isLast && retentionMs(this) === 0) {
      this.#connections.delete(connection.cid)
      this.#step('lastConnectionFailed')
      this.end('stateTimedOut')
      return false
    }
    this.#lose(connection, false)
    if (connection.cid === this.#takenOutCid) return true
    const { defaultTime2Wait, defaultTime2Retain } = this.parameters
    // Who lets losses pile up on a connection that he does not read hears of them from the Logout Response.
    const other = [...this.#connections.values()].find(({ outbound }) => !outbound.isOverflowing)
    if (other !== undefined) sendConnectionDrop(other, connection.cid, defaultTime2Wait, defaultTime2Retain)
    this.#failWithoutConnections()
    return true
  }

  /** Take the connection with this CID out of service if it is not yet. Gives what is to be cleaned up, if anything is. */
  takeOut(cid: number): LostConnection | null {
    const connection = this.#connections.get(cid)
    if (connection !== undefined) {
      this.#takenOutCid = cid
      connection.fail(`CID ${cid} was logged out, or logged in again, on another connection`)
      this.#takenOutCid = null
    }
    for (const lost of this.#lost) if (lost.cid === cid && !lost.isLoggedOut) return lost
    return null
  }

  /**
   * The cleanup of a lost connection has succeeded. For `recovery` at error recovery level 2 its tasks wait for
   * reassignment; otherwise nothing is left of it, and the caller has ended its tasks.
   */
  logOut(lost: LostConnection, purpose: 'recovery' | 'close'): void {
    lost.completeCleanup()
    if (purpose === 'close' || this.parameters.errorRecoveryLevel < 2) this.#discard(lost, 'sessionClosed')
  }

  /**
   * A connection of this session that has logged itself out leaves. For `recovery` its tasks are kept, otherwise the caller
   * has ended them. Says whether the session goes on; if not, the caller ends it.
   */
  leave(connection: Connection, purpose: 'recovery' | 'close'): boolean {
    const isLast = this.#connections.size === 1 && this.#joining.size === 0
    if (purpose === 'close' && isLast && this.#lost.size === 0) return false
    if (purpose === 'recovery') {
      this.#lose(connection, true)
    } else {
      this.#connections.delete(connection.cid)
      this.fence.connectionGone(connection)
    }
    this.#failWithoutConnections()
    return true
  }

  /** A login wants to add a connection. */
  joinStarted(joining: JoiningEntry): void {
    this.#joining.add(joining)
    if (this.#state !== 'FAILED') return
    this.#step('continuationStarted')
    this.#owner.sessionContinued(this)
  }

  /** It has done so, or has failed. */
  joinEnded(joining: JoiningEntry): void {
    this.#joining.delete(joining)
    if (this.#joining.size > 0 || this.#isEnding) return
    if (this.#state === 'IN_CONTINUE') {
      this.#step('continuationFailed')
      this.#fail()
    } else {
      this.#failWithoutConnections()
    }
  }

  /** End the session by a decision of ours, which the initiator is told. */
  drop(ended: () => void = () => {}): void {
    for (const connection of this.#connections.values()) sendSessionDrop(connection)
    this.end('sessionClosed', ended)
  }

  /** Call `ended` when the session has ended, whoever ends it, and nothing of it is in flight any more. */
  whenEnded(ended: () => void): void {
    if (this.#isQuiet) ended()
    else this.#endedListeners.push(ended)
  }

  /**
   * End the session. Safe to call again; every `ended` is called when the last task has come to rest.
   */
  end(event: 'sessionClosed' | 'stateTimedOut' | 'loginFailed', ended: () => void = () => {}): void {
    this.whenEnded(ended)
    if (this.#isEnding) return
    this.#isEnding = true
    this.#step(this.#state === 'ACTIVE' ? 'loginFailed' : event)
    this.#owner.sessionEnding(this)
    if (this.#hasBegun) this.#context.observer?.sessionEnded(this)
    this.window.clear()
    this.fence.clear()
    this.queue.clear()
    const connections = [...this.#connections.values()]
    this.#connections.clear()
    for (const connection of connections) connection.sessionEnded()
    for (const joining of [...this.#joining]) joining.sessionEnded()
    this.#joining.clear()
    for (const lost of this.#lost) lost.discard('sessionClosed')
    this.#lost.clear()
    if (this.#endedWhileWaiting !== null) this.#endedWhileWaiting()
    else if (this.#nexus === null) this.#quiet()
    else this.#nexus.close(() => this.#quiet())
  }

  #openNexus(): void {
    const { target, initiatorName, isid } = this.identity
    if (target === null) throw new Error('a normal session without a target')
    const { portalGroupTag, remoteAddress } = this
    const { iSCSIProtocolLevel } = this.parameters
    const targetName = target.name
    const identity = { initiatorName, isid, remoteAddress, targetName, portalGroupTag, iSCSIProtocolLevel }
    this.#nexus = this.#context.scsi.openNexus(identity, {
      tasksClearedByAnother: (tasks) => tasksClearedByAnother(this, tasks),
    })
  }

  /** Take a connection out of service and keep its state. */
  #lose(connection: Connection, isLoggedOut: boolean): void {
    this.#connections.delete(connection.cid)
    const lost = new LostConnection(connection, isLoggedOut, () => this.#discard(lost, 'stateTimedOut'))
    this.#lost.add(lost)
    lost.begin()
    // Only now, because responses of the lost connection that the fence held back are to be kept by then.
    this.fence.connectionGone(connection)
    if (this.#lost.size > this.#context.limits.lostConnectionsMax) {
      const oldest = [...this.#lost].find(({ isInCleanup }) => !isInCleanup)
      if (oldest !== undefined) this.#discard(oldest, 'stateTimedOut')
    }
    this.queue.dispatchWaiting()
    this.queue.taskEnded()
  }

  /** Forget a lost connection with its tasks, and with the last one a session without connections. */
  #discard(lost: LostConnection, event: 'stateTimedOut' | 'sessionClosed'): void {
    lost.endTasks()
    lost.discard(event)
    this.#lost.delete(lost)
    if (this.#state === 'FAILED' && this.#lost.size === 0) this.end('stateTimedOut')
  }

  #failWithoutConnections(): void {
    if (this.#connections.size > 0 || this.#state !== 'LOGGED_IN' || this.#joining.size > 0) return
    this.#step('lastConnectionFailed')
    this.#fail()
  }

  /** The session is in Q4 FAILED: it stays as long as something of it is kept. */
  #fail(): void {
    if (this.#lost.size === 0) this.end('stateTimedOut')
    else this.#owner.sessionFailed(this, this.#context.limits.failedSessionsMax)
  }

  #quiet(): void {
    for (const task of [...this.tasks.values()]) task.connection.places.forgetTask(task)
    this.#isQuiet = true
    this.#owner.sessionQuiet(this)
    const listeners = this.#endedListeners
    this.#endedListeners = []
    for (const ended of listeners) ended()
  }

  #step(event: SessionEvent): void {
    this.#state = nextSessionState(this.#state, event)
  }
}
