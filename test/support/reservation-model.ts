/**
 * A small model of persistent reservations (SPC-4 5.13), for four I_T nexuses: two initiator ports times two target
 * ports. Arrays, numbers and the words of the standard's tables; shares nothing with the device server. Every method
 * gives what the command ends with: `good`, `conflict`, or the sense as `key/asc/ascq`.
 */

export type Ending = 'good' | 'conflict' | string

export const NEXUSES = [
  { initiator: 0, targetPort: 0 },
  { initiator: 0, targetPort: 1 },
  { initiator: 1, targetPort: 0 },
  { initiator: 1, targetPort: 1 },
] as const

const NO_TYPE = 0
const INVALID_FIELD_IN_CDB = '5/24/00'
const INVALID_FIELD_IN_PARAMETER_LIST = '5/26/00'
const INVALID_RELEASE = '5/26/04'
const RESERVATIONS_PREEMPTED = '6/2a/03'
const RESERVATIONS_RELEASED = '6/2a/04'
const REGISTRATIONS_PREEMPTED = '6/2a/05'

export interface RegisterOptions {
  readonly aptpl: boolean
  readonly all: boolean
  /** Index of the initiator port that SPEC_I_PT names; null without. */
  readonly specified: number | null
}

export class ReservationModel {
  /** Zero for a nexus that is not registered. */
  keys = [0, 0, 0, 0]
  type = NO_TYPE
  /** Of types with one holder. */
  holder = -1
  aptpl = false
  generation = 0
  /** Unit attentions that each nexus is still to hear of. */
  pending = NEXUSES.map(() => new Set<string>())

  isHolder(nexus: number): boolean {
    if (this.type === NO_TYPE || this.keys[nexus] === 0) return false
    return this.type >= 7 || this.holder === nexus
  }

  /** Whether READ or WRITE of a nexus goes through. */
  allows(nexus: number, operation: 'read' | 'write'): boolean {
    if (this.type === NO_TYPE) return true
    if (this.type >= 5 ? this.keys[nexus] !== 0 : this.isHolder(nexus)) return true
    return operation === 'read' && [1, 5, 7].includes(this.type)
  }

