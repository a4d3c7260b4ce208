/**
 * `npm run fuzz`: hostile PDUs by the million, in runs of a fresh seed each. Prints where it is; on the first failure the
 * seed that repeats it, and exit code 1. Memory is looked at after each run: what a run leaves behind would add up.
 */

import { parseArgs } from 'node:util'
import { FuzzRun } from '../support/fuzz/fuzz-run.ts'

const USAGE = `npm run fuzz -- [--pdus N] [--seed N]

  --pdus  how many hostile PDUs (default 1000000)
  --seed  the seed of the first run (default 1); each further run takes the next one
`

const { values } = parseArgs({
  options: {
    pdus: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}

const PDUS_EACH = 20_000
/** What a heap of this size may vary by from run to run without having grown. */
const HEAP_SLACK_BYTES = 48 * 2 ** 20
const pdus = Number(values.pdus)
let warmHeapBytes = 0
for (let brought = 0, seed = Number(values.seed); brought < pdus; brought += PDUS_EACH, seed++) {
  const run = new FuzzRun(seed)
  try {
    await run.bring(Math.min(PDUS_EACH, pdus - brought))
    await run.end()
  } catch (error) {
    process.stderr.write(`seed ${seed} failed; repeat it with: npm run fuzz -- --seed ${seed} --pdus ${PDUS_EACH}\n`)
    throw error
  }
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const heapBytes = heapUsed + arrayBuffers
  if (warmHeapBytes === 0) warmHeapBytes = heapBytes
  if (heapBytes > warmHeapBytes + HEAP_SLACK_BYTES) {
    throw new Error(`after seed ${seed} ${heapBytes} bytes are in use, after the first run it was ${warmHeapBytes}`)
  }
  process.stdout.write(`seed ${seed}: ${Math.min(brought + PDUS_EACH, pdus)} PDUs, ${heapBytes >> 20} MiB in use\n`)
}
