/** The commands about target port groups (SPC-4), collected for the command table. */

import { REPORT_TARGET_PORT_GROUPS } from './report.ts'
import { SET_TARGET_PORT_GROUPS } from './set.ts'

export const TARGET_PORT_GROUPS_COMMANDS = [REPORT_TARGET_PORT_GROUPS, SET_TARGET_PORT_GROUPS]
