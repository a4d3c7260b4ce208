/**
 * A session (RFC 7143 4.2.1, 4.4.2): one I_T nexus with its command window, its tasks and its connections. Discovery
 * sessions are sessions without a nexus. A session ends once, whatever ends it: its connections close, its tasks end without
 * responses, and `ended` is told when nothing of it is in flight any more, so that whatever comes after it on the same
 * nexus cannot be overtaken by a write of the past.
 */

import type { Connection } from '../connection/connection.ts'
import { executeTask } from '../connection/task-lifecycle.ts'
import type { LoginAgreement, LoginIdentity } from '../login/login-machine.ts'
import type { SessionParameters } from '../login/parameters.ts'
import type { NodeContext } from '../node-context.ts'
import type { NexusHandler } from '../scsi-layer.ts'
import { CommandWindow } from './command-window.ts'
import { nextSessionState, type SessionEvent, type SessionState } from './session-states.ts'
import type { Task } from './task.ts'

/** Told about the two steps of a session's end. */
export interface SessionOwner {
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
  /** Names the nexus: a second session with the same key reinstates the first. */
  readonly nexusKey: string
  readonly window: CommandWindow
  /** By Initiator Task Tag as a signed number (`tag | 0`), which the engine keeps as a small integer. */
  readonly tasks = new Map<number, Task>()
  /** Initiator Task Tags of task management requests that are not answered yet. */
  readonly managementTags = new Set<number>()
  /** Tasks in order that wait until the connection's outbound queue has room. */
  readonly waitingTasks: Task[] = []

  readonly #context: NodeContext
  readonly #owner: SessionOwner
  #state: SessionState = 'FREE'
  #nexus: NexusHandler | null = null
  /** Those in full feature phase, by CID. */
  readonly #connections = new Map<number, Connection>()
  #endedListeners: (() => void)[] = []
  #isQuiet = false
  /** The session that this one takes the place of, until that one is quiet. */
  #isWaitingForPredecessor = false
  #nextTransferTag = 0
  #isDispatching = false
  /** Called when the last command that runs has ended; set by `drain`. */
  #drained: (() => void) | null = null

  constructor(
    context: NodeContext,
    agreement: LoginAgreement,
    tsih: number,
    portalGroupTag: number,
    nexusKey: string,
    owner: SessionOwner,
  ) {
    this.#context = context
    this.identity = agreement.identity
    this.parameters = agreement.session
    this.tsih = tsih
    this.portalGroupTag = portalGroupTag
    this.window = new CommandWindow(agreement.identity.cmdSN, context.limits.commandWindow)
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

  get connections(): ReadonlyMap<number, Connection> {
    return this.#connections
  }

  /**
   * Wait for `predecessor`, whose place this session takes, to come to rest: before `ready` this session does nothing,
   * and it does not count as quiet itself, so that a third session waits for the first one too.
   */
  succeed(predecessor: Session, ready: () => void): void {
    this.#isWaitingForPredecessor = true
    predecessor.end('sessionClosed', () => {
      this.#isWaitingForPredecessor = false
      if (this.#endedListeners.length > 0) this.#quiet()
      else ready()
    })
  }

  /** The leading connection enters full feature phase. */
  begin(connection: Connection): void {
    this.#connections.set(connection.cid, connection)
    const { target, initiatorName, isid } = this.identity
    if (!this.isDiscovery && target !== null) {
      this.#nexus = this.#context.scsi.openNexus({
        initiatorName,
        isid,
        targetName: target.name,
        portalGroupTag: this.portalGroupTag,
      })
    }
    this.#step('loginCompleted')
  }

  /** A Target Transfer Tag that no live transfer of this session has; never the reserved one. */
  takeTransferTag(): number {
    const tag = this.#nextTransferTag
    this.#nextTransferTag = tag === 0xffff_fffe ? 0 : tag + 1
    return tag
  }

  /** Hand a task to the SCSI layer in its turn: at once, or when the outbound queue of its connection has room. */
  dispatch(task: Task): void {
    if (this.#drained === null && this.waitingTasks.length === 0 && !task.connection.isCongested) executeTask(task)
    else this.waitingTasks.push(task)
  }

  /** The outbound queue has drained: hand out what waits. */
  dispatchWaiting(): void {
    if (this.#isDispatching || this.#drained !== null) return
    this.#isDispatching = true
    while (this.waitingTasks.length > 0 && !this.waitingTasks[0]!.connection.isCongested) {
      executeTask(this.waitingTasks.shift()!)
    }
    this.#isDispatching = false
  }

  /** Begin no further command; `drained` is called when those that run have been answered. */
  drain(drained: () => void): void {
    this.#drained = drained
    this.taskEnded()
  }

  /** A task is gone. */
  taskEnded(): void {
    if (this.#drained === null) return
    for (const task of this.tasks.values()) if (task.phase !== 'waiting') return
    const drained = this.#drained
    this.#drained = () => {}
    drained()
  }

  /** A connection of the session is gone. With its last connection the session ends: error recovery level 0. */
  connectionLost(connection: Connection): void {
    if (this.#connections.get(connection.cid) !== connection) return
    this.#connections.delete(connection.cid)
    if (this.#connections.size === 0) this.end('lastConnectionFailed')
  }

  /** End the session by a decision of ours, which the initiator is told. */
  drop(ended: () => void = () => {}): void {
    for (const connection of this.#connections.values()) connection.announceSessionDrop()
    this.end('sessionClosed', ended)
  }

  /**
   * End the session. Safe to call again; every `ended` is called when the last task has come to rest.
   */
  end(event: SessionEvent, ended: () => void = () => {}): void {
    if (this.#isQuiet) {
      ended()
      return
    }
    this.#endedListeners.push(ended)
    if (this.#endedListeners.length > 1) return
    if (event === 'lastConnectionFailed' && this.#state === 'LOGGED_IN') {
      this.#step(event)
      this.#step('stateTimedOut')
    } else {
      this.#step(this.#state === 'ACTIVE' ? 'loginFailed' : event)
    }
    this.#owner.sessionEnding(this)
    this.window.clear()
    this.waitingTasks.length = 0
    const connections = [...this.#connections.values()]
    this.#connections.clear()
    for (const connection of connections) connection.sessionEnded()
    if (this.#isWaitingForPredecessor) return
    if (this.#nexus === null) this.#quiet()
    else this.#nexus.close(() => this.#quiet())
  }

  #quiet(): void {
    for (const task of [...this.tasks.values()]) task.connection.forgetTask(task)
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
