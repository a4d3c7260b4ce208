/** The keys that a simulated initiator offers at login: what it is by habit, and the rest by chance (RFC 7143 chapter 13). */

import type { SeededRandom } from '../seeded-random.ts'

/** What an initiator offers at every login. */
export interface Habits {
  readonly connectionsMax: number
  readonly errorRecoveryLevel: number
  readonly taskReporting: string
  readonly protocolLevel: number
  /** Values for HeaderDigest and DataDigest, one of which is offered for each connection. */
  readonly digests: readonly string[]
}

export function anyHabits(random: SeededRandom, errorRecoveryLevel: number): Habits {
  return {
    connectionsMax: random.integer(1, 4),
    errorRecoveryLevel,
    taskReporting: random.pick(['RFC3720', 'ResponseFence', 'FastAbort']),
    protocolLevel: random.pick([1, 2]),
    digests: random.pick([['None'], ['CRC32C'], ['None', 'CRC32C']]),
  }
}

/** Keys that each connection negotiates for itself. */
export function connectionKeys(random: SeededRandom, { digests }: Habits): Record<string, string> {
  return {
    HeaderDigest: random.pick(digests),
    DataDigest: random.pick(digests),
    MaxRecvDataSegmentLength: String(random.pick([512, 1001, 8192])),
  }
}

/** Keys of the leading login, besides those of its connection. */
export function sessionKeys(random: SeededRandom, habits: Habits): Record<string, string> {
  const { connectionsMax, errorRecoveryLevel, taskReporting, protocolLevel } = habits
  const yesOrNo = () => random.pick(['Yes', 'No'])
  return {
    MaxConnections: String(connectionsMax),
    ErrorRecoveryLevel: String(errorRecoveryLevel),
    TaskReporting: taskReporting,
    iSCSIProtocolLevel: String(protocolLevel),
    InitialR2T: yesOrNo(),
    ImmediateData: yesOrNo(),
    MaxBurstLength: String(random.pick([1024, 7000, 16_384])),
    FirstBurstLength: String(random.pick([512, 999])),
    MaxOutstandingR2T: errorRecoveryLevel > 0 ? '1' : String(random.pick([1, 2, 8])),
    DefaultTime2Wait: String(random.pick([0, 1, 2])),
    DefaultTime2Retain: String(random.pick([0, 5, 20, 60])),
  }
}
