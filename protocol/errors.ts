/**
 * What can be wrong with what a peer sent: Reject reasons (RFC 7143 11.17.1) for PDUs that can be answered, and
 * protocol violations for bytes after which the connection cannot go on.
 */

/** Reject reasons by name (RFC 7143 11.17.1); 0Bh is deprecated and never sent. */
export const REJECT_REASON = {
  DATA_DIGEST_ERROR: 0x02,
  SNACK_REJECT: 0x03,
  PROTOCOL_ERROR: 0x04,
  COMMAND_NOT_SUPPORTED: 0x05,
  IMMEDIATE_COMMAND_REJECT: 0x06,
  TASK_IN_PROGRESS: 0x07,
  INVALID_DATA_ACK: 0x08,
  INVALID_PDU_FIELD: 0x09,
  LONG_OPERATION_REJECT: 0x0a,
  WAITING_FOR_LOGOUT: 0x0c,
} as const
export type RejectReason = (typeof REJECT_REASON)[keyof typeof REJECT_REASON]

/** Why a connection has to end: the PDU stream can no longer be trusted (RFC 7143 7.7, 7.8). */
export type ProtocolViolationKind = 'headerDigest' | 'dataSegmentTooLong' | 'additionalHeaderTooLong'

export interface ProtocolViolation {
  readonly kind: ProtocolViolationKind
  /** For the log: which field had which value, and what was allowed. */
  readonly message: string
}
