/**
 * Which files are images of a CD or DVD: their name ends in `.iso`, and they have an ISO 9660 volume descriptor where
 * ECMA-119 puts the first one. A disk image may have both an ISO file system and another name; it stays a disk.
 */

import { closeSync, openSync, readSync } from 'node:fs'

/** The first volume descriptor, in the sector behind the system area (ECMA-119 6.2.1 and 6.7.1). */
const VOLUME_DESCRIPTOR_OFFSET_BYTES = 16 * 2048
/** Volume descriptor type, then the standard identifier (ECMA-119 8.1). */
const STANDARD_IDENTIFIER = { offsetBytes: 1, text: 'CD001' } as const

/** Errors: the system's, for a file that cannot be read. */
export function isIsoImage(path: string): boolean {
  if (!/\.iso$/i.test(path)) return false
  const { offsetBytes, text } = STANDARD_IDENTIFIER
  const found = Buffer.alloc(text.length)
  const file = openSync(path, 'r')
  try {
    readSync(file, found, 0, found.length, VOLUME_DESCRIPTOR_OFFSET_BYTES + offsetBytes)
  } finally {
    closeSync(file)
  }
  return found.toString('latin1') === text
}
