/** Targets: made with a name of their own or a generated one, renamed, deleted (IVdsSubSystemIscsi, IVdsIscsiTarget). */

import type { Configuration, ObjectId, TargetRecord } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import {
  type Change,
  changed,
  demandManaged,
  type OperationRules,
  targetOf,
  withoutEntry,
  withTarget,
} from './change.ts'
import { prepareFriendlyName, prepareTargetName } from './names.ts'

export interface CreateTargetRequest {
  /** Null or empty for a generated one. */
  readonly iscsiName: string | null
  readonly friendlyName: string
}

/**
 * A new target without portal groups, LUNs and secrets. Result: its id; VDS_S_NAME_TRUNCATED when its friendly name was.
 * Errors: E_INVALIDARG, VDS_E_NOT_SUPPORTED with simple target configuration, VDS_E_NAME_NOT_UNIQUE, VDS_E_CONFIG_LIMIT.
 */
export function createTarget(
  configuration: Configuration,
  request: CreateTargetRequest,
  { limits, mint }: OperationRules,
): Change<ObjectId> {
  const { friendlyName, hresult } = prepareFriendlyName(request.friendlyName, limits)
  const isGenerated = request.iscsiName === null || request.iscsiName === ''
  const iscsiName = prepareTargetName(isGenerated ? mint.targetName() : request.iscsiName!)
  if (configuration.subSystem.hasSimpleTargetConfig) {
    throw new VdsError('VDS_E_NOT_SUPPORTED', 'with simple target configuration, targets come with their LUNs')
  }
  demandUniqueName(configuration, iscsiName)
  if (configuration.targets.size >= limits.targetsMax) {
    throw new VdsError('VDS_E_CONFIG_LIMIT', `there are ${limits.targetsMax} targets already, and no more are allowed`)
  }
  const target: TargetRecord = {
    id: mint.objectId(),
    origin: 'managed',
    iscsiName,
    friendlyName,
    portalGroups: [],
    luns: new Map(),
    sharedSecret: null,
    chapUsers: [],
    rememberedSecrets: new Map(),
  }
  return changed(withTarget(configuration, target), hresult, target.id)
}

/** The names are normalised, so those that differ in case only are equal. */
export function findTargetByName(configuration: Configuration, iscsiName: string): TargetRecord | null {
  for (const target of configuration.targets.values()) {
    if (target.iscsiName === iscsiName) return target
  }
  return null
}

function demandUniqueName(configuration: Configuration, iscsiName: string): void {
  if (findTargetByName(configuration, iscsiName) === null) return
  throw new VdsError('VDS_E_NAME_NOT_UNIQUE', `there is a target ${iscsiName} already`)
}

/**
 * Remove a target with all its portal groups. A computer whose import target it was has none afterwards: refusing would
 * let a computer that is long gone keep the target.
 * Errors: VDS_E_OPERATION_DENIED for one of the command line, VDS_E_ASSOCIATED_LUNS_EXIST.
 */
export function deleteTarget(configuration: Configuration, id: ObjectId): Change {
  const target = targetOf(configuration, id)
  demandManaged('target', target)
  if (target.luns.size > 0) {
    throw new VdsError(
      'VDS_E_ASSOCIATED_LUNS_EXIST',
      `${target.luns.size} LUNs are associated with ${target.iscsiName}: dissociate them first`,
    )
  }
  return changed(withoutTarget(configuration, id))
}

/** Without this target, and without it as anybody's import target. */
export function withoutTarget(configuration: Configuration, id: ObjectId): Configuration {
  let { importTargets } = configuration
  for (const [host, targetId] of importTargets) {
    if (targetId === id) importTargets = withoutEntry(importTargets, host)
  }
  return { ...configuration, targets: withoutEntry(configuration.targets, id), importTargets }
}

/** The iSCSI alias. */
export function setTargetFriendlyName(
  configuration: Configuration,
  id: ObjectId,
  given: string,
  { limits }: OperationRules,
): Change {
  const { friendlyName, hresult } = prepareFriendlyName(given, limits)
  const target = targetOf(configuration, id)
  return changed(withTarget(configuration, { ...target, friendlyName }), hresult)
}
