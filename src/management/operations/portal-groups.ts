/**
 * Portal groups of a target and the portals in them (IVdsIscsiTarget.CreatePortalGroup, IVdsIscsiPortalGroup). A portal may be
 * in groups of several targets, but in one group of each: its tag there says to initiators which portals one session may
 * span.
 */

import type { Configuration, ObjectId, PortalGroupRecord, TargetRecord } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import {
  type Change,
  changed,
  lowestFree,
  notFound,
  type OperationRules,
  portalGroupOf,
  portalOf,
  targetOf,
  withTarget,
} from './change.ts'

const TAG_MIN = 1

/**
 * A new empty group with the lowest free tag. Result: its id; at the limit VDS_S_ALREADY_EXISTS with the oldest group, and
 * nothing has changed.
 */
export function createPortalGroup(
  configuration: Configuration,
  targetId: ObjectId,
  { limits, mint }: OperationRules,
): Change<ObjectId> {
  const target = targetOf(configuration, targetId)
  const [oldest] = target.portalGroups
  if (oldest !== undefined && target.portalGroups.length >= limits.portalGroupsPerTargetMax) {
    return changed(configuration, 'VDS_S_ALREADY_EXISTS', oldest.id)
  }
  const tag = lowestFree(
    target.portalGroups.map((group) => group.tag),
    TAG_MIN,
  )
  const group: PortalGroupRecord = { id: mint.objectId(), tag, portalIds: [] }
  const after = withTarget(configuration, { ...target, portalGroups: [...target.portalGroups, group] })
  return changed(after, 'S_OK', group.id)
}

/** Errors: VDS_E_ASSOCIATED_PORTALS_EXIST while it is not empty. */
export function deletePortalGroup(configuration: Configuration, id: ObjectId): Change {
  const { target, group } = portalGroupOf(configuration, id)
  if (group.portalIds.length > 0) {
    throw new VdsError(
      'VDS_E_ASSOCIATED_PORTALS_EXIST',
      `portal group ${group.tag} of ${target.iscsiName} holds ${group.portalIds.length} portals: remove them first`,
    )
  }
  const portalGroups = target.portalGroups.filter((other) => other.id !== id)
  return changed(withTarget(configuration, { ...target, portalGroups }))
}

/**
 * Result VDS_S_ALREADY_EXISTS when the portal is in this group. Errors: VDS_E_OBJECT_NOT_FOUND for an unknown portal,
 * VDS_E_OBJECT_EXISTS when it is in another group of this target, VDS_E_INVALID_OPERATION when portals with TLS and without
 * would share a group: sessions may span a group, so one half would be open to whoever the other keeps out.
 */
export function addPortal(configuration: Configuration, groupId: ObjectId, portalId: ObjectId): Change {
  const { target, group } = portalGroupOf(configuration, groupId)
  const portal = portalOf(configuration, portalId)
  if (group.portalIds.includes(portalId)) return changed(configuration, 'VDS_S_ALREADY_EXISTS')
  const other = target.portalGroups.find(({ portalIds }) => portalIds.includes(portalId))
  if (other !== undefined) {
    throw new VdsError('VDS_E_OBJECT_EXISTS', `the portal is in group ${other.tag} of ${target.iscsiName} already`)
  }
  if (group.portalIds.some((id) => configuration.portals.get(id)?.hasTls !== portal.hasTls)) {
    throw new VdsError('VDS_E_INVALID_OPERATION', 'portals with TLS and portals without it cannot share a portal group')
  }
  return changed(withGroup(configuration, target, { ...group, portalIds: [...group.portalIds, portalId] }))
}

/** Errors: VDS_E_OBJECT_NOT_FOUND for an unknown portal, and for one that is not in this group. */
export function removePortal(configuration: Configuration, groupId: ObjectId, portalId: ObjectId): Change {
  const { target, group } = portalGroupOf(configuration, groupId)
  portalOf(configuration, portalId)
  const portalIds = group.portalIds.filter((id) => id !== portalId)
  if (portalIds.length === group.portalIds.length) {
    throw notFound(`portal in group ${group.tag} of ${target.iscsiName} with the id`, portalId)
  }
  return changed(withGroup(configuration, target, { ...group, portalIds }))
}

export function withGroup(configuration: Configuration, target: TargetRecord, group: PortalGroupRecord): Configuration {
  const portalGroups = target.portalGroups.map((other) => (other.id === group.id ? group : other))
  return withTarget(configuration, { ...target, portalGroups })
}
