/**
 * Target port asymmetric access states (SPC-4; SPC-3 5.8): how well a logical unit can be reached through a target port
 * group, and which commands it answers there. Here every target port is a group of its own, whose identifier is the
 * relative target port identifier: an iSCSI portal group is one target port. The states are a logical unit's, so they may
 * differ from one logical unit to the next, and they last until they are changed or the server ends: SPC-4 asks only
 * those to keep them longer that have no management but the initiators'.
 */

import type { AccessClass } from './define-command.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

interface AccessStateRow {
  /** ASYMMETRIC ACCESS STATE. */
  readonly code: number
  /** What a command gets that is not answered in this state; null when every command is. */
  readonly refusal: SenseCondition | null
  /** The classes of commands that are answered nevertheless. */
  readonly answered: readonly AccessClass[]
  /** PERIPHERAL QUALIFIER 001b: a device could be here, and cannot be reached now. */
  readonly isDisconnected: boolean
  /** Whether SET TARGET PORT GROUPS takes a group into this state, and out of it. */
  readonly isForInitiators: boolean
}

const EVERY_CLASS: readonly AccessClass[] = ['always', 'management', 'settings', 'medium']

export const ACCESS_STATES = {
  optimized: { code: 0x0, refusal: null, answered: EVERY_CLASS, isDisconnected: false, isForInitiators: true },
  nonOptimized: { code: 0x1, refusal: null, answered: EVERY_CLASS, isDisconnected: false, isForInitiators: true },
  standby: {
    code: 0x2,
    refusal: SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE,
    answered: ['always', 'management', 'settings'],
    isDisconnected: false,
    isForInitiators: true,
  },
  unavailable: {
    code: 0x3,
    refusal: SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE,
    answered: ['always', 'management'],
    isDisconnected: true,
    isForInitiators: true,
  },
  offline: {
    code: 0xe,
    refusal: SENSE.LOGICAL_UNIT_NOT_READY_OFFLINE,
    answered: ['always'],
    isDisconnected: true,
    isForInitiators: false,
  },
  transitioning: {
    code: 0xf,
    refusal: SENSE.LOGICAL_UNIT_NOT_ACCESSIBLE_ASYMMETRIC_ACCESS_STATE_TRANSITION,
    answered: ['always'],
    isDisconnected: false,
    isForInitiators: false,
  },
} as const satisfies Record<string, AccessStateRow>
export type AccessState = keyof typeof ACCESS_STATES

/** The state that a group may be set to by this ASYMMETRIC ACCESS STATE of SET TARGET PORT GROUPS; or null. */
export function accessStateForInitiators(code: number): AccessState | null {
  const entry = Object.entries(ACCESS_STATES).find(([, row]) => row.code === code && row.isForInitiators)
  return entry === undefined ? null : (entry[0] as AccessState)
}

/** Why a group is in its state: STATUS CODE of REPORT TARGET PORT GROUPS (SPC-3 table 165). */
export const STATUS_CODE = { NONE: 0x00, EXPLICIT: 0x01, IMPLICIT: 0x02 } as const
export type AccessStatusCode = (typeof STATUS_CODE)[keyof typeof STATUS_CODE]

/** What a group starts with, or is to become. */
export interface GroupAccess {
  readonly state: AccessState
  /** PREF: hosts should rather go through this group. */
  readonly isPreferred: boolean
}

/** What nobody said anything of. */
export const OPTIMIZED: GroupAccess = { state: 'optimized', isPreferred: false }

/** A change of one group; what it does not name stays. */
export interface AccessChange extends Partial<GroupAccess> {
  /** TARGET PORT GROUP. */
  readonly targetPortGroup: number
}

/** One logical unit through one target port group. I_T_L nexuses hold it and see every change at once. */
export class TargetPortGroupAccess {
  #row: AccessStateRow
  state: AccessState
  isPreferred: boolean
  statusCode: AccessStatusCode = STATUS_CODE.NONE
  /** Some commands are not answered: all that the way of a READ looks at. */
  isRestricted: boolean

  constructor({ state, isPreferred }: GroupAccess) {
    this.#row = ACCESS_STATES[state]
    this.state = state
    this.isPreferred = isPreferred
    this.isRestricted = this.#row.refusal !== null
  }

  /** The transition to `state`, one indivisible event. */
  enter(state: AccessState, reason: AccessStatusCode): void {
    this.#row = ACCESS_STATES[state]
    this.state = state
    this.statusCode = reason
    this.isRestricted = this.#row.refusal !== null
  }

  /** The PERIPHERAL QUALIFIER says that the logical unit cannot be reached. */
  get isDisconnected(): boolean {
    return this.#row.isDisconnected
  }

  /** What commands get that are not answered; null when all are. */
  get refusal(): SenseCondition | null {
    return this.#row.refusal
  }

  /** Whether commands of this class are answered. */
  answers(accessClass: AccessClass): boolean {
    return this.#row.answered.includes(accessClass)
  }
}

/** The states of one logical unit, by target port group. A group that nothing was said of is active/optimized. */
export class AccessStates {
  readonly #groups = new Map<number, TargetPortGroupAccess>()

  /** Shape: by TARGET PORT GROUP. */
  constructor(initial: ReadonlyMap<number, GroupAccess>) {
    for (const [targetPortGroup, access] of initial) {
      this.#groups.set(targetPortGroup, new TargetPortGroupAccess(access))
    }
  }

  /** The access through a group: one object a group, for as long as the logical unit lives. */
  of(targetPortGroup: number): TargetPortGroupAccess {
    const known = this.#groups.get(targetPortGroup)
    if (known !== undefined) return known
    const access = new TargetPortGroupAccess(OPTIMIZED)
    this.#groups.set(targetPortGroup, access)
    return access
  }

  /** Carry all of the changes out. Returns whether that changed anything. */
  apply(changes: readonly AccessChange[], reason: AccessStatusCode): boolean {
    let hasChanged = false
    for (const { targetPortGroup, ...change } of changes) {
      const access = this.of(targetPortGroup)
      const { state = access.state, isPreferred = access.isPreferred } = change
      hasChanged ||= state !== access.state || isPreferred !== access.isPreferred
      if (state !== access.state) access.enter(state, reason)
      access.isPreferred = isPreferred
    }
    return hasChanged
  }
}
