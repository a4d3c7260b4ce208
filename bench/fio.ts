/**
 * `npm run bench:fio`: fio in a Linux guest, through the kernel's own initiator, against Lunette and against tgtd with
 * the same job files (`bench/fio/`), in turn in the same run. The guest is emulated, so its rates are far below the
 * machine's; the ratio is what counts. Linux on x86-64 with Debian's packages, as root.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runGuest } from '../test/interop/linux-guest/guest.ts'
import { LAB_TOOLS } from '../test/interop/linux-guest/lab.ts'
import { createNoiseFile } from '../test/support/disk-files.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'
import { installMissingTools } from '../test/support/tools.ts'
import { median } from './report.ts'
import { type BenchTarget, startLunette, startTgtd } from './targets.ts'

const JOBS = join(import.meta.dirname, 'fio')
const jobNames = readdirSync(JOBS)
  .map((file) => file.replace(/\.fio$/, ''))
  .sort()
const USAGE = `npm run bench:fio -- [--jobs TEXT[,TEXT...]] [--rounds N] [--seconds N] [--json FILE]

  --jobs     only jobs whose name begins with one of the texts: ${jobNames.join(' ')}
  --rounds   runs of each job on each target, of which the median counts (default 3)
  --seconds  length of a run (default 5)
  --json     also write every run to FILE
`

const { values: options } = parseArgs({
  options: {
    jobs: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** One run of one job, reads and writes together. */
interface Run {
  readonly job: string
  readonly target: BenchTarget['name']
  readonly iops: number
  readonly bytesPerSecond: number
  /** Mean completion latency. */
  readonly latencyUs: number
}

/** What fio's JSON says of one direction. */
interface FioDirection {
  readonly iops: number
  readonly bw_bytes: number
  readonly total_ios: number
  readonly clat_ns: { readonly mean: number }
}

const DISK_BYTES = 512 * 2 ** 20
const BOOT_AND_LOGIN_MS = 120_000
const RUN_GRACE_MS = 15_000

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const jobs = jobNames.filter((job) => options.jobs.split(',').some((text) => job.startsWith(text.trim())))
  const [rounds, seconds] = [options.rounds, options.seconds].map(Number)
  if (jobs.length === 0 || !(rounds! >= 1) || !(seconds! >= 1)) {
    process.stderr.write(USAGE)
    return 2
  }
  if (installMissingTools([...LAB_TOOLS, 'tgtd', 'tgtadm']).length > 0) return 1
  using directory = temporaryDirectory('/dev/shm')
  const disk = directory.file('disk.img')
  createNoiseFile(disk, DISK_BYTES, 1)
  await using lunette = await startLunette(disk)
  await using tgtd = await startTgtd(disk)
  const runs = await runJobs(jobs, [lunette, tgtd], rounds!, seconds!)
  process.stdout.write(`${formatRuns(jobs, runs)}\n`)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ rounds, seconds, runs }, null, 2)}\n`)
  return 0
}

/** One guest for all runs; who is first changes from round to round. */
async function runJobs(
  jobs: readonly string[],
  targets: readonly BenchTarget[],
  rounds: number,
  seconds: number,
): Promise<Run[]> {
  const steps: string[] = [...jobs.map(jobFile), ...targets.map(logInStep)]
  for (const job of jobs) {
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? targets : targets.toReversed()
      for (const target of order) steps.push(runStep(job, target))
    }
  }
  const console = await runGuest({
    script: steps.join('\n'),
    environment: { SECONDS_EACH: seconds },
    timeLimitMs: BOOT_AND_LOGIN_MS + jobs.length * rounds * targets.length * (seconds * 1000 + RUN_GRACE_MS),
    tell: (line) => void (line.startsWith('--- ') && process.stderr.write(`${line}\n`)),
  })
  return [...console.matchAll(/^RESULT (\S+) (\S+) (\{.*?^\})/gms)].map(([, job, target, json]) =>
    readRun(job!, target as Run['target'], json!),
  )
}

function jobFile(job: string): string {
  return `cat >/tmp/${job}.fio <<'END'\n${readFileSync(join(JOBS, `${job}.fio`), 'utf8')}END`
}

function logInStep({ name, url }: BenchTarget): string {
  const [, port, target, lun] = /:(\d+)\/(.+)\/(\d+)$/.exec(url)!
  return `step ${name}\nPORT=${port} TARGET=${target}\nnode_record 10.0.2.2\nlog_in 10.0.2.2\n${name}_device=$(disk ${lun})`
}

function runStep(job: string, { name }: BenchTarget): string {
  const fio = `DEVICE=$${name}_device fio --output-format=json --output=/tmp/result.json /tmp/${job}.fio`
  return `step ${job} on ${name}\n${fio} >/dev/null\necho "RESULT ${job} ${name} $(cat /tmp/result.json)"`
}

function readRun(job: string, target: Run['target'], json: string): Run {
  const [{ read, write }] = (
    JSON.parse(json.replaceAll('\r', '')) as { jobs: [Record<'read' | 'write', FioDirection>] }
  ).jobs
  const total = read.total_ios + write.total_ios
  const latencyNs = (read.clat_ns.mean * read.total_ios + write.clat_ns.mean * write.total_ios) / total
  const bytesPerSecond = read.bw_bytes + write.bw_bytes
  return { job, target, iops: read.iops + write.iops, bytesPerSecond, latencyUs: latencyNs / 1000 }
}

function formatRuns(jobs: readonly string[], runs: readonly Run[]): string {
  const rows = jobs.map((job) => {
    const figures = (['lunette', 'tgtd'] as const).map((target) => {
      const own = runs.filter((run) => run.job === job && run.target === target)
      return {
        iops: median(own.map((run) => run.iops)),
        mib: median(own.map((run) => run.bytesPerSecond)) / 2 ** 20,
        latencyUs: median(own.map((run) => run.latencyUs)),
      }
    })
    const [ours, peer] = figures as [(typeof figures)[0], (typeof figures)[0]]
    const cells = [
      job,
      ours.iops.toFixed(0),
      peer.iops.toFixed(0),
      (ours.iops / peer.iops).toFixed(2),
      ours.mib.toFixed(0),
      peer.mib.toFixed(0),
      ours.latencyUs.toFixed(0),
      peer.latencyUs.toFixed(0),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| Job | Lunette IOPS | tgtd IOPS | Ratio | Lunette MiB/s | tgtd MiB/s | Lunette mean us | tgtd mean us |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n')
}

process.exit(await main())
