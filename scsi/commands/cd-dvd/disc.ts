/**
 * What a disc is, seen from its size alone: a CD-ROM if a CD can be as long, otherwise a DVD-ROM; and addresses on it as
 * MMC-5 writes them. An image is one session with one data track.
 */

import type { LogicalUnitProperties } from '../../logical-unit-properties.ts'

export const PROFILE = { NONE: 0x0000, CD_ROM: 0x0008, DVD_ROM: 0x0010 } as const
export type Profile = (typeof PROFILE)[keyof typeof PROFILE]

const FRAMES_A_SECOND = 75
const SECONDS_A_MINUTE = 60
/** A CD of 80 minutes. */
const CD_BLOCKS_MAX = 80 * SECONDS_A_MINUTE * FRAMES_A_SECOND
/** LBA 0 is two seconds from the beginning. */
const PREGAP_FRAMES = 2 * FRAMES_A_SECOND
/** What an MSF address says that cannot be written as one: 255:59:74. */
const FRAMES_MAX = (0xff * SECONDS_A_MINUTE + 59) * FRAMES_A_SECOND + 74

/** The current profile: what kind of disc is in the drive. */
export function profileOf({ blockCount }: LogicalUnitProperties): Profile {
  if (blockCount === 0) return PROFILE.NONE
  return blockCount <= CD_BLOCKS_MAX ? PROFILE.CD_ROM : PROFILE.DVD_ROM
}

/** Minutes, seconds and frames of a block, in the four bytes of an address field. */
export function msfOf(lba: number): readonly number[] {
  const frames = Math.min(lba + PREGAP_FRAMES, FRAMES_MAX)
  const seconds = Math.floor(frames / FRAMES_A_SECOND)
  return [0, Math.floor(seconds / SECONDS_A_MINUTE), seconds % SECONDS_A_MINUTE, frames % FRAMES_A_SECOND]
}
