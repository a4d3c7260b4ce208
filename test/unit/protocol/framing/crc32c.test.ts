import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CRC32C_INITIAL, crc32c, crc32cFinish, crc32cUpdate } from '../../../../protocol/framing/crc32c.ts'

/** As it stands on the wire: low byte first. */
function digestOf(bytes: Buffer): string {
  const digest = Buffer.alloc(4)
  digest.writeUInt32LE(crc32c(bytes))
  return digest.toString('hex')
}

const READ_10_HEADER =
  '01c0000000000000000000000000000014000000000004000000001400000018280000000000000002000000' + '00000000'

describe('CRC32C', () => {
  it.each([
    ['32 bytes of zeroes', Buffer.alloc(32), 'aa36918a'],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), '43aba862'],
    ['32 incrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), '4e79dd46'],
    ['32 decrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), '5cdb3f11'],
    ['a READ (10) command PDU', Buffer.from(READ_10_HEADER, 'hex'), '563a96d9'],
  ])('[PDU-18] %s', (_what, bytes, expected) => {
    expect(digestOf(bytes)).toBe(expected)
  })

  it('gives the same for any division into pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, one, two) => {
        const [first, second] = [one, two].map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)
        let register = CRC32C_INITIAL
        register = crc32cUpdate(register, bytes, 0, first!)
        register = crc32cUpdate(register, bytes, first!, second!)
        register = crc32cUpdate(register, bytes, second!, bytes.length)
        expect(crc32cFinish(register)).toBe(crc32c(bytes))
      }),
    )
  })
})
