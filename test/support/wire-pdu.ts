/**
 * Bytes of iSCSI PDUs as the test initiator sees them: RFC 7143 chapter 11 in numeric offsets, independent of the
 * target's declarations. Nothing is validated when a PDU is built, so that tests can send what no initiator should.
 */

import { crc32cDigest } from './crc32c.ts'

/** RFC 7143 11.2.1.2. */
export const OPCODE = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC: 0x32,
  REJECT: 0x3f,
} as const

/** Task management functions (RFC 7143 11.5.1, RFC 7144 6.3). */
export const FUNCTION = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
  TASK_REASSIGN: 8,
  QUERY_TASK: 9,
  QUERY_TASK_SET: 10,
  I_T_NEXUS_RESET: 11,
  QUERY_ASYNCHRONOUS_EVENT: 12,
} as const

export const BHS_BYTES = 48
/** The value that an Initiator or Target Transfer Tag has when it names nothing. */
export const NO_TAG = 0xffffffff
/** Byte 1 of most requests and responses: the F bit. */
export const FINAL = 0x80

/** What a request is made of. `words` are 32-bit fields by their offset in the header. */
export interface RequestFields {
  readonly opcode: number
  readonly immediate?: boolean
  readonly byte1?: number
  readonly byte2?: number
  readonly byte3?: number
  /** Single-level LUN, or the 8 bytes of the field. */
  readonly lun?: number | Buffer
  readonly itt?: number
  readonly words?: Readonly<Record<number, number>>
  readonly ahs?: Buffer
  readonly data?: Buffer
  /** What fills the data segment up to a multiple of four bytes. */
  readonly padByte?: number
  /** Last word on the header before its digest is computed: for reserved bits and lying lengths. */
  readonly alterHeader?: (bhs: Buffer) => void
}

export interface Digests {
  readonly header: boolean
  readonly data: boolean
}

/** The header of a request, with lengths that tell the truth unless `alterHeader` says otherwise. */
export function requestHeader(fields: RequestFields): Buffer {
  const bhs = Buffer.alloc(BHS_BYTES)
  bhs[0] = fields.opcode | (fields.immediate === true ? 0x40 : 0)
  bhs[1] = fields.byte1 ?? FINAL
  bhs[2] = fields.byte2 ?? 0
  bhs[3] = fields.byte3 ?? 0
  bhs[4] = (fields.ahs?.length ?? 0) / 4
  bhs.writeUIntBE(fields.data?.length ?? 0, 5, 3)
  if (fields.lun !== undefined) lunField(fields.lun).copy(bhs, 8)
  bhs.writeUInt32BE(fields.itt ?? 0, 16)
  for (const [offset, value] of Object.entries(fields.words ?? {})) bhs.writeUInt32BE(value >>> 0, Number(offset))
  fields.alterHeader?.(bhs)
  return bhs
}

/** A whole request as it goes over the wire. */
export function requestBytes(fields: RequestFields, digests: Digests): Buffer {
  const header = Buffer.concat([requestHeader(fields), fields.ahs ?? Buffer.alloc(0)])
  const data = fields.data ?? Buffer.alloc(0)
  const padded = Buffer.concat([data, Buffer.alloc(paddingBytes(data.length), fields.padByte ?? 0)])
  return Buffer.concat([
    header,
    digests.header ? crc32cDigest(header) : Buffer.alloc(0),
    padded,
    digests.data && padded.length > 0 ? crc32cDigest(padded) : Buffer.alloc(0),
  ])
}

/** SAM-5's peripheral device addressing for the first 256 LUNs, flat space addressing above. */
export function lunField(lun: number | Buffer): Buffer {
  if (typeof lun !== 'number') return lun
  const field = Buffer.alloc(8)
  field.writeUInt16BE(lun < 256 ? lun : 0x4000 | lun)
  return field
}

export function paddingBytes(dataSegmentBytes: number): number {
  return -dataSegmentBytes & 3
}

/** Whether `a` comes after `b` in the arithmetic of RFC 1982 with 32 bits. */
export function isSerialAfter(a: number, b: number): boolean {
  const distance = (a - b) >>> 0
  return distance !== 0 && distance < 0x80000000
}

/** A PDU that the target sent. Fields that all target PDUs share have names; the rest is read by offset. */
export class TargetPdu {
  readonly header: Buffer
  readonly data: Buffer
  readonly padding: Buffer

  constructor(header: Buffer, data: Buffer, padding: Buffer) {
    this.header = header
    this.data = data
    this.padding = padding
  }

  get opcode(): number {
    return this.header[0]! & 0x3f
  }
  get isFinal(): boolean {
    return (this.header[1]! & FINAL) !== 0
  }
  get itt(): number {
    return this.word(16)
  }
  /** Target Transfer Tag, in the PDUs that have one. */
  get ttt(): number {
    return this.word(20)
  }
  get statSN(): number {
    return this.word(24)
  }
  get expCmdSN(): number {
    return this.word(28)
  }
  get maxCmdSN(): number {
    return this.word(32)
  }

  byte(offset: number): number {
    return this.header[offset]!
  }
  word(offset: number): number {
    return this.header.readUInt32BE(offset)
  }

  /** Name and header in hexadecimal, for messages. */
  describe(): string {
    const name = Object.entries(OPCODE).find(([, code]) => code === this.opcode)?.[0] ?? 'unknown opcode'
    return `${name} [${this.header.toString('hex').replace(/(.{8})(?=.)/g, '$1 ')}] + ${this.data.length} bytes`
  }
}
