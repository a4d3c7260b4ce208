/**
 * Who may do what through the API. Each role may do what those before it may: a viewer looks, an operator works with disks,
 * targets and sessions, an administrator also decides who gets in: secrets, tokens, listening addresses, files of the
 * machine. Every route names the least role that may call it; `server.ts` refuses to register one that does not.
 */

import type { Actor, Role } from '../management/configuration-store.ts'

export const ROLES = ['viewer', 'operator', 'administrator'] as const satisfies readonly Role[]

export function hasRole({ role }: Actor, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least)
}
