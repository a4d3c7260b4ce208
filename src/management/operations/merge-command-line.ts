/**
 * The objects that the command line of `lunette serve` declares, reconciled at each start with those it declared before.
 * Objects are found again by what the command line says of them: targets by name, portals by address, LUNs by their file's
 * identity; so ids and numbers stay, and so do masks, names and states that an administrator has set. What it no longer
 * declares goes, and with it the associations of managed objects with it. Who may log in to its target is what it says and
 * nothing else.
 */

import { isDeepStrictEqual } from 'node:util'
import type {
  ChapUser,
  Configuration,
  LunRecord,
  ObjectId,
  PortalGroupRecord,
  PortalRecord,
  TargetRecord,
} from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import { type Change, changed, lowestFree, withEntry, withLun, withPortal, withTarget } from './change.ts'
import { findLunByPath, nextLunNumber, withoutLun } from './luns.ts'
import { withoutPortal } from './portals.ts'
import { findTargetByName, withoutTarget } from './targets.ts'

/** All of origin `commandLine`, with ids that hold only where the objects are new; LUNs have those of their files. */
export type CommandLineObjects = Pick<Configuration, 'luns' | 'targets' | 'portals'> & {
  readonly subSystem: Pick<Configuration['subSystem'], 'discoveryUsers'>
}

/**
 * Errors: VDS_E_OBJECT_EXISTS for a file that is a managed LUN's, VDS_E_NAME_NOT_UNIQUE for a name that is a managed target's.
 */
export function mergeCommandLine(configuration: Configuration, declared: CommandLineObjects): Change {
  demandNoneManaged(configuration, declared)
  const portalIds = matchPortals(configuration, declared)
  let merged = withoutUndeclared(configuration, declared, new Set(portalIds.values()))
  for (const portal of declared.portals.values()) {
    const id = portalIds.get(portal.id)!
    if (!merged.portals.has(id)) merged = withPortal(merged, portal)
  }
  for (const lun of declared.luns.values()) merged = withLun(merged, mergeLun(merged, lun))
  for (const target of declared.targets.values()) merged = withTarget(merged, mergeTarget(merged, target, portalIds))
  merged = withDiscoveryUsers(configuration, merged, declared)
  return changed(isDeepStrictEqual(configuration, merged) ? configuration : merged)
}

function demandNoneManaged(configuration: Configuration, { luns, targets }: CommandLineObjects): void {
  for (const lun of luns.values()) {
    const other = configuration.luns.get(lun.id) ?? findLunByPath(configuration, lun.path)
    if (other?.origin === 'managed') {
      throw new VdsError(
        'VDS_E_OBJECT_EXISTS',
        `${lun.path} is the managed LUN ${other.id} already: leave the file out`,
      )
    }
  }
  for (const { iscsiName } of targets.values()) {
    if (findTargetByName(configuration, iscsiName)?.origin !== 'managed') continue
    throw new VdsError(
      'VDS_E_NAME_NOT_UNIQUE',
      `${iscsiName} is a managed target already: choose another --target-name`,
    )
  }
}

/** By the id of each declared portal, that of the one it is; several may be on any free port of one address. */
function matchPortals(configuration: Configuration, { portals }: CommandLineObjects): ReadonlyMap<ObjectId, ObjectId> {
  const unmatched = new Set(configuration.portals.values())
  const ids = new Map<ObjectId, ObjectId>()
  for (const portal of portals.values()) {
    const same = [...unmatched].find((other) => isSamePlace(portal, other))
    if (same !== undefined) unmatched.delete(same)
    ids.set(portal.id, same?.id ?? portal.id)
  }
  return ids
}

function isSamePlace(portal: PortalRecord, other: PortalRecord): boolean {
  const isPlaced = other.host === portal.host && other.port === portal.port && other.hasTls === portal.hasTls
  return isPlaced && (portal.port !== 0 || other.origin === 'commandLine')
}

function withoutUndeclared(
  configuration: Configuration,
  { luns, targets }: CommandLineObjects,
  portalIds: ReadonlySet<ObjectId>,
): Configuration {
  const names = new Set([...targets.values()].map(({ iscsiName }) => iscsiName))
  let rest = configuration
  for (const { id, origin, iscsiName } of configuration.targets.values()) {
    if (origin === 'commandLine' && !names.has(iscsiName)) rest = withoutTarget(rest, id)
  }
  for (const { id, origin } of configuration.luns.values()) {
    if (origin === 'commandLine' && !luns.has(id)) rest = withoutLun(rest, id)
  }
  for (const { id, origin } of configuration.portals.values()) {
    if (origin === 'commandLine' && !portalIds.has(id)) rest = withoutPortal(rest, id)
  }
  return rest
}

