/**
 * Whether the copy manager may read or write a logical unit for a nexus: as the nexus itself could at this moment with
 * READ and WRITE. Asked again before each piece, because reservations and access states change while a copy runs.
 */

import type { CommandDefinition } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import { findReservationRefusal } from '../reservation-conflict.ts'
import { type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import type { CopySide } from './copy-job.ts'

const ACCESSES: Readonly<Record<CopySide, Pick<CommandDefinition, 'name' | 'reservationClass'>>> = {
  source: { name: 'READ (16)', reservationClass: 'read' },
  destination: { name: 'WRITE (16)', reservationClass: 'write' },
}

/** Why the nexus may not be served with this, or null. A reservation conflict, which has no sense data, gets that of a copy. */
export function checkCopyAccess(itlNexus: ItlNexus, side: CopySide): SenseData | null {
  const logicalUnit = itlNexus.logicalUnit!
  if (itlNexus.access.isRestricted) return senseOf(itlNexus.access.refusal!)
  if (logicalUnit.medium.isAbsent) return senseOf(logicalUnit.medium.refusal)
  if (logicalUnit.erasure.isBlocking) return logicalUnit.erasure.refusal
  if (logicalUnit.isReserved) {
    const refusal = findReservationRefusal(NO_CDB, ACCESSES[side], itlNexus, logicalUnit)
    if (refusal !== null) return senseOf(SENSE.THIRD_PARTY_DEVICE_FAILURE)
  }
  const isReadOnly = itlNexus.isReadOnly || logicalUnit.properties.isReadOnly
  if (side === 'destination' && isReadOnly) return senseOf(SENSE.WRITE_PROTECTED)
  return null
}

/** The classes above do not depend on a CDB. */
const NO_CDB = Buffer.alloc(0)
