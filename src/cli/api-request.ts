/**
 * The options of `lunette serve` for the management API: where it listens, and the files that it proves itself with beyond
 * this machine.
 */

import { isLoopback } from '../../protocol/ip-addresses.ts'
import { UsageError } from '../failure.ts'
import type { Endpoint } from '../server-options.ts'
import { demandUsable, readCertificates, readPrivateKey } from './certificate-files.ts'
import { formatEndpoint, parseListenAddress } from './listen-address.ts'

/** The option values as commander hands them over. */
export interface ApiWords {
  /** False with --no-api. */
  readonly api?: boolean
  readonly apiListen?: string
  readonly apiCertificate?: string
  readonly apiKey?: string
}

export interface ApiRequest {
  readonly listen: Endpoint
  /** Null for plain HTTP. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null
}

/** Near the ports of iSCSI, and neither of them. */
export const API_LISTEN_DEFAULT: Endpoint = { host: '127.0.0.1', port: 3280 }

/** Null when there is to be no API. Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readApi({ api = true, apiListen, apiCertificate, apiKey }: ApiWords): ApiRequest | null {
  if (!api) {
    const given = { '--api-listen': apiListen, '--api-certificate': apiCertificate, '--api-key': apiKey }
    const [lonely] = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [option]))
    if (lonely !== undefined) throw new UsageError(`--no-api and ${lonely} exclude each other`)
    return null
  }
  const listen = apiListen === undefined ? API_LISTEN_DEFAULT : readListen(apiListen)
  const tls = readTlsFiles(apiCertificate, apiKey)
  if (tls === null && !isLoopback(listen.host)) {
    throw new UsageError(
      `--api-listen ${formatEndpoint(listen)} would send tokens readable beyond this machine: ` +
        'give --api-certificate and --api-key',
    )
  }
  return { listen, tls }
}

function readListen(text: string): Endpoint {
  const parsed = parseListenAddress(text, API_LISTEN_DEFAULT.port)
  if (parsed.kind === 'invalid') throw new UsageError(`--api-listen ${text} ${parsed.reason}`)
  return parsed.endpoint
}

function readTlsFiles(certificateFile: string | undefined, keyFile: string | undefined): ApiRequest['tls'] {
  if (certificateFile === undefined && keyFile === undefined) return null
  return {
    certificateFile: requireFile('--api-certificate', certificateFile, '--api-key'),
    keyFile: requireFile('--api-key', keyFile, '--api-certificate'),
  }
}

function requireFile(option: string, path: string | undefined, other: string): string {
  if (path === undefined) throw new UsageError(`${other} needs ${option}`)
  if (path === '') throw new UsageError(`${option} is empty: name a file`)
  return path
}

/** What the files hold, as PEM texts. Errors: `Failure`, naming the option, the file and what is wrong with it. */
export function loadApiTls({ tls }: ApiRequest): { readonly certificate: string; readonly key: string } | null {
  if (tls === null) return null
  const certificateFile = { option: '--api-certificate', path: tls.certificateFile }
  const { pem: certificate, certificates } = readCertificates(certificateFile)
  const key = readPrivateKey({ option: '--api-key', path: tls.keyFile }, certificates[0], certificateFile)
  demandUsable(certificateFile, certificate, key)
  return { certificate, key }
}
