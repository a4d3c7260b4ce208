/**
 * From the words of `lunette tunnel` to what is asked for. What is wrong here shows from the words alone, so each
 * complaint is a `UsageError`.
 */

import { ISCSI_PORT } from '../../protocol/constants.ts'
import { isLoopback } from '../../protocol/ip-addresses.ts'
import { UsageError } from '../failure.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import type { Endpoint } from '../server-options.ts'
import { formatEndpoint, type ParsedEndpoint, parseDestination, parseListenAddress } from './listen-address.ts'
import { TLS_PORT_DEFAULT } from './tls-request.ts'

/** The option values as commander hands them over. */
export interface TunnelWords {
  readonly listen?: string
  readonly connect: string
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
  readonly serverName?: string
  readonly allowOthers?: boolean
  readonly logLevel: string
}

export interface TunnelRequest {
  readonly listen: Endpoint
  readonly server: Endpoint
  readonly serverName: string
  /** Null for the authorities that this system trusts. */
  readonly caFile: string | null
  readonly client: { readonly certificateFile: string; readonly keyFile: string } | null
  readonly logLevel: LogLevel
}

export const TUNNEL_LISTEN_DEFAULT: Endpoint = { host: '127.0.0.1', port: ISCSI_PORT }

/** Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readTunnelRequest(words: TunnelWords): TunnelRequest {
  const server = endpointOf('--connect', words.connect, parseDestination(words.connect, TLS_PORT_DEFAULT))
  const listen =
    words.listen === undefined
      ? TUNNEL_LISTEN_DEFAULT
      : endpointOf('--listen', words.listen, parseListenAddress(words.listen))
  if (!isLoopback(listen.host) && words.allowOthers !== true) {
    throw new UsageError(
      `--listen ${formatEndpoint(listen)} would let everybody who reaches this machine through the tunnel, unencrypted ` +
        'up to here: leave it at a loopback address, or accept that with --allow-others',
    )
  }
  const logLevel = LOG_LEVELS.find((name) => name === words.logLevel)
  if (logLevel === undefined) {
    throw new UsageError(`--log-level ${words.logLevel} is unknown: allowed are ${LOG_LEVELS.join(', ')}`)
  }
  if (words.serverName === '') throw new UsageError("--server-name is empty: give the name in the server's certificate")
  return {
    listen,
    server,
    serverName: words.serverName ?? server.host,
    caFile: readFileName('--ca', words.ca),
    client: readClient(words),
    logLevel,
  }
}

function endpointOf(option: string, text: string, parsed: ParsedEndpoint): Endpoint {
  if (parsed.kind === 'invalid') throw new UsageError(`${option} ${text} ${parsed.reason}`)
  return parsed.endpoint
}

function readClient(words: TunnelWords): TunnelRequest['client'] {
  const certificateFile = readFileName('--certificate', words.certificate)
  const keyFile = readFileName('--key', words.key)
  if (certificateFile === null && keyFile === null) return null
  if (certificateFile === null) throw new UsageError('--key needs --certificate')
  if (keyFile === null) throw new UsageError('--certificate needs --key')
  return { certificateFile, keyFile }
}

function readFileName(option: string, text: string | undefined): string | null {
  if (text === '') throw new UsageError(`${option} is empty: name a file`)
  return text ?? null
}
