import { describe, expect, it } from 'vitest'
import { Command, TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import {
  ClassLatencies,
  CommandLatencies,
  LATENCY_BOUNDS_US,
  type LatencyHistogram,
  SAMPLE_INTERVAL,
} from '../../../scsi/command-latencies.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'

const READ_10 = Buffer.of(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0)
const WRITE_10 = Buffer.of(0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0)
const INQUIRY = Buffer.of(0x12, 0, 0, 0, 36, 0)

/** What commands come through. */
const TARGET = { latencies: new ClassLatencies() }

function commandOf(cdb: Buffer): Command {
  const command = new Command({} as never, {} as never, null, cdb, TASK_ATTRIBUTE.SIMPLE, 0, 0)
  command.definition = COMMAND_SETS.disk.find(cdb)
  command.itlNexus = { target: TARGET } as never
  return command
}

function run(latencies: CommandLatencies, clock: { ms: number }, cdb: Buffer, durationMs: number): void {
  const command = commandOf(cdb)
  latencies.commandArrived(command)
  clock.ms += durationMs
  latencies.commandEnded(command)
}

const total = ({ counts }: LatencyHistogram) => counts.reduce((sum, count) => sum + count, 0)
const bucketOf = ({ counts }: LatencyHistogram) => counts.findIndex((count) => count > 0)

describe('latencies of commands', () => {
  it('are taken of one command in so many, by class', () => {
    const clock = { ms: 5 }
    const latencies = new CommandLatencies(() => clock.ms)
    for (let index = 0; index < 4 * SAMPLE_INTERVAL; index++) {
      run(latencies, clock, index < SAMPLE_INTERVAL ? WRITE_10 : index < 2 * SAMPLE_INTERVAL ? INQUIRY : READ_10, 1)
    }
    expect([latencies.write, latencies.other, latencies.read].map(total)).toEqual([1, 1, 2])
    expect(latencies.read.sumUs).toBe(2000)
    expect([TARGET.latencies.write, TARGET.latencies.other, TARGET.latencies.read].map(total)).toEqual([1, 1, 2])
    expect([...latencies.byOperationCode].map(([code, own]) => [code, total(own)])).toEqual([
      [0x2a, 1],
      [0x12, 1],
      [0x28, 2],
    ])
  })

  it.each([0, 1, 50, 51, 1000, 30_000_000, 30_000_001])('of %i us are in the first bucket that holds them', (us) => {
    const clock = { ms: 0 }
    const latencies = new CommandLatencies(() => clock.ms)
    run(latencies, clock, READ_10, us / 1000)
    const bound = LATENCY_BOUNDS_US.findIndex((most) => us <= most)
    expect(bucketOf(latencies.read)).toBe(bound < 0 ? LATENCY_BOUNDS_US.length : bound)
    expect(latencies.read.sumUs).toBe(us)
  })

  it('are right where the clock wraps', () => {
    const clock = { ms: (2 ** 30 - 2) / 1000 }
    const latencies = new CommandLatencies(() => clock.ms)
    run(latencies, clock, READ_10, 1)
    expect(latencies.read.sumUs).toBe(1000)
  })
})
