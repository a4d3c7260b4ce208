/**
 * `npm run simulate -- --seeds 10000`: the simulation of sessions.sim.test.ts over many seeds, in as many threads as
 * there are processors. Prints what happened how often, and each seed that failed with the way to replay it; the exit
 * code is 0 only when none did.
 */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { parseSeeds } from '../support/simulation/seeds.ts'
import { World } from '../support/simulation/world.ts'

/** What one thread has to tell about one seed. */
interface Outcome {
  readonly seed: number
  readonly goodCount: number
  readonly counts: ReadonlyMap<string, number>
  /** Null when all was well. */
  readonly failure: string | null
}

const REPORT_EVERY = 1000

async function simulate(seed: number): Promise<Outcome> {
  const world = new World(seed)
  let failure: string | null = null
  try {
    await world.run()
  } catch (error) {
    const { stack, cause } = error as Error
    failure = cause instanceof Error ? `${stack}\n${cause.stack}` : `${stack}`
  }
  return { seed, goodCount: world.goodCount, counts: world.counts, failure }
}

/** A thread's part: each seed it was given, in turn. */
async function runWorker(seeds: readonly number[]): Promise<void> {
  for (const seed of seeds) parentPort!.postMessage(await simulate(seed))
}

async function runAll(seeds: readonly number[], threads: number): Promise<void> {
  const failedSeeds: number[] = []
  const totals = new Map<string, number>()
  let doneCount = 0
  const note = ({ seed, goodCount, counts, failure }: Outcome) => {
    for (const [what, count] of [...counts, ['command good', goodCount] as const]) {
      totals.set(what, (totals.get(what) ?? 0) + count)
    }
    doneCount++
    if (doneCount % REPORT_EVERY === 0) process.stdout.write(`${doneCount} of ${seeds.length} seeds\n`)
    if (failure === null) return
    failedSeeds.push(seed)
    process.stdout.write(`seed ${seed} failed: ${failure}\n${howToReplay(seed)}\n\n`)
  }
  const parts = Array.from({ length: threads }, (_, part) => seeds.filter((_seed, at) => at % threads === part))
  await Promise.all(
    parts.map(async (part) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: part })
      worker.on('message', note)
      await new Promise<void>((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject))
    }),
  )
  for (const [what, count] of [...totals].sort()) process.stdout.write(`${String(count).padStart(9)}  ${what}\n`)
  process.stdout.write(`${doneCount} seeds, ${failedSeeds.length} failed\n`)
  for (const seed of failedSeeds) process.stdout.write(`${howToReplay(seed)}\n`)
  process.exitCode = failedSeeds.length === 0 && doneCount === seeds.length ? 0 : 1
}

function howToReplay(seed: number): string {
  return `  SEED=${seed} npm test -- test/simulation/sessions.sim.test.ts`
}

if (isMainThread) {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '1000' }, threads: { type: 'string' } },
  })
  await runAll(parseSeeds(values.seeds), Number(values.threads ?? availableParallelism()))
} else {
  await runWorker(workerData as readonly number[])
}
