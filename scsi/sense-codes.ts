/**
 * The sense conditions that this device server reports (SPC-3 4.5.6): each row is a sense key with its
 * additional sense code and qualifier, under the name the standard gives it. Whoever reports a condition takes a row;
 * no other file spells the numbers.
 */

/** SPC-3 4.5.6. */
export const SENSE_KEY = {
  NO_SENSE: 0x0,
  NOT_READY: 0x2,
  MEDIUM_ERROR: 0x3,
  HARDWARE_ERROR: 0x4,
  ILLEGAL_REQUEST: 0x5,
  UNIT_ATTENTION: 0x6,
  DATA_PROTECT: 0x7,
  MISCOMPARE: 0xe,
} as const
export type SenseKey = (typeof SENSE_KEY)[keyof typeof SENSE_KEY]

export interface SenseCondition {
  readonly key: SenseKey
  /** ADDITIONAL SENSE CODE. */
  readonly asc: number
  /** ADDITIONAL SENSE CODE QUALIFIER. */
  readonly ascq: number
}

const { NO_SENSE, NOT_READY, MEDIUM_ERROR, HARDWARE_ERROR, ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT, MISCOMPARE } =
  SENSE_KEY

export const SENSE = {
  NO_ADDITIONAL_SENSE_INFORMATION: { key: NO_SENSE, asc: 0x00, ascq: 0x00 },

  LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED: { key: NOT_READY, asc: 0x04, ascq: 0x03 },

  WRITE_ERROR: { key: MEDIUM_ERROR, asc: 0x0c, ascq: 0x00 },
  UNRECOVERED_READ_ERROR: { key: MEDIUM_ERROR, asc: 0x11, ascq: 0x00 },

  INTERNAL_TARGET_FAILURE: { key: HARDWARE_ERROR, asc: 0x44, ascq: 0x00 },

  INVALID_COMMAND_OPERATION_CODE: { key: ILLEGAL_REQUEST, asc: 0x20, ascq: 0x00 },
  LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE: { key: ILLEGAL_REQUEST, asc: 0x21, ascq: 0x00 },
  INVALID_FIELD_IN_CDB: { key: ILLEGAL_REQUEST, asc: 0x24, ascq: 0x00 },
  LOGICAL_UNIT_NOT_SUPPORTED: { key: ILLEGAL_REQUEST, asc: 0x25, ascq: 0x00 },
  SAVING_PARAMETERS_NOT_SUPPORTED: { key: ILLEGAL_REQUEST, asc: 0x39, ascq: 0x00 },
  INVALID_MESSAGE_ERROR: { key: ILLEGAL_REQUEST, asc: 0x49, ascq: 0x00 },

  POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED: { key: UNIT_ATTENTION, asc: 0x29, ascq: 0x00 },
  BUS_DEVICE_RESET_FUNCTION_OCCURRED: { key: UNIT_ATTENTION, asc: 0x29, ascq: 0x03 },
  I_T_NEXUS_LOSS_OCCURRED: { key: UNIT_ATTENTION, asc: 0x29, ascq: 0x07 },
  CAPACITY_DATA_HAS_CHANGED: { key: UNIT_ATTENTION, asc: 0x2a, ascq: 0x09 },
  COMMANDS_CLEARED_BY_ANOTHER_INITIATOR: { key: UNIT_ATTENTION, asc: 0x2f, ascq: 0x00 },
  SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT: { key: UNIT_ATTENTION, asc: 0x47, ascq: 0x7f },
  REPORTED_LUNS_DATA_HAS_CHANGED: { key: UNIT_ATTENTION, asc: 0x3f, ascq: 0x0e },

  WRITE_PROTECTED: { key: DATA_PROTECT, asc: 0x27, ascq: 0x00 },
  SPACE_ALLOCATION_FAILED_WRITE_PROTECT: { key: DATA_PROTECT, asc: 0x27, ascq: 0x07 },

  MISCOMPARE_DURING_VERIFY_OPERATION: { key: MISCOMPARE, asc: 0x1d, ascq: 0x00 },
} as const satisfies Record<string, SenseCondition>
