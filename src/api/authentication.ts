/** Whose token comes with a request (RFC 6750), and whether that is enough. */

import type { Actor, Role } from '../management/configuration-store.ts'
import { HttpProblem } from './problems.ts'
import { hasRole, ROLES } from './roles.ts'
import type { Tokens } from './tokens.ts'

const CHALLENGE = 'Bearer realm="lunette"'

/** The token in an Authorization header; null when there is none. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null
}

/** Errors: `HttpProblem` with 401. */
export function callerOf(authorization: string | undefined, tokens: Tokens): Actor {
  const text = bearerToken(authorization)
  if (text === null) {
    const detail = 'who are you? Send a token as Authorization: Bearer lun_...'
    throw new HttpProblem(401, detail, { headers: { 'www-authenticate': CHALLENGE } })
  }
  const caller = tokens.authenticate(text)
  if (caller !== null) return caller
  throw new HttpProblem(401, 'this token is not known', {
    headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` },
  })
}

/** Errors: `HttpProblem` with 403 that says which role would do. */
export function demandRole(caller: Actor | null, least: Role): asserts caller is Actor {
  if (caller !== null && hasRole(caller, least)) return
  const enough = ROLES.slice(ROLES.indexOf(least)).join(' or ')
  throw new HttpProblem(
    403,
    `this takes the role ${enough}, and ${caller?.name ?? 'nobody'} is ${caller?.role ?? 'none'}`,
    {
      headers: { 'www-authenticate': `${CHALLENGE}, error="insufficient_scope"` },
    },
  )
}
