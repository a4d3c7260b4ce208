import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ascii,
  bit,
  bits,
  paddedAscii,
  uint,
  writeFieldMask,
  writeFields,
} from '../../../../scsi/pages/parameter-fields.ts'

const FIELDS = { top: bits(0, 7, 5), middle: bits(0, 4, 1), low: bit(0, 0), word: uint(1, 2), text: ascii(3, 4) }

describe('writeFields', () => {
  it('writes every field at its place and leaves the others zero', () => {
    const data = Buffer.alloc(9)
    writeFields(data, FIELDS, { top: 0b101, low: true, word: 0x1234, text: 'ab' })
    expect(data.toString('hex')).toBe('a1123461622020' + '0000')
  })

  it('keeps neighbouring bits apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 15 }), fc.boolean(), (top, middle, low) => {
        const data = Buffer.alloc(9)
        writeFields(data, FIELDS, { top, middle, low })
        expect(data[0]).toBe(top * 32 + middle * 2 + (low ? 1 : 0))
      }),
    )
  })

  it('writes whole numbers of up to eight bytes', () => {
    const data = Buffer.alloc(8)
    writeFields(data, { value: uint(0, 8) }, { value: Number.MAX_SAFE_INTEGER })
    expect(data.readBigUInt64BE()).toBe(BigInt(Number.MAX_SAFE_INTEGER))
  })

  it.each([8, -1, 0.5, Number.NaN])('refuses %d for three bits', (top) => {
    expect(() => writeFields(Buffer.alloc(9), FIELDS, { top })).toThrow('top takes 3 bits')
  })

  it('refuses a number too large for its bytes', () => {
    expect(() => writeFields(Buffer.alloc(9), FIELDS, { word: 0x1_0000 })).toThrow('word takes 16 bits')
  })
})

describe('paddedAscii', () => {
  it('fills up with spaces', () => {
    expect(paddedAscii('abc', 5, 'NAME').toString('latin1')).toBe('abc  ')
  })

  it.each(['abcdef', 'a\n', 'é', 'a\0'])('refuses %j', (text) => {
    expect(() => paddedAscii(text, 5, 'NAME')).toThrow('NAME takes up to 5 printable ASCII characters')
  })
})

describe('writeFieldMask', () => {
  it('sets all bits of the named fields and no others', () => {
    const data = Buffer.alloc(9)
    writeFieldMask(data, FIELDS, ['middle', 'word'])
    expect(data.toString('hex')).toBe('1effff000000' + '000000')
  })

  it('refuses text, which is never changeable', () => {
    expect(() => writeFieldMask(Buffer.alloc(9), FIELDS, ['text'])).toThrow('no number field text')
  })
})
