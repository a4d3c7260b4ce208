/**
 * iSNSP messages as bytes (RFC 4171 5), written for the tests from the RFC alone: it shares nothing with the client. What
 * it parses it checks as strictly as the RFC allows.
 */

import assert from 'node:assert/strict'

export interface WireAttribute {
  readonly tag: number
  readonly value: Buffer
}

export interface WireMessage {
  readonly functionId: number
  readonly flags: number
  readonly transactionId: number
  /** Null in requests. */
  readonly status: number | null
  readonly attributes: readonly WireAttribute[]
  /** Each PDU's 12-byte header. */
  readonly headers: readonly Buffer[]
}

const HEADER_BYTES = 12
const FIRST_AND_LAST = 0x0c00
const FROM_SERVER = 0x4000

/** The whole messages at the start of `bytes`, and how many bytes they are; PDUs of a message follow each other. */
export function parseWireMessages(bytes: Buffer): { messages: WireMessage[]; byteCount: number } {
  const messages: WireMessage[] = []
  let byteCount = 0
  let headers: Buffer[] = []
  let payloads: Buffer[] = []
  for (let at = 0; bytes.length - at >= HEADER_BYTES; ) {
    const header = bytes.subarray(at, at + HEADER_BYTES)
    const end = at + HEADER_BYTES + header.readUInt16BE(4)
    if (end > bytes.length) break
    assert.equal(header.readUInt16BE(0), 1, 'iSNSP version')
    assert.equal(header.readUInt16BE(4) % 4, 0, 'PDU LENGTH is a multiple of four')
    assert.equal(header.readUInt16BE(10), headers.length, 'SEQUENCE ID')
    assert.equal((header.readUInt16BE(6) & 0x0400) !== 0, headers.length === 0, 'first PDU flag')
    headers.push(header)
    payloads.push(bytes.subarray(at + HEADER_BYTES, end))
    at = end
    if ((header.readUInt16BE(6) & 0x0800) === 0) continue
    messages.push(parseMessage(headers, Buffer.concat(payloads)))
    headers = []
    payloads = []
    byteCount = at
  }
  return { messages, byteCount }
}

function parseMessage(headers: readonly Buffer[], payload: Buffer): WireMessage {
  const first = headers[0]!
  const functionId = first.readUInt16BE(2)
  for (const header of headers) assert.equal(header.readUInt16BE(2), functionId, 'FUNCTION ID of all PDUs')
  const isResponse = functionId >= 0x8000
  const attributes: WireAttribute[] = []
  for (let at = isResponse ? 4 : 0; at < payload.length; ) {
    const lengthBytes = payload.readUInt32BE(at + 4)
    assert.equal(lengthBytes % 4, 0, 'attribute length is a multiple of four')
    assert.ok(at + 8 + lengthBytes <= payload.length, 'attribute lies within the message')
    attributes.push({ tag: payload.readUInt32BE(at), value: payload.subarray(at + 8, at + 8 + lengthBytes) })
    at += 8 + lengthBytes
  }
  const status = isResponse ? payload.readUInt32BE(0) : null
  return { functionId, flags: first.readUInt16BE(6), transactionId: first.readUInt16BE(8), status, attributes, headers }
}

/** A message of a server in one PDU. */
export function serverMessage(
  functionId: number,
  transactionId: number,
  attributes: readonly WireAttribute[],
  status: number | null = null,
): Buffer {
  const payload = Buffer.concat([...(status === null ? [] : [uint32(status)]), ...attributes.map(tlv)])
  return Buffer.concat([serverHeader({ functionId, transactionId, lengthBytes: payload.length }), payload])
}

/** The header of a server's PDU. */
export function serverHeader(fields: {
  functionId: number
  transactionId: number
  lengthBytes: number
  flags?: number
  sequenceId?: number
}): Buffer {
  const { functionId, transactionId, lengthBytes, flags = FIRST_AND_LAST, sequenceId = 0 } = fields
  const header = Buffer.alloc(HEADER_BYTES)
  for (const [index, value] of [1, functionId, lengthBytes, FROM_SERVER | flags, transactionId, sequenceId].entries()) {
    header.writeUInt16BE(value, 2 * index)
  }
  return header
}

function tlv({ tag, value }: WireAttribute): Buffer {
  return Buffer.concat([uint32(tag), uint32(value.length), value])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** An attribute with a number, a text (ended by a zero byte, filled up to four bytes) or bytes as they are. */
export function wireAttribute(tag: number, value: number | string | Buffer): WireAttribute {
  if (typeof value === 'number') return { tag, value: uint32(value) }
  if (Buffer.isBuffer(value)) return { tag, value }
  const text = Buffer.from(`${value}\0`)
  return { tag, value: Buffer.concat([text, Buffer.alloc(-text.length & 3)]) }
}

/** The text of an attribute; insists on the zero byte at its end and on nothing but zero bytes after it. */
export function wireText({ value }: WireAttribute): string {
  const end = value.indexOf(0)
  assert.ok(end >= 0 && value.length - end <= 4, 'a text ends with one to four zero bytes')
  assert.ok(
    value.subarray(end).every((byte) => byte === 0),
    'padding is zero',
  )
  return value.toString('utf8', 0, end)
}
