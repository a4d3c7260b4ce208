/**
 * What the text of an IP address says (RFC 4291 2.2): its 16 bytes, an IPv4 address in its IPv6-mapped form, and whom it
 * leads to: this machine alone, all its addresses, one link. A pure module; names of hosts have no bytes, and of them only
 * `localhost` is known. Used wherever addresses are listened on, told to initiators or registered.
 */

/** Listens for IPv4 only. */
export const ANY_IPV4 = '0.0.0.0'
/** Listens for IPv6 and IPv4. */
export const ANY_IPV6 = '::'

const IPV4_MAPPED_PREFIX = [0, 0, 0, 0, 0, 0xffff] as const
const GROUPS = 8
/** Where an IPv4 address begins among the 16 bytes. */
const IPV4_AT = 2 * IPV4_MAPPED_PREFIX.length
const IPV4_LOOPBACK_NET = 127
const IPV6_LOOPBACK = parseIpAddress('::1')!

/** All addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === ANY_IPV4 || host === ANY_IPV6
}

/** Only this machine can reach it. A host name other than localhost may lead anywhere, so it counts as reachable. */
export function isLoopback(host: string): boolean {
  const bytes = parseIpAddress(withoutZone(host))
  if (bytes === null) return host.toLowerCase() === 'localhost'
  return isMapped(bytes) ? bytes[IPV4_AT] === IPV4_LOOPBACK_NET : bytes.equals(IPV6_LOOPBACK)
}

/** 169.254.0.0/16 (RFC 3927). */
export function isLinkLocalIpv4(host: string): boolean {
  const bytes = parseIpAddress(host)
  return bytes !== null && isMapped(bytes) && bytes[IPV4_AT] === 169 && bytes[IPV4_AT + 1] === 254
}

/** fe80::/10 (RFC 4291 2.5.6), with or without a zone. */
export function isLinkLocalIpv6(host: string): boolean {
  const bytes = parseIpAddress(withoutZone(host))
  return bytes !== null && (bytes.readUInt16BE(0) & 0xffc0) === 0xfe80
}

/** The address names the link that it is good on, which means something to this machine only. */
export function hasZone(host: string): boolean {
  return host.includes('%')
}

/** An IPv6 address without its zone (RFC 4007 11); any other text as it is. */
export function withoutZone(host: string): string {
  return /^([^%]*:[^%]*)%.+$/s.exec(host)?.[1] ?? host
}

/** The IPv4 address that an IPv4-mapped one (RFC 4291 2.5.5.2) stands for; any other text as it is. */
export function unmapIpv4(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

function isMapped(bytes: Buffer): boolean {
  return IPV4_MAPPED_PREFIX.every((group, index) => bytes.readUInt16BE(2 * index) === group)
}

/** The 16 bytes of an IPv4 or IPv6 address; null for any other text. */
export function parseIpAddress(text: string): Buffer | null {
  const ipv4 = parseIpv4(text)
  const groups = ipv4 === null ? parseIpv6(text) : [...IPV4_MAPPED_PREFIX, ...ipv4]
  if (groups === null) return null
  const bytes = Buffer.alloc(2 * GROUPS)
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(group, 2 * index)
  return bytes
}

/** As two groups of 16 bits. */
function parseIpv4(text: string): [number, number] | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) {
    return null
  }
  const [a, b, c, d] = parts.map(Number) as [number, number, number, number]
  return [(a << 8) | b, (c << 8) | d]
}

function parseIpv6(text: string): number[] | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1))
  if (head === undefined || head === null || tail === null) return null
  if (tail === undefined) return head.length === GROUPS ? head : null
  const zeroes = GROUPS - head.length - tail.length
  return zeroes < 1 ? null : [...head, ...Array<number>(zeroes).fill(0), ...tail]
}

/** Groups between colons. An IPv4 address may stand for the last two groups of an address. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const ipv4 = isEnd && index === parts.length - 1 ? parseIpv4(part) : null
    if (ipv4 !== null) groups.push(...ipv4)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}
