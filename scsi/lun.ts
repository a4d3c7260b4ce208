/**
 * The 8-byte logical unit number (SAM-5): decoding what an initiator addresses, encoding what REPORT LUNS lists.
 * All methods name the same flat set of numbers, so peripheral LUN 5, flat LUN 5 and extended flat LUN 5 are one.
 */

/** LUN fields are always this long. */
export const LUN_BYTES = 8

const ADDRESS_METHOD = { PERIPHERAL: 0b00, FLAT: 0b01, EXTENDED: 0b11 } as const
/** 14 bits of flat space addressing. */
const FLAT_SPACE_MAX = 0x3fff
/** EXTENDED ADDRESS METHOD 2h with LENGTH 01b, flat space addressing of 3 bytes (SAM-5). */
const EXTENDED_FLAT_3_BYTES = 0xd2

/**
 * The number that an 8-byte LUN field names, or null when it names none that we could map: another bus, a second
 * level, or a method that we do not use.
 */
export function decodeLun(field: Buffer): number | null {
  if (field.readUInt32BE(4) !== 0) return null
  const first = field[0]!
  const second = field[1]!
  const hasSecondLevel = field[2] !== 0 || field[3] !== 0
  switch (first >> 6) {
    case ADDRESS_METHOD.PERIPHERAL:
      return first === 0 && !hasSecondLevel ? second : null
    case ADDRESS_METHOD.FLAT:
      return hasSecondLevel ? null : ((first & 0x3f) << 8) | second
    case ADDRESS_METHOD.EXTENDED:
      return first === EXTENDED_FLAT_3_BYTES ? (second << 16) | field.readUInt16BE(2) : null
    default:
      return null
  }
}

/**
 * Write the number into 8 bytes at `at`, peripheral device method below 256, flat space method above, as initiators
 * expect from REPORT LUNS.
 * Errors: as `assertMappableLun`.
 */
export function writeLun(lun: number, buffer: Buffer, at: number): void {
  assertMappableLun(lun)
  buffer.fill(0, at, at + LUN_BYTES)
  buffer.writeUInt16BE(lun < 256 ? lun : (ADDRESS_METHOD.FLAT << 14) | lun, at)
}

/** Errors: RangeError for a number that no logical unit can be mapped under. */
export function assertMappableLun(lun: number): void {
  if (Number.isInteger(lun) && lun >= 0 && lun <= FLAT_SPACE_MAX) return
  throw new RangeError(`LUN ${lun} is not in the range 0 to ${FLAT_SPACE_MAX}`)
}
