/**
 * PERSISTENT RESERVE OUT (SPC-4 6.16; SPC-3 6.12): one row for each service action. The parameter list is received
 * whole, decided on and carried out without anything in between, so that every service action is a single indivisible
 * event. PREEMPT AND ABORT then waits until the last preempted command has come to rest.
 */

import { bits, cdb, readField, uint } from '../../cdb.ts'
import { type Command, STATUS, type Status } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../../device-type.ts'
import type { ItlNexus } from '../../itl-nexus.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { Operation } from '../../operation.ts'
import type { ReservationState } from '../../reservation-state.ts'
import { type SenseData, senseOf } from '../../sense.ts'
import { SENSE } from '../../sense-codes.ts'
import { BASIC_LIST, decodeBasicList, decodeMoveList, LIST_BYTES_MIN } from './parameter-lists.ts'
import { register, registerAndIgnoreExistingKey, registerAndMove } from './registering.ts'
import type { BasicRequest, ServiceActionOutcome } from './request.ts'
import { clear, preempt, release, replaceLostReservation, reserve } from './reserving.ts'

const CDB = cdb(10, { scope: bits(2, 7, 4), type: bits(2, 3, 0), parameterListLength: uint(5, 4) })
const FIELDS = CDB.fields

/** Room for the TransportIDs of far more ports than can be registered at a time. */
const LIST_BYTES_MAX = 64 * 1024

/** What a service action makes of a parameter list. */
type Decide = (list: Buffer, command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus) => ServiceActionOutcome

type BasicServiceAction = (
  state: LogicalUnit['persistentReservations']['state'],
  request: BasicRequest,
) => ServiceActionOutcome

interface ServiceActionOptions {
  readonly maySpecifyInitiatorPorts?: boolean
  readonly abortsPreempted?: boolean
}

function basic(perform: BasicServiceAction, { maySpecifyInitiatorPorts = false }: ServiceActionOptions = {}): Decide {
  return (list, command, logicalUnit, itlNexus) => {
    const parameters = decodeBasicList(list, maySpecifyInitiatorPorts)
    if ('condition' in parameters) return parameters
    const { state } = logicalUnit.persistentReservations
    return perform(state, { ...parameters, ...surroundings(command, logicalUnit, itlNexus) })
  }
}

const decideMove: Decide = (list, command, logicalUnit, itlNexus) => {
  const parameters = decodeMoveList(list)
  if ('condition' in parameters) return parameters
  const { state } = logicalUnit.persistentReservations
  return registerAndMove(state, { ...parameters, ...surroundings(command, logicalUnit, itlNexus) })
}

const decideReplacement: Decide = (list, command, logicalUnit, itlNexus) =>
  logicalUnit.persistentReservations.isLost
    ? basic((_state, request) => replaceLostReservation(request))(list, command, logicalUnit, itlNexus)
    : senseOf(SENSE.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)

export const PERSISTENT_RESERVE_OUT_COMMANDS = [
  defineServiceAction('REGISTER', 0x00, basic(register, { maySpecifyInitiatorPorts: true })),
  defineServiceAction('RESERVE', 0x01, basic(reserve)),
  defineServiceAction('RELEASE', 0x02, basic(release)),
  defineServiceAction('CLEAR', 0x03, basic(clear)),
  defineServiceAction('PREEMPT', 0x04, basic(preempt)),
  defineServiceAction('PREEMPT AND ABORT', 0x05, basic(preempt), { abortsPreempted: true }),
  defineServiceAction('REGISTER AND IGNORE EXISTING KEY', 0x06, basic(registerAndIgnoreExistingKey)),
  defineServiceAction('REGISTER AND MOVE', 0x07, decideMove),
  defineServiceAction('REPLACE LOST RESERVATION', 0x08, decideReplacement),
]

function defineServiceAction(
  name: string,
  serviceAction: number,
  decide: Decide,
  { abortsPreempted = false }: ServiceActionOptions = {},
) {
  return defineCommand({
    name: `PERSISTENT RESERVE OUT (${name})`,
    operationCode: 0x5f,
    serviceAction,
    standard: 'SPC-4',
    cdb: CDB,
    data: 'out',
    reservationClass: 'persistentReserve',
    accessClass: 'settings',
    taskClass: 'configuration',
    deviceTypes: EVERY_DEVICE_TYPE,
    execute: (command, logicalUnit, itlNexus) => {
      const lengthBytes = readField(command.cdb, FIELDS.parameterListLength)
      const isTooLong = lengthBytes > LIST_BYTES_MAX || lengthBytes > command.dataOutCapacityBytes
      if (lengthBytes < LIST_BYTES_MIN || isTooLong) {
        checkCondition(command, SENSE.PARAMETER_LIST_LENGTH_ERROR)
        return
      }
      command.presentedDataBytes = lengthBytes
      // Its response tells that others' commands are gone, which no response before or after may contradict.
      command.needsFence = abortsPreempted
      new ServiceActionOperation(command, logicalUnit, itlNexus, decide, abortsPreempted).start(lengthBytes)
    },
  })
}

