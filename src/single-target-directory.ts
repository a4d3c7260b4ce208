/**
 * The configuration of a server with one target that everybody who authenticates may see: what `lunette serve` runs on.
 */

import type {
  AuthenticationPolicy,
  DiscoveredTarget,
  PortalAddress,
  Redirection,
  TargetDescription,
  TargetDirectory,
  TargetLookup,
} from '../protocol/target-directory.ts'

export class SingleTargetDirectory implements TargetDirectory {
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

  findTarget(targetName: string): TargetLookup {
    if (targetName !== this.#target.name) return { kind: 'notFound' }
    if (this.#redirection === null) return { kind: 'found', target: this.#target }
    return { kind: 'moved', target: this.#target, redirection: this.#redirection }
  }

  discover(): readonly DiscoveredTarget[] {
    return [{ name: this.#target.name, addresses: this.#portals }]
  }

  authentication(): AuthenticationPolicy {
    return this.#authentication
  }
}
