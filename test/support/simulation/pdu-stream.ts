/**
 * Bytes that a target sent, cut into PDUs, with their digests checked; and the checks on a single PDU that hold at every
 * error recovery level (the strict ones of level 0 are in wire-invariants.ts).
 */

import assert from 'node:assert/strict'
import { crc32cDigest } from '../crc32c.ts'
import { hasStatus, TargetPduChecker } from '../wire-invariants.ts'
import { BHS_BYTES, type Digests, NO_TAG, OPCODE, paddingBytes, TargetPdu } from '../wire-pdu.ts'

/** Data-In byte 1: the target asks for a DataACK. */
const ACKNOWLEDGE = 0x40

export class PduStream {
  digests: Digests = { header: false, data: false }
  #bytes: Buffer = Buffer.alloc(0)

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
  }

  /** The next PDU; null when not all of it has come. */
  take(): TargetPdu | null {
    const bytes = this.#bytes
    if (bytes.length < BHS_BYTES) return null
    const header = bytes.subarray(0, BHS_BYTES)
    const dataBytes = header.readUIntBE(5, 3)
    const dataAt = BHS_BYTES + (this.digests.header ? 4 : 0)
    const dataEnd = dataAt + dataBytes
    const segmentEnd = dataEnd + paddingBytes(dataBytes)
    const end = segmentEnd + (this.digests.data && dataBytes > 0 ? 4 : 0)
    if (bytes.length < end) return null
    if (this.digests.header) assert.ok(crc32cDigest(header).equals(bytes.subarray(BHS_BYTES, dataAt)), 'header digest')
    if (end > segmentEnd) {
      assert.ok(crc32cDigest(bytes.subarray(dataAt, segmentEnd)).equals(bytes.subarray(segmentEnd, end)), 'data digest')
    }
    this.#bytes = bytes.subarray(end)
    return new TargetPdu(header, bytes.subarray(dataAt, dataEnd), bytes.subarray(dataEnd, segmentEnd))
  }
}

/** The target takes a StatSN for this PDU (RFC 7143 11.4.9, 11.8.3, 11.19.2). */
export function takesStatSN(pdu: TargetPdu): boolean {
  if (pdu.opcode === OPCODE.R2T) return false
  if (pdu.opcode === OPCODE.DATA_IN) return hasStatus(pdu)
  return pdu.opcode !== OPCODE.NOP_IN || pdu.itt !== NO_TAG
}

/** The A bit of a Data-In (RFC 7143 11.7.2). */
export function asksForAcknowledgement(dataIn: TargetPdu): boolean {
  return (dataIn.byte(1) & ACKNOWLEDGE) !== 0
}

/** Layout, reserved fields and lengths of one PDU. */
export function checkPdu(
  pdu: TargetPdu,
  maxRecvDataSegmentLength: number,
  errorRecoveryLevel: number,
  protocolLevel: number,
): void {
  const header = Buffer.from(pdu.header)
  if (pdu.opcode === OPCODE.DATA_IN) {
    if (!hasStatus(pdu)) header.writeUInt32BE(0, 24)
    if (errorRecoveryLevel > 0 && asksForAcknowledgement(pdu)) {
      assert.notEqual(pdu.ttt, NO_TAG, `TTT with the A bit (RFC 7143 11.7.4): ${pdu.describe()}`)
      header[1] = header[1]! & ~ACKNOWLEDGE
      header.fill(0, 8, 16)
      header.writeUInt32BE(NO_TAG, 20)
    }
  }
  // Additional Response Information and Status Qualifier of RFC 7144, sections 6.4.2 and 5.2.
  if (protocolLevel >= 2 && pdu.opcode === OPCODE.TASK_MANAGEMENT_RESPONSE && pdu.byte(2) === 0x07)
    header.fill(0, 8, 11)
  if (protocolLevel >= 2 && pdu.opcode === OPCODE.SCSI_RESPONSE) header.fill(0, 8, 10)
  // The SNACK Tag is judged by who asked for it (RFC 7143 11.4.4).
  if (pdu.opcode === OPCODE.SCSI_RESPONSE && errorRecoveryLevel > 0) header.writeUInt32BE(0, 20)
  new TargetPduChecker().check(new TargetPdu(header, pdu.data, pdu.padding), maxRecvDataSegmentLength)
}

/** What a status that is sent again must not change: everything but the current window, ExpDataSN and SNACK Tag. */
export function replicaOf(pdu: TargetPdu): Buffer {
  const header = Buffer.from(pdu.header)
  header.fill(0, 28, 36)
  if (pdu.opcode === OPCODE.SCSI_RESPONSE) {
    header.fill(0, 20, 24)
    header.fill(0, 36, 40)
  }
  return Buffer.concat([header, pdu.data])
}
