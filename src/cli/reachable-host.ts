/** An address that initiators can use, for a portal that listens on all addresses of this machine. */

import { isIPv6 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { isLinkLocalIpv6, isWildcard } from '../../protocol/ip-addresses.ts'

/**
 * `host` itself unless it is a wildcard; then this machine's first address of that family that others can reach, of the
 * other family for `::` (which takes IPv4 as well), and loopback when there is none.
 */
export function reachableHost(host: string, interfaces: readonly NetworkInterfaceInfo[] = allInterfaces()): string {
  if (!isWildcard(host)) return host
  const reachable = interfaces.filter(({ internal, address }) => !internal && !isLinkLocalIpv6(address))
  const ofFamily = (family: 'IPv4' | 'IPv6') => reachable.find((candidate) => candidate.family === family)?.address
  if (isIPv6(host)) return ofFamily('IPv6') ?? ofFamily('IPv4') ?? '::1'
  return ofFamily('IPv4') ?? '127.0.0.1'
}

const allInterfaces = () => Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
