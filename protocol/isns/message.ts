/**
 * iSNSP messages and the PDUs that carry them (RFC 4171 5.1, 5.2). A message is cut into PDUs of at most 65532 bytes of
 * payload; on receipt they are put together again by a `MessageReader`.
 */

import { struct, u16be } from 'buffer-layout'
import { type Attribute, encodeAttributes } from './attributes.ts'
import { FLAG, ISNSP_VERSION } from './functions.ts'

export interface IsnsMessage {
  readonly functionId: number
  readonly transactionId: number
  readonly isReplace: boolean
  /** Null in requests. */
  readonly status: number | null
  readonly attributes: readonly Attribute[]
}

/** RFC 4171 5.1. */
export type PduHeader = Readonly<
  Record<'version' | 'functionId' | 'pduLength' | 'flags' | 'transactionId' | 'sequenceId', number>
>

const PDU_HEADER_LAYOUT = struct<PduHeader>([
  u16be('version'),
  u16be('functionId'),
  u16be('pduLength'),
  u16be('flags'),
  u16be('transactionId'),
  u16be('sequenceId'),
])

export const PDU_HEADER_BYTES = PDU_HEADER_LAYOUT.span

/** PDU LENGTH has 16 bits and is a multiple of four. */
const PDU_PAYLOAD_BYTES_MAX = 0xfffc

/** The status before the attributes of a response (RFC 4171 5.4). */
export const STATUS_BYTES = 4

/** The header at the start of `bytes`, which holds at least that much. */
export function decodePduHeader(bytes: Buffer): PduHeader {
  return PDU_HEADER_LAYOUT.decode(bytes)
}

/** The PDUs of a message of ours, one after the other. */
export function encodeMessage({ functionId, transactionId, isReplace, status, attributes }: IsnsMessage): Buffer {
  const statusBytes = Buffer.alloc(status === null ? 0 : STATUS_BYTES)
  if (status !== null) statusBytes.writeUInt32BE(status)
  const payload = Buffer.concat([statusBytes, encodeAttributes(attributes)])
  const pdus: Buffer[] = []
  const pduCount = Math.max(1, Math.ceil(payload.length / PDU_PAYLOAD_BYTES_MAX))
  for (let sequenceId = 0; sequenceId < pduCount; sequenceId++) {
    const at = sequenceId * PDU_PAYLOAD_BYTES_MAX
    const part = payload.subarray(at, at + PDU_PAYLOAD_BYTES_MAX)
    const flags =
      FLAG.client |
      (isReplace ? FLAG.replace : 0) |
      (sequenceId === 0 ? FLAG.firstPdu : 0) |
      (sequenceId === pduCount - 1 ? FLAG.lastPdu : 0)
    const header = Buffer.alloc(PDU_HEADER_BYTES)
    const fields = { version: ISNSP_VERSION, functionId, pduLength: part.length, flags, transactionId, sequenceId }
    PDU_HEADER_LAYOUT.encode(fields, header)
    pdus.push(header, part)
  }
  return Buffer.concat(pdus)
}
