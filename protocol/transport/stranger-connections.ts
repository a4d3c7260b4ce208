/**
 * Who has to go when there are too many connections of strangers: the oldest from where most of them come. So whoever
 * opens many connections takes places from himself, and not from others. Used by the portals, for those that have not
 * logged in, and by the ports for messages of an iSNS server.
 */

import { unmapIpv4 } from '../ip-addresses.ts'

/** A connection, by where it comes from. */
export interface StrangerConnection {
  readonly remoteAddress?: string | undefined
}

/** One of `strangers` (oldest first), for `newcomer` to take its place; undefined when there is none. */
export function chooseStrangerToDrop<Stranger extends StrangerConnection>(
  strangers: readonly Stranger[],
  newcomer: Stranger,
): Stranger | undefined {
  const crowds = Map.groupBy([...strangers, newcomer], ({ remoteAddress }) => networkOf(remoteAddress ?? ''))
  let largest: readonly Stranger[] = []
  for (const crowd of crowds.values()) if (crowd.length > largest.length) largest = crowd
  return largest[0] === newcomer ? undefined : largest[0]
}

const IPV6_PREFIX_GROUPS = 4

/** The address itself, of IPv6 its first 64 bits: a host has all addresses that begin with them. */
function networkOf(address: string): string {
  const plain = unmapIpv4(address)
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const headGroups = head === '' ? [] : head.split(':')
  // What "::" stands for are zeroes; the tail matters only where it reaches into the first 64 bits.
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeroes = Array<string>(Math.max(0, 8 - headGroups.length - tailGroups.length)).fill('0')
  return [...headGroups, ...zeroes, ...tailGroups].slice(0, IPV6_PREFIX_GROUPS).join(':')
}
