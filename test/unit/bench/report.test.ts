import { describe, expect, it } from 'vitest'
import { CELLS } from '../../../bench/cells.ts'
import { formatResults, median, summarize } from '../../../bench/report.ts'

const measured = (...iops: number[]) => iops.map((rate) => ({ iops: rate, cpuMicrosecondsPerIo: 1e6 / rate }))

describe('the report of the benchmarks', () => {
  it('takes medians', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('compares medians and marks a ratio below its goal', () => {
    const cell = CELLS.find(({ name }) => name === 'randread-4k-qd32')!
    const good = summarize({ cell, lunette: measured(300, 1, 250), tgtd: measured(100, 100, 100) })
    const bad = summarize({ cell, lunette: measured(249), tgtd: measured(100) })
    expect(good.ratio).toBe(2.5)
    expect(formatResults([cell], [good])).toContain('| 2.50 | 2.5 |')
    expect(formatResults([cell], [bad])).toContain('| **2.49** | 2.5 |')
  })

  it('has every combination once', () => {
    expect(new Set(CELLS.map((cell) => cell.name)).size).toBe(18)
  })
})
