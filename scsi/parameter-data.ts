/**
 * Sending parameter data (SPC-3 4.3.4.6): the Data-In of commands that report something rather than read the medium.
 * Data is cut at the CDB's ALLOCATION LENGTH, and what is left is what the command transfers: cutting there is the
 * application client's wish and no overflow, whereas a transport buffer that is smaller still is one.
 */

import { readField } from './cdb.ts'
import type { Command } from './command.ts'
import { completeGood } from './completion.ts'

/**
 * Send `data` as the command's parameter data and end the command with GOOD.
 * Ownership: `data` passes to the transport; the caller never touches it again.
 */
export function sendParameterData(command: Command, data: Buffer): void {
  transferParameterData(command, data)
  completeGood(command)
}

/** The same, and leave it to the caller to end the command with GOOD at once. */
export function transferParameterData(command: Command, data: Buffer): void {
  const allocationLength = command.definition?.cdb.allocationLength ?? null
  const presentedBytes =
    allocationLength === null ? data.length : Math.min(data.length, readField(command.cdb, allocationLength))
  command.presentedDataBytes = presentedBytes
  const sentBytes = Math.min(presentedBytes, command.dataInCapacityBytes)
  if (sentBytes > 0) command.transport.sendDataIn(command, data.subarray(0, sentBytes), 0, true, null)
}
