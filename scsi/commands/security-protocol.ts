/**
 * SECURITY PROTOCOL IN (SPC-4): tells which security protocols there are, which is the one that tells it. Without any
 * other there is nothing to send out, and no SECURITY PROTOCOL OUT.
 */

import { bit, cdb, invalidField, isSet, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'

const CDB = cdb(12, {
  securityProtocol: uint(1, 1),
  securityProtocolSpecific: uint(2, 2),
  inc512: bit(4, 7),
  allocationLength: uint(6, 4),
})

/** SECURITY PROTOCOL: the only one. */
const SECURITY_PROTOCOL_INFORMATION = 0x00
/** SECURITY PROTOCOL SPECIFIC of security protocol information. */
const SUPPORTED_SECURITY_PROTOCOL_LIST = 0x0000
const CERTIFICATE_DATA = 0x0001

/** With INC_512, ALLOCATION LENGTH counts in these and data is filled up to a multiple of them. */
const INCREMENT_BYTES = 512

const SECURITY_PROTOCOL_IN = defineCommand({
  name: 'SECURITY PROTOCOL IN',
  operationCode: 0xa2,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  execute: securityProtocolIn,
})

export const SECURITY_PROTOCOL_COMMANDS = [SECURITY_PROTOCOL_IN]

function securityProtocolIn(command: Command): void {
  const { securityProtocol, securityProtocolSpecific, inc512, allocationLength } = CDB.fields
  if (readField(command.cdb, securityProtocol) !== SECURITY_PROTOCOL_INFORMATION) {
    checkCondition(command, invalidField(securityProtocol))
    return
  }
  const information = securityProtocolInformation(readField(command.cdb, securityProtocolSpecific))
  if (information === null) {
    checkCondition(command, invalidField(securityProtocolSpecific))
    return
  }
  const unitBytes = isSet(command.cdb, inc512) ? INCREMENT_BYTES : 1
  const data = Buffer.alloc(Math.ceil(information.length / unitBytes) * unitBytes)
  information.copy(data)
  const presentedBytes = Math.min(data.length, readField(command.cdb, allocationLength) * unitBytes)
  command.presentedDataBytes = presentedBytes
  const sentBytes = Math.min(presentedBytes, command.dataInCapacityBytes)
  if (sentBytes > 0) command.transport.sendDataIn(command, data.subarray(0, sentBytes), 0, true, null)
  completeGood(command)
}

/** The supported list behind six reserved bytes and its length, or a certificate of no bytes; null for other data. */
function securityProtocolInformation(specific: number): Buffer | null {
  switch (specific) {
    case SUPPORTED_SECURITY_PROTOCOL_LIST:
      return Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, SECURITY_PROTOCOL_INFORMATION])
    case CERTIFICATE_DATA:
      return Buffer.alloc(4)
    default:
      return null
  }
}
