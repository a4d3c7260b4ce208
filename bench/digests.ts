/**
 * `npm run bench:digests`: what CRC32C costs. One load without digests and with both, in turn in the same run, over the
 * same file in memory; the ratio of the medians counts. Linux only, because of /dev/shm.
 */

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNoiseFile } from '../test/support/disk-files.ts'
import { runTool } from '../test/support/run-tool.ts'
import { startServer } from '../test/support/server-process.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'
import type { LoadOptions, LoadResult } from './load/load-initiator.ts'
import { median } from './report.ts'

const USAGE = `npm run bench:digests -- [--rounds N] [--seconds N]

  --rounds   measurements of each load with and without digests, of which the median counts (default 5)
  --seconds  length of a measurement (default 2)
`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}

const SIZE_BYTES = 256 * 2 ** 20
const LOAD_MAIN = fileURLToPath(new URL('./load/load-main.ts', import.meta.url))
const GRACE_MS = 30_000
const GOAL_RATIO = 0.6

const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
using directory = temporaryDirectory('/dev/shm')
const disk = directory.file('disk.img')
createNoiseFile(disk, SIZE_BYTES, 1)
await using server = await startServer({ args: [disk] })

process.stdout.write('| Load | Block | Depth | IOPS without | IOPS with both digests | Ratio | Goal |\n')
process.stdout.write('|---|--:|--:|--:|--:|--:|--:|\n')
for (const direction of ['read', 'write'] as const) {
  for (const [blockKib, queueDepth] of [
    [4, 32],
    [128, 32],
    [1024, 8],
  ] as const) {
    const load = { direction, blockBytes: blockKib * 1024, queueDepth, seconds }
    const rates: Record<'without' | 'with', number[]> = { without: [], with: [] }
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
        rates[which].push(await measure({ ...load, hasDigests: which === 'with' }))
      }
    }
    const [plain, digested] = [median(rates.without), median(rates.with)]
    const ratio = digested / plain
    const goal = blockKib === 128 ? GOAL_RATIO.toFixed(1) : ''
    const columns = [
      direction,
      `${blockKib} KiB`,
      queueDepth,
      Math.round(plain),
      Math.round(digested),
      ratio.toFixed(2),
      goal,
    ]
    process.stdout.write(`| ${columns.join(' | ')} |\n`)
  }
}

/** Operations a second. */
async function measure(load: Omit<LoadOptions, 'port' | 'targetName'>): Promise<number> {
  const options = { ...load, port: server.port, targetName: server.targetName, sizeBytes: SIZE_BYTES }
  const output = await runTool(process.execPath, [LOAD_MAIN, JSON.stringify(options)], {
    timeoutMs: load.seconds * 1000 + GRACE_MS,
  })
  const result = JSON.parse(output) as LoadResult
  return result.operations / result.seconds
}
