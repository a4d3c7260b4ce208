/** All requirements, in the order of the table, the topics of their groups, and those that do not apply to Lunette. */

import type { RequirementRow } from './requirement.ts'
import { COMMAND_REQUIREMENTS } from './requirements/commands.ts'
import { KEY_REQUIREMENTS } from './requirements/keys.ts'
import { LOGIN_REQUIREMENTS } from './requirements/login.ts'
import { NAMING_REQUIREMENTS } from './requirements/naming.ts'
import { PDU_REQUIREMENTS } from './requirements/pdus.ts'
import { SESSION_REQUIREMENTS } from './requirements/sessions.ts'

export const REQUIREMENTS: readonly RequirementRow[] = [
  ...PDU_REQUIREMENTS,
  ...LOGIN_REQUIREMENTS,
  ...KEY_REQUIREMENTS,
  ...SESSION_REQUIREMENTS,
  ...COMMAND_REQUIREMENTS,
  ...NAMING_REQUIREMENTS,
]

/** What the ids of each group begin with, and what the group is about. */
export const TOPICS: Readonly<Record<string, string>> = {
  PDU: 'framing, headers, digests',
  SN: 'CmdSN, StatSN, DataSN, R2TSN',
  NOP: 'NOP-Out and NOP-In',
  REJ: 'Reject, format and digest errors',
  LOGIN: 'Login Phase',
  TEXT: 'text format and negotiation',
  KEY: 'operational keys',
  SEC: 'authentication',
  SESS: 'sessions and connections',
  ASYNC: 'Asynchronous Message',
  LOGOUT: 'Logout',
  ERL: 'error recovery and SNACK',
  DATA: 'data transfer',
  RSP: 'SCSI Response, sense, residuals',
  TMF: 'task management',
  DISC: 'discovery and SendTargets',
  NAME: 'iSCSI names',
  PORT: 'portals, groups, redirection',
  ISNS: 'iSNS client (RFC 4171)',
}

/**
 * Why a requirement cannot apply: it is optional, or somebody else's to meet, and Lunette does not offer what it is
 * about. None of them has a test.
 */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  'DATA-15': 'DataPDUInOrder=Yes is always the result, which either side may bring about',
  'NAME-9': 'Lunette is a target only, no node of it takes both roles',
  'SEC-22': 'IPsec is a matter of the operating system or of a gateway in front, which the RFC admits',
}
