/** fio with verification on the blocks that the fewest programs are used to. */

import { verifyWithFio } from '../fio-verify.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'fio verifies what it wrote in many ways to 4096-byte blocks, also after a restart of the server',
  isFast: true,
  run: (lab) => verifyWithFio(lab, 4096),
}
