/**
 * `ADDRESS[:PORT]`, as `--listen` and other options take it: an IPv4 address, an IPv6 address (in brackets when a port
 * follows) or a host name; with `,TAG` for portals, as in TargetAddress (RFC 7143 13.8).
 */

import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { ISCSI_PORT } from '../../protocol/constants.ts'
import { formatAddress } from '../../protocol/discovery/target-address.ts'
import { hasZone, isWildcard, unmapIpv4 } from '../../protocol/ip-addresses.ts'
import type { PortalAddress } from '../../protocol/target-directory.ts'
import type { Endpoint } from '../server-options.ts'

/** The portal group of portals that name none. */
const PORTAL_GROUP_TAG_DEFAULT = 1

export const LISTEN_DEFAULT: PortalAddress = {
  host: '127.0.0.1',
  port: ISCSI_PORT,
  portalGroupTag: PORTAL_GROUP_TAG_DEFAULT,
}

export type ParsedEndpoint =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'invalid'; readonly reason: string }

export type ParsedPortal =
  | { readonly kind: 'portal'; readonly portal: PortalAddress }
  | { readonly kind: 'invalid'; readonly reason: string }

const invalid = (reason: string) => ({ kind: 'invalid', reason }) as const

const ADDRESS_FORMS = 'ADDRESS or ADDRESS:PORT, such as 192.168.1.5:3260, [fd00::5]:3260 or san.example.com'

/** What differs between a place to listen at and one to connect to. */
interface Use {
  readonly portMin: number
  readonly noPort: string
  readonly noAddress: string
}

const LISTENING: Use = {
  portMin: 0,
  noPort: 'has a port that is not a number from 0 to 65535 (0 for any free one)',
  noAddress: 'names no address: for all of them, write 0.0.0.0 or [::]',
}

const CONNECTING: Use = {
  portMin: 1,
  noPort: 'has a port that is not a number from 1 to 65535',
  noAddress: `names no address: allowed is ${ADDRESS_FORMS}`,
}

const HOST_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i

/** Read `ADDRESS[:PORT][,TAG]`, where to listen. */
export function parsePortalAddress(
  text: string,
  portDefault = ISCSI_PORT,
  tagDefault = PORTAL_GROUP_TAG_DEFAULT,
): ParsedPortal {
  const [, address = '', tagText] = /^([^,]*)(?:,(.*))?$/s.exec(text)!
  const parsed = parseListenAddress(address, portDefault)
  if (parsed.kind === 'invalid') return parsed
  const portalGroupTag = tagText === undefined ? tagDefault : parseUint16(tagText)
  if (portalGroupTag === null) return invalid('has a portal group tag that is not a number from 0 to 65535')
  return { kind: 'portal', portal: { ...parsed.endpoint, portalGroupTag } }
}

/** Read `ADDRESS[:PORT]`, where to listen. */
export function parseListenAddress(text: string, portDefault = ISCSI_PORT): ParsedEndpoint {
  return parseEndpoint(text, portDefault, LISTENING)
}

/** Read `ADDRESS[:PORT]`, where to connect to: one address, and a port that there is. */
export function parseDestination(text: string, portDefault = ISCSI_PORT): ParsedEndpoint {
  const parsed = parseEndpoint(text, portDefault, CONNECTING)
  const isNowhere = parsed.kind === 'endpoint' && isWildcard(parsed.endpoint.host)
  return isNowhere ? invalid('leads nowhere: name one address') : parsed
}

function parseEndpoint(text: string, portDefault: number, use: Use): ParsedEndpoint {
  if (isIPv6(text)) return { kind: 'endpoint', endpoint: { host: canonicalIPv6(text), port: portDefault } }
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<host>[^:[\]]*))(?::(?<port>.*))?$/.exec(text)
  const { ipv6, host, port: portText } = match?.groups ?? {}
  if (match === null) return invalid(`is not an address: allowed is ${ADDRESS_FORMS}`)
  if (ipv6 !== undefined && !isIPv6(ipv6)) return invalid('has no IPv6 address in its brackets')
  if (host === '' || host === '*') return invalid(use.noAddress)
  if (host !== undefined && !isIPv4(host) && !isHostName(host)) {
    return invalid(`is not an address: allowed is ${ADDRESS_FORMS}`)
  }
  const port = portText === undefined ? portDefault : parseUint16(portText)
  if (port === null || port < use.portMin) return invalid(use.noPort)
  return { kind: 'endpoint', endpoint: { host: ipv6 === undefined ? (host as string) : canonicalIPv6(ipv6), port } }
}

/**
 * One way of writing each address, so that two can be compared: an IPv4 address in the form of IPv6 is the IPv4 address,
 * and an address with a zone stays as it is.
 */
function canonicalIPv6(text: string): string {
  return hasZone(text) ? text : unmapIpv4(new SocketAddress({ address: text, family: 'ipv6' }).address)
}

/** A last label of digits only would be an IPv4 address that went wrong, such as 192.168.1.500. */
function isHostName(text: string): boolean {
  const labels = text.split('.')
  return text.length <= 253 && labels.every((label) => HOST_LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
}

function parseUint16(text: string): number | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null
}

/** `ADDRESS:PORT` with IPv6 in brackets, as initiators and people write it. */
export const formatEndpoint: (endpoint: Endpoint) => string = formatAddress
