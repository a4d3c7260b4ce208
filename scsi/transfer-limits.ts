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
export const MAXIMUM_WRITE_SAME_BYTES = 16 * 1024 * 1024

/**
 * The most that one XDWRITEREAD moves in each direction, in bytes: it holds all of its Data-Out and as much of the medium
 * until it ends, outside of what bounds the data of other commands.
 */
export const XDWRITEREAD_BYTES_MAX = 64 * 1024

/**
 * MAXIMUM UNMAP LBA COUNT, in bytes, for all descriptors of one UNMAP together: giving so much back takes a file system
 * a quarter of a second, which bounds how long one command can run. With blocks of 512 bytes these are 1 Mi blocks, the
 * most that libiscsi's conformance suite takes for a limit.
 */
export const MAXIMUM_UNMAP_BYTES = 512 * 1024 * 1024

/** MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT: a parameter list of one page. */
export const MAXIMUM_UNMAP_DESCRIPTORS = 255

/**
 * MAXIMUM COMPARE AND WRITE LENGTH, in bytes: it holds all of its Data-Out and as much of the medium until it ends,
 * outside of what bounds the data of other commands. The field has one byte.
 */
export const MAXIMUM_COMPARE_AND_WRITE_BYTES = 64 * 1024

/** MAXIMUM ATOMIC TRANSFER LENGTH, in logical blocks of whatever length: what WRITE ATOMIC holds until it ends. */
export const MAXIMUM_ATOMIC_BLOCKS = 256

/** The most that a PRE-FETCH brings into memory, in bytes; it may ask for more, and is told that not all of it fits. */
export const PREFETCH_BYTES_MAX = 16 * 1024 * 1024

/**
 * WSNZ: WRITE SAME with NUMBER OF LOGICAL BLOCKS zero is refused. The other reading, "to the end of the medium", turns
 * a miscomputed length into an erased disk, and hardly any disk is small enough for it under the length limit above.
 */
export const WRITE_SAME_NON_ZERO = true
