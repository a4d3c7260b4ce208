/**
 * A declaration becomes a configuration: the operations of the object model, folded into one value that is committed at once
 * or not at all. What is as declared is not touched, so the same declaration a second time changes nothing.
 */

import type { Configuration } from '../configuration.ts'
import { notFound } from '../operations/change.ts'
import { setImportTarget } from '../operations/import-targets.ts'
import { deleteLun } from '../operations/luns.ts'
import { prepareTargetName } from '../operations/names.ts'
import { deletePortal } from '../operations/portals.ts'
import { setSubSystemFriendlyName, setSubSystemStatus } from '../operations/sub-system.ts'
import { deleteTarget, findTargetByName } from '../operations/targets.ts'
import { at, Draft, indexed, type Surroundings } from './draft.ts'
import { foldDiscoveryUsers } from './fold-chap.ts'
import { findDeclaredLun, findDeclaredPortal, foldLun, foldPortal } from './fold-luns.ts'
import { dissociateAll, foldTarget } from './fold-targets.ts'
import { type Names, namesIn, portalName } from './references.ts'
import type { Declaration, DeclaredTarget } from './schema.ts'

export interface DeclarationOptions {
  /** The iSCSI name or the friendly name of one target: it alone is changed, with the LUNs and portals that it names. */
  readonly onlyTarget?: string
  /** What is managed and not declared is deleted, LUNs with what is stored in them. */
  readonly prune?: boolean
}

/** Errors: `VdsError` whose message names the place in the declaration; nothing has happened then. */
export function foldDeclaration(
  configuration: Configuration,
  declaration: Declaration,
  { onlyTarget, prune = false }: DeclarationOptions,
  surroundings: Surroundings,
): Draft {
  const draft = new Draft(configuration, surroundings)
  const chosen = onlyTarget === undefined ? declaration : partFor(declaration, onlyTarget)
  demandUniqueKeys(chosen)
  const before = namesIn(configuration)
  if (prune && onlyTarget === undefined) pruneUndeclared(draft, before, chosen)
  if (chosen.subsystem !== undefined) foldSubSystem(draft, chosen.subsystem)
  if (chosen.discoveryUsers !== undefined) {
    const users = chosen.discoveryUsers
    at('discoveryUsers', () => foldDiscoveryUsers(draft, users))
  }
  for (const portal of chosen.portals ?? []) foldPortal(draft, before, portal)
  for (const lun of chosen.luns ?? []) foldLun(draft, before, lun)
  const names = namesIn(draft.configuration)
  for (const target of chosen.targets ?? []) foldTarget(draft, names, target)
  if (chosen.importTargets !== undefined) foldImportTargets(draft, chosen.importTargets)
  return draft
}

/** Errors: VDS_E_OBJECT_NOT_FOUND when the declaration has no such target. */
function partFor({ targets = [], luns = [], portals = [] }: Declaration, word: string): Declaration {
  const target = targets.find(({ iscsiName, friendlyName }) => iscsiName === word || friendlyName === word)
  if (target === undefined) throw notFound('target in the declaration that is called', word)
  const lunWords = new Set(target.luns?.map(({ name }) => name))
  const portalWords = new Set(target.portalGroups?.flatMap((group) => group.portals.map((name) => name.toLowerCase())))
  return {
    targets: [target],
    luns: luns.filter(({ id, name }) => lunWords.has(name) || (id !== undefined && lunWords.has(id))),
    portals: portals.filter((portal) => portalWords.has(portalName(portal)) || portalWords.has(portal.id ?? '')),
  }
}

function demandUniqueKeys({ portals = [], luns = [], targets = [] }: Declaration): void {
  indexed('the portal', portals, (portal) => portal.id ?? portalName(portal))
  indexed('the LUN', luns, ({ id, name }) => id ?? name)
  indexed('the target', targets, normalName)
}

const normalName = ({ iscsiName }: DeclaredTarget) => at(`target ${iscsiName}`, () => prepareTargetName(iscsiName))

/** What the command line declares is not ours to delete. */
function pruneUndeclared(draft: Draft, names: Names, { portals = [], luns = [], targets = [] }: Declaration): void {
  const { configuration } = draft
  const named = (list: readonly ({ readonly id: string } | null)[]) => new Set(list.map((object) => object?.id))
  const keptTargets = named(targets.map((target) => findTargetByName(configuration, normalName(target))))
  const keptLuns = named(luns.map((lun) => findDeclaredLun(draft, names, lun)))
  const keptPortals = named(portals.map((portal) => findDeclaredPortal(draft, names, portal)))
  const isDoomed = ({ origin }: { readonly origin: string }, kept: boolean) => origin === 'managed' && !kept
  for (const target of configuration.targets.values()) {
    if (!isDoomed(target, keptTargets.has(target.id))) continue
    dissociateAll(draft, target)
    draft.take(deleteTarget(draft.configuration, target.id))
  }
  for (const lun of configuration.luns.values()) {
    if (isDoomed(lun, keptLuns.has(lun.id))) draft.take(deleteLun(draft.configuration, lun.id))
  }
  for (const portal of configuration.portals.values()) {
    if (isDoomed(portal, keptPortals.has(portal.id))) draft.take(deletePortal(draft.configuration, portal.id))
  }
}

function foldSubSystem(draft: Draft, { friendlyName, status }: NonNullable<Declaration['subsystem']>): void {
  if (friendlyName !== undefined && friendlyName !== draft.configuration.subSystem.friendlyName) {
    draft.take(setSubSystemFriendlyName(draft.configuration, friendlyName, draft.rules))
  }
  if (status !== undefined) draft.take(setSubSystemStatus(draft.configuration, status))
}

function foldImportTargets(draft: Draft, declared: NonNullable<Declaration['importTargets']>): void {
  const wanted = indexed('the import target of', declared, ({ host }) => host.toLowerCase())
  for (const host of draft.configuration.importTargets.keys()) {
    if (!wanted.has(host)) draft.take(setImportTarget(draft.configuration, host, null))
  }
  for (const { host, iscsiName } of declared) {
    at(`import target of ${host}`, () => {
      const { configuration } = draft
      const { configuration: after } = setImportTarget(configuration, host, iscsiName)
      const key = host.trim().toLowerCase()
      if (after.importTargets.get(key) !== configuration.importTargets.get(key)) draft.configuration = after
    })
  }
}
