/**
 * iSNS attributes (RFC 4171 5.3, 6.1): the table of those that this client uses, and their Tag-Length-Value form. Values
 * are multiples of four bytes: texts end with a zero byte and are filled up with more, and the length counts them.
 */

import { parseIpAddress } from '../ip-addresses.ts'

/** How a value is written: `ipAddress` is 16 bytes, `port` an integer whose lower half is the number of a TCP port. */
type AttributeFormat = 'delimiter' | 'integer' | 'text' | 'ipAddress' | 'port'

interface AttributeType<Format extends AttributeFormat = AttributeFormat> {
  readonly tag: number
  readonly format: Format
  /** Of a text, with the zero byte at its end. */
  readonly textBytesMax?: number
}

/** RFC 4171 6.1. */
export const ATTRIBUTE = {
  delimiter: { tag: 0, format: 'delimiter' },
  entityIdentifier: { tag: 1, format: 'text', textBytesMax: 256 },
  entityProtocol: { tag: 2, format: 'integer' },
  registrationPeriod: { tag: 6, format: 'integer' },
  portalIpAddress: { tag: 16, format: 'ipAddress' },
  portalTcpUdpPort: { tag: 17, format: 'port' },
  esiInterval: { tag: 19, format: 'integer' },
  esiPort: { tag: 20, format: 'port' },
  scnPort: { tag: 23, format: 'port' },
  iscsiName: { tag: 32, format: 'text', textBytesMax: 224 },
  iscsiNodeType: { tag: 33, format: 'integer' },
  iscsiAlias: { tag: 34, format: 'text', textBytesMax: 256 },
  iscsiScnBitmap: { tag: 35, format: 'integer' },
  pgPortalIpAddress: { tag: 49, format: 'ipAddress' },
  pgPortalTcpUdpPort: { tag: 50, format: 'port' },
  pgTag: { tag: 51, format: 'integer' },
} as const satisfies Record<string, AttributeType>

type ValueOf<Format> = Format extends 'integer' | 'port' ? number : string

/** One attribute as it travels: `value` with its padding, empty for a zero-length TLV. */
export interface Attribute {
  readonly tag: number
  readonly value: Buffer
}

/** Separates message key and operating attributes (RFC 4171 5.6.3). */
export const DELIMITER: Attribute = { tag: ATTRIBUTE.delimiter.tag, value: Buffer.alloc(0) }

const TLV_HEADER_BYTES = 8

/**
 * An attribute with a value. Errors: throws when the value does not fit its type, which is a mistake of the caller.
 * Spec: RFC 4171 6.1 to 6.5.
 */
export function attribute<const Format extends AttributeFormat>(
  type: AttributeType<Format>,
  value: ValueOf<Format>,
): Attribute {
  return { tag: type.tag, value: encodeValue(type, value) }
}

/** A zero-length TLV: asks for the attribute in a query, or leaves its value to the server. */
export function emptyAttribute({ tag }: AttributeType): Attribute {
  return { tag, value: Buffer.alloc(0) }
}

function encodeValue(type: AttributeType, value: number | string): Buffer {
  switch (type.format) {
    case 'integer':
    case 'port': {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(Number(value))
      return bytes
    }
    case 'ipAddress': {
      const address = parseIpAddress(String(value))
      if (address === null) throw new RangeError(`${value} is not an IP address`)
      return address
    }
    case 'text':
      return encodeText(String(value), type.textBytesMax!)
    case 'delimiter':
      return Buffer.alloc(0)
  }
}

function encodeText(text: string, bytesMax: number): Buffer {
  const byteCount = Buffer.byteLength(text) + 1
  if (byteCount > bytesMax) throw new RangeError(`a text of ${byteCount - 1} bytes is too long: ${bytesMax - 1} fit`)
  const bytes = Buffer.alloc(alignUp(byteCount))
  bytes.write(text)
  return bytes
}

/** The next multiple of four (RFC 4171 5.3.1). */
export function alignUp(byteCount: number): number {
  return (byteCount + 3) & ~3
}

/** The number in an attribute; null when it is not four bytes long. */
export function integerOf({ value }: Attribute): number | null {
  return value.length === 4 ? value.readUInt32BE() : null
}

/** The text in an attribute, up to its first zero byte; null when nothing ends it or it is not UTF-8. */
export function textOf({ value }: Attribute): string | null {
  const end = value.indexOf(0)
  if (end < 0) return null
  const text = value.toString('utf8', 0, end)
  return Buffer.byteLength(text) === end && !text.includes('\ufffd') ? text : null
}

/** Write attributes one after the other. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(attributes.flatMap(({ tag, value }) => [tlvHeader(tag, value.length), value]))
}

function tlvHeader(tag: number, lengthBytes: number): Buffer {
  const header = Buffer.alloc(TLV_HEADER_BYTES)
  header.writeUInt32BE(tag)
  header.writeUInt32BE(lengthBytes, 4)
  return header
}

export interface MessageProblem {
  readonly problem: string
}

/**
 * Read the attributes in `payload`. Ownership: values are views of it.
 * Errors: what is wrong with lengths or number.
 */
export function decodeAttributes(payload: Buffer, attributesMax: number): Attribute[] | MessageProblem {
  const attributes: Attribute[] = []
  let at = 0
  while (at < payload.length) {
    if (payload.length - at < TLV_HEADER_BYTES) return { problem: 'an attribute is cut off within tag and length' }
    const tag = payload.readUInt32BE(at)
    const lengthBytes = payload.readUInt32BE(at + 4)
    at += TLV_HEADER_BYTES
    if (lengthBytes % 4 !== 0) return { problem: `attribute ${tag} has ${lengthBytes} bytes, no multiple of 4` }
    if (lengthBytes > payload.length - at) {
      return { problem: `attribute ${tag} says ${lengthBytes} bytes, but ${payload.length - at} are left` }
    }
    if (attributes.length === attributesMax) return { problem: `a message has more than ${attributesMax} attributes` }
    attributes.push({ tag, value: payload.subarray(at, at + lengthBytes) })
    at += lengthBytes
  }
  return attributes
}
