/**
 * Login status codes (RFC 7143 11.13.5): the one table of Status-Class and Status-Detail pairs, and the constructor of
 * refusals from it. Every refusal in the Login Phase, and the session layer's own, names its row here.
 */

import type { LoginRefusal } from './login-machine.ts'

export interface LoginStatus {
  readonly statusClass: number
  readonly statusDetail: number
  /** The name that the standard's table gives it. */
  readonly name: string
}

/** RFC 7143 11.13.5. Class 2 tells the initiator not to try again, class 3 that it may. */
export const LOGIN_STATUS = {
  success: { statusClass: 0x00, statusDetail: 0x00, name: 'Success' },
  targetMovedTemporarily: { statusClass: 0x01, statusDetail: 0x01, name: 'Target moved temporarily' },
  targetMovedPermanently: { statusClass: 0x01, statusDetail: 0x02, name: 'Target moved permanently' },
  initiatorError: { statusClass: 0x02, statusDetail: 0x00, name: 'Initiator error' },
  authenticationFailure: { statusClass: 0x02, statusDetail: 0x01, name: 'Authentication failure' },
  authorizationFailure: { statusClass: 0x02, statusDetail: 0x02, name: 'Authorization failure' },
  notFound: { statusClass: 0x02, statusDetail: 0x03, name: 'Not found' },
  targetRemoved: { statusClass: 0x02, statusDetail: 0x04, name: 'Target removed' },
  unsupportedVersion: { statusClass: 0x02, statusDetail: 0x05, name: 'Unsupported version' },
  tooManyConnections: { statusClass: 0x02, statusDetail: 0x06, name: 'Too many connections' },
  missingParameter: { statusClass: 0x02, statusDetail: 0x07, name: 'Missing parameter' },
  cannotIncludeInSession: { statusClass: 0x02, statusDetail: 0x08, name: "Can't include in session" },
  sessionTypeNotSupported: { statusClass: 0x02, statusDetail: 0x09, name: 'Session type not supported' },
  sessionDoesNotExist: { statusClass: 0x02, statusDetail: 0x0a, name: 'Session does not exist' },
  invalidDuringLogin: { statusClass: 0x02, statusDetail: 0x0b, name: 'Invalid during login' },
  targetError: { statusClass: 0x03, statusDetail: 0x00, name: 'Target error' },
  serviceUnavailable: { statusClass: 0x03, statusDetail: 0x01, name: 'Service unavailable' },
  outOfResources: { statusClass: 0x03, statusDetail: 0x02, name: 'Out of resources' },
} as const satisfies Record<string, LoginStatus>

/** The statuses that end a login. */
export type LoginRefusalStatus = Exclude<keyof typeof LOGIN_STATUS, 'success'>

/** A refusal with the status of that name; `reason` is one sentence for the log and holds no secret. */
export function refuse(status: LoginRefusalStatus, reason: string): LoginRefusal {
  const { statusClass, statusDetail } = LOGIN_STATUS[status]
  return { statusClass, statusDetail, reason }
}

/** Tells a refusal from the value that would have been there instead. */
export function isRefusal(outcome: object): outcome is LoginRefusal {
  return 'statusClass' in outcome && 'reason' in outcome
}

/** The standard's name of a status, for logs; codes that the table does not hold are given in hex. */
export function loginStatusName(statusClass: number, statusDetail: number): string {
  const known = Object.values(LOGIN_STATUS).find(
    (status) => status.statusClass === statusClass && status.statusDetail === statusDetail,
  )
  return known?.name ?? `0x${((statusClass << 8) | statusDetail).toString(16).padStart(4, '0')}`
}
