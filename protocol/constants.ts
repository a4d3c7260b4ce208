/**
 * Numbers of RFC 7143 that more than one PDU or state machine uses, each with its section. Opcodes have their own
 * table (`opcodes.ts`), reject reasons too (`errors.ts`), login statuses too (`login/login-status.ts`).
 */

/** The reserved value of Initiator Task Tag, Target Transfer Tag and Referenced Task Tag (RFC 7143 11.2.1.8). */
export const RESERVED_TAG = 0xffff_ffff

/** The default TCP port (RFC 7143 15). */
export const ISCSI_PORT = 3260

/** Login stages, CSG and NSG (RFC 7143 11.12.3). */
export const STAGE = { SECURITY_NEGOTIATION: 0, LOGIN_OPERATIONAL_NEGOTIATION: 1, FULL_FEATURE_PHASE: 3 } as const

/** Task attributes of a SCSI Command PDU (RFC 7143 11.3.1). */
export const TASK_ATTRIBUTE = { UNTAGGED: 0, SIMPLE: 1, ORDERED: 2, HEAD_OF_QUEUE: 3, ACA: 4 } as const

/** Task management functions (RFC 7143 11.5.1; RFC 7144 6.3 from QUERY_TASK on). */
export const TASK_MANAGEMENT_FUNCTION = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
  TASK_REASSIGN: 8,
  QUERY_TASK: 9,
  QUERY_TASK_SET: 10,
  I_T_NEXUS_RESET: 11,
  QUERY_ASYNCHRONOUS_EVENT: 12,
} as const
export type TaskManagementFunction = (typeof TASK_MANAGEMENT_FUNCTION)[keyof typeof TASK_MANAGEMENT_FUNCTION]

/** Task management responses (RFC 7143 11.6.1; RFC 7144 6.4.2 for FUNCTION_SUCCEEDED). */
export const TASK_MANAGEMENT_RESPONSE = {
  FUNCTION_COMPLETE: 0,
  TASK_DOES_NOT_EXIST: 1,
  LUN_DOES_NOT_EXIST: 2,
  TASK_STILL_ALLEGIANT: 3,
  TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED: 4,
  FUNCTION_NOT_SUPPORTED: 5,
  FUNCTION_AUTHORIZATION_FAILED: 6,
  FUNCTION_SUCCEEDED: 7,
  FUNCTION_REJECTED: 255,
} as const
export type TaskManagementResponse = (typeof TASK_MANAGEMENT_RESPONSE)[keyof typeof TASK_MANAGEMENT_RESPONSE]

/** Reasons of a Logout Request (RFC 7143 11.14.1). */
export const LOGOUT_REASON = { CLOSE_SESSION: 0, CLOSE_CONNECTION: 1, REMOVE_FOR_RECOVERY: 2 } as const

/** Responses of a Logout Response (RFC 7143 11.15.1). */
export const LOGOUT_RESPONSE = {
  CLOSED: 0,
  CID_NOT_FOUND: 1,
  RECOVERY_NOT_SUPPORTED: 2,
  CLEANUP_FAILED: 3,
} as const

/** Response field of a SCSI Response (RFC 7143 11.4.3). */
export const SCSI_RESPONSE = { COMPLETED_AT_TARGET: 0, TARGET_FAILURE: 1 } as const

/** SCSI status GOOD, which may travel in a Data-In PDU (RFC 7143 11.7.3). */
export const STATUS_GOOD = 0x00
