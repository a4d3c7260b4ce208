/**
 * Auto contingent allegiance (ACA, SAM-5): a command whose CONTROL byte has NACA set ended with CHECK CONDITION, and until
 * the application client has dealt with it nothing else goes on in that task set. The I_T nexus of that command is the
 * faulted one. It alone may send commands, one at a time and with the ACA attribute; commands that were there before are
 * blocked: their work in flight comes to rest, but none of them ends. With TST 000b there is one task set and one ACA at
 * a time, with TST 001b each I_T nexus may have its own and concerns nobody else.
 *
 * An ACA ends by CLEAR ACA, by an ACA command that itself ends with CHECK CONDITION and NACA zero, by PREEMPT AND ABORT of
 * the faulted nexus, by a reset, and with the faulted nexus. The task set asks this class; commands pass it by a flag
 * check while there is no ACA.
 */

import { hasNaca } from './cdb.ts'
import { type Command, STATUS, TASK_ATTRIBUTE } from './command.ts'
import type { ItlNexus } from './itl-nexus.ts'

/** Ends a command for good; it may be called later than the command meant to end. */
export type EndCommand = (command: Command) => void

interface Allegiance {
  readonly faulted: ItlNexus
  /** Nexuses that have had an ACA ACTIVE status since it was established. */
  readonly told: Set<ItlNexus>
  /** Commands of other nexuses that may end all the same. */
  readonly exempt: Set<Command>
  /** Blocked commands that have nothing left to do but to end, in the order in which they got there. */
  readonly held: Map<Command, EndCommand>
}

/** PERSISTENT RESERVE OUT with the service action PREEMPT AND ABORT. */
const PREEMPT_AND_ABORT = { operationCode: 0x5f, serviceAction: 0x05, serviceActionMask: 0x1f } as const

export class AutoContingentAllegiances {
  /** By faulted I_T nexus. */
  readonly #allegiances = new Map<ItlNexus, Allegiance>()
  /** TST 001b. */
  isPerNexus = false

  get isEmpty(): boolean {
    return this.#allegiances.size === 0
  }

  /** Whether commands of this nexus are subject to an ACA, its own or another's. */
  concerns(itlNexus: ItlNexus): boolean {
    return this.#concerning(itlNexus) !== null
  }

  /** Whether this nexus is a faulted one. */
  isFaulted(itlNexus: ItlNexus): boolean {
    return this.#allegiances.has(itlNexus)
  }

  /**
   * `command`, which has NACA set, is about to end with CHECK CONDITION. One that fails with the ACA attribute renews the
   * ACA: what is blocked stays so. While another nexus is faulted nothing is established.
   */
  establish({ itlNexus }: Command): void {
    const existing = this.#concerning(itlNexus!)
    if (existing === null) {
      this.#allegiances.set(itlNexus!, {
        faulted: itlNexus!,
        told: new Set(),
        exempt: new Set(),
        held: new Map(),
      })
    } else if (existing.faulted === itlNexus) {
      existing.told.clear()
    }
  }

  /**
   * What a command that arrives ends with because of an ACA, or null when it may enter the task set. The first ACA ACTIVE
   * status that a nexus gets is fenced (RFC 7143 4.2.2.3.4 d).
   * Shape: `commands` are those in the task set.
   */
  refuse(command: Command, commands: Iterable<Command>): typeof STATUS.ACA_ACTIVE | typeof STATUS.BUSY | null {
    const allegiance = this.#concerning(command.itlNexus!)
    if (allegiance === null) return null
    if (allegiance.faulted === command.itlNexus) {
      return mayDealWithFault(command, commands) ? null : tellOf(allegiance, command)
    }
    if (!isPreemptAndAbort(command)) return refuseOther(allegiance, command)
    allegiance.exempt.add(command)
    return null
  }

  /**
   * A PREEMPT AND ABORT that a nexus other than the faulted one sent may go on only when it preempts the faulted one (SPC-3
   * 5.6.10.5 a). Gives the status that it ends with, or null.
   */
  refusePreemption(command: Command, preempted: ReadonlySet<ItlNexus>) {
    const allegiance = this.#concerning(command.itlNexus!)
    if (allegiance === null || allegiance.faulted === command.itlNexus || preempted.has(allegiance.faulted)) return null
    return refuseOther(allegiance, command)
  }

  /** A command wants to end: false when it may; otherwise `end` is called for it when the ACA is over. */
  holdBack(command: Command, end: EndCommand, endAborted: EndCommand): boolean {
    const allegiance = command.isAborted ? null : this.#concerning(command.itlNexus!)
    if (allegiance === null || allegiance.exempt.has(command)) return false
    if (command.taskAttribute === TASK_ATTRIBUTE.ACA) return false
    const { held } = allegiance
    held.set(command, end)
    command.operation = {
      abort() {
        held.delete(command)
        endAborted(command)
      },
    }
    return true
  }

  /**
   * The ACA of this nexus is over. Gives the commands that it held back and how they end, which they may do now; null when
   * the nexus has none.
   */
  clear(itlNexus: ItlNexus): ReadonlyMap<Command, EndCommand> | null {
    const allegiance = this.#allegiances.get(itlNexus)
    if (allegiance === undefined) return null
    this.#allegiances.delete(itlNexus)
    return allegiance.held
  }

  /** The faulted I_T nexuses. */
  get faulted(): readonly ItlNexus[] {
    return [...this.#allegiances.keys()]
  }

  #concerning(itlNexus: ItlNexus): Allegiance | null {
    if (this.isPerNexus) return this.#allegiances.get(itlNexus) ?? null
    for (const allegiance of this.#allegiances.values()) return allegiance
    return null
  }
}

/** On the faulted nexus: one command at a time, with the ACA attribute, unless TMF_ONLY shuts that out as well. */
function mayDealWithFault({ taskAttribute, itlNexus }: Command, commands: Iterable<Command>): boolean {
  if (taskAttribute !== TASK_ATTRIBUTE.ACA || itlNexus!.logicalUnit!.modeSettings.isTaskManagementOnly) return false
  for (const other of commands) {
    if (other.itlNexus === itlNexus && other.taskAttribute === TASK_ATTRIBUTE.ACA) return false
  }
  return true
}

/** On other nexuses: ACA ACTIVE for those who know what it is, BUSY for those who do not. */
function refuseOther(allegiance: Allegiance, command: Command) {
  const knowsAca = command.taskAttribute === TASK_ATTRIBUTE.ACA || hasNaca(command.cdb)
  return knowsAca ? tellOf(allegiance, command) : STATUS.BUSY
}

function tellOf({ told }: Allegiance, command: Command): typeof STATUS.ACA_ACTIVE {
  command.needsFence = !told.has(command.itlNexus!)
  told.add(command.itlNexus!)
  return STATUS.ACA_ACTIVE
}

function isPreemptAndAbort({ cdb, taskAttribute }: Command): boolean {
  const { operationCode, serviceAction, serviceActionMask } = PREEMPT_AND_ABORT
  if (taskAttribute === TASK_ATTRIBUTE.ACA || cdb[0] !== operationCode) return false
  return (cdb[1]! & serviceActionMask) === serviceAction
}
