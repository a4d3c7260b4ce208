/**
 * The commands of third-party copy (SPC-4, SBC-4) by operation code and service action: the rows of the command table take
 * their numbers from here, and the Third-Party Copy VPD page lists them.
 */

/** What copies. */
export const THIRD_PARTY_COPY_OUT = {
  operationCode: 0x83,
  serviceActions: {
    EXTENDED_COPY_LID1: 0x00,
    EXTENDED_COPY_LID4: 0x01,
    POPULATE_TOKEN: 0x10,
    WRITE_USING_TOKEN: 0x11,
    COPY_OPERATION_ABORT: 0x1c,
  },
} as const

/** What reports on it. */
export const THIRD_PARTY_COPY_IN = {
  operationCode: 0x84,
  serviceActions: {
    RECEIVE_COPY_STATUS_LID1: 0x00,
    RECEIVE_COPY_DATA_LID1: 0x01,
    RECEIVE_COPY_OPERATING_PARAMETERS: 0x03,
    RECEIVE_COPY_FAILURE_DETAILS_LID1: 0x04,
    RECEIVE_COPY_STATUS_LID4: 0x05,
    RECEIVE_ROD_TOKEN_INFORMATION: 0x07,
    REPORT_ALL_ROD_TOKENS: 0x08,
  },
} as const
