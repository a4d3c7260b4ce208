/**
 * Every method of the object model with arguments that make it succeed on a `PopulatedModel` and, where it changes something,
 * really change it. Tests of what all methods have in common go through this table.
 */

import { INITIATOR, type PopulatedModel, SECRET } from './populated-model.ts'

export interface MethodRow {
  /** As documents call it. */
  readonly method: string
  /** What it is called on. */
  readonly object: 'subSystem' | 'lun' | 'target' | 'group' | 'portal'
  readonly run: (model: PopulatedModel) => unknown
}

const OPEN = { initiators: '*', networks: [], readOnlyInitiators: [] } as const

/** They read. */
export const QUERIES: readonly MethodRow[] = [
  { method: 'IVdsSubSystem::GetProperties', object: 'subSystem', run: ({ subSystem }) => subSystem.getProperties() },
  { method: 'IVdsSubSystem::GetProvider', object: 'subSystem', run: ({ subSystem }) => subSystem.getProvider() },
  {
    method: 'IVdsSubSystem::QueryControllers',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.queryControllers(),
  },
  { method: 'IVdsSubSystem::QueryLuns', object: 'subSystem', run: ({ subSystem }) => subSystem.queryLuns() },
  { method: 'IVdsSubSystem::QueryDrives', object: 'subSystem', run: ({ subSystem }) => subSystem.queryDrives() },
  { method: 'IVdsSubSystem::Reenumerate', object: 'subSystem', run: ({ subSystem }) => subSystem.reenumerate() },
  {
    method: 'IVdsSubSystem::QueryMaxLunCreateSize',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.queryMaxLunCreateSize(),
  },
  {
    method: 'IVdsSubSystemInterconnect::GetSupportedInterconnects',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.getSupportedInterconnects(),
  },
  { method: 'IVdsSubSystemIscsi::QueryTargets', object: 'subSystem', run: ({ subSystem }) => subSystem.queryTargets() },
  { method: 'IVdsSubSystemIscsi::QueryPortals', object: 'subSystem', run: ({ subSystem }) => subSystem.queryPortals() },
  { method: 'IVdsIscsiTarget::GetProperties', object: 'target', run: ({ target }) => target.getProperties() },
  { method: 'IVdsIscsiTarget::GetSubSystem', object: 'target', run: ({ target }) => target.getSubSystem() },
  { method: 'IVdsIscsiTarget::QueryPortalGroups', object: 'target', run: ({ target }) => target.queryPortalGroups() },
  {
    method: 'IVdsIscsiTarget::QueryAssociatedLuns',
    object: 'target',
    run: ({ target }) => target.queryAssociatedLuns(),
  },
  {
    method: 'IVdsIscsiTarget::GetConnectedInitiators',
    object: 'target',
    run: ({ target }) => target.getConnectedInitiators(),
  },
  { method: 'IVdsIscsiPortalGroup::GetProperties', object: 'group', run: ({ group }) => group.getProperties() },
  { method: 'IVdsIscsiPortalGroup::GetTarget', object: 'group', run: ({ group }) => group.getTarget() },
  {
    method: 'IVdsIscsiPortalGroup::QueryAssociatedPortals',
    object: 'group',
    run: ({ group }) => group.queryAssociatedPortals(),
  },
  { method: 'IVdsIscsiPortal::GetProperties', object: 'portal', run: ({ portal }) => portal.getProperties() },
  { method: 'IVdsIscsiPortal::GetSubSystem', object: 'portal', run: ({ portal }) => portal.getSubSystem() },
  {
    method: 'IVdsIscsiPortal::QueryAssociatedPortalGroups',
    object: 'portal',
    run: ({ portal }) => portal.queryAssociatedPortalGroups(),
  },
  { method: 'IVdsLun::GetProperties', object: 'lun', run: ({ lun }) => lun.getProperties() },
  { method: 'IVdsLun::GetSubSystem', object: 'lun', run: ({ lun }) => lun.getSubSystem() },
  { method: 'IVdsLun::GetIdentificationData', object: 'lun', run: ({ lun }) => lun.getIdentificationData() },
  { method: 'IVdsLun::QueryActiveControllers', object: 'lun', run: ({ lun }) => lun.queryActiveControllers() },
  { method: 'IVdsLun::QueryPlexes', object: 'lun', run: ({ lun }) => lun.queryPlexes() },
  { method: 'IVdsLun::QueryHints', object: 'lun', run: ({ lun }) => lun.queryHints() },
  { method: 'IVdsLun::ApplyHints', object: 'lun', run: ({ lun }) => lun.applyHints({ hintMask: 0 }) },
  { method: 'IVdsLun::QueryMaxLunExtendSize', object: 'lun', run: ({ lun }) => lun.queryMaxLunExtendSize() },
  { method: 'IVdsLunIscsi::QueryAssociatedTargets', object: 'lun', run: ({ lun }) => lun.queryAssociatedTargets() },
  { method: 'IVdsLunNumber::GetLunNumber', object: 'lun', run: ({ lun }) => lun.getLunNumber() },
]

