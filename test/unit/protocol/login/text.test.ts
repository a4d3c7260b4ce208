import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeBinaryValue,
  encodeText,
  isNumericalRange,
  parseBinaryValue,
  parseNumericalValue,
  parseText,
  quote,
} from '../../../../protocol/login/text.ts'

describe('key=value text', () => {
  it('[TEXT-1] [TEXT-3] splits pairs at NULs and at the first "="', () => {
    expect(parseText(Buffer.from('X-a=b=c\0HeaderDigest=\0'))).toEqual([
      { key: 'X-a', value: 'b=c' },
      { key: 'HeaderDigest', value: '' },
    ])
    expect(parseText(Buffer.alloc(0))).toEqual([])
  })

  it.each([
    ['A=b', 'does not end with a NUL'],
    ['A=b\0C=d', 'byte 4 does not end with a NUL'],
    ['Novalue\0', 'has no "="'],
    ['\0', 'has no "="'],
    ['=v\0', 'is not a key name'],
    ['A b=v\0', 'is not a key name'],
    [`${'K'.repeat(64)}=v\0`, 'is not a key name'],
  ])('[TEXT-1] [TEXT-3] refuses %j', (text, problem) => {
    expect(parseText(Buffer.from(text))).toEqual({ problem: expect.stringContaining(problem) })
  })

  it('takes a key of 63 characters and the keys that break the naming rule', () => {
    const key = 'K'.repeat(63)
    expect(parseText(Buffer.from(`${key}=v\0X#NodeArchitecture=a\0iSCSIProtocolLevel=1\0`))).toHaveLength(3)
  })

  it('[TEXT-2] refuses what is not UTF-8', () => {
    expect(parseText(Buffer.from('A=\xff\0', 'latin1'))).toEqual({ problem: 'the pair at byte 0 is not UTF-8' })
  })

  it('reads back what it wrote, and reads arbitrary bytes without throwing', () => {
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
    const pair = fc.record({ key: fc.stringMatching(/^[A-Z][A-Za-z0-9.+@_-]{0,62}$/), value })
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        expect(parseText(encodeText(pairs))).toEqual(pairs)
      }),
    )
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseText(Buffer.from(bytes))))
  })

  it('does not write a NUL inside a pair', () => {
    expect(() => encodeText([{ key: 'TargetAlias', value: 'a\0AuthMethod=None' }])).toThrow(/TargetAlias/)
  })
})

describe('values', () => {
  it.each([
    ['0', 0],
    ['131072', 131072],
    ['0x20000', 131072],
    ['0X00fF', 255],
    ['18446744073709551615', 2 ** 64],
  ])('[TEXT-4] %s is the number %d', (value, number) => {
    expect(parseNumericalValue(value)).toBe(number)
  })

  it.each(['', '01', '-1', '+1', '1.5', '1e3', ' 1', '0x', '0xg', '18446744073709551616', '0b11', 'ten'])(
    '[TEXT-4] %j is not a number',
    (value) => {
      expect(parseNumericalValue(value)).toBeNull()
    },
  )

  it('[TEXT-13] knows a range', () => {
    expect(['1~2', '0x1~2', '5~5'].map(isNumericalRange)).toEqual([true, true, true])
    expect(['2~1', '1', '1~', '1~2~3', 'a~b'].map(isNumericalRange)).toEqual([false, false, false, false, false])
  })

  it.each([
    ['0xAbCd', 'abcd'],
    ['0Xabcd', 'abcd'],
    ['0xabc', '0abc'],
    ['0bq80=', 'abcd'],
    ['0Bq80=', 'abcd'],
    ['0bq80', 'abcd'],
  ])('[TEXT-5] %s is the binary %s', (value, hex) => {
    expect(parseBinaryValue(value)?.toString('hex')).toBe(hex)
  })

  it.each(['', '0x', '0b', '12', 'abcd', '0xzz', '0bq', '0bq8*=', '0b=q80'])('[TEXT-5] %j is not a binary', (value) => {
    expect(parseBinaryValue(value)).toBeNull()
  })

  it('reads binaries in both encodings back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const buffer = Buffer.from(bytes)
        expect(parseBinaryValue(encodeBinaryValue(buffer))).toEqual(buffer)
        expect(parseBinaryValue(`0b${buffer.toString('base64')}`)).toEqual(buffer)
      }),
    )
  })

  it('quotes foreign text on one short line', () => {
    expect(quote('a\nb')).toBe('"a\\nb"')
    expect(quote('x'.repeat(1000)).length).toBeLessThan(80)
  })
})
