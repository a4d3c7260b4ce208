/**
 * The configuration of a node with one target that everybody who authenticates may see. The portal group of a portal is
 * the number that its id begins with.
 */

import type {
  AuthenticationPolicy,
  DiscoveredTarget,
  PortalAddress,
  PortalEndpoint,
  Redirection,
  TargetDescription,
  TargetDirectory,
  TargetLookup,
} from '../../protocol/target-directory.ts'

export class OneTargetDirectory implements TargetDirectory {
  readonly #target: TargetDescription
  readonly #authentication: AuthenticationPolicy
  readonly #portals: PortalAddress[] = []
  #redirection: Redirection | null = null

  constructor(target: TargetDescription, authentication: AuthenticationPolicy) {
    this.#target = target
    this.#authentication = authentication
  }

  /** A portal has begun to listen; from now on SendTargets announces it. */
  addPortal(portal: PortalAddress): void {
    this.#portals.push(portal)
  }

  /** From now on new sessions are sent elsewhere; null ends that. */
  redirect(redirection: Redirection | null): void {
    this.#redirection = redirection
  }

  findTarget(targetName: string, _initiatorName: string, endpoint: PortalEndpoint): TargetLookup {
    if (targetName !== this.#target.name) return { kind: 'notFound' }
    const reached = { target: this.#target, portalGroupTag: portalGroupTagOf(endpoint) }
    if (this.#redirection === null) return { kind: 'found', ...reached }
    return { kind: 'moved', ...reached, redirection: this.#redirection }
  }

  discoveryPortalGroupTag(endpoint: PortalEndpoint): number {
    return portalGroupTagOf(endpoint)
  }

  discover(): readonly DiscoveredTarget[] {
    return [{ name: this.#target.name, addresses: this.#portals }]
  }

  authentication(): AuthenticationPolicy {
    return this.#authentication
  }
}

/** The portal group of a portal that was opened under such an id. */
export function portalGroupTagOf({ portalId }: Pick<PortalEndpoint, 'portalId'>): number {
  return Number.parseInt(portalId, 10)
}
