/** A few rounds of what `npm run power-cut` does for as long as one likes; `ROUNDS` and `SEED` choose others. */

import { expect, it } from 'vitest'
import { EXPECTED_KINDS, runPowerCuts } from '../../support/power-cut/power-cut-run.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const SEED = Number(process.env.SEED ?? 1)
const ROUND_TIMEOUT_MS = 60_000

it(
  `keeps what it acknowledged as durable through ${ROUNDS} kills (SEED=${SEED})`,
  async () => {
    const counts = await runPowerCuts(ROUNDS, SEED)
    expect(new Set(counts.keys())).toEqual(EXPECTED_KINDS)
  },
  (ROUNDS + 1) * ROUND_TIMEOUT_MS,
)
