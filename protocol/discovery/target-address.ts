/**
 * TargetAddress (RFC 7143 13.8, Appendix C): how an address is written, and which portals an initiator is told of. Pure.
 * Used by SendTargets and by redirections in the Login Phase.
 */

import { ANY_IPV4, hasZone, isLinkLocalIpv6, isLoopback, isWildcard } from '../ip-addresses.ts'
import type { NetworkAddress, PortalAddress, PortalEndpoint } from '../target-directory.ts'

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: NetworkAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The form in SendTargets, where the portal group tag must be there; in a redirection it must not. */
export function formatPortalAddress(portal: PortalAddress): string {
  return `${formatAddress(portal)},${portal.portalGroupTag}`
}

/**
 * The portals that an initiator which has come in on `endpoint` can use, each once. A wildcard address stands for the
 * address that the initiator has reached; what leads to another machine from where the initiator is, is left out. When
 * nothing is left, a record without TargetAddress says the same as the address of this connection.
 */
export function usablePortals(portals: readonly PortalAddress[], endpoint: PortalEndpoint): readonly PortalAddress[] {
  // Who came through TLS talks to the near end of a tunnel: any address of ours would lead around it.
  if (endpoint.tls !== null) return []
  const reached = portals.flatMap((portal) => {
    if (portal.host === ANY_IPV4 && endpoint.localAddress.includes(':')) return []
    return [isWildcard(portal.host) ? { ...portal, host: endpoint.localAddress } : portal]
  })
  const isAtHome = isLoopback(endpoint.localAddress)
  const usable = reached.filter(({ host }) => !isLinkBound(host) && (isAtHome || !isLoopback(host)))
  return [...new Map(usable.map((portal) => [formatAddress(portal), portal])).values()]
}

/** What is good on one link only means nothing to another host, and open-iscsi fails a whole discovery over one. */
function isLinkBound(host: string): boolean {
  return hasZone(host) || isLinkLocalIpv6(host)
}
