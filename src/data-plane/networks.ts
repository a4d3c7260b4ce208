/**
 * Addresses and blocks of addresses that an initiator may come from: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. An IPv4
 * address and its IPv4-mapped form (RFC 4291 2.5.5.2) are the same. Pure.
 */

import { parseIpAddress, withoutZone } from '../../protocol/ip-addresses.ts'

/** Bits of an IPv6 address, and how many of them precede an IPv4 address in its mapped form. */
const ADDRESS_BITS = 128
const MAPPED_PREFIX_BITS = 96

/** Addresses that begin with the same bits. */
export interface Network {
  readonly bytes: Buffer
  readonly prefixBits: number
}

/** The network that a text names; null when it names none. */
export function parseNetwork(text: string): Network | null {
  const [address = '', prefix, ...rest] = text.split('/')
  const bytes = parseIpAddress(address)
  if (bytes === null || rest.length > 0) return null
  if (prefix === undefined) return { bytes, prefixBits: ADDRESS_BITS }
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(prefix)) return null
  const prefixBits = Number(prefix) + (address.includes(':') ? 0 : MAPPED_PREFIX_BITS)
  return prefixBits > ADDRESS_BITS ? null : { bytes, prefixBits }
}

/** Whether an address, with or without a zone, is in the network. What is no IP address is in none. */
export function isInNetwork(address: string, { bytes, prefixBits }: Network): boolean {
  const candidate = parseIpAddress(withoutZone(address))
  if (candidate === null) return false
  const wholeBytes = prefixBits >> 3
  if (candidate.compare(bytes, 0, wholeBytes, 0, wholeBytes) !== 0) return false
  const mask = (0xff00 >> (prefixBits & 7)) & 0xff
  return mask === 0 || (candidate[wholeBytes]! & mask) === (bytes[wholeBytes]! & mask)
}
