/** The target's Reject (RFC 7143 11.17): the refusal of one PDU, after which the connection goes on. */

import { REJECT_REASON, type RejectReason } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { OPCODE_MASK } from '../opcodes.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { writeReject } from '../pdu/reject.ts'
import type { Connection } from './connection.ts'

/**
 * Refuse a PDU; its header travels back as data. `dataSN`: for a Data/R2T SNACK, the next number that the task would take
 * (RFC 7143 11.17.2).
 */
export function rejectPdu(connection: Connection, pdu: Pdu, reason: RejectReason, dataSN = 0): void {
  const offending = Buffer.allocUnsafe(BHS_BYTES + pdu.ahs.length)
  pdu.header.copy(offending, 0, pdu.at, pdu.at + BHS_BYTES)
  pdu.ahs.copy(offending, BHS_BYTES)
  const header = connection.writer.takeHeader()
  writeReject(header, reason, dataSN)
  connection.statuses.send(header, offending)
  const name = Object.entries(REJECT_REASON).find(([, value]) => value === reason)?.[0]
  const opcode = offending[0]! & OPCODE_MASK
  connection.log.warn({ ...connection.describePeer(), reason: name, opcode }, 'rejected a PDU')
}
