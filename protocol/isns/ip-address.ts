/**
 * IP addresses as iSNS carries them: 16 bytes, an IPv4 address in its IPv6-mapped form (RFC 4171 6.3.1, text forms of
 * RFC 4291 2.2). Names of hosts and zones of link-local addresses have no such form.
 */

const IPV4_MAPPED_PREFIX = [0, 0, 0, 0, 0, 0xffff] as const
const GROUPS = 8

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
