import { describe, expect, it } from 'vitest'
import { parseSeeds, seedsOf } from '../../../support/simulation/seeds.ts'

describe('seeds', () => {
  it.each([
    ['3', [1, 2, 3]],
    ['7..9', [7, 8, 9]],
    ['5..5', [5]],
    ['0', []],
  ])('%s', (text, seeds) => {
    expect(parseSeeds(text)).toEqual(seeds)
  })

  it.each(['', 'x', '1-3', '1..'])('that are no seeds are refused: "%s"', (text) => {
    expect(() => parseSeeds(text)).toThrow('seeds are given as')
  })

  it('come from the environment', () => {
    expect(seedsOf({ SEED: '12' }, 2)).toEqual([12])
    expect(seedsOf({ SEEDS: '4..5' }, 2)).toEqual([4, 5])
    expect(seedsOf({}, 2)).toEqual([1, 2])
  })
})