/** What a request has beside its parameter list. */
function surroundings(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus) {
  const { initiatorPortName, targetPortName, relativeTargetPort } = itlNexus.nexus
  return {
    issuer: { initiatorPortName, targetPort: { name: targetPortName, relativeTargetPort } },
    known: {
      targetPorts: itlNexus.target.targetPorts(),
      initiatorPortsOf: (name: string) => logicalUnit.initiatorPortsOf(name),
    },
    scope: readField(command.cdb, FIELDS.scope),
    typeCode: readField(command.cdb, FIELDS.type),
    isReleaseSilent: logicalUnit.modeSettings.isReleaseSilent,
  }
}

class ServiceActionOperation extends Operation {
  readonly #itlNexus: ItlNexus
  readonly #decide: Decide
  readonly #abortsPreempted: boolean
  #list: Buffer | null = null
  #isComplete = false

  constructor(
    command: Command,
    logicalUnit: LogicalUnit,
    itlNexus: ItlNexus,
    decide: Decide,
    abortsPreempted: boolean,
  ) {
    super(command, logicalUnit)
    this.#itlNexus = itlNexus
    this.#decide = decide
    this.#abortsPreempted = abortsPreempted
  }

  start(lengthBytes: number): void {
    this.receiveBlock(lengthBytes, (list) => {
      this.#list = list
      this.step()
    })
  }

  protected override advance(): void {
    if (this.#isComplete) {
      this.finish()
      return
    }
    if (this.#list === null) return
    const list = this.#list
    this.#list = null
    // A RESERVE may have come while the list was under way, and the two methods shut each other out (SPC-2).
    if (this.logicalUnit.reservation.isHeld) this.finish(STATUS.RESERVATION_CONFLICT)
    else this.#carryOut(this.#decide(list, this.command, this.logicalUnit, this.#itlNexus), list)
  }

  #carryOut(outcome: ServiceActionOutcome, list: Buffer): void {
    if (outcome === 'conflict') this.finish(STATUS.RESERVATION_CONFLICT)
    else if (isSense(outcome)) this.fail(outcome)
    else {
      const { persistentReservations } = this.logicalUnit
      const preempted = persistentReservations.attached((id) => outcome.preempted.has(id))
      const clearsEveryAca = preemptsAllRegistrants(persistentReservations.state, list)
      const refusal = clearsEveryAca ? null : this.#refusalInAca(preempted)
      if (refusal !== null) {
        this.finish(refusal)
        return
      }
      persistentReservations.commit(outcome)
      if (!this.#abortsPreempted) {
        this.finish()
        return
      }
      this.#abort(preempted)
      if (clearsEveryAca) this.logicalUnit.taskSet.clearEveryAca()
    }
  }

  /** What an auto contingent allegiance lets this PREEMPT AND ABORT end with; null when it may go on. */
  #refusalInAca(preempted: ReadonlySet<ItlNexus>): Status | null {
    const { taskSet } = this.logicalUnit
    return this.#abortsPreempted && taskSet.hasAca ? taskSet.refusePreemption(this.command, preempted) : null
  }

  #abort(preempted: ReadonlySet<ItlNexus>): void {
    this.logicalUnit.abortPreempted(preempted, this.command, () => {
      this.#isComplete = true
      this.step()
    })
  }
}

/** SERVICE ACTION RESERVATION KEY zero, with an all registrants type: nobody in particular is meant (SPC-3 5.6.10.5 e). */
function preemptsAllRegistrants({ reservation }: ReservationState, list: Buffer): boolean {
  const key = list.readBigUInt64BE(BASIC_LIST.serviceActionReservationKeyAt)
  return key === 0n && reservation?.type.isAllRegistrants === true
}

function isSense(outcome: Exclude<ServiceActionOutcome, 'conflict'>): outcome is SenseData {
  return 'condition' in outcome
}
