/** The commands of third-party copy (SPC-4, SBC-4). */

import { COPY_OPERATION_ABORT } from './copy-operation-abort.ts'
import { EXTENDED_COPY_COMMANDS } from './extended-copy.ts'
import { POPULATE_TOKEN } from './populate-token.ts'
import { RECEIVE_COPY_COMMANDS } from './receive-copy-results.ts'
import { WRITE_USING_TOKEN } from './write-using-token.ts'

export const THIRD_PARTY_COPY_COMMANDS = [
  ...EXTENDED_COPY_COMMANDS,
  POPULATE_TOKEN,
  WRITE_USING_TOKEN,
  COPY_OPERATION_ABORT,
  ...RECEIVE_COPY_COMMANDS,
]
