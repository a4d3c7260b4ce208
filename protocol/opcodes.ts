/**
 * THE opcode table (RFC 7143 11.2.1.2): who sends a PDU, what it may carry, and what the log calls it.
 */

/** Initiator and target opcodes by name. */
export const OPCODE = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK_REQUEST: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC_MESSAGE: 0x32,
  REJECT: 0x3f,
} as const
export type Opcode = (typeof OPCODE)[keyof typeof OPCODE]

/** The opcode field of byte 0; above it lie the I bit (requests) and a reserved bit. */
export const OPCODE_MASK = 0x3f
/** The I bit of byte 0: immediate delivery. */
export const IMMEDIATE_BIT = 0x40

export interface OpcodeRow {
  readonly opcode: Opcode
  readonly name: string
  readonly sentBy: 'initiator' | 'target'
  /** The PDU may carry a data segment. */
  readonly mayCarryData: boolean
  /** The PDU may carry additional header segments. */
  readonly mayCarryAhs: boolean
}

function request(opcode: Opcode, name: string, may: { data?: true; ahs?: true }): OpcodeRow {
  return {
    opcode,
    name,
    sentBy: 'initiator',
    mayCarryData: may.data ?? false,
    mayCarryAhs: may.ahs ?? false,
  }
}

function response(opcode: Opcode, name: string, mayCarryData: boolean): OpcodeRow {
  return { opcode, name, sentBy: 'target', mayCarryData, mayCarryAhs: false }
}

export const OPCODE_TABLE: readonly OpcodeRow[] = [
  request(OPCODE.NOP_OUT, 'NOP-Out', { data: true }),
  request(OPCODE.SCSI_COMMAND, 'SCSI Command', { data: true, ahs: true }),
  request(OPCODE.TASK_MANAGEMENT_REQUEST, 'Task Management Function Request', {}),
  request(OPCODE.LOGIN_REQUEST, 'Login Request', { data: true }),
  request(OPCODE.TEXT_REQUEST, 'Text Request', { data: true }),
  request(OPCODE.DATA_OUT, 'SCSI Data-Out', { data: true }),
  request(OPCODE.LOGOUT_REQUEST, 'Logout Request', {}),
  request(OPCODE.SNACK_REQUEST, 'SNACK Request', {}),
  response(OPCODE.NOP_IN, 'NOP-In', true),
  response(OPCODE.SCSI_RESPONSE, 'SCSI Response', true),
  response(OPCODE.TASK_MANAGEMENT_RESPONSE, 'Task Management Function Response', false),
  response(OPCODE.LOGIN_RESPONSE, 'Login Response', true),
  response(OPCODE.TEXT_RESPONSE, 'Text Response', true),
  response(OPCODE.DATA_IN, 'SCSI Data-In', true),
  response(OPCODE.LOGOUT_RESPONSE, 'Logout Response', false),
  response(OPCODE.R2T, 'Ready To Transfer', false),
  response(OPCODE.ASYNC_MESSAGE, 'Asynchronous Message', true),
  response(OPCODE.REJECT, 'Reject', true),
]

/** The row of each of the 64 opcode values, or undefined for an unassigned one. */
export const OPCODE_ROWS: readonly (OpcodeRow | undefined)[] = Array.from({ length: OPCODE_MASK + 1 }, (_, opcode) =>
  OPCODE_TABLE.find((row) => row.opcode === opcode),
)
