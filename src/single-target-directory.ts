/**
 * The configuration of a server with one target that everybody who authenticates may see: what `lunette serve` runs on.
 */

import type {
  AuthenticationPolicy,
  DiscoveredTarget,
  PortalAddress,
  PortalEndpoint,
  TargetDescription,
  TargetDirectory,
  TargetLookup,
} from '../protocol/target-directory.ts'

const WILDCARDS: readonly string[] = ['0.0.0.0', '::']

export class SingleTargetDirectory implements TargetDirectory {
  readonly #target: TargetDescription
  readonly #authentication: AuthenticationPolicy
  readonly #portals: PortalAddress[] = []

  constructor(target: TargetDescription, authentication: AuthenticationPolicy) {
    this.#target = target
    this.#authentication = authentication
  }

  /** A portal has begun to listen; from now on SendTargets announces it. */
  addPortal(portal: PortalAddress): void {
    this.#portals.push(portal)
  }

  findTarget(targetName: string): TargetLookup {
    return targetName === this.#target.name ? { kind: 'found', target: this.#target } : { kind: 'notFound' }
  }

  /** A portal on a wildcard address is reached where the initiator has reached us. */
  discover(_initiatorName: string, endpoint: PortalEndpoint): readonly DiscoveredTarget[] {
    const addresses = this.#portals.map((portal) =>
      WILDCARDS.includes(portal.host) ? { ...portal, host: endpoint.localAddress } : portal,
    )
    return [{ name: this.#target.name, addresses }]
  }

  authentication(): AuthenticationPolicy {
    return this.#authentication
  }
}
