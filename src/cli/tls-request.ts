/** The options of `lunette serve` for TLS: which portals speak it, and the files behind them. */

import type { PortalAddress } from '../../protocol/target-directory.ts'
import { UsageError } from '../failure.ts'
import { formatEndpoint, parsePortalAddress } from './listen-address.ts'

/** The option values as commander hands them over. */
export interface TlsWords {
  readonly tlsListen?: readonly string[]
  readonly tlsCertificate?: string
  readonly tlsKey?: string
  readonly tlsClientCa?: string
}

export interface TlsRequest {
  readonly listen: readonly PortalAddress[]
  readonly certificateFile: string
  readonly keyFile: string
  /** Authorities of the clients that are let in; null when clients need no certificate. */
  readonly clientCaFile: string | null
}

/** No port is assigned to iSCSI in TLS; this is the one beside iSCSI's own, and not among those for administrators. */
export const TLS_PORT_DEFAULT = 3261

/** Not the group of plain portals: a session, and what may disturb it, stays on one side of TLS. */
export const TLS_PORTAL_GROUP_TAG_DEFAULT = 2

/** Null when no portal speaks TLS. Errors: `UsageError`, naming the option, its value and what is allowed. */
export function readTls(words: TlsWords, plain: readonly PortalAddress[]): TlsRequest | null {
  const { tlsListen, tlsCertificate, tlsKey, tlsClientCa } = words
  if (tlsListen === undefined) {
    const [lonely] = Object.entries({
      '--tls-certificate': tlsCertificate,
      '--tls-key': tlsKey,
      '--tls-client-ca': tlsClientCa,
    }).flatMap(([option, value]) => (value === undefined ? [] : [option]))
    if (lonely !== undefined) throw new UsageError(`${lonely} needs --tls-listen: where shall TLS be spoken?`)
    return null
  }
  return {
    listen: readTlsListen(tlsListen, plain),
    certificateFile: requireFile('--tls-certificate', tlsCertificate),
    keyFile: requireFile('--tls-key', tlsKey),
    clientCaFile: tlsClientCa === undefined ? null : requireFile('--tls-client-ca', tlsClientCa),
  }
}

function readTlsListen(texts: readonly string[], plain: readonly PortalAddress[]): readonly PortalAddress[] {
  const taken = new Set(plain.map(formatEndpoint))
  return texts.map((text) => {
    const parsed = parsePortalAddress(text, TLS_PORT_DEFAULT, TLS_PORTAL_GROUP_TAG_DEFAULT)
    if (parsed.kind === 'invalid') throw new UsageError(`--tls-listen ${text} ${parsed.reason}`)
    const { portal } = parsed
    const written = formatEndpoint(portal)
    if (portal.port !== 0 && taken.has(written)) throw new UsageError(`--tls-listen ${text}: ${written} is given twice`)
    taken.add(written)
    if (plain.some(({ portalGroupTag }) => portalGroupTag === portal.portalGroupTag)) {
      throw new UsageError(
        `--tls-listen ${text} is in portal group ${portal.portalGroupTag}, as a portal without TLS is: ` +
          'give it another tag with --tls-listen ADDRESS:PORT,TAG',
      )
    }
    return portal
  })
}

function requireFile(option: string, path: string | undefined): string {
  if (path === undefined) throw new UsageError(`--tls-listen needs ${option}`)
  if (path === '') throw new UsageError(`${option} is empty: name a file`)
  return path
}