function mergeLun(configuration: Configuration, declared: LunRecord): LunRecord {
  const old = configuration.luns.get(declared.id)
  if (old === undefined) {
    const isTaken = [...configuration.luns.values()].some(({ number }) => number === declared.number)
    return isTaken ? { ...declared, number: nextLunNumber(configuration) } : declared
  }
  const { friendlyName, number, status, unmask } = old
  return unlessSame(old, { ...declared, friendlyName, number, status, unmask })
}

function mergeTarget(
  configuration: Configuration,
  declared: TargetRecord,
  portalIds: ReadonlyMap<ObjectId, ObjectId>,
): TargetRecord {
  const old = findTargetByName(configuration, declared.iscsiName)
  const portalGroups = mergePortalGroups(configuration, old?.portalGroups ?? [], declared.portalGroups, portalIds)
  if (old === null) return { ...declared, portalGroups }
  const { id, friendlyName } = old
  const luns = unlessSame(old.luns, mergeLunNumbers(configuration, old.luns, declared.luns))
  const merged = {
    ...declared,
    id,
    friendlyName,
    luns,
    portalGroups: unlessSame(old.portalGroups, portalGroups),
    chapUsers: unlessSame(old.chapUsers, declared.chapUsers),
    rememberedSecrets: unlessSame(old.rememberedSecrets, declared.rememberedSecrets),
  }
  return unlessSame(old, merged)
}

/** The declared ones have the numbers that the command line gives them; managed ones stay, under another one if need be. */
function mergeLunNumbers(
  { luns }: Configuration,
  old: TargetRecord['luns'],
  declared: TargetRecord['luns'],
): TargetRecord['luns'] {
  let merged = declared
  for (const [id, number] of old) {
    if (luns.get(id)?.origin !== 'managed') continue
    const taken = new Set(merged.values())
    merged = withEntry(merged, id, taken.has(number) ? lowestFree(taken, 0) : number)
  }
  return merged
}

/** By their tags. Portals that were added by hand stay where nothing declared speaks against it; empty groups go. */
function mergePortalGroups(
  { portals }: Configuration,
  old: readonly PortalGroupRecord[],
  declared: readonly PortalGroupRecord[],
  portalIds: ReadonlyMap<ObjectId, ObjectId>,
): readonly PortalGroupRecord[] {
  const declaredIds = new Set(declared.flatMap((group) => group.portalIds.map((id) => portalIds.get(id)!)))
  const added = (group: PortalGroupRecord | undefined, hasTls: boolean | undefined): readonly ObjectId[] =>
    (group?.portalIds ?? []).filter((id) => {
      const portal = portals.get(id)
      return portal?.origin === 'managed' && !declaredIds.has(id) && (hasTls === undefined || portal.hasTls === hasTls)
    })
  const merged = declared.map((group) => {
    const same = old.find(({ tag }) => tag === group.tag)
    const ids = group.portalIds.map((id) => portalIds.get(id)!)
    const hasTls = ids[0] === undefined ? undefined : portals.get(ids[0])?.hasTls
    return { ...group, id: same?.id ?? group.id, portalIds: [...ids, ...added(same, hasTls)] }
  })
  const rest = old
    .filter(({ tag }) => !declared.some((group) => group.tag === tag))
    .map((group) => ({ ...group, portalIds: added(group, undefined) }))
    .filter((group) => group.portalIds.length > 0)
  return [...merged, ...rest]
}

/** The command line's users are those of its target before, which nobody else can change. */
function withDiscoveryUsers(before: Configuration, merged: Configuration, declared: CommandLineObjects): Configuration {
  const old = new Set(
    [...before.targets.values()]
      .filter(({ origin }) => origin === 'commandLine')
      .flatMap(({ chapUsers }) => chapUsers.map(({ user }) => user)),
  )
  const now = declared.subSystem.discoveryUsers
  const names = new Set(now.map(({ user }) => user))
  const managed = merged.subSystem.discoveryUsers.filter(({ user }) => !old.has(user) && !names.has(user))
  const discoveryUsers: readonly ChapUser[] = unlessSame(merged.subSystem.discoveryUsers, [...now, ...managed])
  return { ...merged, subSystem: unlessSame(merged.subSystem, { ...merged.subSystem, discoveryUsers }) }
}

/** Records that are equal stay the same object, so that nothing is written that has not changed. */
function unlessSame<T>(old: T, merged: T): T {
  return isDeepStrictEqual(old, merged) ? old : merged
}
