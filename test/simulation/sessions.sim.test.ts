/**
 * Two initiators against the target, with everything that RFC 7143 lets go wrong between them (see
 * support/simulation/world.ts): every command is answered once or known to have ended, data is what a model says, the
 * state tables are kept, and at the end nothing is left. `SEED=n` replays a seed, `SEEDS=n` and `SEEDS=from..to` run
 * more of them; `npm run simulate` runs many.
 */

import { describe, expect, it } from 'vitest'
import { seedsOf } from '../support/simulation/seeds.ts'
import { World } from '../support/simulation/world.ts'

const SEEDS_OF_EVERY_RUN = 100

describe('sessions, whatever goes wrong', () => {
  it.each(seedsOf(process.env, SEEDS_OF_EVERY_RUN))(
    '[SN-2] [ERL-21] answer once and keep all data: seed %i',
    async (seed) => {
      const world = new World(seed)
      await world.run()
      expect(world.goodCount).toBeGreaterThan(0)
    },
  )
})
