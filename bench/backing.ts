/**
 * `node bench/backing.ts`: what the raw file store's choice between synchronous and pooled I/O is worth. Each load runs
 * with every policy in turn, several rounds, on the same file; printed are rates relative to all calls synchronous.
 * An adaptive policy that does its work is near the better of the two in every line. `--cold` (Linux, root) adds reads
 * of data that were dropped from the page cache before each run, which slows down whatever else the machine does.
 * `--only TEXT` takes the loads whose line contains the text; `--directory` says where the file is to lie.
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { BackingStore } from '../scsi/backing/backing-store.ts'
import { adaptiveIoPolicy, POOLED_IO, SYNCHRONOUS_IO } from '../scsi/backing/io-policy.ts'
import { openRawFile } from '../scsi/backing/raw-file.ts'
import { close, flush } from '../test/support/backing-calls.ts'
import { createNoiseFile } from '../test/support/disk-files.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'

const { values: options } = parseArgs({
  options: {
    directory: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    cold: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})

const POLICIES = {
  synchronous: () => SYNCHRONOUS_IO,
  pooled: () => POOLED_IO,
  adaptive: () => adaptiveIoPolicy(),
} as const
type PolicyName = keyof typeof POLICIES
const POLICY_NAMES = Object.keys(POLICIES) as PolicyName[]

interface Load {
  readonly operation: 'read' | 'write' | 'forced write'
  readonly isCold: boolean
  readonly requestBytes: number
  readonly queueDepth: number
}

const KIB = 1024
const FILE_BYTES = 512 * KIB * KIB
/** Enough for a tenth of a second or more, whatever the load. */
const HOT_BYTES = 1024 * KIB * KIB
const HOT_REQUESTS_MAX = 30_000
/** Few enough that most of the file is still cold at the end. */
const COLD_REQUESTS = 1500
const FORCED_REQUESTS = 400

const LOADS: readonly Load[] = [
  ...[4, 64, 256, 1024].flatMap((kib) =>
    [1, 32].flatMap((queueDepth) =>
      (['read', 'write'] as const).map((operation) => load(operation, false, kib * KIB, queueDepth)),
    ),
  ),
  ...[1, 32].map((queueDepth) => load('forced write', false, 4 * KIB, queueDepth)),
  ...(options.cold
    ? [4, 64].flatMap((kib) => [1, 32].map((queueDepth) => load('read', true, kib * KIB, queueDepth)))
    : []),
]

using directory = temporaryDirectory(options.directory)
const path = directory.file('disk.img')
createNoiseFile(path, FILE_BYTES, 1)

process.stdout.write('load                              synchronous   pooled   adaptive\n')
for (const each of LOADS.filter((one) => describe(one).includes(options.only))) {
  const rates: Record<PolicyName, number[]> = { synchronous: [], pooled: [], adaptive: [] }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const name of POLICY_NAMES) rates[name].push(await measure(each, name))
  }
  const base = median(rates.synchronous)
  const ratios = [median(rates.pooled), median(rates.adaptive)].map((rate) => (rate / base).toFixed(2).padStart(8))
  process.stdout.write(`${describe(each)} ${base.toFixed(0).padStart(9)}/s ${ratios.join('   ')}\n`)
}

function load(operation: Load['operation'], isCold: boolean, requestBytes: number, queueDepth: number): Load {
  return { operation, isCold, requestBytes, queueDepth }
}

function requestCount({ operation, isCold, requestBytes }: Load): number {
  if (operation === 'forced write') return FORCED_REQUESTS
  return isCold ? COLD_REQUESTS : Math.min(HOT_REQUESTS_MAX, HOT_BYTES / requestBytes)
}

/** Requests a second, at random places. */
async function measure(each: Load, name: PolicyName): Promise<number> {
  const store = await openRawFile(path, { policy: POLICIES[name]() })
  await flush(store)
  if (each.isCold) writeFileSync('/proc/sys/vm/drop_caches', '3')
  const count = requestCount(each)
  const startMs = performance.now()
  await run(store, each, count)
  const elapsedMs = performance.now() - startMs
  await close(store)
  return (count / elapsedMs) * 1000
}

/** Keeps `queueDepth` requests in flight; like a session, it goes on from a fresh stack once a tick. */
function run(store: BackingStore, each: Load, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const idle = Array.from({ length: each.queueDepth }, () => [Buffer.alloc(each.requestBytes, 1)])
    let issued = 0
    let completed = 0
    let isScheduled = false
    const issue = (): void => {
      isScheduled = false
      for (const buffers of idle.splice(0)) {
        if (issued === count) return
        issued += 1
        request(store, each, buffers, (error) => {
          idle.push(buffers)
          completed += 1
          if (error !== null) reject(new Error(error.message))
          else if (completed === count) resolve()
          else if (!isScheduled) {
            isScheduled = true
            setImmediate(issue)
          }
        })
      }
    }
    issue()
  })
}

function request(store: BackingStore, each: Load, buffers: Buffer[], done: Parameters<BackingStore['flush']>[0]): void {
  const offsetBytes = Math.floor(Math.random() * (FILE_BYTES / each.requestBytes)) * each.requestBytes
  if (each.operation === 'read') store.readv(buffers, offsetBytes, done)
  else store.writev(buffers, offsetBytes, each.operation === 'forced write', done)
}

function describe({ operation, isCold, requestBytes, queueDepth }: Load): string {
  const size = `${requestBytes / KIB} KiB`.padStart(8)
  return `${isCold ? 'cold' : 'hot '} ${operation.padEnd(12)} ${size}, ${queueDepth} in flight`.padEnd(40)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
