import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pairwise } from '../../../interop/linux-guest/pairwise.ts'

interface Settings {
  readonly digest: string
  readonly burst: number
  readonly immediate: boolean
  readonly depth: number
}

const FACTORS = { digest: ['None', 'CRC32C'], burst: [512, 4096, 65_536], immediate: [true, false], depth: [1, 8, 32] }

/** Factors named a, b, c, ... with the values 0, 1, ... of each. */
const anyFactors = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 })
  .map((sizes) =>
    Object.fromEntries(sizes.map((size, i) => ['abcde'[i]!, Array.from({ length: size }, (_, value) => value)])),
  )

describe('pairwise', () => {
  it('has every pair of values of every two factors', () => {
    fc.assert(
      fc.property(anyFactors, (factors) => {
        const rows = pairwise<Record<string, number>>(factors)
        const names = Object.keys(factors)
        for (const [i, first] of names.entries()) {
          for (const second of names.slice(i + 1)) {
            const seen = new Set(rows.map((row) => `${row[first]} ${row[second]}`))
            expect(seen.size).toBe(factors[first]!.length * factors[second]!.length)
          }
        }
      }),
    )
  })

  it('takes far fewer combinations than there are', () => {
    expect(pairwise<Settings>(FACTORS).length).toBeLessThanOrEqual(12)
  })

  it('is the same each time', () => {
    expect(pairwise<Settings>(FACTORS)).toEqual(pairwise<Settings>(FACTORS))
  })

  it('begins with combinations that share no pair', () => {
    const [first, second] = pairwise<Settings>(FACTORS)
    const shared = (Object.keys(FACTORS) as (keyof Settings)[]).filter((name) => first![name] === second![name])
    expect(shared.length).toBeLessThanOrEqual(1)
  })

  it('leaves out what is not allowed, and still has every pair that is left', () => {
    const isAllowed = ({ burst, depth }: Settings): boolean => burst < 65_536 || depth < 32
    const rows = pairwise<Settings>(FACTORS, isAllowed)
    expect(rows.every(isAllowed)).toBe(true)
    expect(new Set(rows.map(({ burst, depth }) => `${burst} ${depth}`)).size).toBe(8)
    expect(new Set(rows.map(({ digest, burst }) => `${digest} ${burst}`)).size).toBe(6)
  })

  it('gives nothing when nothing is allowed', () => {
    expect(pairwise<Settings>(FACTORS, () => false)).toEqual([])
  })
})
