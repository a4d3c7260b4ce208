/**
 * The iSCSI layer's view of the configuration: each question of a login or a discovery is answered from the rules that
 * were applied last and from the portals that really listen.
 */

import { usablePortals } from '../../protocol/discovery/target-address.ts'
import type {
  AuthenticationPolicy,
  DiscoveredTarget,
  NetworkAddress,
  PortalAddress,
  PortalEndpoint,
  Redirection,
  TargetDirectory,
  TargetLookup,
} from '../../protocol/target-directory.ts'
import type { ObjectId } from '../management/configuration.ts'
import type { AccessRules, TargetRules } from './access-rules.ts'

/** What a discovery session is told on a portal that leads to no target. */
const TAG_OF_NOTHING = 1

/** What the directory asks of the data plane. */
export interface ServedObjects {
  readonly rules: AccessRules
  /** Whether sessions to this target can be opened. */
  isServed(targetId: ObjectId): boolean
  /** Where a portal listens; null while it does not. */
  addressOf(portalId: ObjectId): NetworkAddress | null
}

export class ConfiguredDirectory implements TargetDirectory {
  readonly #served: ServedObjects
  readonly #redirection: Redirection | null

  /** With `redirection` new sessions are sent elsewhere. */
  constructor(served: ServedObjects, redirection: Redirection | null) {
    this.#served = served
    this.#redirection = redirection
  }

  findTarget(targetName: string, initiatorName: string, endpoint: PortalEndpoint): TargetLookup {
    const { rules } = this.#served
    const target = this.#served.rules.targetNamed(targetName)
    if (target === undefined || !this.#served.isServed(target.record.id)) return { kind: 'notFound' }
    const portalGroupTag = target.tagOfPortal.get(endpoint.portalId)
    if (portalGroupTag === undefined) return { kind: 'notFound' }
    if (!rules.mayLogIn(target, initiatorName, endpoint.remoteAddress)) return { kind: 'forbidden' }
    const { iscsiName: name, friendlyName: alias } = target.record
    const reached = { target: { name, alias }, portalGroupTag }
    if (this.#redirection === null) return { kind: 'found', ...reached }
    return { kind: 'moved', ...reached, redirection: this.#redirection }
  }

  discover(initiatorName: string, endpoint: PortalEndpoint): readonly DiscoveredTarget[] {
    const { rules } = this.#served
    const visible = [...rules.targets].filter(
      (target) =>
        this.#served.isServed(target.record.id) && rules.mayLogIn(target, initiatorName, endpoint.remoteAddress),
    )
    return visible.flatMap((target) => {
      const addresses = this.addressesOf(target)
      // A record without an address stands for the address of this connection, so that must lead there.
      const isReached = target.tagOfPortal.has(endpoint.portalId)
      const hasAddress = isReached || usablePortals(addresses, endpoint).length > 0
      return hasAddress ? [{ name: target.record.iscsiName, addresses }] : []
    })
  }

  discoveryPortalGroupTag({ portalId }: PortalEndpoint): number {
    for (const { tagOfPortal } of this.#served.rules.targets) {
      const tag = tagOfPortal.get(portalId)
      if (tag !== undefined) return tag
    }
    return TAG_OF_NOTHING
  }

  authentication(targetName: string | null, initiatorName: string): AuthenticationPolicy {
    const { rules } = this.#served
    if (targetName === null) return rules.discoveryAuthentication(initiatorName)
    const target = rules.targetNamed(targetName)
    // Asked for a target that was found a moment ago.
    if (target === undefined) throw new Error(`${targetName} is not in the configuration`)
    return rules.authentication(target, initiatorName)
  }

  maySpan(targetName: string, initiatorName: string, address: string, other: string): boolean {
    const target = this.#served.rules.targetNamed(targetName)
    return target?.record !== undefined && this.#served.rules.isSameView(target, initiatorName, address, other)
  }

  /**
   * Where a target can be reached, in the order of the portals. Portals with TLS are announced to nobody: who came in
   * without it cannot use them, who came in with it has found one.
   */
  addressesOf({ tagOfPortal }: TargetRules): readonly PortalAddress[] {
    const { portals } = this.#served.rules.configuration
    return [...portals.values()].flatMap(({ id, hasTls }) => {
      const portalGroupTag = tagOfPortal.get(id)
      const address = this.#served.addressOf(id)
      return portalGroupTag === undefined || hasTls || address === null ? [] : [{ ...address, portalGroupTag }]
    })
  }
}
