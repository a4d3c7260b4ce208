/** A portal (IVdsIscsiPortal): an address and port of the sub-system that initiators connect to. */

import type { Configuration, ObjectId, Origin, PortalRecord } from './configuration.ts'
import type { SuccessName } from './hresult.ts'
import { ModelObject, notSupported } from './model-object.ts'
import { deletePortal, setPortalStatus } from './operations/portals.ts'
import type { PortalGroup } from './portal-group.ts'
import type { SubSystem } from './sub-system.ts'
import type { ObjectStatus } from './vds-types.ts'

/** VDS_ISCSI_PORTAL_PROP, and what an array that can be told to listen has beyond it. */
export interface PortalProperties {
  readonly id: ObjectId
  readonly origin: Origin
  readonly address: {
    readonly host: string
    /** As configured; 0 for any. */
    readonly port: number
  }
  /** Where it really listens; null while it does not. */
  readonly listeningPort: number | null
  readonly hasTls: boolean
  readonly status: ObjectStatus
  /** Why it failed; null when it did not. */
  readonly reason: string | null
}

export class Portal extends ModelObject<PortalRecord> {
  protected readonly kind = 'Portal'

  protected find({ portals }: Configuration): PortalRecord | null {
    return portals.get(this.id) ?? null
  }

  getProperties(): PortalProperties {
    const { record } = this.read('getProperties')
    const { status, reason, port } = this.management.dataPlane.portalState(this.id)
    const { id, origin, host, hasTls } = record
    return { id, origin, address: { host, port: record.port }, listeningPort: port, hasTls, status, reason }
  }

  getSubSystem(): SubSystem {
    return this.context.objects.subSystem(this.read('getSubSystem').configuration.subSystem.id)
  }

  /** Of any target. */
  queryAssociatedPortalGroups(): PortalGroup[] {
    const { configuration } = this.read('queryAssociatedPortalGroups')
    return [...configuration.targets.values()]
      .flatMap(({ portalGroups }) => portalGroups)
      .filter(({ portalIds }) => portalIds.includes(this.id))
      .map(({ id }) => this.context.objects.portalGroup(id))
  }

  /** Begin or stop to listen; what is connected is asked to log out first. Errors: E_INVALIDARG for any other status. */
  setStatus(status: ObjectStatus): Promise<SuccessName> {
    return this.change('setStatus', { status }, (configuration) => setPortalStatus(configuration, this.id, status))
  }

  /** Extension: listen here no more. Errors: VDS_E_OPERATION_DENIED for one of the command line. */
  async delete(): Promise<void> {
    await this.change('delete', {}, (configuration) => deletePortal(configuration, this.id))
  }

  setIpsecTunnelAddress(): never {
    throw this.#withoutIpsec('setIpsecTunnelAddress')
  }

  getIpsecSecurity(): never {
    throw this.#withoutIpsec('getIpsecSecurity')
  }

  setIpsecSecurity(): never {
    throw this.#withoutIpsec('setIpsecSecurity')
  }

  #withoutIpsec(method: string) {
    return notSupported(`${this.kind}.${method}`, 'IPsec belongs to the operating system')
  }
}
