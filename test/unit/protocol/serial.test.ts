import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSerialLess, isSerialLessOrEqual, serialAdd } from '../../../protocol/serial.ts'

const serial = fc.integer({ min: 0, max: 0xffff_ffff })

describe('serial number arithmetic', () => {
  it.each([
    [0, 1, true],
    [0xffff_ffff, 0, true],
    [0xffff_fff0, 5, true],
    [1, 0, false],
    [5, 5, false],
    [0, 0x7fff_ffff, true],
    [0, 0x8000_0001, false],
  ])('[SN-1] %i before %i: %s', (left, right, expected) => {
    expect(isSerialLess(left, right)).toBe(expected)
  })

  it('leaves values 2^31 apart unordered', () => {
    expect([isSerialLess(0, 0x8000_0000), isSerialLess(0x8000_0000, 0)]).toEqual([false, false])
  })

  it('[SN-1] orders a value before every later one within half the circle', () => {
    fc.assert(
      fc.property(serial, fc.integer({ min: 1, max: 0x7fff_ffff }), (value, distance) => {
        const later = serialAdd(value, distance)
        expect(isSerialLess(value, later)).toBe(true)
        expect(isSerialLess(later, value)).toBe(false)
        expect(isSerialLessOrEqual(value, value)).toBe(true)
        expect(serialAdd(later, -distance)).toBe(value)
      }),
    )
  })
})
