/**
 * What happened to which object between two configurations, as VDS tells it: departures first, so that a name or a tag is free
 * before its next owner is heard of, and the order of containment within arrivals.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Configuration, ObjectId, PortalGroupRecord, TargetRecord } from './configuration.ts'
import type { NotifiedObject, ObjectChange } from './notifications.ts'

type Objects = ReadonlyMap<ObjectId, unknown>

/** Empty when nothing differs that an object's properties or associations would show. */
export function configurationDifference(before: Configuration, after: Configuration): ObjectChange[] {
  const departed: ObjectChange[] = []
  const others: ObjectChange[] = []
  if (subSystemDiffers(before, after)) others.push({ object: 'subSystem', change: 'modify', id: after.subSystem.id })
  const collect = (object: NotifiedObject, old: Objects, now: Objects) => {
    if (old === now) return
    for (const id of old.keys()) if (!now.has(id)) departed.push({ object, change: 'depart', id })
    for (const [id, record] of now) {
      if (!old.has(id)) others.push({ object, change: 'arrive', id })
      else if (differs(old.get(id), record)) others.push({ object, change: 'modify', id })
    }
  }
  collect('portal', before.portals, after.portals)
  collect('lun', before.luns, after.luns)
  collect('target', withoutGroups(before, after), withoutGroups(after, before))
  collect('portalGroup', changedGroups(before, after), changedGroups(after, before))
  return [...departed, ...others, ...lunsWithOtherTargets(before, after, others)]
}

function differs(a: unknown, b: unknown): boolean {
  return a !== b && !isDeepStrictEqual(a, b)
}

/** A computer's import target is a property of its sub-system. */
function subSystemDiffers(before: Configuration, after: Configuration): boolean {
  return differs(before.subSystem, after.subSystem) || differs(before.importTargets, after.importTargets)
}

/** Targets as VDS shows them: portal groups are objects of their own. Those that are one object in both stay so. */
function withoutGroups({ targets }: Configuration, other: Configuration): Objects {
  const bare = new Map<ObjectId, unknown>()
  for (const target of targets.values()) {
    const { portalGroups: _, ...rest } = target
    bare.set(target.id, other.targets.get(target.id) === target ? target : rest)
  }
  return bare
}

/** The portal groups of those targets that are not the same object in both. */
function changedGroups({ targets }: Configuration, other: Configuration): ReadonlyMap<ObjectId, PortalGroupRecord> {
  const groups = new Map<ObjectId, PortalGroupRecord>()
  for (const target of targets.values()) {
    if (other.targets.get(target.id) === target) continue
    for (const group of target.portalGroups) groups.set(group.id, group)
  }
  return groups
}

/** LUNs that are behind other targets than before: the association belongs to both sides. */
function lunsWithOtherTargets(
  before: Configuration,
  after: Configuration,
  told: readonly ObjectChange[],
): ObjectChange[] {
  const ids = new Set<ObjectId>()
  const add = (target: TargetRecord | undefined, other: TargetRecord | undefined) => {
    if (target === undefined || target.luns === other?.luns) return
    for (const [id, lun] of target.luns) if (other?.luns.get(id) !== lun) ids.add(id)
  }
  for (const target of before.targets.values()) add(target, after.targets.get(target.id))
  for (const target of after.targets.values()) add(target, before.targets.get(target.id))
  for (const { id } of told) ids.delete(id)
  return [...ids].filter((id) => after.luns.has(id)).map((id) => ({ object: 'lun', change: 'modify', id }))
}
