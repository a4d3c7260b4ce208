import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bit,
  bits,
  cdb,
  findReservedBit,
  invalidField,
  isSet,
  readField,
  uint,
  unsupported,
  variableLengthCdb,
} from '../../../scsi/cdb.ts'
import { defineCommand } from '../../../scsi/define-command.ts'

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))

describe('a CDB field', () => {
  it('of whole bytes reads as a big-endian number', () => {
    fc.assert(
      fc.property(bytes16, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 7 }), (bytes, byteCount, at) => {
        const expected = Number(BigInt(`0x${bytes.subarray(at, at + byteCount).toString('hex')}`))
        expect(readField(bytes, uint(at, byteCount))).toBe(expected)
      }),
    )
  })

  it('of some bits reads as those bits', () => {
    fc.assert(
      fc.property(bytes16, fc.nat(15), fc.nat(7), fc.nat(7), (bytes, at, a, b) => {
        const [high, low] = [Math.max(a, b), Math.min(a, b)]
        const text = bytes[at]!.toString(2)
          .padStart(8, '0')
          .slice(7 - high, 8 - low)
        expect(readField(bytes, bits(at, high, low))).toBe(Number.parseInt(text, 2))
        expect(isSet(bytes, bit(at, low))).toBe(text.endsWith('1'))
      }),
    )
  })

  it('of 21 bits leaves the rest of its first byte out', () => {
    expect(readField(Buffer.from('08ff0102', 'hex'), uint(1, 3, 4))).toBe(0x1f0102)
  })

  it('of 8 bytes beyond 2^53 stays beyond every address', () => {
    expect(readField(Buffer.alloc(16, 0xff), uint(2, 8))).toBeGreaterThanOrEqual(2 ** 63)
  })
})

describe('a CDB layout', () => {
  const layout = cdb(6, { flags: bits(1, 3, 2), refused: unsupported(2, 6, 4), count: uint(3, 2) })

  it('finds the first bit that must be zero, and none in what it declares', () => {
    expect(findReservedBit(Buffer.from('ff0c00ffff00', 'hex'), layout)).toBeNull()
    expect(findReservedBit(Buffer.from('001100000000', 'hex'), layout)).toEqual({ isInCdb: true, byte: 1, bit: 4 })
    expect(findReservedBit(Buffer.from('000000000001', 'hex'), layout)).toEqual({ isInCdb: true, byte: 5, bit: 0 })
  })

  it('points at the top of a field that is not supported', () => {
    expect(findReservedBit(Buffer.from('000010000000', 'hex'), layout)).toEqual({ isInCdb: true, byte: 2, bit: 6 })
  })

  it('ignores bytes behind the CDB', () => {
    expect(findReservedBit(Buffer.from('000000000000ffff', 'hex'), layout)).toBeNull()
  })

  it('refuses fields that overlap, leave it, or lie on OPERATION CODE or CONTROL', () => {
    expect(() => cdb(6, { a: uint(1, 2), b: bit(2, 0) })).toThrow('overlaps')
    expect(() => cdb(6, { a: uint(4, 2) })).toThrow('outside')
    expect(() => cdb(6, { a: bit(0, 0) })).toThrow('outside')
  })

  it('lays out a CDB of 32 bytes behind its own header fields', () => {
    const variable = variableLengthCdb({ lba: uint(12, 8) })
    expect(variable.usageMask.toString('hex')).toBe(`00040000000000ffffff0000${'ff'.repeat(8)}${'00'.repeat(12)}`)
    for (const field of [bit(1, 0), uint(7, 1), uint(8, 2), uint(31, 2)]) {
      expect(() => variableLengthCdb({ field })).toThrow(/outside|overlaps/)
    }
  })

  it('points at a field: its top bit, or its first byte for whole bytes', () => {
    expect(invalidField(bits(1, 3, 2)).fieldPointer).toEqual({ isInCdb: true, byte: 1, bit: 3 })
    expect(invalidField(uint(3, 2)).fieldPointer).toEqual({ isInCdb: true, byte: 3, bit: null })
    expect(invalidField(uint(3, 1)).fieldPointer).toEqual({ isInCdb: true, byte: 3, bit: null })
  })
})

describe('defineCommand', () => {
  const declaration = {
    name: 'TEST',
    standard: 'SPC-4',
    data: 'none',
    reservationClass: 'exempt',
    taskClass: 'information',
    execute: () => {},
  } as const

  it('refuses a CDB length that the operation code does not have', () => {
    expect(() => defineCommand({ ...declaration, operationCode: 0x28, cdb: cdb(6, {}) })).toThrow('does not fit')
    expect(() => defineCommand({ ...declaration, operationCode: 0x7f, cdb: cdb(16, {}) })).toThrow('does not fit')
  })

  it('refuses a field on the service action', () => {
    const layout = cdb(12, { flag: bit(1, 4) })
    expect(() => defineCommand({ ...declaration, operationCode: 0xa3, serviceAction: 1, cdb: layout })).toThrow(
      'lies on',
    )
  })

  it('evaluates the service action beside other fields of byte 1', () => {
    const layout = cdb(12, { flag: bit(1, 7) })
    const row = defineCommand({ ...declaration, operationCode: 0xa3, serviceAction: 1, cdb: layout })
    expect(row.cdb.usageMask[1]).toBe(0x9f)
    expect(findReservedBit(Buffer.from('a39f00000000000000000000', 'hex'), row.cdb)).toBeNull()
    expect(findReservedBit(Buffer.from('a34100000000000000000000', 'hex'), row.cdb)?.bit).toBe(6)
  })
})
