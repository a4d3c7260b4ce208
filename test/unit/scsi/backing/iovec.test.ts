import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { byteLengthOf, sliceVector } from '../../../../scsi/backing/iovec.ts'

const vectors = fc.array(fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)))

it('a slice of a vector holds the same bytes as the slice of the whole, in the same memory', () => {
  fc.assert(
    fc.property(vectors, fc.nat(40), fc.nat(40), (buffers, from, to) => {
      const slices = sliceVector(buffers, from, to)
      expect(Buffer.concat(slices)).toEqual(Buffer.concat(buffers).subarray(from, Math.max(from, to)))
      for (const slice of slices) {
        expect(slice.length).toBeGreaterThan(0)
        expect(buffers.some((buffer) => buffer.buffer === slice.buffer)).toBe(true)
      }
    }),
  )
})

it('the length of a vector is the sum of its buffers', () => {
  fc.assert(fc.property(vectors, (buffers) => byteLengthOf(buffers) === Buffer.concat(buffers).length))
})
