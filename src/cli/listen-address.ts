/**
 * `--listen ADDRESS[:PORT]`: an IPv4 address, an IPv6 address (in brackets when a port follows) or a host name; and the
 * question whether only this machine can reach it.
 */

import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'
import { ISCSI_PORT } from '../../protocol/constants.ts'
import type { Endpoint } from '../server-options.ts'

export const LISTEN_DEFAULT: Endpoint = { host: '127.0.0.1', port: ISCSI_PORT }

export type ParsedEndpoint =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'invalid'; readonly reason: string }

const invalid = (reason: string): ParsedEndpoint => ({ kind: 'invalid', reason })

const LISTEN_FORMS = 'ADDRESS or ADDRESS:PORT, such as 192.168.1.5:3260, [fd00::5]:3260 or san.example.com'

const HOST_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i

/** Read one `--listen` value. */
export function parseListenAddress(text: string): ParsedEndpoint {
  if (isIPv6(text)) return { kind: 'endpoint', endpoint: { host: canonicalIPv6(text), port: ISCSI_PORT } }
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<host>[^:[\]]*))(?::(?<port>.*))?$/.exec(text)
  const { ipv6, host, port: portText } = match?.groups ?? {}
  if (match === null) return invalid(`is not an address: allowed is ${LISTEN_FORMS}`)
  if (ipv6 !== undefined && !isIPv6(ipv6)) return invalid('has no IPv6 address in its brackets')
  if (host === '' || host === '*') return invalid('names no address: for all of them, write 0.0.0.0 or [::]')
  if (host !== undefined && !isIPv4(host) && !isHostName(host)) {
    return invalid(`is not an address: allowed is ${LISTEN_FORMS}`)
  }
  const port = portText === undefined ? ISCSI_PORT : parsePort(portText)
  if (port === null) return invalid('has a port that is not a number from 0 to 65535 (0 for any free one)')
  return { kind: 'endpoint', endpoint: { host: ipv6 === undefined ? (host as string) : canonicalIPv6(ipv6), port } }
}

const IPV4_MAPPED_PREFIX = '::ffff:'

/**
 * One way of writing each address, so that two can be compared: an IPv4 address in the form of IPv6 is the IPv4 address,
 * and an address with a zone stays as it is.
 */
function canonicalIPv6(text: string): string {
  if (text.includes('%')) return text
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  const mapped = address.slice(IPV4_MAPPED_PREFIX.length)
  return address.startsWith(IPV4_MAPPED_PREFIX) && isIPv4(mapped) ? mapped : address
}

/** A last label of digits only would be an IPv4 address that went wrong, such as 192.168.1.500. */
function isHostName(text: string): boolean {
  const labels = text.split('.')
  return text.length <= 253 && labels.every((label) => HOST_LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
}

function parsePort(text: string): number | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Only this machine can reach it. A host name other than localhost may lead anywhere, so it counts as reachable. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return LOOPBACK.check(host, 'ipv4')
  if (isIPv6(host)) return LOOPBACK.check(host, 'ipv6')
  return host.toLowerCase() === 'localhost'
}

/** All addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** `ADDRESS:PORT` with IPv6 in brackets, as initiators and people write it. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}
