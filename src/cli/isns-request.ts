/** The options about iSNS of `lunette serve`, and what is asked for with them. Each complaint is a `UsageError`. */

import { ISNS_PORT } from '../../protocol/isns/functions.ts'
import { UsageError } from '../failure.ts'
import type { IsnsOptions } from '../server-options.ts'
import { parseDestination } from './listen-address.ts'

/** The option values as commander hands them over. */
export interface IsnsWords {
  readonly isns?: string
  readonly isnsDomains?: boolean
  readonly isnsPort?: string
}

/** Null when no iSNS server is named. Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readIsns({ isns, isnsDomains = false, isnsPort }: IsnsWords): IsnsOptions | null {
  if (isns === undefined) {
    if (isnsDomains) throw new UsageError('--isns-domains needs --isns: the iSNS server knows the discovery domains')
    if (isnsPort !== undefined) throw new UsageError('--isns-port needs --isns: it is for messages of the iSNS server')
    return null
  }
  const parsed = parseDestination(isns, ISNS_PORT)
  if (parsed.kind === 'invalid') throw new UsageError(`--isns ${isns} ${parsed.reason}`)
  const { host, port } = parsed.endpoint
  return { host, port, notificationPort: readPort(isnsPort), restrictsToDomains: isnsDomains }
}

function readPort(text: string | undefined): number {
  if (text === undefined) return 0
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port >= 1 && port <= 65_535) return port
  throw new UsageError(`--isns-port ${text} is not a port: allowed is 1 to 65535`)
}
