import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLun, writeLun } from '../../../scsi/lun.ts'

describe('decoding a LUN', () => {
  it.each([
    ['0000000000000000', 0],
    ['0005000000000000', 5],
    ['00ff000000000000', 255],
    ['4005000000000000', 5],
    ['4100000000000000', 256],
    ['7fff000000000000', 16383],
    ['d200000500000000', 5],
    ['d201000000000000', 65536],
    ['0105000000000000', null],
    ['0005000100000000', null],
    ['0005000000000001', null],
    ['4005000000010000', null],
    ['8005000000000000', null],
    ['c101000000000000', null],
    ['e205000000000000', null],
    ['ffffffffffffffff', null],
  ])('%s is %s', (field, lun) => {
    expect(decodeLun(Buffer.from(field, 'hex'))).toBe(lun)
  })
})

describe('encoding a LUN', () => {
  it('is decoded as the same number, in 8 bytes and no more', () => {
    fc.assert(
      fc.property(fc.nat(16383), (lun) => {
        const buffer = Buffer.alloc(10, 0xff)
        writeLun(lun, buffer, 1)
        expect([buffer[0], buffer[9]]).toEqual([0xff, 0xff])
        expect(decodeLun(buffer.subarray(1, 9))).toBe(lun)
      }),
    )
  })

  it.each([-1, 0.5, 16384, Number.NaN])('refuses %d and says what is allowed', (lun) => {
    expect(() => writeLun(lun, Buffer.alloc(8), 0)).toThrow('0 to 16383')
  })
})
