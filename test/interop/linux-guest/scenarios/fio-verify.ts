/** fio with verification on the blocks that most disks have. */

import { verifyWithFio } from '../fio-verify.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'fio verifies what it wrote in many ways to 512-byte blocks, also after a restart of the server',
  isFast: false,
  run: (lab) => verifyWithFio(lab, 512),
}
