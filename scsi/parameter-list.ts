/**
 * Receiving a parameter list (SPC-4): the Data-Out of commands that change settings rather than the medium. The list is
 * collected whole before anything of it is looked at, so that a refused list has changed nothing.
 */

import { invalidField, readField } from './cdb.ts'
import type { Command } from './command.ts'
import { checkCondition, completeGood } from './completion.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { Operation } from './operation.ts'
import type { SenseData } from './sense.ts'
import { SENSE } from './sense-codes.ts'

/** What became of a parameter list: the sense data that refuses it, or null; `flush` asks for a flush before GOOD. */
export type ParameterListOutcome = SenseData | 'flush' | null

/** No command here takes a longer list; it bounds the memory that one command can hold. */
const LIST_BYTES_MAX = 64 * 1024

/**
 * Collect the Data-Out that the CDB's `parameterListLength` field announces, hand it to `apply`, and end the command as
 * that says. An announced length of zero is no error and `apply` is not called: the command ends with GOOD.
 * Ownership: the list is a fresh buffer.
 * Errors: PARAMETER LIST LENGTH ERROR when the initiator has less data than it announced; what `apply` throws becomes
 * INTERNAL TARGET FAILURE.
 */
export function receiveParameterList(
  command: Command,
  logicalUnit: LogicalUnit,
  apply: (list: Buffer) => ParameterListOutcome,
  bytesMax = LIST_BYTES_MAX,
): void {
  const lengthBytes = announcedListBytes(command, bytesMax)
  if (lengthBytes > 0) new ParameterListOperation(command, logicalUnit, apply).start(lengthBytes)
}

/**
 * The bytes that the CDB's `parameterListLength` field announces; 0 when there is nothing to collect, and the command has
 * ended: with GOOD for no bytes, else with what is wrong.
 */
export function announcedListBytes(command: Command, bytesMax = LIST_BYTES_MAX): number {
  const lengthField = command.definition!.cdb.fields.parameterListLength!
  const lengthBytes = readField(command.cdb, lengthField)
  if (lengthBytes > bytesMax) {
    checkCondition(command, invalidField(lengthField))
    return 0
  }
  command.presentedDataBytes = lengthBytes
  if (lengthBytes === 0) {
    completeGood(command)
    return 0
  }
  if (lengthBytes <= command.dataOutCapacityBytes) return lengthBytes
  checkCondition(command, SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return 0
}

/**
 * Collect a parameter list of a length that was checked, and hand it to `received`, which ends the command.
 * Ownership: the list is a fresh buffer.
 * Errors: PARAMETER LIST LENGTH ERROR when the initiator has less data than that.
 */
export function receiveWholeList(
  command: Command,
  logicalUnit: LogicalUnit,
  lengthBytes: number,
  received: (list: Buffer) => void,
): void {
  command.presentedDataBytes = lengthBytes
  if (lengthBytes > command.dataOutCapacityBytes) checkCondition(command, SENSE.PARAMETER_LIST_LENGTH_ERROR)
  else new ListReception(command, logicalUnit, received).start(lengthBytes)
}

/** Lets go of the command when it has the list: `received` takes over. */
class ListReception extends Operation {
  readonly #received: (list: Buffer) => void

  constructor(command: Command, logicalUnit: LogicalUnit, received: (list: Buffer) => void) {
    super(command, logicalUnit)
    this.#received = received
  }

  start(lengthBytes: number): void {
    this.receiveBlock(lengthBytes, (list) => {
      this.command.operation = null
      this.#received(list)
    })
  }

  protected override advance(): void {}
}

class ParameterListOperation extends Operation {
  readonly #apply: (list: Buffer) => ParameterListOutcome
  #list: Buffer | null = null

  constructor(command: Command, logicalUnit: LogicalUnit, apply: (list: Buffer) => ParameterListOutcome) {
    super(command, logicalUnit)
    this.#apply = apply
  }

  start(lengthBytes: number): void {
    this.receiveBlock(lengthBytes, (list) => {
      this.#list = list
      this.step()
    })
  }

  protected override advance(): void {
    if (this.#list === null) return
    const list = this.#list
    this.#list = null
    const outcome = this.#apply(list)
    if (outcome === null) this.finish()
    else if (outcome === 'flush') this.#flush()
    else this.fail(outcome)
  }

  #flush(): void {
    this.startFlush((error) => {
      this.ioEnded(error, 'write')
      if (error === null) this.finish()
      this.step()
    })
  }
}
