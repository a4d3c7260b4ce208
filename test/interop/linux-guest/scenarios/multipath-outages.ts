/** Both ways to group paths, each path lost in turn, and a server that crashes or stays away. */

import { runWithTwoPaths } from '../multipath.ts'
import type { Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'multipathd survives the loss of either path, a crash of the server, and 30 s without it',
  isFast: false,
  run: (lab) =>
    runWithTwoPaths(
      lab,
      `
lose_server kill_server 0
regroup failover 2
lose_path 10.0.2.2
lose_path 10.0.3.2
lose_server stop_server 30
`,
      400,
    ),
}
