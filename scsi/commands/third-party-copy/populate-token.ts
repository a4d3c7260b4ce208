/**
 * POPULATE TOKEN (SBC-4): makes a ROD token for some blocks of the logical unit. Nothing is read; the token is the promise
 * that the blocks are still what they were, and void when they are not.
 *
 * The token's moment lies between the arrival of the command and its end: writes that had begun before it may fall on
 * either side. The token watches from the beginning and is handed out when those writes have ended, so that none of them
 * can change a block behind its back.
 */

import { cdb, uint, unsupported } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { CopyCommand, startCopyCommand } from '../../copy/copy-command.ts'
import { TOKEN_INACTIVITY_SECONDS_DEFAULT, TOKEN_INACTIVITY_SECONDS_MAX } from '../../copy/copy-limits.ts'
import { type CopyOperationState, newCopyOperation } from '../../copy/copy-operations.ts'
import { THIRD_PARTY_COPY_OUT } from '../../copy/copy-service-actions.ts'
import { parseRanges } from '../../copy/range-descriptor.ts'
import { ROD_TYPE, type RodToken } from '../../copy/rod-token.ts'
import { defineCommand } from '../../define-command.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../../sense.ts'
import { SENSE } from '../../sense-codes.ts'

const SERVICE_ACTION = THIRD_PARTY_COPY_OUT.serviceActions.POPULATE_TOKEN

export const POPULATE_TOKEN = defineCommand({
  name: 'POPULATE TOKEN',
  operationCode: THIRD_PARTY_COPY_OUT.operationCode,
  serviceAction: SERVICE_ACTION,
  standard: 'SBC-4',
  cdb: cdb(16, {
    listIdentifier: uint(6, 4),
    parameterListLength: uint(10, 4),
    groupNumber: unsupported(14, 5, 0),
  }),
  data: 'out',
  reservationClass: 'read',
  taskClass: 'configuration',
  needsMedium: true,
  execute: (command, logicalUnit) => startCopyCommand(command, logicalUnit, PopulateToken),
})

/** Where the fields of the parameter list lie. */
const AT = { dataLength: 0, flags: 2, inactivityTimeout: 4, rodType: 8, rangesLength: 14 } as const
const RTV = 0x02
const IMMED = 0x01
const HEADER_BYTES = 16

const ROD_TYPES: readonly number[] = [ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE, ROD_TYPE.POINT_IN_TIME_ANY]

class PopulateToken extends CopyCommand {
  protected override begin(list: Buffer): SenseData | null {
    const refusal = checkHeader(list)
    if (refusal !== null) return refusal
    const ranges = parseRanges(list, AT.rangesLength, this.logicalUnit.properties)
    if ('condition' in ranges) return ranges
    const isImmediate = (list[AT.flags]! & IMMED) !== 0
    const operation = newCopyOperation(SERVICE_ACTION, !isImmediate)
    const entryRefusal = this.enter(this.command.cdb.readUInt32BE(6), operation)
    if (entryRefusal !== null) return entryRefusal
    const seconds = list.readUInt32BE(AT.inactivityTimeout) || TOKEN_INACTIVITY_SECONDS_DEFAULT
    const { manager } = this.logicalUnit.copies
    const token = manager.createToken(this.logicalUnit, this.itlNexus.nexus, ranges, seconds * 1000)
    if (token === null) {
      operation.status = 'failed'
      operation.sense = senseOf(SENSE.INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN)
      return operation.sense
    }
    this.#handOut(token, operation)
    return null
  }

  #handOut(token: RodToken, operation: CopyOperationState): void {
    const { command } = this
    if (!operation.isForeground) this.finish()
    this.logicalUnit.taskSet.whenEnded(isWriting, () => {
      if (operation.isForeground && command.isAborted) {
        token.delete()
        operation.status = 'terminated'
        operation.sense = senseOf(SENSE.IO_PROCESS_TERMINATED)
        return
      }
      operation.status = 'completed'
      operation.token = token
      operation.transferredBytes = token.byteCount
      if (!operation.isForeground) return
      this.finish()
      this.step()
    })
  }
}

function checkHeader(list: Buffer): SenseData | null {
  if (list.length < HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (list.readUInt16BE(AT.dataLength) < HEADER_BYTES - 2) return invalidFieldInParameterList(AT.dataLength)
  if (list.readUInt32BE(AT.inactivityTimeout) > TOKEN_INACTIVITY_SECONDS_MAX) {
    return invalidFieldInParameterList(AT.inactivityTimeout)
  }
  const isTypeGiven = (list[AT.flags]! & RTV) !== 0
  const isTypeSupported = ROD_TYPES.includes(list.readUInt32BE(AT.rodType))
  return isTypeGiven && !isTypeSupported ? invalidFieldInParameterList(AT.rodType) : null
}

/** A command that may have writes on their way to the store which the token has not seen. */
function isWriting({ definition }: Command): boolean {
  return definition?.taskClass === 'write'
}
