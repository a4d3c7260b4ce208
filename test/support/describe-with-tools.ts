/**
 * Tests that need other people's programs. Where one of them is missing the tests are reported as skipped, except where
 * the environment says CI=true: there they run, and the missing tool makes them fail.
 */

import { describe } from 'vitest'
import { missingTools, type Tool } from './tools.ts'

/** `describe` for tests that run `tools`. */
export function describeWithTools(tools: readonly Tool[], title: string, body: () => void): void {
  const canRun = process.env.CI === 'true' || missingTools(tools).length === 0
  describe.runIf(canRun)(title, body)
}
