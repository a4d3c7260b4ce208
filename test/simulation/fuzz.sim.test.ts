/**
 * A share of the fuzzing in every run of the tests; `npm run fuzz` brings as many PDUs as one likes.
 * `SEED=n` runs that seed alone.
 */

import { describe, it } from 'vitest'
import { FuzzRun } from '../support/fuzz/fuzz-run.ts'

const SEEDS = process.env.SEED === undefined ? [1, 2, 3, 4, 5, 6] : [Number(process.env.SEED)]
const PDUS_EACH = 4000

describe('hostile initiators', () => {
  it.each(SEEDS)('harm neither the node nor an honest session beside them: seed %i', async (seed) => {
    const run = new FuzzRun(seed)
    await run.bring(PDUS_EACH)
    await run.end()
  })
})
