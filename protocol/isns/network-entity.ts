/**
 * What a target node registers: a network entity with its portals and targets (RFC 4171 3), and how two states of it
 * differ. Names are normalised here, so that everything behind it compares and sends them as they are.
 */

import { parseIpAddress } from '../ip-addresses.ts'
import { prepareName } from '../names.ts'

export interface IsnsTarget {
  readonly name: string
  /** Empty for none; at most 255 bytes of UTF-8. */
  readonly alias: string
  /** Its portal groups, by `portalPlace`; left out when every portal leads to it, with the portal's tag. */
  readonly portalGroupTags?: Readonly<Record<string, number>>
}

export interface IsnsPortal {
  /** An IP address, without brackets or zone. */
  readonly address: string
  readonly port: number
  readonly portalGroupTag: number
  /** Where the server may connect to at this address with ESI and SCN messages; null for nowhere. */
  readonly notificationPort: number | null
}

export interface NetworkEntity {
  readonly targets: readonly IsnsTarget[]
  readonly portals: readonly IsnsPortal[]
}

/** A text that ends with a zero byte within the 256 bytes of the attribute (RFC 4171 6.4.3). */
const ALIAS_BYTES_MAX = 255

/** What tells a portal from the others. */
export const portalPlace = ({ address, port }: Pick<IsnsPortal, 'address' | 'port'>): string => `${address} ${port}`

/** The tag of the group of a target that has a portal; undefined when none has it. */
export function portalGroupTagOf({ portalGroupTags }: IsnsTarget, portal: IsnsPortal): number | undefined {
  return portalGroupTags === undefined ? portal.portalGroupTag : portalGroupTags[portalPlace(portal)]
}

/**
 * The same entity with its names normalised (RFC 4171 5.6.4).
 * Errors: throws for what cannot be registered, which is a mistake of the caller.
 */
export function normalizeEntity({ targets, portals }: NetworkEntity): NetworkEntity {
  for (const { address } of portals) {
    if (parseIpAddress(address) === null) throw new RangeError(`${address} is not an IP address`)
  }
  return { targets: targets.map(normalizeTarget), portals }
}

function normalizeTarget({ name, alias, ...groups }: IsnsTarget): IsnsTarget {
  const prepared = prepareName(name)
  if (typeof prepared !== 'string') throw new RangeError(`the target ${name} cannot be registered: ${prepared.problem}`)
  if (Buffer.byteLength(alias) > ALIAS_BYTES_MAX) {
    throw new RangeError(`the alias of ${name} has more than ${ALIAS_BYTES_MAX} bytes`)
  }
  return { name: prepared, alias, ...groups }
}

const isSamePortal = (a: IsnsPortal, b: IsnsPortal) => a.address === b.address && a.port === b.port

/** The objects of `before` whose keys `after` does not have. */
export function removedObjects(before: NetworkEntity, after: NetworkEntity): NetworkEntity {
  return {
    targets: before.targets.filter(({ name }) => !after.targets.some((target) => target.name === name)),
    portals: before.portals.filter((portal) => !after.portals.some((other) => isSamePortal(portal, other))),
  }
}

export function isSameEntity(a: NetworkEntity, b: NetworkEntity): boolean {
  return (
    JSON.stringify([a.targets, a.portals].map(sortedFields)) ===
    JSON.stringify([b.targets, b.portals].map(sortedFields))
  )
}

const sortedFields = (objects: readonly object[]) =>
  objects.map((object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
