/**
 * Serial number arithmetic for the 32-bit sequence numbers of iSCSI (RFC 1982 with SERIAL_BITS = 32; RFC 7143 4.2.2.1).
 * Values are unsigned 32-bit numbers throughout; two values that lie exactly 2^31 apart are unordered, and the
 * comparisons then say false.
 */

/** `value + count`, modulo 2^32. */
export function serialAdd(value: number, count: number): number {
  return (value + count) >>> 0
}

/** True when `left` comes before `right`. */
export function isSerialLess(left: number, right: number): boolean {
  const distance = (right - left) >>> 0
  return distance !== 0 && distance < 0x8000_0000
}

/** True when `left` comes before `right` or equals it. */
export function isSerialLessOrEqual(left: number, right: number): boolean {
  return (right - left) >>> 0 < 0x8000_0000
}
