/**
 * Web pages must not reach the API through the browser of somebody who may. They cannot know a token, yet they could make
 * their own name lead to this machine (DNS rebinding) or send requests from elsewhere: so without TLS only addresses and
 * names that we are known to have are served, and only pages of our own origin may ask.
 */

import { isIP } from 'node:net'
import { withoutZone } from '../../protocol/ip-addresses.ts'
import { HttpProblem } from './problems.ts'

export interface BrowserGuard {
  readonly hasTls: boolean
  /** Names in lower case, besides localhost, under which callers may ask without TLS; with TLS the certificate decides. */
  readonly hostNames: readonly string[]
}

export interface RequestOrigin {
  readonly host: string | undefined
  readonly origin: string | undefined
}

/** Errors: `HttpProblem` with 421 for a foreign Host, 403 for a foreign Origin. */
export function demandOwnOrigin({ host, origin }: RequestOrigin, { hasTls, hostNames }: BrowserGuard): void {
  const scheme = hasTls ? 'https' : 'http'
  const own = host === undefined ? null : parseUrl(`${scheme}://${host}`)
  if (own === null || own.pathname !== '/') throw new HttpProblem(400, 'the Host header is missing or not valid')
  if (!hasTls && !isOwnName(own.hostname, hostNames)) {
    throw new HttpProblem(421, `this server is not known as ${own.hostname}: ask for it by its address`)
  }
  if (origin !== undefined && parseUrl(origin)?.origin !== own.origin) {
    throw new HttpProblem(403, 'pages of other origins may not use this server')
  }
}

function isOwnName(hostname: string, hostNames: readonly string[]): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return isIP(withoutZone(name)) !== 0 || name === 'localhost' || hostNames.includes(name)
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}
