/**
 * TransportIDs of iSCSI initiator ports (SPC-4 7.6.4; SPC-3 7.5.4.6): how PERSISTENT RESERVE commands name an initiator
 * port that did not send them. Format 01b names a port; format 00b names a device and stands for all of its ports.
 */

import { invalidFieldInParameterList, type SenseData } from './sense.ts'

export type TransportId =
  /** SCSI initiator port name, spelt as `Nexus.initiatorPortName` is. */
  | { readonly kind: 'port'; readonly initiatorPortName: string }
  /** SCSI initiator device name. */
  | { readonly kind: 'device'; readonly initiatorDeviceName: string }

/** PROTOCOL IDENTIFIER (SPC-3 7.5.1): Internet SCSI. */
const PROTOCOL_ISCSI = 0x5
const FORMAT_CODE = { DEVICE: 0b00, PORT: 0b01 } as const
const HEADER_BYTES = 4
/** The shortest ADDITIONAL LENGTH; every length is a multiple of four. */
const ADDITIONAL_BYTES_MIN = 20

/** The longest iSCSI name in UTF-8 (RFC 7143 4.2.7.2). */
const ISCSI_NAME_BYTES_MAX = 223
/** An ISID has six bytes; initiators may leave leading zeroes out. */
const ISID_DIGITS = 12
const PORT_NAME = /^(?<name>[^,]+),i,0x(?<isid>[0-9a-f]{1,12})$/i

/** The TransportID of an iSCSI initiator port, format 01b. */
export function encodeTransportId(initiatorPortName: string): Buffer {
  const text = Buffer.from(initiatorPortName, 'utf8')
  const additionalBytes = Math.max(ADDITIONAL_BYTES_MIN, Math.ceil((text.length + 1) / 4) * 4)
  const data = Buffer.alloc(HEADER_BYTES + additionalBytes)
  data[0] = (FORMAT_CODE.PORT << 6) | PROTOCOL_ISCSI
  data.writeUInt16BE(additionalBytes, 2)
  text.copy(data, HEADER_BYTES)
  return data
}

/**
 * The TransportIDs that fill bytes `start` to `end` of a parameter list.
 * Errors: INVALID FIELD IN PARAMETER LIST, pointing at what is wrong, also for one that is cut off at `end`.
 */
export function decodeTransportIds(list: Buffer, start: number, end: number): readonly TransportId[] | SenseData {
  const transportIds: TransportId[] = []
  for (let at = start; at < end; ) {
    if (end - at < HEADER_BYTES) return invalidFieldInParameterList(at)
    if ((list[at]! & 0x0f) !== PROTOCOL_ISCSI) return invalidFieldInParameterList(at, 3)
    const additionalBytes = list.readUInt16BE(at + 2)
    const nextAt = at + HEADER_BYTES + additionalBytes
    if (additionalBytes < ADDITIONAL_BYTES_MIN || additionalBytes % 4 !== 0 || nextAt > end) {
      return invalidFieldInParameterList(at + 2)
    }
    const formatCode = list[at]! >> 6
    if (formatCode !== FORMAT_CODE.DEVICE && formatCode !== FORMAT_CODE.PORT) return invalidFieldInParameterList(at, 7)
    const text = terminatedText(list.subarray(at + HEADER_BYTES, nextAt))
    const transportId = formatCode === FORMAT_CODE.PORT ? portOf(text) : deviceOf(text)
    if (transportId === null) return invalidFieldInParameterList(at + HEADER_BYTES)
    transportIds.push(transportId)
    at = nextAt
  }
  return transportIds
}

/** The first zero byte ends the text, whatever the length says. */
function terminatedText(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function portOf(text: string): TransportId | null {
  const { name, isid } = PORT_NAME.exec(text)?.groups ?? {}
  if (name === undefined || isid === undefined || !isIscsiName(name)) return null
  const initiatorPortName = `${comparable(name)},i,0x${isid.toLowerCase().padStart(ISID_DIGITS, '0')}`
  return { kind: 'port', initiatorPortName }
}

function deviceOf(text: string): TransportId | null {
  return isIscsiName(text) ? { kind: 'device', initiatorDeviceName: comparable(text) } : null
}

/** Controls, spaces and commas occur in no name. */
function isIscsiName(name: string): boolean {
  return /^[^\p{Cc}\s,]+$/u.test(name) && Buffer.byteLength(name) <= ISCSI_NAME_BYTES_MAX
}

/** iSCSI names are compared without regard to case (RFC 3722). */
function comparable(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}
