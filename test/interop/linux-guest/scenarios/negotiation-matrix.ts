/** The few combinations of operational parameters that differ the most, which is how the list of all begins. */

import { COMBINATIONS, runCombinations } from '../negotiation-matrix.ts'
import type { Scenario } from '../scenario.ts'

export const FAST_COUNT = 3

export const scenario: Scenario = {
  title: `open-iscsi negotiates what it is told to, in ${FAST_COUNT} combinations, and fio verifies its data in each`,
  isFast: true,
  run: (lab) => runCombinations(lab, COMBINATIONS.slice(0, FAST_COUNT)),
}