/** They change the configuration and are done, or committed, when they return. */
export const CHANGES: readonly MethodRow[] = [
  { method: 'IVdsSubSystem::SetStatus', object: 'subSystem', run: ({ subSystem }) => subSystem.setStatus('offline') },
  {
    method: 'IVdsSubSystemNaming::SetFriendlyName',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.setFriendlyName('new'),
  },
  {
    method: 'IVdsSubSystemIscsi::CreateTarget',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.createTarget(null, ''),
  },
  {
    method: 'IVdsSubSystemImportTarget::SetImportTarget',
    object: 'subSystem',
    run: ({ subSystem, target }) => subSystem.setImportTarget(target.id),
  },
  {
    method: 'createPortal',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.createPortal({ host: '::1', port: 0 }),
  },
  {
    method: 'setDiscoveryUser',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.setDiscoveryUser('finder', SECRET),
  },
  { method: 'IVdsIscsiTarget::CreatePortalGroup', object: 'target', run: ({ target }) => target.createPortalGroup() },
  { method: 'IVdsIscsiTarget::Delete', object: 'target', run: ({ freeTarget }) => freeTarget.delete() },
  { method: 'IVdsIscsiTarget::SetFriendlyName', object: 'target', run: ({ target }) => target.setFriendlyName('new') },
  {
    method: 'IVdsIscsiTarget::SetSharedSecret',
    object: 'target',
    run: ({ target }) => target.setSharedSecret(SECRET, INITIATOR),
  },
  {
    method: 'IVdsIscsiTarget::RememberInitiatorSharedSecret',
    object: 'target',
    run: ({ target }) => target.rememberInitiatorSharedSecret(INITIATOR, SECRET),
  },
  { method: 'setChapUser', object: 'target', run: ({ target }) => target.setChapUser('anna', SECRET) },
  {
    method: 'IVdsIscsiPortalGroup::AddPortal',
    object: 'group',
    run: ({ group, freePortal }) => group.addPortal(freePortal.id),
  },
  {
    method: 'IVdsIscsiPortalGroup::RemovePortal',
    object: 'group',
    run: ({ group, portal }) => group.removePortal(portal.id),
  },
  { method: 'IVdsIscsiPortalGroup::Delete', object: 'group', run: ({ emptyGroup }) => emptyGroup.delete() },
  { method: 'IVdsIscsiPortal::SetStatus', object: 'portal', run: ({ portal }) => portal.setStatus('offline') },
  { method: 'deletePortal', object: 'portal', run: ({ freePortal }) => freePortal.delete() },
  { method: 'IVdsLun::SetMask', object: 'lun', run: ({ lun }) => lun.setMask(INITIATOR) },
  { method: 'setAccess', object: 'lun', run: ({ lun }) => lun.setAccess(OPEN) },
  { method: 'IVdsLun::Delete', object: 'lun', run: ({ lun }) => lun.delete() },
  { method: 'IVdsLun::SetStatus', object: 'lun', run: ({ lun }) => lun.setStatus('offline') },
  {
    method: 'IVdsLunIscsi::AssociateTargets',
    object: 'lun',
    run: ({ lun, freeTarget }) => lun.associateTargets([freeTarget.id]),
  },
  { method: 'IVdsLunNaming::SetFriendlyName', object: 'lun', run: ({ lun }) => lun.setFriendlyName('new') },
]

/** They go on after they have returned, with work that no configuration shows or that comes before its commit. */
export const LONG_CHANGES: readonly MethodRow[] = [
  {
    method: 'IVdsSubSystem::CreateLun',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.createLun({ sizeBytes: 512 }),
  },
  { method: 'IVdsLun::Extend', object: 'lun', run: ({ lun }) => lun.extend(512) },
  { method: 'IVdsLun::Shrink', object: 'lun', run: ({ lun }) => lun.shrink(512) },
]

/** What a software array cannot do, with what each answers. */
export const REFUSALS: readonly (MethodRow & { readonly hresult: string })[] = [
  {
    method: 'IVdsSubSystem::GetDrive',
    hresult: 'VDS_E_OBJECT_NOT_FOUND',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.getDrive(0, 0),
  },
  {
    method: 'IVdsSubSystem::ReplaceDrive',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.replaceDrive(),
  },
  {
    method: 'IVdsSubSystem::SetControllerStatus',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.setControllerStatus(),
  },
  {
    method: 'IVdsSubSystemIscsi::SetIpsecGroupPresharedKey',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'subSystem',
    run: ({ subSystem }) => subSystem.setIpsecGroupPresharedKey(),
  },
  {
    method: 'IVdsIscsiPortal::SetIpsecTunnelAddress',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'portal',
    run: ({ portal }) => portal.setIpsecTunnelAddress(),
  },
  {
    method: 'IVdsIscsiPortal::GetIpsecSecurity',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'portal',
    run: ({ portal }) => portal.getIpsecSecurity(),
  },
  {
    method: 'IVdsIscsiPortal::SetIpsecSecurity',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'portal',
    run: ({ portal }) => portal.setIpsecSecurity(),
  },
  { method: 'IVdsLun::Recover', hresult: 'VDS_E_INVALID_OPERATION', object: 'lun', run: ({ lun }) => lun.recover() },
  { method: 'IVdsLun::AddPlex', hresult: 'VDS_E_NOT_SUPPORTED', object: 'lun', run: ({ lun }) => lun.addPlex() },
  { method: 'IVdsLun::RemovePlex', hresult: 'VDS_E_NOT_SUPPORTED', object: 'lun', run: ({ lun }) => lun.removePlex() },
  {
    method: 'IVdsLun::AssociateControllers',
    hresult: 'VDS_E_NOT_SUPPORTED',
    object: 'lun',
    run: ({ lun }) => lun.associateControllers(),
  },
]
