/**
 * One measurement: a load on a target for about the given time. `iscsi-perf` stops by its own clock; `qemu-img bench`
 * takes a number of requests, which a short run before decides.
 */

import { runTool } from '../test/support/run-tool.ts'
import type { Cell } from './cells.ts'
import { cpuMicroseconds } from './process-figures.ts'
import type { BenchTarget } from './targets.ts'

export interface Measurement {
  readonly iops: number
  /** Processor time of the target process. */
  readonly cpuMicrosecondsPerIo: number
}

interface Run {
  readonly requests: number
  readonly seconds: number
}

const BLOCK_BYTES = 512
/** No single measurement takes longer than its time and this. */
const GRACE_MS = 60_000

export async function measure(cell: Cell, target: BenchTarget, seconds: number): Promise<Measurement> {
  const requests = cell.load.tool === 'iscsi-perf' ? 0 : await requestsFor(cell, target.url, seconds)
  const cpuBefore = cpuMicroseconds(target.pid)
  const run =
    cell.load.tool === 'iscsi-perf'
      ? await runIscsiPerf(cell, target.url, seconds)
      : await runQemuImgBench(cell, target.url, requests, seconds)
  const cpu = cpuMicroseconds(target.pid) - cpuBefore
  return { iops: run.requests / run.seconds, cpuMicrosecondsPerIo: cpu / run.requests }
}

/** `iscsi-perf` counts whole seconds from its first report, so that its average is taken as it is. */
async function runIscsiPerf(cell: Cell, url: string, seconds: number): Promise<Run> {
  const size = ['-m', `${cell.queueDepth}`, '-b', `${cell.blockBytes / BLOCK_BYTES}`]
  const output = await runTool('iscsi-perf', [...size, '-t', `${seconds}`, '--random', url], {
    timeoutMs: seconds * 1000 + GRACE_MS,
  })
  const iops = Number(/.*iops average (\d+) /s.exec(output)?.[1])
  if (!(iops > 0)) throw new Error(`iscsi-perf gave no rate:\n${output}`)
  return { requests: iops * seconds, seconds }
}

const CALIBRATION_REQUESTS_MIN = 64
/** A run that is shorter than this part of the time says too little about the rate. */
const CALIBRATION_FRACTION = 0.2

/** How many requests take about `seconds`: a run is lengthened until its time says something. */
async function requestsFor(cell: Cell, url: string, seconds: number): Promise<number> {
  for (let requests = CALIBRATION_REQUESTS_MIN; ; requests *= 4) {
    const run = await runQemuImgBench(cell, url, requests, seconds)
    if (run.seconds >= seconds * CALIBRATION_FRACTION) return Math.ceil((run.requests * seconds) / run.seconds)
  }
}

async function runQemuImgBench(cell: Cell, url: string, requests: number, seconds: number): Promise<Run> {
  const direction = cell.load.name === 'write' ? ['-w', '--pattern=165'] : []
  const size = ['-c', `${requests}`, '-d', `${cell.queueDepth}`, '-s', `${cell.blockBytes}`]
  const output = await runTool('qemu-img', ['bench', '-f', 'raw', '-t', 'none', ...direction, ...size, url], {
    timeoutMs: seconds * 10_000 + GRACE_MS,
  })
  const took = Number(/Run completed in ([\d.]+) seconds/.exec(output)?.[1])
  if (!(took >= 0)) throw new Error(`qemu-img bench gave no time:\n${output}`)
  return { requests, seconds: took }
}
