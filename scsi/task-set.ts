/**
 * The task set of a logical unit (SAM-5): every command from its arrival to its end, for all I_T nexuses together
 * (TST 000b) or, with `isPerNexus`, as if each had one of its own (TST 001b). Decides when a command may run by its task
 * attribute and priority, and winds commands down for task management. While all commands are SIMPLE nothing is ever
 * dormant and a command costs one insertion and one removal.
 *
 * SIMPLE commands in flight at the same time have no order among themselves, not even where they overlap
 * (QUEUE ALGORITHM MODIFIER 1h): an initiator that wants an order waits, or says ORDERED.
 */

import { AutoContingentAllegiances, type EndCommand } from './auto-contingent-allegiance.ts'
import { type Command, type Status, TASK_ATTRIBUTE } from './command.ts'
import { endAborted } from './completion.ts'
import type { ItlNexus } from './itl-nexus.ts'

interface EndWaiter {
  readonly remaining: Set<Command>
  readonly done: () => void
}

export class TaskSet {
  readonly #start: (command: Command) => void
  readonly #commandsMax: number
  /** In order of arrival. */
  readonly #commands = new Set<Command>()
  /** Those that may not run yet; in order of arrival too. */
  readonly #dormant = new Set<Command>()
  readonly #allegiances = new AutoContingentAllegiances()
  /** There is an auto contingent allegiance. */
  hasAca = false
  #orderedCount = 0
  #headOfQueueCount = 0
  #isAdvancing = false
  #waiters: EndWaiter[] = []

  /** `start` runs a command that entered the enabled state; `commandsMax` bounds how many there are at a time. */
  constructor(start: (command: Command) => void, commandsMax = Number.POSITIVE_INFINITY) {
    this.#start = start
    this.#commandsMax = commandsMax
  }

  /** One more command is to be refused with TASK SET FULL. */
  get isFull(): boolean {
    return this.#commands.size >= this.#commandsMax
  }

  get size(): number {
    return this.#commands.size
  }

  /** TST 001b: the attributes of a command order it among those of its own I_T nexus only. */
  get isPerNexus(): boolean {
    return this.#allegiances.isPerNexus
  }

