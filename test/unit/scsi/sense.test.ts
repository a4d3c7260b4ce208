import { describe, expect, it } from 'vitest'
import { copyAborted, encodeSense, invalidFieldInCdb, senseOf, senseOfBackingError } from '../../../scsi/sense.ts'
import { SENSE } from '../../../scsi/sense-codes.ts'

describe('fixed format sense data', () => {
  it('carries key, code and qualifier in 18 bytes', () => {
    expect(encodeSense(senseOf(SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT), 'fixed').toString('hex')).toBe(
      '70000700000000' + '0a' + '00000000' + '2707' + '00000000',
    )
  })

  it('points at a bit of a CDB byte, or at the byte', () => {
    expect(encodeSense(invalidFieldInCdb(2, 5), 'fixed').toString('hex')).toBe(
      '70000500000000' + '0a' + '00000000' + '2400' + '00' + 'cd0002',
    )
    expect(encodeSense(invalidFieldInCdb(14), 'fixed').subarray(15).toString('hex')).toBe('c0000e')
  })

  it('points at parameter data without C/D', () => {
    const sense = { ...senseOf(SENSE.INVALID_FIELD_IN_CDB), fieldPointer: { isInCdb: false, byte: 0x102, bit: 7 } }
    expect(encodeSense(sense, 'fixed').subarray(15).toString('hex')).toBe('8f0102')
  })

  it('is valid with INFORMATION that fits 32 bits, and only then', () => {
    const sense = { ...senseOf(SENSE.MISCOMPARE_DURING_VERIFY_OPERATION), information: 0xfffffffe }
    expect(encodeSense(sense, 'fixed').subarray(0, 7).toString('hex')).toBe('f0000e' + 'fffffffe')
    expect(
      encodeSense({ ...sense, information: 2 ** 32 }, 'fixed')
        .subarray(0, 7)
        .toString('hex'),
    ).toBe('70000e00000000')
  })
})

describe('descriptor format sense data', () => {
  it('carries key, code and qualifier in 8 bytes', () => {
    expect(encodeSense(senseOf(SENSE.UNRECOVERED_READ_ERROR), 'descriptor').toString('hex')).toBe('7203110000000000')
  })

  it('adds a descriptor for INFORMATION and one for the field pointer', () => {
    const sense = { ...invalidFieldInCdb(2, 5), information: 2 ** 40 + 3 }
    expect(encodeSense(sense, 'descriptor').toString('hex')).toBe(
      '72052400000000' + '14' + '000a8000' + '0000010000000003' + '02060000' + 'cd000200',
    )
  })
})

describe('sense of a copy that was stopped (SPC-3 6.3.3)', () => {
  const sense = {
    ...senseOf(copyAborted(SENSE.INVALID_FIELD_IN_PARAMETER_LIST)),
    fieldPointer: { isInCdb: false, byte: 12, bit: null, isInSegment: true },
    segmentNumber: 3,
  }

  it('names the segment and points into its descriptor with SD', () => {
    expect(encodeSense(sense, 'fixed').toString('hex')).toBe(
      '70000a00000000' + '0a' + '00000003' + '2600' + '00' + 'a0000c',
    )
    expect(encodeSense(sense, 'descriptor').toString('hex')).toBe(
      '720a260000000014' + '010a0000' + '0000000000000003' + '02060000' + 'a0000c00',
    )
  })
})

describe('sense of a backing error', () => {
  it.each([
    ['io', 'read', SENSE.UNRECOVERED_READ_ERROR],
    ['io', 'write', SENSE.WRITE_ERROR],
    ['noSpace', 'write', SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT],
    ['readOnly', 'write', SENSE.WRITE_PROTECTED],
    ['closed', 'read', SENSE.LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED],
    ['outOfRange', 'read', SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE],
    ['unsupported', 'write', SENSE.INTERNAL_TARGET_FAILURE],
  ] as const)('%s on %s', (kind, direction, condition) => {
    expect(senseOfBackingError({ kind, message: '' }, direction).condition).toBe(condition)
  })
})

describe('the table of sense conditions', () => {
  it('holds no pair of code and qualifier twice', () => {
    const codes = Object.values(SENSE).map(({ asc, ascq }) => asc * 256 + ascq)
    expect(new Set(codes).size).toBe(codes.length)
  })
})
