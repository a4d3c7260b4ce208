/**
 * How declarations call objects: portals by `HOST:PORT`, LUNs by their friendly names, targets by their iSCSI names; and
 * LUNs and portals by their ids where a name is empty or not the only one.
 */

import { formatAddress } from '../../../protocol/discovery/target-address.ts'
import type { Configuration, LunRecord, ObjectId, PortalRecord } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import { notFound } from '../operations/change.ts'

export interface Names {
  readonly luns: ReadonlyMap<string, readonly LunRecord[]>
  readonly portals: ReadonlyMap<string, readonly PortalRecord[]>
}

/** Every name that there is, with what has it. */
export function namesIn({ luns, portals }: Configuration): Names {
  return {
    luns: Map.groupBy(luns.values(), ({ friendlyName }) => friendlyName),
    portals: Map.groupBy(portals.values(), portalName),
  }
}

/** `HOST:PORT`, in the form that records have. */
export function portalName({ host, port }: { readonly host: string; readonly port: number }): string {
  return formatAddress({ host: host.toLowerCase(), port })
}

/** Whether a name alone says which object is meant; port 0 never does, since several may have it. */
export function isClearName<T>(name: string, objects: ReadonlyMap<string, readonly T[]>): boolean {
  return name !== '' && !name.endsWith(':0') && objects.get(name)?.length === 1
}

/** Errors: VDS_E_OBJECT_NOT_FOUND when none is called so, E_INVALIDARG when several are. */
export function demandByName<T extends { readonly id: ObjectId }>(
  kind: string,
  word: string,
  byId: ReadonlyMap<ObjectId, T>,
  byName: ReadonlyMap<string, readonly T[]>,
): T {
  const found = findByName(kind, word, byId, byName)
  if (found === null) throw notFound(kind, word)
  return found
}

/** Null when none is called so. Errors: E_INVALIDARG when several are. */
export function findByName<T extends { readonly id: ObjectId }>(
  kind: string,
  word: string,
  byId: ReadonlyMap<ObjectId, T>,
  byName: ReadonlyMap<string, readonly T[]>,
): T | null {
  const identified = byId.get(word.toLowerCase())
  if (identified !== undefined) return identified
  const named = byName.get(word) ?? []
  if (named.length <= 1) return named[0] ?? null
  const ids = named.map(({ id }) => id).join(', ')
  throw new VdsError('E_INVALIDARG', `${word} is more than one ${kind}: ${ids}; give an id`)
}
