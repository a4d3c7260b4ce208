/** vitest's global set-up of the interop tests: the tools that they run are there, or what is missing has been said. */

import { labObstacle } from '../interop/linux-guest/lab.ts'
import { allScenarios, toolsFor } from '../interop/linux-guest/scenario.ts'
import { installMissingTools, TEST_TOOLS } from './tools.ts'

export default async function setup(): Promise<void> {
  const fast = (await allScenarios()).filter(({ isFast }) => isFast)
  installMissingTools([...TEST_TOOLS, ...(labObstacle() === null ? toolsFor(fast) : [])])
}
