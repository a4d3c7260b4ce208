/** The other combinations of operational parameters: together with the fast ones every pair of values. */

import { COMBINATIONS, runCombinations } from '../negotiation-matrix.ts'
import type { Scenario } from '../scenario.ts'
import { FAST_COUNT } from './negotiation-matrix.ts'

const rest = COMBINATIONS.slice(FAST_COUNT)

export const scenario: Scenario = {
  title: `the same in the ${rest.length} combinations that are left until each pair of values has occurred`,
  isFast: false,
  run: (lab) => runCombinations(lab, rest),
}
