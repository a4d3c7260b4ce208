import { describe, expect, it } from 'vitest'
import { Wakefulness } from '../../../../protocol/transport/wakefulness.ts'
import { VirtualClock } from '../../../support/connection-harness.ts'

/** How many turns of the event loop were asked for until there was peace; time stands still within a turn. */
function turnsUntilAsleep(clock: VirtualClock, msPerTurn: number): number {
  let turns = 0
  const defer = clock.defer.bind(clock)
  clock.defer = (run) => {
    turns++
    defer(run)
  }
  for (let before = -1; before !== turns && turns < 1000; ) {
    before = turns
    clock.settle()
    clock.advance(msPerTurn)
  }
  return turns
}

describe('wakefulness', () => {
  it('looks again for a moment after bytes came, and then sleeps', () => {
    const clock = new VirtualClock()
    new Wakefulness(clock, 2).stir()
    const turns = turnsUntilAsleep(clock, 0.01)
    expect(turns).toBeGreaterThan(1)
    expect(turns).toBeLessThan(20)
  })

  it('looks with one loop, however many bytes come', () => {
    const clock = new VirtualClock()
    const wakefulness = new Wakefulness(clock, 2)
    for (let times = 0; times < 50; times++) wakefulness.stir()
    expect(turnsUntilAsleep(clock, 0.01)).toBeLessThan(20)
  })

  it('leaves a single processor to the initiator', () => {
    const clock = new VirtualClock()
    new Wakefulness(clock, 1).stir()
    expect(turnsUntilAsleep(clock, 0.01)).toBe(0)
  })
})
