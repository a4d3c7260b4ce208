import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAdditionalHeaders } from '../../../../protocol/pdu/ahs.ts'

const extendedCdb = Buffer.from('0011010000112233445566778899aabbccddeeff', 'hex')
const readLength = Buffer.from('0005020000010000', 'hex')

describe('additional header segments', () => {
  it.each([
    ['extended CDB first', [extendedCdb, readLength]],
    ['read length first', [readLength, extendedCdb]],
  ])('[PDU-14] both kinds are found, %s', (_order, parts) => {
    const parsed = parseAdditionalHeaders(Buffer.concat(parts))
    if (typeof parsed === 'string') throw new Error(parsed)
    expect(parsed.extendedCdb?.toString('hex')).toBe('00112233445566778899aabbccddeeff')
    expect(parsed.bidirectionalReadBytes).toBe(65_536)
  })

  it.each([
    ['a length beyond the area', '00110100', 'does not fit'],
    ['a length that leaves out the reserved byte', '00000100', 'does not fit'],
    ['a read length of the wrong size', '0004020000010000', 'is not 5'],
    ['an unknown type', '0001070000000000', 'AHSType 7'],
    ['the same type twice', '00050200000100000005020000010000', 'comes twice'],
  ])('refuses %s', (_what, hex, message) => {
    expect(parseAdditionalHeaders(Buffer.from(hex, 'hex'))).toContain(message)
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const area = Buffer.from(bytes.subarray(0, bytes.length & ~3))
        expect(parseAdditionalHeaders(area)).toBeDefined()
      }),
    )
  })
})
