/**
 * How long commands take, from arrival to response: histograms by class of command and by operation code. One
 * command in `SAMPLE_INTERVAL` is timed, because asking for the time twice per command would show in what a server can do.
 * Times are kept as integers that fit into a machine word, so that a sample allocates nothing; they wrap, and a command
 * that runs longer than `CYCLE_US` counts too low.
 */

import type { Command } from './command.ts'

/** One command in so many is timed: a prime, so that no pattern of an initiator hides its reads or its writes. */
export const SAMPLE_INTERVAL = 17

/** Upper bounds of the buckets; one more takes all above. */
export const LATENCY_BOUNDS_US = [
  50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000, 30_000_000,
] as const

export type LatencyClass = 'read' | 'write' | 'other'

/** About 18 minutes. */
const CYCLE_US = 2 ** 30 - 1
const NOT_TIMED = 0

export class LatencyHistogram {
  /** One count a bucket, not cumulative. */
  readonly counts: readonly number[] = new Array<number>(LATENCY_BOUNDS_US.length + 1).fill(0)
  sumUs = 0

  /** Of those that were timed; 0 while there are none. */
  get meanMs(): number {
    const samples = this.counts.reduce((sum, count) => sum + count, 0)
    return samples === 0 ? 0 : this.sumUs / samples / 1000
  }

  add(latencyUs: number): void {
    const counts = this.counts as number[]
    let bucket = 0
    while (bucket < LATENCY_BOUNDS_US.length && latencyUs > LATENCY_BOUNDS_US[bucket]!) bucket++
    counts[bucket]!++
    this.sumUs += latencyUs
  }
}

/** Of the commands of a target or a logical unit, by class. */
export class ClassLatencies implements Readonly<Record<LatencyClass, LatencyHistogram>> {
  readonly read = new LatencyHistogram()
  readonly write = new LatencyHistogram()
  readonly other = new LatencyHistogram()

  add({ definition }: Command, latencyUs: number): void {
    switch (definition?.taskClass) {
      case 'read':
        this.read.add(latencyUs)
        break
      case 'write':
        this.write.add(latencyUs)
        break
      default:
        this.other.add(latencyUs)
    }
  }
}

export class CommandLatencies extends ClassLatencies {
  /** Made when the first command with that operation code is timed. */
  readonly byOperationCode = new Map<number, LatencyHistogram>()
  readonly #nowMs: () => number
  #untilNext = 0

  /** `nowMs` is a clock that never goes back. */
  constructor(nowMs: () => number = () => performance.now()) {
    super()
    this.#nowMs = nowMs
  }

  /** A command arrived: it may be the one that is timed. */
  commandArrived(command: Command): void {
    if (this.#untilNext-- > 0) return
    this.#untilNext = SAMPLE_INTERVAL - 1
    command.startedAtUs = this.#clockUs()
  }

  /** A command ended with a status; its time counts for the target that it came through, too. */
  commandEnded(command: Command): void {
    if (command.startedAtUs === NOT_TIMED) return
    const latencyUs = (this.#clockUs() - command.startedAtUs + CYCLE_US) % CYCLE_US
    this.add(command, latencyUs)
    this.#ofOperationCode(command.cdb[0]!).add(latencyUs)
    command.itlNexus!.target.latencies.add(command, latencyUs)
  }

  #ofOperationCode(operationCode: number): LatencyHistogram {
    const known = this.byOperationCode.get(operationCode)
    if (known !== undefined) return known
    const histogram = new LatencyHistogram()
    this.byOperationCode.set(operationCode, histogram)
    return histogram
  }

  /** Never `NOT_TIMED`. */
  #clockUs(): number {
    return (Math.round(this.#nowMs() * 1000) % CYCLE_US) + 1
  }
}
