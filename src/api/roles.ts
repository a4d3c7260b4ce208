/**
 * Who may do what through the API. Each role may do what those before it may: a viewer looks, an operator works with disks,
 * targets and sessions, an administrator also decides who gets in: secrets, tokens, listening addresses, files of the
 * machine. Every route names the least role that may call it; `server.ts` refuses to register one that does not.
 */

export const ROLES = ['viewer', 'operator', 'administrator'] as const
export type Role = (typeof ROLES)[number]

/** Who calls, as the audit log names them. */
export interface Caller {
  readonly name: string
  readonly role: Role
}

export function hasRole({ role }: Caller, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least)
}
