/**
 * Which LUNs are behind which targets (IVdsLunIscsi.AssociateTargets). On each target a LUN has a number, the lowest that is
 * free when it comes; it keeps it as long as the association lasts, whatever happens to others.
 */

import type { Configuration, LunRecord, ObjectId, TargetRecord } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import {
  type Change,
  changed,
  invalidArgument,
  lowestFree,
  lunOf,
  type OperationRules,
  targetOf,
  withEntry,
  withoutEntry,
} from './change.ts'

const FIRST_LUN = 0

/**
 * `targetIds` becomes the whole list of targets that the LUN is behind: what is there and not named goes, what is named and
 * there stays as it is.
 * Errors: VDS_E_OBJECT_NOT_FOUND for an unknown target, VDS_E_CONFIG_LIMIT; then nothing has changed.
 */
export function associateTargets(
  configuration: Configuration,
  lunId: ObjectId,
  targetIds: readonly ObjectId[],
  { limits }: OperationRules,
): Change {
  lunOf(configuration, lunId)
  const named = new Set(targetIds)
  for (const id of named) targetOf(configuration, id)
  const targets = new Map(configuration.targets)
  for (const target of configuration.targets.values()) {
    const isAssociated = target.luns.has(lunId)
    if (isAssociated === named.has(target.id)) continue
    const luns = isAssociated
      ? withoutEntry(target.luns, lunId)
      : withLowestNumber(target, lunId, limits.lunsPerTargetMax)
    targets.set(target.id, { ...target, luns })
  }
  return changed({ ...configuration, targets })
}

function withLowestNumber(target: TargetRecord, lunId: ObjectId, lunsMax: number): ReadonlyMap<ObjectId, number> {
  const lun = lowestFree(target.luns.values(), FIRST_LUN)
  if (lun >= lunsMax) {
    throw new VdsError(
      'VDS_E_CONFIG_LIMIT',
      `${target.iscsiName} has LUNs 0 to ${lunsMax - 1}, and no more are allowed`,
    )
  }
  return withEntry(target.luns, lunId, lun)
}

/**
 * Associate a LUN with one target under a number of the caller's choice, beside what it is associated with. An association
 * with this target that there is keeps its number only if it is this one.
 * Errors: E_INVALIDARG for a number out of range, VDS_E_OBJECT_EXISTS when another LUN has it.
 */
export function associateTargetAs(
  configuration: Configuration,
  lunId: ObjectId,
  targetId: ObjectId,
  lun: number,
  { limits }: OperationRules,
): Change {
  if (!Number.isInteger(lun) || lun < FIRST_LUN || lun >= limits.lunsPerTargetMax) {
    throw invalidArgument(
      `a logical unit number is a whole number from 0 to ${limits.lunsPerTargetMax - 1}, not ${lun}`,
    )
  }
  lunOf(configuration, lunId)
  const target = targetOf(configuration, targetId)
  for (const [otherId, number] of target.luns) {
    if (number === lun && otherId !== lunId) {
      throw new VdsError('VDS_E_OBJECT_EXISTS', `LUN ${lun} of ${target.iscsiName} is ${otherId}`)
    }
  }
  const luns = withEntry(target.luns, lunId, lun)
  return changed({ ...configuration, targets: withEntry(configuration.targets, targetId, { ...target, luns }) })
}

/** The targets that a LUN is behind, in the order of their making. */
export function targetsOf({ targets }: Configuration, lunId: ObjectId): TargetRecord[] {
  return [...targets.values()].filter(({ luns }) => luns.has(lunId))
}

/** The LUNs behind a target, by number. */
export function lunsOf({ luns }: Configuration, target: TargetRecord): LunRecord[] {
  return [...target.luns].sort(([, a], [, b]) => a - b).map(([id]) => luns.get(id)!)
}
