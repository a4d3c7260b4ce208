import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { secretBytes, secretText } from '../../../../src/management/secret-text.ts'

describe('secretText', () => {
  it.each([
    ['abcdefghijklmn', Buffer.from('abcdefghijklmn')],
    ['base64:AP8=', Buffer.from([0, 255])],
    ['base64:YmFzZTY0OkE=', Buffer.from('base64:A')],
  ])('writes %s', (text, bytes) => {
    expect(secretText(bytes)).toBe(text)
  })

  it('gives back what it was made from', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(secretBytes(secretText(Buffer.from(bytes)))).toEqual(Buffer.from(bytes))
      }),
    )
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(secretBytes(secretText(Buffer.from(text)))).toEqual(Buffer.from(text))
      }),
    )
  })
})
