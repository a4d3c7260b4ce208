/**
 * Two groups of tests: those of this process alone run in parallel workers, then those that start servers and other
 * people's initiators run one file after another, so that they do not fight over the machine.
 */

import { defineConfig } from 'vitest/config'

const INTEROP = 'test/interop/**/*.test.ts'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'library',
          include: ['test/**/*.test.ts'],
          exclude: [INTEROP],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'interop',
          include: [INTEROP],
          globalSetup: 'test/support/install-test-tools.ts',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
