/**
 * How much one command may move. The Block Limits VPD page (SBC-4) reports these to initiators and the commands
 * enforce them; both divide by the logical block length. Longer requests are refused with INVALID FIELD IN CDB.
 */

/** MAXIMUM TRANSFER LENGTH, in bytes. */
export const MAXIMUM_TRANSFER_BYTES = 16 * 1024 * 1024

/**
 * OPTIMAL TRANSFER LENGTH, in bytes: from here on a longer transfer gains nothing, and initiators derive their request
 * size and read-ahead from it.
 */
export const OPTIMAL_TRANSFER_BYTES = 1024 * 1024

/**
 * MAXIMUM WRITE SAME LENGTH, in bytes. One WRITE SAME of a non-zero block writes all of this before its status, so it
 * bounds how long one command can keep a disk busy.
 */
export const MAXIMUM_WRITE_SAME_BYTES = 64 * 1024 * 1024

/**
 * The most that one XDWRITEREAD moves in each direction, in bytes: it holds all of its Data-Out and as much of the medium
 * until it ends, outside of what bounds the data of other commands.
 */
export const XDWRITEREAD_BYTES_MAX = 64 * 1024

/**
 * WSNZ: WRITE SAME with NUMBER OF LOGICAL BLOCKS zero is refused. The other reading, "to the end of the medium", turns
 * a miscomputed length into an erased disk, and hardly any disk is small enough for it under the length limit above.
 */
export const WRITE_SAME_NON_ZERO = true
