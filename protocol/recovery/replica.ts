/** Sending a PDU again (RFC 7143 11.16): a replica of what went out, but for the numbers that are always current. */

import type { Connection } from '../connection/connection.ts'
import type { DataInSlot } from '../framing/data-in-pool.ts'
import { RESPONSE } from '../pdu/bhs.ts'

/**
 * Queue a PDU with the kept `header` and its data: ExpCmdSN and MaxCmdSN as they are now, StatSN as it was.
 * Ownership: as `PduWriter.pushPdu` has it; `slot` is held for the writer.
 */
export function sendReplica(
  connection: Connection,
  header: Buffer,
  data: Buffer | null,
  slot: DataInSlot | null = null,
): void {
  const { writer } = connection
  const copy = writer.takeHeader()
  header.copy(copy)
  connection.statuses.stamp(copy)
  header.copy(copy, RESPONSE.statSN, RESPONSE.statSN, RESPONSE.expCmdSN)
  if (slot !== null) slot.holdCount++
  writer.pushPdu(data, slot)
  connection.requestFlush()
}
