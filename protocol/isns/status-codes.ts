/**
 * The status codes of iSNSP responses (RFC 4171 5.4) and what a client does about each: the retry policy as a table.
 * A status other than zero rejects the whole request.
 */

/**
 * - `retry`: the server's trouble, over with time
 * - `registerAnew`: the server does not have what it was asked about: forget the registration and make a new one
 * - `withoutEsi`, `withoutPortalGroups`, `withoutScn`: the same without what this server does not have
 * - `askAdministrator`: asking again changes nothing until somebody has changed a configuration
 */
export type Remedy =
  | 'none'
  | 'retry'
  | 'registerAnew'
  | 'withoutEsi'
  | 'withoutPortalGroups'
  | 'withoutScn'
  | 'askAdministrator'

interface StatusRow {
  readonly name: string
  readonly remedy: Remedy
}

const STATUS_CODES: Readonly<Record<number, StatusRow>> = {
  0: { name: 'Successful', remedy: 'none' },
  1: { name: 'Unknown Error', remedy: 'retry' },
  2: { name: 'Message Format Error', remedy: 'askAdministrator' },
  3: { name: 'Invalid Registration', remedy: 'registerAnew' },
  5: { name: 'Invalid Query', remedy: 'askAdministrator' },
  6: { name: 'Source Unknown', remedy: 'registerAnew' },
  7: { name: 'Source Absent', remedy: 'registerAnew' },
  8: { name: 'Source Unauthorized', remedy: 'askAdministrator' },
  9: { name: 'No Such Entry', remedy: 'registerAnew' },
  10: { name: 'Version Not Supported', remedy: 'askAdministrator' },
  11: { name: 'Internal Error', remedy: 'retry' },
  12: { name: 'Busy', remedy: 'retry' },
  13: { name: 'Option Not Understood', remedy: 'askAdministrator' },
  14: { name: 'Invalid Update', remedy: 'registerAnew' },
  15: { name: 'Message (FUNCTION_ID) Not Supported', remedy: 'askAdministrator' },
  16: { name: 'SCN Event Rejected', remedy: 'askAdministrator' },
  17: { name: 'SCN Registration Rejected', remedy: 'withoutScn' },
  18: { name: 'Attribute Not Implemented', remedy: 'withoutPortalGroups' },
  19: { name: 'FC_DOMAIN_ID Not Available', remedy: 'askAdministrator' },
  20: { name: 'FC_DOMAIN_ID Not Allocated', remedy: 'askAdministrator' },
  21: { name: 'ESI Not Available', remedy: 'withoutEsi' },
  22: { name: 'Invalid Deregistration', remedy: 'registerAnew' },
  23: { name: 'Registration Feature Not Supported', remedy: 'withoutPortalGroups' },
}

/** What this side answers with. */
export const STATUS = { successful: 0, messageFormatError: 2, noSuchEntry: 9 } as const

/** A status that the RFC reserves is an error of the server, which may be gone the next time. */
export function remedyFor(status: number): Remedy {
  return STATUS_CODES[status]?.remedy ?? 'retry'
}

/** "3 (Invalid Registration)", for messages to people. */
export function statusName(status: number): string {
  return `${status} (${STATUS_CODES[status]?.name ?? 'reserved'})`
}
