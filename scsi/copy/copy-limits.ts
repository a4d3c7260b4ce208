/**
 * How much the copy manager takes on (SPC-4): RECEIVE COPY OPERATING PARAMETERS and the Third-Party Copy VPD page report
 * these numbers, the commands enforce them, and the memory of the server is bounded by them.
 */

/** CSCD descriptors of one parameter list. */
export const CSCD_DESCRIPTORS_MAX = 64
/** Segment descriptors of one parameter list. */
export const SEGMENT_DESCRIPTORS_MAX = 256
/** MAXIMUM SEGMENT LENGTH: all that a segment in bytes can say. Zero, no limit, is taken for no copy by some initiators. */
export const SEGMENT_BYTES_MAX = 0xffff_ffff
/** CSCD and segment descriptors of one parameter list together: as many as there may be, of 32 and 28 bytes. */
export const DESCRIPTOR_LIST_BYTES_MAX = CSCD_DESCRIPTORS_MAX * 32 + SEGMENT_DESCRIPTORS_MAX * 28

/** Copy operations of one I_T_L nexus that run, or whose outcome is kept for it. */
export const COPY_OPERATIONS_PER_NEXUS_MAX = 64

/** What is read and written at a time. */
export const COPY_PIECE_BYTES = 1024 * 1024
/** Pieces of one copy operation in flight: while some are written, others are read. */
export const PIECES_PER_OPERATION_MAX = 4
/** Pieces of all copy operations together: 16 x 1 MiB is all the memory that copying takes. */
export const PIECES_MAX = 16

/** Range descriptors of one POPULATE TOKEN or WRITE USING TOKEN. */
export const RANGE_DESCRIPTORS_MAX = 64
/** What one token can represent and one WRITE USING TOKEN can write, which bounds how long that one takes. */
export const TOKEN_TRANSFER_BYTES_MAX = 1024 * 1024 * 1024
/** From here on a larger token saves nothing. */
export const TOKEN_TRANSFER_BYTES_OPTIMAL = 64 * 1024 * 1024
/** Tokens of one logical unit that are alive. Every write compares its range with theirs. */
export const TOKENS_PER_LOGICAL_UNIT_MAX = 256
/** Tokens of all logical units, of which dead ones are remembered for the sense data that their use deserves. */
export const TOKENS_REMEMBERED_MAX = 4096
export const TOKEN_INACTIVITY_SECONDS_DEFAULT = 60
export const TOKEN_INACTIVITY_SECONDS_MAX = 600

/** How long an application client is asked to wait before it looks again at a copy that runs. */
export const STATUS_UPDATE_DELAY_MS = 100
