import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProtocolViolation } from '../../../../protocol/errors.ts'
import { crc32c } from '../../../../protocol/framing/crc32c.ts'
import { type Pdu, PduReader } from '../../../../protocol/framing/pdu-reader.ts'

interface Wire {
  readonly header: Buffer
  readonly ahs: Buffer
  readonly data: Buffer
}

interface Digests {
  readonly header: boolean
  readonly data: boolean
}

function digest(bytes: Buffer): Buffer {
  const four = Buffer.alloc(4)
  four.writeUInt32LE(crc32c(bytes))
  return four
}

function serialise({ header, ahs, data }: Wire, digests: Digests): Buffer {
  const bhs = Buffer.from(header)
  bhs[4] = ahs.length / 4
  bhs.writeUIntBE(data.length, 5, 3)
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3, 0xee)])
  const parts = [bhs, ahs]
  if (digests.header) parts.push(digest(Buffer.concat([bhs, ahs])))
  parts.push(padded)
  if (digests.data && data.length > 0) parts.push(digest(padded))
  return Buffer.concat(parts)
}

/** Feeds chunks and writes down what comes out, as text. */
function read(chunks: readonly Buffer[], digests: Digests, dataSegmentBytesMax = 8192): string[] {
  const seen: string[] = []
  const reader = new PduReader(
    {
      pduReceived(pdu: Pdu) {
        const bhs = pdu.header.toString('hex', pdu.at, pdu.at + 48)
        const data = Buffer.concat(pdu.data)
        expect(data.length).toBe(pdu.dataBytes)
        seen.push(`${bhs} ${pdu.ahs.toString('hex')} ${data.toString('hex')} ${pdu.hasDataDigestError}`)
      },
      streamBroken(violation: ProtocolViolation) {
        seen.push(violation.kind)
      },
    },
    dataSegmentBytesMax,
    64,
  )
  reader.headerDigest = digests.header
  reader.dataDigest = digests.data
  for (const chunk of chunks) reader.push(Buffer.from(chunk))
  return seen
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length))
}

const buffer = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints).map((array) => Buffer.from(array))
const digestModes = fc.record({ header: fc.boolean(), data: fc.boolean() })
const wirePdu = fc.record({
  header: buffer({ minLength: 48, maxLength: 48 }),
  ahs: buffer({ maxLength: 60 }).map((bytes) => bytes.subarray(0, bytes.length & ~3)),
  data: buffer({ maxLength: 70 }),
})

describe('PDU reader', () => {
  it('[PDU-5] gives the same PDUs for any chunking of the same bytes', () => {
    fc.assert(
      fc.property(
        fc.array(wirePdu, { minLength: 1, maxLength: 5 }),
        digestModes,
        fc.array(fc.nat(), { maxLength: 20 }),
        (pdus, digests, cuts) => {
          const bytes = Buffer.concat(pdus.map((pdu) => serialise(pdu, digests)))
          const whole = read([bytes], digests)
          expect(whole).toHaveLength(pdus.length)
          expect(whole.map((pdu) => pdu.split(' ')[2])).toEqual(pdus.map(({ data }) => data.toString('hex')))
          expect(whole.every((pdu) => pdu.endsWith('false'))).toBe(true)
          expect(read(cut(bytes, cuts), digests)).toEqual(whole)
          expect(
            read(
              [...bytes].map((byte) => Buffer.from([byte])),
              digests,
            ),
          ).toEqual(whole)
        },
      ),
    )
  })

  it('[REJ-5] marks a data segment that does not match its digest, and reads on', () => {
    const digests = { header: true, data: true }
    const pdu: Wire = { header: Buffer.alloc(48, 1), ahs: Buffer.alloc(0), data: Buffer.from('payload') }
    const bytes = serialise(pdu, digests)
    bytes[54]! ^= 0x40
    const seen = read([bytes, serialise(pdu, digests)], digests)
    expect(seen.map((line) => line.split(' ')[3])).toEqual(['true', 'false'])
  })

  it('[REJ-6] stops at a header that does not match its digest', () => {
    const digests = { header: true, data: false }
    const pdu: Wire = { header: Buffer.alloc(48, 1), ahs: Buffer.alloc(0), data: Buffer.from('payload') }
    const bytes = serialise(pdu, digests)
    bytes[20]! ^= 0x01
    expect(read([bytes, serialise(pdu, digests)], digests)).toEqual(['headerDigest'])
  })

  it('[PDU-20] stops at a data segment above the limit before any of it has come', () => {
    const header = Buffer.alloc(48)
    header.writeUIntBE(8193, 5, 3)
    expect(read([header], { header: false, data: false })).toEqual(['dataSegmentTooLong'])
    header.writeUIntBE(8192, 5, 3)
    expect(read([header], { header: false, data: false })).toEqual([])
  })

  it('stops at additional headers above the limit', () => {
    const header = Buffer.alloc(48 + 68)
    header[4] = 17
    expect(read([header], { header: false, data: false })).toEqual(['additionalHeaderTooLong'])
  })

  it('joins data that comes in very many pieces', () => {
    let pieces = 0
    const reader = new PduReader(
      {
        pduReceived: ({ data }) => {
          pieces = data.length
          expect(Buffer.concat(data).equals(Buffer.alloc(5000, 0x5a))).toBe(true)
        },
        streamBroken: () => {},
      },
      8192,
      64,
    )
    const pdu = { header: Buffer.alloc(48), ahs: Buffer.alloc(0), data: Buffer.alloc(5000, 0x5a) }
    for (const byte of serialise(pdu, { header: false, data: false })) reader.push(Buffer.from([byte]))
    expect(pieces).toBeGreaterThan(0)
    expect(pieces).toBeLessThan(1024)
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(buffer({ maxLength: 200 }), { maxLength: 8 }), digestModes, (chunks, digests) => {
        expect(Array.isArray(read(chunks, digests, 64))).toBe(true)
      }),
    )
  })
})
