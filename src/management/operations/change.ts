/**
 * What every operation on the configuration is made of. An operation is a pure function from one configuration and its
 * arguments to the next one, or it throws a `VdsError` and nothing has happened: so operations can be tried, folded into one
 * commit, and tested without a store. They find receivers and arguments by id; what is not there is VDS_E_OBJECT_NOT_FOUND.
 */

import type {
  Configuration,
  LunRecord,
  ObjectId,
  PortalGroupRecord,
  PortalRecord,
  TargetRecord,
} from '../configuration.ts'
import { type SuccessName, VdsError } from '../hresult.ts'
import type { ManagementLimits } from '../management-limits.ts'

/** The next configuration, what came of the operation, and which success it is. */
export interface Change<T = undefined> {
  readonly configuration: Configuration
  readonly result: T
  readonly hresult: SuccessName
}

/** What operations need beyond their arguments: bounds, and new identities, so that tests can foresee them. */
export interface OperationRules {
  readonly limits: ManagementLimits
  readonly mint: Mint
}

export interface Mint {
  objectId(): ObjectId
  /** A name for a target that was given none; another one at each call. */
  targetName(): string
}

export function changed(configuration: Configuration, hresult?: SuccessName): Change
export function changed<T>(configuration: Configuration, hresult: SuccessName, result: T): Change<T>
export function changed<T>(
  configuration: Configuration,
  hresult: SuccessName = 'S_OK',
  result?: T,
): Change<T | undefined> {
  return { configuration, hresult, result }
}

export function invalidArgument(message: string): VdsError {
  return new VdsError('E_INVALIDARG', message)
}

export function notFound(kind: string, id: string): VdsError {
  return new VdsError('VDS_E_OBJECT_NOT_FOUND', `there is no ${kind} ${id}`)
}

export function targetOf(configuration: Configuration, id: ObjectId): TargetRecord {
  const target = configuration.targets.get(id)
  if (target === undefined) throw notFound('target', id)
  return target
}

export function lunOf(configuration: Configuration, id: ObjectId): LunRecord {
  const lun = configuration.luns.get(id)
  if (lun === undefined) throw notFound('LUN', id)
  return lun
}

export function portalOf(configuration: Configuration, id: ObjectId): PortalRecord {
  const portal = configuration.portals.get(id)
  if (portal === undefined) throw notFound('portal', id)
  return portal
}

export interface PortalGroupPlace {
  readonly target: TargetRecord
  readonly group: PortalGroupRecord
}

/** The portal group with this id and the target that has it; null when there is none. */
export function findPortalGroup(configuration: Configuration, id: ObjectId): PortalGroupPlace | null {
  for (const target of configuration.targets.values()) {
    const group = target.portalGroups.find((candidate) => candidate.id === id)
    if (group !== undefined) return { target, group }
  }
  return null
}

export function portalGroupOf(configuration: Configuration, id: ObjectId): PortalGroupPlace {
  const place = findPortalGroup(configuration, id)
  if (place === null) throw notFound('portal group', id)
  return place
}

export function withTarget(configuration: Configuration, target: TargetRecord): Configuration {
  return { ...configuration, targets: withEntry(configuration.targets, target.id, target) }
}

export function withLun(configuration: Configuration, lun: LunRecord): Configuration {
  return { ...configuration, luns: withEntry(configuration.luns, lun.id, lun) }
}

export function withPortal(configuration: Configuration, portal: PortalRecord): Configuration {
  return { ...configuration, portals: withEntry(configuration.portals, portal.id, portal) }
}

export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value)
}

/** The same map when it has no such key. */
export function withoutEntry<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  if (!map.has(key)) return map
  const rest = new Map(map)
  rest.delete(key)
  return rest
}

/** The lowest number from `first` on that is not among `taken`. */
export function lowestFree(taken: Iterable<number>, first: number): number {
  const numbers = new Set(taken)
  let number = first
  while (numbers.has(number)) number++
  return number
}

/** What the command line declares comes back at the next start, so only the command line can take it away. */
export function demandManaged(kind: string, { origin }: { readonly origin: 'managed' | 'commandLine' }): void {
  if (origin === 'managed') return
  throw new VdsError(
    'VDS_E_OPERATION_DENIED',
    `this ${kind} comes from the command line of lunette serve: start it with other options to change that`,
  )
}
