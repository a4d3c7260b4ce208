/**
 * A small model of a task set (SAM-5): which commands have been started, which have ended, and how, by their task
 * attributes, auto contingent allegiances, and what aborts them. A list that is searched whole at each step, and no code of
 * the device server.
 */

export const ATTRIBUTE = { SIMPLE: 0, ORDERED: 1, HEAD_OF_QUEUE: 2, ACA: 3 } as const
export type Attribute = (typeof ATTRIBUTE)[keyof typeof ATTRIBUTE]

/** What a command came to: its status, or that it was aborted without one; null while it has not ended. */
export type End = 'good' | 'checkCondition' | 'busy' | 'taskSetFull' | 'acaActive' | 'aborted' | null

export interface ModelCommand {
  readonly nexus: number
  readonly attribute: Attribute
  isStarted: boolean
  /** Its work is done, and an auto contingent allegiance keeps it from ending. */
  isHeld: boolean
  isAborting: boolean
  end: End
}

export class TaskSetModel {
  readonly commands: ModelCommand[] = []
  readonly #isPerNexus: boolean
  readonly #commandsMax: number
  /** Nexuses with an auto contingent allegiance, and whether CLEAR ACA waits for its ACA command. */
  readonly #faulted = new Map<number, { isClearing: boolean }>()

  constructor(isPerNexus: boolean, commandsMax: number) {
    this.#isPerNexus = isPerNexus
    this.#commandsMax = commandsMax
  }

  get faultedNexuses(): readonly number[] {
    return [...this.#faulted.keys()]
  }

  /** A command that reads or writes. */
  arrive(nexus: number, attribute: Attribute): ModelCommand {
    const command = this.#add(nexus, attribute)
    command.end = this.#refusal(command, attribute === ATTRIBUTE.ACA)
    if (command.end !== null) return command
    const isInAca = this.#isInAca(nexus)
    if (attribute === ATTRIBUTE.ACA && !isInAca) command.end = 'checkCondition'
    else if (isInAca || attribute === ATTRIBUTE.HEAD_OF_QUEUE || this.#mayStart(command)) command.isStarted = true
    return command
  }

  /** A command that fails at once, with NACA. */
  fault(nexus: number): ModelCommand {
    const command = this.#add(nexus, ATTRIBUTE.HEAD_OF_QUEUE)
    command.end = this.#refusal(command, true)
    if (command.end !== null) return command
    command.end = 'checkCondition'
    this.#faulted.set(nexus, { isClearing: false })
    return command
  }

  /** The work of a started command is done. */
  workDone(command: ModelCommand): void {
    if (command.isAborting) this.#end(command, 'aborted')
    else if (this.#isInAca(command.nexus) && command.attribute !== ATTRIBUTE.ACA) command.isHeld = true
    else this.#end(command, 'good')
  }

  abort(command: ModelCommand): void {
    if (command.end !== null) return
    if (command.isStarted && !command.isHeld) command.isAborting = true
    else this.#end(command, 'aborted')
  }

  /** CLEAR ACA from a faulted nexus. */
  clearAca(nexus: number): void {
    const dealing = this.#left().find((other) => other.nexus === nexus && other.attribute === ATTRIBUTE.ACA)
    if (dealing === undefined) {
      this.#acaIsOver(nexus)
      return
    }
    this.#faulted.get(nexus)!.isClearing = true
    this.abort(dealing)
  }

  #add(nexus: number, attribute: Attribute): ModelCommand {
    const command = { nexus, attribute, isStarted: false, isHeld: false, isAborting: false, end: null }
    this.commands.push(command)
    return command
  }

  #left(): readonly ModelCommand[] {
    return this.commands.filter(({ end }) => end === null)
  }

  #isInAca(nexus: number): boolean {
    return this.#isPerNexus ? this.#faulted.has(nexus) : this.#faulted.size > 0
  }

  #refusal(command: ModelCommand, knowsAca: boolean): End {
    const others = this.#left().filter((other) => other !== command)
    if (this.#isInAca(command.nexus)) {
      if (!this.#faulted.has(command.nexus)) return knowsAca ? 'acaActive' : 'busy'
      const isAnotherThere = others.some((other) => other.nexus === command.nexus && other.attribute === ATTRIBUTE.ACA)
      if (command.attribute !== ATTRIBUTE.ACA || isAnotherThere) return 'acaActive'
    }
    return others.length >= this.#commandsMax ? 'taskSetFull' : null
  }

  #mayStart(command: ModelCommand): boolean {
    const sameSet = this.#left().filter((other) => !this.#isPerNexus || other.nexus === command.nexus)
    const older = sameSet.slice(0, sameSet.indexOf(command))
    if (this.#isInAca(command.nexus)) return false
    if (sameSet.some((other) => other !== command && other.attribute === ATTRIBUTE.HEAD_OF_QUEUE)) return false
    if (command.attribute === ATTRIBUTE.ORDERED) return older.length === 0
    return !older.some((other) => other.attribute === ATTRIBUTE.ORDERED)
  }

  #end(command: ModelCommand, end: End): void {
    command.end = end
    command.isHeld = false
    if (command.attribute === ATTRIBUTE.ACA && this.#faulted.get(command.nexus)?.isClearing) {
      this.#acaIsOver(command.nexus)
    }
    this.#startWhatMayStart()
  }

  #acaIsOver(nexus: number): void {
    this.#faulted.delete(nexus)
    for (const command of this.commands) {
      if (command.isHeld && !this.#isInAca(command.nexus)) this.#end(command, 'good')
    }
    this.#startWhatMayStart()
  }

  #startWhatMayStart(): void {
    for (const command of this.#left()) if (!command.isStarted && this.#mayStart(command)) command.isStarted = true
  }
}
