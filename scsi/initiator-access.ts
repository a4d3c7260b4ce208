/**
 * What an initiator may do with a logical unit that is mapped into its target: LUN masking, which SPC-4 leaves to the
 * vendor. The application says it for each nexus; to who may not see a logical unit, nothing is mapped there; who may only
 * read it finds a write-protected device (SBC-3 4.12) that others write. Asked by the task router and the device server.
 */

import type { CommandDefinition, ReservationClass } from './define-command.ts'
import type { Nexus } from './nexus.ts'

export type InitiatorAccess = 'none' | 'readOnly' | 'readWrite'

/** What a nexus may do. Asked when a nexus opens and when the policy changes. */
export type AccessPolicy = (nexus: Nexus) => InitiatorAccess

export const EVERYBODY: AccessPolicy = () => 'readWrite'

/**
 * Of the commands that change no blocks, those that would change how others find the logical unit or keep them from it, as
 * a reservation judges them. So who may only read can neither format nor reserve, and what he sets back or releases is
 * his own; third-party copies are begun by writers.
 */
const CLASSES_FOR_WRITERS: readonly ReservationClass[] = ['write', 'configuration', 'persistentReserve', 'reserve']

/** Whether a command is refused with WRITE PROTECTED when it comes from somebody who may only read. */
export function isForWriters({ taskClass, reservationClass }: CommandDefinition, cdb: Buffer): boolean {
  if (taskClass === 'write') return true
  if (taskClass !== 'configuration') return false
  return CLASSES_FOR_WRITERS.includes(typeof reservationClass === 'function' ? reservationClass(cdb) : reservationClass)
}
