/** The commands of CD and DVD devices (MMC-5) that no other device type has. */

import { DISC_INFORMATION_COMMANDS } from './disc-information.ts'
import { DRIVE_COMMANDS } from './drive.ts'
import { GET_CONFIGURATION_COMMANDS } from './get-configuration.ts'
import { GET_EVENT_STATUS_NOTIFICATION_COMMANDS } from './get-event-status-notification.ts'
import { READ_CD_COMMANDS } from './read-cd.ts'
import { READ_DVD_STRUCTURE_COMMANDS } from './read-dvd-structure.ts'
import { READ_TOC_COMMANDS } from './read-toc.ts'

export const CD_DVD_COMMANDS = [
  ...DISC_INFORMATION_COMMANDS,
  ...DRIVE_COMMANDS,
  ...GET_CONFIGURATION_COMMANDS,
  ...GET_EVENT_STATUS_NOTIFICATION_COMMANDS,
  ...READ_CD_COMMANDS,
  ...READ_DVD_STRUCTURE_COMMANDS,
  ...READ_TOC_COMMANDS,
]
