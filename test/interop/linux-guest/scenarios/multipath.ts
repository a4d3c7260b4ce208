/** What multipath is for: the load goes on when a path dies, and when the server restarts. */

import { runWithTwoPaths } from '../multipath.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'multipathd keeps verified load going over a dead path and a restart of the server',
  isFast: true,
  run: (lab) =>
    runWithTwoPaths(
      lab,
      `
lose_path 10.0.3.2
lose_server stop_server 0
`,
      240,
    ),
}
