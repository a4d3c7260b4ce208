import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VdsError } from '../../../../src/management/hresult.ts'
import { secretBytes, secretText } from '../../../../src/management/secret-text.ts'

describe('secretText', () => {
  it.each([
    ['abcdefghijklmn', Buffer.from('abcdefghijklmn')],
    ['base64:AP8=', Buffer.from([0, 255])],
    ['base64:YmFzZTY0OkE=', Buffer.from('base64:A')],
  ])('writes %s', (text, bytes) => {
    expect(secretText(bytes)).toBe(text)
  })

  it.each(['', 'base64:', 'base64:!!!!', 'base64:AP8', 'base64:AP8=x'])('%j stands for no secret', (text) => {
    expect(() => secretBytes(text)).toThrow(VdsError)
  })

  it('gives back what it was made from', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(secretBytes(secretText(Buffer.from(bytes)))).toEqual(Buffer.from(bytes))
      }),
    )
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(secretBytes(secretText(Buffer.from(text)))).toEqual(Buffer.from(text))
      }),
    )
  })
})
