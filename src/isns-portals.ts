/**
 * The addresses under which portals are registered with an iSNS server: it takes IP addresses only, and those of this
 * machine where a portal listens on all of them.
 */

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { ANY_IPV4, ANY_IPV6, hasZone, isLinkLocalIpv4, isLinkLocalIpv6, isWildcard } from '../protocol/ip-addresses.ts'
import type { PortalAddress } from '../protocol/target-directory.ts'

/** What is asked of the system. */
export interface AddressSources {
  /** Errors: rejects when the name has no address. */
  readonly resolve: (name: string) => Promise<string>
  readonly interfaceAddresses: () => readonly Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[]
}

export const SYSTEM_ADDRESSES: AddressSources = {
  resolve: async (name) => (await lookup(name)).address,
  interfaceAddresses: () => Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []),
}

/** The IP addresses that lead to a portal on `host`; none for a name without an address and for one with a zone. */
export async function registrableAddresses(host: string, sources: AddressSources): Promise<readonly string[]> {
  if (host === ANY_IPV4) return machineAddresses(sources, ['IPv4'])
  if (host === ANY_IPV6) return machineAddresses(sources, ['IPv4', 'IPv6'])
  if (hasZone(host)) return []
  if (isIP(host) !== 0) return [host]
  return sources.resolve(host).then(
    (address) => [address],
    () => [],
  )
}

/** Whether the addresses of a portal on `host` may change while it listens. */
export function hasChangingAddresses({ host }: PortalAddress): boolean {
  return isWildcard(host)
}

/** Those that others can reach; on a machine without a network, those that only it can reach. */
function machineAddresses(sources: AddressSources, families: readonly string[]): readonly string[] {
  const all = sources.interfaceAddresses().filter(({ family }) => families.includes(family))
  const usable = all.filter(({ address }) => !isLinkLocal(address))
  const external = usable.filter(({ internal }) => !internal)
  return (external.length > 0 ? external : usable).map(({ address }) => address)
}

/** Good on one link only, and there in IPv6 only with a zone. */
function isLinkLocal(address: string): boolean {
  return isLinkLocalIpv4(address) || isLinkLocalIpv6(address)
}
