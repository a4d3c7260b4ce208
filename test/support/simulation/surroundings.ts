/** What all parts of a simulation's initiators share. */

import type { NodeHarness } from '../connection-harness.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { DiskModel } from '../simulated-disk.ts'
import { isSerialAfter } from '../wire-pdu.ts'
import type { Faults } from './faults.ts'
import type { SimulatedLink } from './link.ts'

export interface Surroundings {
  readonly node: NodeHarness
  readonly random: SeededRandom
  readonly model: DiskModel
  readonly faults: Faults
  /** Whether disks may have failed. */
  readonly isFaulty: boolean
  nextWrite: number
  /** Whether some other initiator has asked for something that may end this one's commands without a response. */
  readonly isDisturbed: (asker: object) => boolean
  /** This initiator asks for something that may end commands of the others. */
  readonly disturbOthers: (by: object) => void
  /** The initiator has left a connection that the target still has: the network tells it some time, or never. */
  readonly forsake: (link: SimulatedLink) => void
  /** Note that something worth seeing happened. */
  readonly count: (what: string) => void
}

/** What a session agreed on, and its command numbering. */
export interface SessionNumbers {
  readonly tsih: number
  readonly keys: Readonly<Record<string, string>>
  readonly errorRecoveryLevel: number
  cmdSN: number
  expCmdSN: number
  maxCmdSN: number
}

/** A number that was negotiated. */
export function agreed(session: SessionNumbers, key: string): number {
  return Number(session.keys[key])
}

/** The next CmdSN, for a request that is to have one; null when the window has no room. */
export function takeCmdSN(session: SessionNumbers): number | null {
  const { cmdSN, maxCmdSN } = session
  if (isSerialAfter(cmdSN, maxCmdSN)) return null
  session.cmdSN = (cmdSN + 1) >>> 0
  return cmdSN
}

/** How long the target keeps the tasks of a lost connection: not at all when Time2Retain is 0 (RFC 7143 13.16). */
export function keptMs(session: SessionNumbers): number {
  const retainSeconds = agreed(session, 'DefaultTime2Retain')
  return retainSeconds === 0 ? 0 : 1000 * (agreed(session, 'DefaultTime2Wait') + retainSeconds)
}
