/**
 * The sense data that the iSCSI layer itself answers a command with (RFC 7143 11.4.7.2), in fixed format. The wording of
 * everything else is the device server's.
 */

const ABORTED_COMMAND = 0x0b
const FIXED_SENSE_BYTES = 18

function abortedCommand(additionalSenseCode: number, additionalSenseCodeQualifier: number): Buffer {
  const sense = Buffer.alloc(FIXED_SENSE_BYTES)
  sense[0] = 0x70
  sense[2] = ABORTED_COMMAND
  sense[7] = FIXED_SENSE_BYTES - 8
  sense[12] = additionalSenseCode
  sense[13] = additionalSenseCodeQualifier
  return sense
}

/** Never changed after load; responses copy from it. */
export const ISCSI_SENSE = {
  unexpectedUnsolicitedData: abortedCommand(0x0c, 0x0c),
  incorrectAmountOfData: abortedCommand(0x0c, 0x0d),
  protocolServiceCrcError: abortedCommand(0x47, 0x05),
  snackRejected: abortedCommand(0x11, 0x13),
} as const

/** CHECK CONDITION, the status that comes with them. */
export const STATUS_CHECK_CONDITION = 0x02