  /** Another TST ends every auto contingent allegiance: its task set is no more. */
  set isPerNexus(isPerNexus: boolean) {
    if (isPerNexus === this.#allegiances.isPerNexus) return
    this.clearEveryAca()
    this.#allegiances.isPerNexus = isPerNexus
  }

  /** A command arrived: run it now or keep it dormant. */
  insert(command: Command): void {
    const mayRun = this.#mayRunOnArrival(command)
    this.#commands.add(command)
    if (command.taskAttribute === TASK_ATTRIBUTE.ORDERED) this.#orderedCount++
    else if (command.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#headOfQueueCount++
    if (mayRun) this.#start(command)
    else this.#dormant.add(command)
  }

  /** A command is about to end. False when it is not in the set. */
  remove(command: Command): boolean {
    if (!this.#commands.delete(command)) return false
    if (command.taskAttribute === TASK_ATTRIBUTE.ORDERED) this.#orderedCount--
    else if (command.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#headOfQueueCount--
    return true
  }

  /** The transport has heard of the end of a removed command: let those go on that waited for it. */
  commandEnded(command: Command): void {
    if (this.#waiters.length > 0) this.#settleWaiters(command)
    if (this.#dormant.size > 0) this.#advance()
  }

  /** Whether the command has arrived and not ended. */
  has(command: Command): boolean {
    return this.#commands.has(command)
  }

  /** The commands that `selects` picks, in order of arrival. */
  select(selects: (command: Command) => boolean): readonly Command[] {
    return [...this.#commands].filter(selects)
  }

  /**
   * Abort the commands that `selects` picks. `done` comes when the last of them has ended, which for one with backing
   * I/O in flight is when that I/O came to rest: nothing of them can reach the medium after `done`.
   */
  abort(selects: (command: Command) => boolean, done: () => void): void {
    const selected = this.select(selects)
    if (selected.length === 0) {
      done()
      return
    }
    this.#waiters.push({ remaining: new Set(selected), done })
    // All are marked before the first one ends, because an end may start others.
    const running: Command[] = []
    const dormant: Command[] = []
    for (const command of selected) {
      command.isAborted = true
      if (this.#dormant.delete(command)) dormant.push(command)
      else running.push(command)
    }
    for (const command of dormant) if (this.#commands.has(command)) endAborted(command)
    for (const command of running) command.operation?.abort()
  }

  /** `command`, which has NACA set, is about to end with CHECK CONDITION. */
  establishAca(command: Command): void {
    this.#allegiances.establish(command)
    this.hasAca = true
  }

  /** Whether this nexus is the faulted one, or one of them. */
  isFaulted(itlNexus: ItlNexus): boolean {
    return this.#allegiances.isFaulted(itlNexus)
  }

  /** Whether an auto contingent allegiance, its own or another's, concerns the commands of this nexus. */
  isInAca(itlNexus: ItlNexus): boolean {
    return this.#allegiances.concerns(itlNexus)
  }

  /** What a command that arrives is refused with because of an auto contingent allegiance, or null. */
  refuseInAca(command: Command): Status | null {
    return this.#allegiances.refuse(command, this.#commands)
  }

  /** What a PREEMPT AND ABORT that preempts these nexuses is refused with for the same reason, or null. */
  refusePreemption(command: Command, preempted: ReadonlySet<ItlNexus>): Status | null {
    return this.#allegiances.refusePreemption(command, preempted)
  }

  /** Whether a command that wants to end is blocked; `end` is called when it no longer is. */
  holdBack(command: Command, end: EndCommand, endAborted: EndCommand): boolean {
    return this.#allegiances.holdBack(command, end, endAborted)
  }

  /**
   * The auto contingent allegiance of this nexus is over, if it has one: `cleared` is called, then what was blocked goes
   * on.
   */
  clearAca(itlNexus: ItlNexus, cleared: () => void = () => {}): void {
    const held = this.#allegiances.clear(itlNexus)
    this.hasAca = !this.#allegiances.isEmpty
    cleared()
    if (held === null) return
    for (const [command, end] of held) this.#endHeld(command, end)
    this.#advance()
  }

  clearEveryAca(): void {
    for (const itlNexus of this.#allegiances.faulted) this.clearAca(itlNexus)
  }

  /** Call `done` when the commands that `selects` picks among those of this moment have ended. */
  whenEnded(selects: (command: Command) => boolean, done: () => void): void {
    const selected = this.select(selects)
    if (selected.length === 0) done()
    else this.#waiters.push({ remaining: new Set(selected), done })
  }

  #mayRunOnArrival(command: Command): boolean {
    // What an auto contingent allegiance lets in is there to end it and waits for nothing.
    if (this.hasAca && this.isInAca(command.itlNexus!)) return true
    switch (command.taskAttribute) {
      case TASK_ATTRIBUTE.HEAD_OF_QUEUE:
      case TASK_ATTRIBUTE.ACA:
        return true
      case TASK_ATTRIBUTE.ORDERED:
        return this.#commands.size === 0 || (this.isPerNexus && this.#commandsOf(command).length === 0)
      default:
        if (this.#orderedCount === 0 && this.#headOfQueueCount === 0) return true
        return this.isPerNexus && this.#commandsOf(command).every((other) => !ordersOthers(other))
    }
  }

  /** The commands of the nexus that `command` came through. */
  #commandsOf({ itlNexus }: Command): readonly Command[] {
    return this.select((other) => other.itlNexus === itlNexus)
  }

  /** Run dormant commands that may run now. A loop, because a started command may end at once and free the next. */
  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    try {
      for (let next = this.#takeNextRunnable(); next !== null; next = this.#takeNextRunnable()) this.#start(next)
    } finally {
      this.#isAdvancing = false
    }
  }

  /**
   * The dormant command that is to run next, no longer dormant; null when all of them still wait. Among SIMPLE commands
   * that may run, the one of the highest priority, and the oldest of these: they have no order of their own, so that
   * this breaks none.
   */
  #takeNextRunnable(): Command | null {
    const taskSets = this.isPerNexus ? [...Map.groupBy(this.#commands, (command) => command.itlNexus).values()] : null
    if (taskSets === null) {
      return this.#headOfQueueCount > 0 || this.hasAca ? null : this.#takeNextOf(this.#commands)
    }
    for (const commands of taskSets) {
      if (this.hasAca && this.isInAca(commands[0]!.itlNexus!)) continue
      if (commands.some((command) => command.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE)) continue
      const next = this.#takeNextOf(commands)
      if (next !== null) return next
    }
    return null
  }

  /** The same in one task set, in which no HEAD OF QUEUE command runs. */
  #takeNextOf(commands: Iterable<Command>): Command | null {
    let isFirst = true
    let next: Command | null = null
    for (const command of commands) {
      const isOrdered = command.taskAttribute === TASK_ATTRIBUTE.ORDERED
      const mayRun = (!isOrdered || isFirst) && this.#dormant.has(command)
      if (mayRun && (next === null || rankOf(command) < rankOf(next))) next = command
      if (isOrdered) break
      isFirst = false
    }
    if (next !== null) this.#dormant.delete(next)
    return next
  }

  /** Aborted meanwhile, it has ended already. A transport that fails takes only its own command with it. */
  #endHeld(command: Command, end: EndCommand): void {
    if (!this.#commands.has(command)) return
    try {
      end(command)
    } catch (error) {
      command.itlNexus!.target.onInternalError(error, command)
    }
  }

  #settleWaiters(command: Command): void {
    const settled: EndWaiter[] = []
    for (const waiter of this.#waiters) {
      if (waiter.remaining.delete(command) && waiter.remaining.size === 0) settled.push(waiter)
    }
    if (settled.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.remaining.size > 0)
    for (const waiter of settled) waiter.done()
  }
}

/** Whether SIMPLE commands wait for this one. */
function ordersOthers({ taskAttribute }: Command): boolean {
  return taskAttribute === TASK_ATTRIBUTE.ORDERED || taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE
}

/**
 * COMMAND PRIORITY 1 goes first and 15 last (SAM-5). A command that states none has that of its I_T_L nexus, and comes
 * after all that have one if there is none either.
 */
function rankOf({ priority, itlNexus }: Command): number {
  return priority || itlNexus?.priority || 16
}
