/**
 * Who sees a LUN: VDS's unmasking list (`*` for everyone, nothing for nobody, or names between semicolons), and beyond it the
 * networks that initiators have to come from and the initiators that may read only.
 */

import { isIP, isIPv4 } from 'node:net'
import { parseIpAddress, unmapIpv4 } from '../../../protocol/ip-addresses.ts'
import type { Configuration, ObjectId, UnmaskList } from '../configuration.ts'
import type { ManagementLimits } from '../management-limits.ts'
import { type Change, changed, invalidArgument, lunOf, type OperationRules, withLun } from './change.ts'
import { prepareInitiatorNames } from './names.ts'

export const MASKED: UnmaskList = { initiators: [], networks: [], readOnlyInitiators: [] }
export const UNMASKED: UnmaskList = { initiators: '*', networks: [], readOnlyInitiators: [] }

const EVERYONE = '*'

/** What `pwszUnmaskingList` says. Errors: E_INVALIDARG for a name that is none, or `*` among names. */
export function parseUnmaskingList(text: string, limits: ManagementLimits): '*' | readonly string[] {
  const entries = text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (!entries.includes(EVERYONE)) return prepareInitiatorNames(entries, limits)
  if (entries.length > 1) throw invalidArgument('an unmasking list is "*" alone or names of initiators, not both')
  return EVERYONE
}

/** `*` for everyone, empty for nobody, never null. */
export function formatUnmaskingList({ initiators }: UnmaskList): string {
  return initiators === EVERYONE ? EVERYONE : initiators.join(';')
}

/** Replaces the unmasking list as a whole. Networks and read-only initiators stay as they are. */
export function setMask(
  configuration: Configuration,
  lunId: ObjectId,
  text: string,
  { limits }: OperationRules,
): Change {
  const initiators = parseUnmaskingList(text, limits)
  const lun = lunOf(configuration, lunId)
  return changed(withLun(configuration, { ...lun, unmask: { ...lun.unmask, initiators } }))
}

/** Replaces everything that decides who sees the LUN. Errors: E_INVALIDARG. */
export function setAccess(
  configuration: Configuration,
  lunId: ObjectId,
  given: UnmaskList,
  { limits }: OperationRules,
): Change {
  const unmask = prepareUnmaskList(given, limits)
  const lun = lunOf(configuration, lunId)
  return changed(withLun(configuration, { ...lun, unmask }))
}

/** Names normalised, networks in one form, each once. Errors: E_INVALIDARG. */
export function prepareUnmaskList(given: UnmaskList, limits: ManagementLimits): UnmaskList {
  const networks = [...new Set(given.networks.map(prepareNetwork))]
  if (networks.length > limits.listEntriesMax) {
    throw invalidArgument(`a list has at most ${limits.listEntriesMax} networks, not ${networks.length}`)
  }
  return {
    initiators: prepareNames(given.initiators, limits),
    networks,
    readOnlyInitiators: prepareNames(given.readOnlyInitiators, limits),
  }
}

function prepareNames(given: '*' | readonly string[], limits: ManagementLimits): '*' | readonly string[] {
  return given === EVERYONE ? EVERYONE : prepareInitiatorNames(given, limits)
}

/** An address, or a block of them with all bits behind its prefix zero, such as 10.0.0.0/8. */
function prepareNetwork(given: string): string {
  const [addressText = '', prefixText, ...rest] = given.trim().toLowerCase().split('/')
  const address = unmapIpv4(addressText)
  const refusal = `${JSON.stringify(given)} is neither an IP address nor a block of them such as 10.0.0.0/8 or fd00::/8`
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%')) throw invalidArgument(refusal)
  if (prefixText === undefined) return address
  const bits = isIPv4(address) ? 32 : 128
  // What an IPv4-mapped address with a prefix would mean is open to guesses.
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > bits || address !== addressText) {
    throw invalidArgument(refusal)
  }
  if (hasBitsBehind(address, Number(prefixText) + 128 - bits)) {
    throw invalidArgument(
      `${JSON.stringify(given)} has bits set behind its prefix: give the first address of the block`,
    )
  }
  return `${address}/${Number(prefixText)}`
}

/** Among the 128 bits of the address, which for IPv4 are those of its mapped form. */
function hasBitsBehind(address: string, prefixBits: number): boolean {
  const bytes = parseIpAddress(address)!
  return bytes.some((byte, index) => {
    const bitsInPrefix = Math.min(8, Math.max(0, prefixBits - 8 * index))
    return (byte & (0xff >> bitsInPrefix)) !== 0
  })
}
