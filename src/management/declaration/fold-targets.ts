/** Targets of a declaration, with their portal groups and LUNs, folded into the draft. */

import type { ObjectId, TargetRecord } from '../configuration.ts'
import { associateTargetAs, associateTargets, targetsOf } from '../operations/association.ts'
import { portalGroupOf, targetOf } from '../operations/change.ts'
import { prepareTargetName } from '../operations/names.ts'
import {
  addPortal,
  createPortalGroup,
  deletePortalGroup,
  removePortal,
  withGroup,
} from '../operations/portal-groups.ts'
import { createTarget, findTargetByName, setTargetFriendlyName } from '../operations/targets.ts'
import { at, type Draft, indexed } from './draft.ts'
import { foldChap } from './fold-chap.ts'
import { demandByName, type Names } from './references.ts'
import type { DeclaredTarget } from './schema.ts'

/** `names` has the portals and LUNs of the draft. */
export function foldTarget(draft: Draft, names: Names, declared: DeclaredTarget): void {
  at(`target ${declared.iscsiName}`, () => {
    const id = createOrRename(draft, declared)
    if (declared.portalGroups !== undefined) foldPortalGroups(draft, names, id, declared.portalGroups)
    if (declared.luns !== undefined) foldAssociations(draft, names, id, declared.luns)
    if (declared.chap !== undefined) foldChap(draft, id, declared.chap)
  })
}

function createOrRename(draft: Draft, { iscsiName, friendlyName }: DeclaredTarget): ObjectId {
  const target = findTargetByName(draft.configuration, prepareTargetName(iscsiName))
  if (target === null) {
    const request = { iscsiName, friendlyName: friendlyName ?? '' }
    return draft.take(createTarget(draft.configuration, request, draft.rules))
  }
  if (friendlyName !== undefined && friendlyName !== target.friendlyName) {
    draft.take(setTargetFriendlyName(draft.configuration, target.id, friendlyName, draft.rules))
  }
  return target.id
}

type DeclaredGroups = NonNullable<DeclaredTarget['portalGroups']>

/** First everything leaves that shall not be where it is, so that tags and portals are free for what comes. */
function foldPortalGroups(draft: Draft, names: Names, targetId: ObjectId, declared: DeclaredGroups): void {
  const byTag = indexed('portal group', declared, ({ tag }) => String(tag))
  const portalIdsOf = (tag: number) =>
    new Set(
      byTag.get(String(tag))?.portals.map((word) => {
        return demandByName('portal', word.toLowerCase(), draft.configuration.portals, names.portals).id
      }),
    )
  for (const group of targetOf(draft.configuration, targetId).portalGroups) {
    const wanted = portalIdsOf(group.tag)
    for (const portalId of group.portalIds) {
      if (!wanted.has(portalId)) draft.take(removePortal(draft.configuration, group.id, portalId))
    }
    if (!byTag.has(String(group.tag))) draft.take(deletePortalGroup(draft.configuration, group.id))
  }
  for (const { tag } of declared) {
    const groupId = findOrCreateGroup(draft, targetId, tag)
    const present = portalGroupOf(draft.configuration, groupId).group.portalIds
    for (const portalId of portalIdsOf(tag)) {
      if (!present.includes(portalId)) draft.take(addPortal(draft.configuration, groupId, portalId))
    }
  }
}

function findOrCreateGroup(draft: Draft, targetId: ObjectId, tag: number): ObjectId {
  const existing = targetOf(draft.configuration, targetId).portalGroups.find((group) => group.tag === tag)
  if (existing !== undefined) return existing.id
  const id = draft.take(createPortalGroup(draft.configuration, targetId, draft.rules))
  const { target, group } = portalGroupOf(draft.configuration, id)
  draft.configuration = withGroup(draft.configuration, target, { ...group, tag })
  return id
}

type DeclaredAssociations = NonNullable<DeclaredTarget['luns']>

/** Numbers that are declared first, so that those which are not get the lowest of what is left. */
function foldAssociations(draft: Draft, names: Names, targetId: ObjectId, declared: DeclaredAssociations): void {
  const named = declared.map(({ name, number }) => ({
    lunId: demandByName('LUN', name, draft.configuration.luns, names.luns).id,
    number,
  }))
  const wanted = indexed('the association with LUN', named, ({ lunId }) => lunId)
  for (const [lunId, number] of targetOf(draft.configuration, targetId).luns) {
    const shall = wanted.get(lunId)
    if (shall === undefined || (shall.number ?? number) !== number) dissociate(draft, targetId, lunId)
  }
  const isMissing = ({ lunId }: { lunId: ObjectId }) => !targetOf(draft.configuration, targetId).luns.has(lunId)
  for (const { lunId, number } of named.filter(isMissing)) {
    if (number !== undefined) {
      draft.take(associateTargetAs(draft.configuration, lunId, targetId, number, draft.rules))
    }
  }
  for (const { lunId } of named.filter(isMissing)) {
    const targetIds = [...targetsOf(draft.configuration, lunId).map(({ id }) => id), targetId]
    draft.take(associateTargets(draft.configuration, lunId, targetIds, draft.rules))
  }
}

function dissociate(draft: Draft, targetId: ObjectId, lunId: ObjectId): void {
  const rest = targetsOf(draft.configuration, lunId).filter(({ id }) => id !== targetId)
  draft.take(associateTargets(draft.configuration, lunId, idsOf(rest), draft.rules))
}

/** The target loses all its LUNs. */
export function dissociateAll(draft: Draft, { id, luns }: TargetRecord): void {
  for (const lunId of luns.keys()) dissociate(draft, id, lunId)
}

const idsOf = (targets: readonly TargetRecord[]) => targets.map(({ id }) => id)
