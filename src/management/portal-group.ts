/** A portal group (IVdsIscsiPortalGroup): a tag of one target, and the portals that sessions with it may span. */

import type { Async } from './async.ts'
import type { Configuration, ObjectId } from './configuration.ts'
import type { IscsiTarget } from './iscsi-target.ts'
import { ModelObject } from './model-object.ts'
import { findPortalGroup, type PortalGroupPlace } from './operations/change.ts'
import { addPortal, deletePortalGroup, removePortal } from './operations/portal-groups.ts'
import type { Portal } from './portal.ts'

/** VDS_ISCSI_PORTALGROUP_PROP. */
export interface PortalGroupProperties {
  readonly id: ObjectId
  readonly tag: number
}

export class PortalGroup extends ModelObject<PortalGroupPlace> {
  protected readonly kind = 'PortalGroup'

  protected find(configuration: Configuration): PortalGroupPlace | null {
    return findPortalGroup(configuration, this.id)
  }

  getProperties(): PortalGroupProperties {
    const { group } = this.read('getProperties').record
    return { id: group.id, tag: group.tag }
  }

  getTarget(): IscsiTarget {
    return this.context.objects.target(this.read('getTarget').record.target.id)
  }

  queryAssociatedPortals(): Portal[] {
    const { group } = this.read('queryAssociatedPortals').record
    return group.portalIds.map((id) => this.context.objects.portal(id))
  }

  /** VDS_S_ALREADY_EXISTS when it is in. Errors: VDS_E_OBJECT_NOT_FOUND, VDS_E_OBJECT_EXISTS, VDS_E_INVALID_OPERATION. */
  addPortal(portalId: ObjectId): Promise<Async<null>> {
    const work = (configuration: Configuration) => addPortal(configuration, this.id, portalId)
    return this.changeAsync('addPortal', 'addPortal', { portalId }, work, () => null)
  }

  /** Errors: VDS_E_OBJECT_NOT_FOUND. */
  removePortal(portalId: ObjectId): Promise<Async<null>> {
    const work = (configuration: Configuration) => removePortal(configuration, this.id, portalId)
    return this.changeAsync('removePortal', 'removePortal', { portalId }, work, () => null)
  }

  /** Errors: VDS_E_ASSOCIATED_PORTALS_EXIST. */
  delete(): Promise<Async<null>> {
    const work = (configuration: Configuration) => deletePortalGroup(configuration, this.id)
    return this.changeAsync('deletePortalGroup', 'delete', {}, work, () => null)
  }
}
