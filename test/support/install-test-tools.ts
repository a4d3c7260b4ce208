/** vitest's global set-up of the interop tests: the tools that they run are there, or what is missing has been said. */

import { installMissingTools, TEST_TOOLS } from './tools.ts'

export default function setup(): void {
  installMissingTools(TEST_TOOLS)
}
