import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSize, parseSize } from '../../../src/size.ts'

describe('parseSize', () => {
  it.each([
    ['1', 1],
    ['512B', 512],
    ['4K', 4096],
    ['4k', 4096],
    ['4KiB', 4096],
    ['512M', 512 * 1024 ** 2],
    ['10G', 10 * 1024 ** 3],
    ['1.5T', 1.5 * 1024 ** 4],
    ['1.5tib', 1.5 * 1024 ** 4],
    ['0.5K', 512],
    ['7P', 7 * 1024 ** 5],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual({ kind: 'size', bytes })
  })

  it.each([
    ['', 'not a size'],
    ['G', 'not a size'],
    ['-1G', 'not a size'],
    ['+1G', 'not a size'],
    ['1 G', 'not a size'],
    ['1e9', 'not a size'],
    ['0x10', 'not a size'],
    ['1.G', 'not a size'],
    ['.5G', 'not a size'],
    ['1,5G', 'not a size'],
    ['10E', 'not a size'],
    ['10iB', 'not a size'],
    ['99999999999999999999', 'not a size'],
    ['10GB', 'write G or GiB'],
    ['10mb', 'write M or MiB'],
    ['0', 'zero'],
    ['0.0G', 'zero'],
    ['0.1K', 'whole number of bytes'],
    ['8P', 'too large'],
    ['9007199254740992', 'too large'],
  ])('refuses "%s" and says why', (text, reason) => {
    const parsed = parseSize(text)
    expect(parsed.kind).toBe('invalid')
    expect(parsed).toHaveProperty('reason', expect.stringContaining(reason))
  })

  it('is exact for every whole number of every unit', () => {
    const units = fc.constantFrom(...['', 'K', 'M', 'G', 'T', 'P'].entries())
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 22 }), units, (count, [exponent, unit]) => {
        const bytes = BigInt(count) * 1024n ** BigInt(exponent)
        const parsed = parseSize(`${count}${unit}`)
        if (bytes <= BigInt(Number.MAX_SAFE_INTEGER)) expect(parsed).toEqual({ kind: 'size', bytes: Number(bytes) })
        else expect(parsed.kind).toBe('invalid')
      }),
    )
  })

  it('answers any text with a positive safe integer or a reason', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseSize(text)
        if (parsed.kind === 'size') expect(Number.isSafeInteger(parsed.bytes) && parsed.bytes > 0).toBe(true)
        else expect(parsed.reason).not.toBe('')
      }),
    )
  })
})

describe('formatSize', () => {
  it.each([
    [512, '512 bytes'],
    [1024, '1 KiB'],
    [1024 ** 3, '1 GiB'],
    [1.5 * 1024 ** 4, '1.5 TiB'],
    [1024 ** 3 + 512, 'about 1.00 GiB'],
    [2 ** 53 - 1, 'about 8.00 PiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text)
  })
})
