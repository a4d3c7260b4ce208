import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adaptiveIoPolicy, DirectionPolicy, SynchronousBudget } from '../../../../scsi/backing/io-policy.ts'

const KIB = 1024

/** A clock and an event loop that move when told to. */
function simulate() {
  let nowUs = 0
  let ends: (() => void)[] = []
  const clockUs = () => nowUs
  const budget = new SynchronousBudget((callback) => void ends.push(callback))
  return {
    clockUs,
    budget,
    direction: () => new DirectionPolicy(clockUs, budget),
    wait: (durationUs: number) => {
      nowUs += durationUs
    },
    scheduled: () => ends.length,
    endTick: () => {
      const due = ends
      ends = []
      for (const end of due) end()
    },
    /** One request: true if it went synchronously, and then it took `durationUs`. */
    request(policy: DirectionPolicy, byteCount: number, durationUs: number): boolean {
      if (!policy.isSynchronous(byteCount)) return false
      const startUs = nowUs
      nowUs += durationUs
      policy.called(byteCount, startUs, nowUs)
      return true
    },
  }
}

describe('the I/O policy', () => {
  it.each([
    { title: 'hot 4 KiB reads', byteCount: 4 * KIB, durationUs: 2 },
    { title: '4 KiB writes to a journalling file system', byteCount: 4 * KIB, durationUs: 25 },
    { title: 'hot 64 KiB reads', byteCount: 64 * KIB, durationUs: 10 },
    { title: 'hot 256 KiB writes', byteCount: 256 * KIB, durationUs: 60 },
    { title: 'hot 1 MiB reads', byteCount: 1024 * KIB, durationUs: 180 },
  ])('stays synchronous over $title', ({ byteCount, durationUs }) => {
    const s = simulate()
    const policy = s.direction()
    for (let count = 0; count < 1000; count++) {
      expect(s.request(policy, byteCount, durationUs)).toBe(true)
      s.endTick()
    }
  })

  it.each([
    { title: 'cold 4 KiB reads from flash', byteCount: 4 * KIB, durationUs: 80 },
    { title: 'cold 64 KiB reads from flash', byteCount: 64 * KIB, durationUs: 140 },
    { title: 'cold reads from a spinning disk', byteCount: 4 * KIB, durationUs: 8000 },
    { title: 'writes under throttling', byteCount: 256 * KIB, durationUs: 700 },
  ])('goes to the pool after one call over $title', ({ byteCount, durationUs }) => {
    const s = simulate()
    const policy = s.direction()
    expect(s.request(policy, byteCount, durationUs)).toBe(true)
    s.endTick()
    expect(s.request(policy, byteCount, durationUs)).toBe(false)
  })

  it('forgives a hot direction a hiccup of less than 5 milliseconds, and no longer one', () => {
    const s = simulate()
    const policy = s.direction()
    for (let count = 0; count < 300; count++) {
      s.request(policy, 4 * KIB, 2)
      s.endTick()
    }
    expect(s.request(policy, 4 * KIB, 4900)).toBe(true)
    s.endTick()
    expect(s.request(policy, 4 * KIB, 2)).toBe(true)
    expect(s.request(policy, 4 * KIB, 5000)).toBe(true)
    s.endTick()
    expect(policy.isSynchronous(4 * KIB)).toBe(false)
  })

  it('stays synchronous while rare misses cost less than the hops that the hits save', () => {
    const s = simulate()
    const policy = s.direction()
    for (let count = 1; count <= 1000; count++) {
      expect(s.request(policy, 4 * KIB, count % 10 === 0 ? 80 : 2)).toBe(true)
      s.endTick()
    }
  })

  it('probes when the debt is paid off, and comes back when the data are hot', () => {
    const s = simulate()
    const policy = s.direction()
    s.request(policy, 4 * KIB, 8000)
    s.endTick()
    s.wait(32 * 7000)
    expect(policy.isSynchronous(4 * KIB)).toBe(false)
    s.wait(32 * 1000)
    expect(s.request(policy, 4 * KIB, 2)).toBe(true)
    expect(s.request(policy, 4 * KIB, 2)).toBe(true)
  })

  it('does not wait longer than 8 seconds after a frozen moment', () => {
    const s = simulate()
    const policy = s.direction()
    s.request(policy, 4 * KIB, 3_600_000_000)
    s.endTick()
    s.wait(7_900_000)
    expect(policy.isSynchronous(4 * KIB)).toBe(false)
    s.wait(100_000)
    expect(policy.isSynchronous(4 * KIB)).toBe(true)
  })

  it('bounds the synchronous time of a tick, over all stores, and renews it with the next', () => {
    const s = simulate()
    const policies = [s.direction(), s.direction()]
    let spentUs = 0
    for (let count = 0; count < 1000; count++) if (s.request(policies[count % 2]!, 64 * KIB, 15)) spentUs += 15
    expect(spentUs).toBeGreaterThan(900)
    expect(spentUs).toBeLessThanOrEqual(1000)
    s.endTick()
    expect(s.request(policies[0]!, 64 * KIB, 15)).toBe(true)
  })

  it('asks for the end of a tick once a tick, and not at all when nothing was spent', () => {
    const s = simulate()
    const policy = s.direction()
    policy.isSynchronous(4 * KIB)
    expect(s.scheduled()).toBe(0)
    for (let count = 0; count < 5; count++) s.request(policy, 4 * KIB, 0)
    expect(s.scheduled()).toBe(1)
  })

  it('never takes at once what alone would fill a tick', () => {
    expect(
      simulate()
        .direction()
        .isSynchronous(8 * 1024 * KIB),
    ).toBe(false)
  })

  it('judges reads and writes apart', () => {
    const s = simulate()
    const { read, write } = adaptiveIoPolicy(s.clockUs, s.budget)
    write.called(4 * KIB, 0, 500)
    expect(write.isSynchronous(4 * KIB)).toBe(false)
    expect(read.isSynchronous(4 * KIB)).toBe(true)
  })

  it('loses at most a part in 32 of all time to blocking, however many disks are cold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 100, max: 200_000 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 500 }),
        (missUs, betweenUs) => {
          const s = simulate()
          const disks = missUs.map((durationUs) => ({ durationUs, policy: s.direction() }))
          for (const { policy, durationUs } of disks) {
            s.request(policy, 4 * KIB, durationUs)
            s.endTick()
          }
          const startUs = s.clockUs()
          let blockedUs = 0
          let longestUs = 0
          for (let round = 0; round < 300; round++) {
            s.endTick()
            for (const { policy, durationUs } of disks) {
              if (!s.request(policy, 4 * KIB, durationUs)) continue
              blockedUs += durationUs - 30 - 3
              longestUs = Math.max(longestUs, durationUs)
            }
            s.wait(betweenUs)
          }
          expect(blockedUs).toBeLessThanOrEqual((s.clockUs() - startUs) / 32 + longestUs)
        },
      ),
      { numRuns: 50 },
    )
  })
})
