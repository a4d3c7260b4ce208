/**
 * `npm run bench`: Lunette and tgtd on the same file in memory, in turn in the same run, so that whatever else the
 * machine does meets both. Linux only, as root: tgtd's control socket and /proc. Changes nothing outside its own
 * temporary directory, except that it installs missing tools on Debian.
 */

import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createNoiseFile } from '../test/support/disk-files.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'
import { installMissingTools } from '../test/support/tools.ts'
import { CELLS, type Cell } from './cells.ts'
import { type Measurement, measure } from './measure.ts'
import { peakMemoryBytes } from './process-figures.ts'
import { formatResults, summarize } from './report.ts'
import { type BenchTarget, startLunette, startTgtd } from './targets.ts'

const USAGE = `npm run bench -- [--cells TEXT[,TEXT...]] [--rounds N] [--seconds N] [--size-mib N] [--json FILE]

  --cells     only cells whose name begins with one of the texts: ${CELLS.map((cell) => cell.name).join(' ')}
  --rounds    measurements of each cell and target, of which the median counts (default 3)
  --seconds   length of a measurement (default 3)
  --size-mib  size of the file in /dev/shm (default 512)
  --json      also write every measurement to FILE
`

const { values: options } = parseArgs({
  options: {
    cells: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    'size-mib': { type: 'string', default: '512' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const rounds = positiveInteger('rounds', options.rounds)
const seconds = positiveInteger('seconds', options.seconds)
const sizeBytes = positiveInteger('size-mib', options['size-mib']) * 2 ** 20
const cells = chooseCells(options.cells)
if (installMissingTools(['iscsi-perf', 'qemu-img', 'qemu-iscsi', 'tgtd', 'tgtadm']).length > 0) process.exit(1)

using directory = temporaryDirectory('/dev/shm')
const disk = directory.file('disk.img')
createNoiseFile(disk, sizeBytes, 1)
await using lunette = await startLunette(disk)
await using tgtd = await startTgtd(disk)

const results = []
for (const cell of cells) results.push(summarize(await alternate(cell, lunette, tgtd)))
const memory = { lunette: peakMemoryBytes(lunette.pid), tgtd: peakMemoryBytes(tgtd.pid) }

process.stdout.write(`${formatResults(cells, results)}\n\n`)
process.stdout.write(`Peak memory: Lunette ${toMib(memory.lunette)} MiB, tgtd ${toMib(memory.tgtd)} MiB\n`)
if (options.json !== undefined) {
  const machine = { processor: cpus()[0]?.model, processors: cpus().length, node: process.version }
  const report = { machine, rounds, seconds, sizeBytes, results, peakMemoryBytes: memory }
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
}

/** Who is first changes from round to round, so that neither always meets the caches the other left. */
async function alternate(cell: Cell, ours: BenchTarget, peer: BenchTarget) {
  const taken: Record<BenchTarget['name'], Measurement[]> = { lunette: [], tgtd: [] }
  for (let round = 0; round < rounds; round++) {
    for (const target of round % 2 === 0 ? [ours, peer] : [peer, ours]) {
      const measurement = await measure(cell, target, seconds)
      taken[target.name].push(measurement)
      process.stderr.write(`${cell.name} ${target.name}: ${Math.round(measurement.iops)} IOPS\n`)
    }
  }
  return { cell, ...taken }
}

function chooseCells(texts: string): Cell[] {
  const chosen = CELLS.filter((cell) => texts.split(',').some((text) => cell.name.startsWith(text.trim())))
  if (chosen.length === 0) refuse(`--cells ${texts} names none of: ${CELLS.map((cell) => cell.name).join(' ')}`)
  return chosen
}

function positiveInteger(option: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) refuse(`--${option} must be a whole number from 1 to 9999999, not ${text}`)
  return Number(text)
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}`)
  process.exit(2)
}

function toMib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