  register(nexus: number, key: number, newKey: number, { aptpl, all, specified }: RegisterOptions): Ending {
    if (this.keys[nexus] !== key) return 'conflict'
    if (key === 0 && newKey === 0) return 'good'
    const own = this.#nexusesOf(NEXUSES[nexus]!.initiator, nexus, all)
    let targets = own
    if (specified !== null) {
      if (key !== 0) return INVALID_FIELD_IN_CDB
      const others = this.#nexusesOf(specified, nexus, all).filter((other) => !own.includes(other))
      if (others.some((other) => this.keys[other] !== 0)) return INVALID_FIELD_IN_CDB
      targets = [...own, ...others]
    }
    if (newKey !== 0 && targets.some((target) => this.keys[target] !== key)) return 'conflict'
    this.#assign(
      targets.filter((target) => this.keys[target] === key),
      newKey,
      nexus,
      aptpl,
    )
    return 'good'
  }

  registerAndIgnore(nexus: number, newKey: number, { aptpl, all }: RegisterOptions): Ending {
    if (this.keys[nexus] === 0 && newKey === 0) return 'good'
    this.#assign(this.#nexusesOf(NEXUSES[nexus]!.initiator, nexus, all), newKey, nexus, aptpl)
    return 'good'
  }

  reserve(nexus: number, key: number, type: number): Ending {
    if (![1, 3, 5, 6, 7, 8].includes(type)) return INVALID_FIELD_IN_CDB
    if (!this.#knows(nexus, key)) return 'conflict'
    if (this.type === NO_TYPE) {
      this.#hold(nexus, type)
      return 'good'
    }
    return this.isHolder(nexus) && this.type === type ? 'good' : 'conflict'
  }

  release(nexus: number, key: number, type: number): Ending {
    if (!this.#knows(nexus, key)) return 'conflict'
    if (!this.isHolder(nexus)) return 'good'
    if (type !== this.type) return INVALID_RELEASE
    if (this.type >= 5) this.#tell(this.#registered(), RESERVATIONS_RELEASED, nexus)
    this.type = NO_TYPE
    return 'good'
  }

  clear(nexus: number, key: number): Ending {
    if (!this.#knows(nexus, key)) return 'conflict'
    this.#tell(this.#registered(), RESERVATIONS_PREEMPTED, nexus)
    this.keys.fill(0)
    this.type = NO_TYPE
    this.generation++
    return 'good'
  }

  preempt(nexus: number, key: number, victimKey: number, type: number): Ending {
    if (!this.#knows(nexus, key)) return 'conflict'
    const isAllRegistrants = this.type >= 7
    if (victimKey === 0 && this.type !== NO_TYPE && !isAllRegistrants) return INVALID_FIELD_IN_PARAMETER_LIST
    const victims = this.#registered().filter((other) =>
      victimKey === 0 ? isAllRegistrants : this.keys[other] === victimKey,
    )
    if (victims.length === 0) return 'conflict'
    const takesOver =
      this.type !== NO_TYPE && (isAllRegistrants ? victimKey === 0 : this.keys[this.holder] === victimKey)
    if (takesOver && ![1, 3, 5, 6, 7, 8].includes(type)) return INVALID_FIELD_IN_CDB
    for (const victim of victims) if (!takesOver || victim !== nexus) this.keys[victim] = 0
    this.#tell(victims, REGISTRATIONS_PREEMPTED, nexus)
    if (takesOver) {
      if (type !== this.type) this.#tell(this.#registered(), RESERVATIONS_RELEASED, nexus)
      this.#hold(nexus, type)
    } else if (isAllRegistrants && this.#registered().length === 0) {
      this.type = NO_TYPE
    }
    this.generation++
    return 'good'
  }

  move(nexus: number, key: number, newKey: number, to: number, unregister: boolean, aptpl: boolean): Ending {
    if (this.type === NO_TYPE) return INVALID_FIELD_IN_CDB
    if (this.type >= 7 || !this.isHolder(nexus) || this.keys[nexus] !== key) return 'conflict'
    if (newKey === 0) return INVALID_FIELD_IN_CDB
    if (NEXUSES[to]!.initiator === NEXUSES[nexus]!.initiator) return INVALID_FIELD_IN_PARAMETER_LIST
    this.keys[to] = newKey
    this.holder = to
    if (unregister) this.keys[nexus] = 0
    this.aptpl = aptpl
    this.generation++
    return 'good'
  }

  /** Power was off. */
  restart(): void {
    this.generation = 0
    this.pending = NEXUSES.map(() => new Set(['6/29/00']))
    if (this.aptpl) return
    this.keys.fill(0)
    this.type = NO_TYPE
  }

  #assign(targets: readonly number[], key: number, issuer: number, aptpl: boolean): void {
    for (const target of targets) this.keys[target] = key
    this.aptpl = aptpl
    this.generation++
    const isReleased =
      this.type !== NO_TYPE && (this.type >= 7 ? this.#registered().length === 0 : this.keys[this.holder] === 0)
    if (!isReleased) return
    if (this.type >= 5) this.#tell(this.#registered(), RESERVATIONS_RELEASED, issuer)
    this.type = NO_TYPE
  }

  /** The nexuses of an initiator port at the target port of `nexus`, or at all of them. */
  #nexusesOf(initiator: number, nexus: number, all: boolean): number[] {
    return [...NEXUSES.keys()].filter(
      (other) =>
        NEXUSES[other]!.initiator === initiator && (all || NEXUSES[other]!.targetPort === NEXUSES[nexus]!.targetPort),
    )
  }

  #registered(): number[] {
    return [...NEXUSES.keys()].filter((nexus) => this.keys[nexus] !== 0)
  }

  #knows(nexus: number, key: number): boolean {
    return key !== 0 && this.keys[nexus] === key
  }

  #hold(nexus: number, type: number): void {
    this.type = type
    this.holder = nexus
  }

  #tell(nexuses: readonly number[], attention: string, issuer: number): void {
    for (const nexus of nexuses) if (nexus !== issuer) this.pending[nexus]!.add(attention)
  }
}
