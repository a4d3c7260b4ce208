import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CRC32C_INITIAL, crc32c, crc32cFinish, crc32cUpdate } from '../../../../protocol/framing/crc32c.ts'

/** As it stands on the wire: low byte first. */
function digestOf(bytes: Buffer): string {
  const digest = Buffer.alloc(4)
  digest.writeUInt32LE(crc32c(bytes))
  return digest.toString('hex')
}

/** The definition: one bit a step. */
function bitwiseCrc32c(bytes: Buffer): number {
  let register = 0xffff_ffff
  for (const byte of bytes) {
    register ^= byte
    for (let bit = 0; bit < 8; bit++) register = register & 1 ? (register >>> 1) ^ 0x82f6_3b78 : register >>> 1
  }
  return ~register >>> 0
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

  it.each([511, 512, 575, 576, 767, 768, 3071, 3072, 3263, 3264, 4096, 49_151, 53_248, 53_249, 131_072, 300_001])(
    'gives for %i bytes what one bit at a time gives, from any place in memory',
    (byteCount) => {
      const memory = Buffer.alloc(byteCount + 16)
      for (let at = 0; at < memory.length; at++) memory[at] = (at * 2_654_435_761) >>> 13
      for (const start of [0, 1, 7]) {
        const bytes = memory.subarray(start, start + byteCount)
        expect(crc32c(memory, start, start + byteCount)).toBe(bitwiseCrc32c(bytes))
      }
    },
  )

  it('gives the same for any division into pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (content, one, two) => {
        const bytes = Buffer.from(content)
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
