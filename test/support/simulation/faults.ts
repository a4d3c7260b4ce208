/**
 * What goes wrong between an initiator and the target of a simulation, by chance: PDUs that reach the target with a bad
 * digest or not at all, PDUs that the initiator takes for damaged. Only what the error recovery level can mend goes
 * wrong; nothing does any more once `areOver` is set.
 */

import type { SeededRandom } from '../seeded-random.ts'
import { type Digests, OPCODE } from '../wire-pdu.ts'

/** What becomes of a PDU on its way to the target. */
export type Fate = 'arrives' | 'lost' | 'badData' | 'badHeader'

/** Whose loss a recovery class mends: a gap in CmdSN, in DataSN, a SNACK that is not answered. */
const MAY_BE_LOST: readonly number[] = [OPCODE.SCSI_COMMAND, OPCODE.DATA_OUT]

/** Login has no recovery, and after a Logout Response nobody can ask for it again. */
const ALWAYS_HEARD: readonly number[] = [OPCODE.LOGIN_RESPONSE, OPCODE.LOGOUT_RESPONSE]

export class Faults {
  areOver = false
  readonly #random: SeededRandom
  /** How likely a PDU suffers, in either direction. */
  readonly #rate: number

  constructor(random: SeededRandom, rate: number) {
    this.#random = random
    this.#rate = rate
  }

  /** `opcode` without the I bit. */
  fateOf(opcode: number, dataBytes: number, digests: Digests, errorRecoveryLevel: number): Fate {
    if (this.areOver || !this.#random.chance(this.#rate)) return 'arrives'
    const kind = this.#random.integer(0, 9)
    if (kind === 0) return digests.header ? 'badHeader' : 'arrives'
    if (kind < 5) return digests.data && dataBytes > 0 ? 'badData' : 'arrives'
    return errorRecoveryLevel > 0 && MAY_BE_LOST.includes(opcode) ? 'lost' : 'arrives'
  }

  /** The initiator found a received PDU damaged and does as if it had not come. */
  spoilsReceived(opcode: number, errorRecoveryLevel: number): boolean {
    if (this.areOver || errorRecoveryLevel === 0 || ALWAYS_HEARD.includes(opcode)) return false
    return this.#random.chance(this.#rate)
  }
}
