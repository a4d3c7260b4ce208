/**
 * `npm test`: every test of the project, or what vitest's own arguments choose (`npm test -- test/unit -t 'read'`). The last line of output is the count; the exit code is 0 only when tests ran
 * and none failed.
 */

import { parseCLI, startVitest } from 'vitest/node'
import { CountingReporter, formatCount } from './support/count-tests.ts'

const counting = new CountingReporter()
const { filter, options } = parseCLI(['vitest', ...process.argv.slice(2)])
const vitest = await startVitest(filter, { ...options, watch: false, reporters: ['default', counting] })
await vitest.close()
const count = counting.count()
const isGood = count.failed === 0 && count.passed > 0
process.stdout.write(`${formatCount(count)}\n`, () => process.exit(isGood ? 0 : 1))
