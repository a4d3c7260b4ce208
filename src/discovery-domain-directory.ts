/**
 * A target directory behind which only those initiators exist that share a discovery domain with a target (login control,
 * RFC 4171 2.2.2). It asks for the membership at each login and each discovery; a target whose members are not known is
 * for nobody.
 */

import type {
  AuthenticationPolicy,
  DiscoveredTarget,
  PortalEndpoint,
  TargetDirectory,
  TargetLookup,
} from '../protocol/target-directory.ts'

export interface DomainMembership {
  /** The initiators (normalised) that share a discovery domain with `target`; null when that is not known. */
  initiatorsOf(target: string): ReadonlySet<string> | null
}

export class DiscoveryDomainDirectory implements TargetDirectory {
  readonly #inner: TargetDirectory
  readonly #membership: DomainMembership

  constructor(inner: TargetDirectory, membership: DomainMembership) {
    this.#inner = inner
    this.#membership = membership
  }

  findTarget(targetName: string, initiatorName: string, endpoint: PortalEndpoint): TargetLookup {
    const lookup = this.#inner.findTarget(targetName, initiatorName, endpoint)
    const isHere = lookup.kind === 'found' || lookup.kind === 'moved'
    return isHere && !this.#isMember(lookup.target.name, initiatorName) ? { kind: 'forbidden' } : lookup
  }

  discover(initiatorName: string, endpoint: PortalEndpoint): readonly DiscoveredTarget[] {
    return this.#inner.discover(initiatorName, endpoint).filter(({ name }) => this.#isMember(name, initiatorName))
  }

  discoveryPortalGroupTag(endpoint: PortalEndpoint): number {
    return this.#inner.discoveryPortalGroupTag(endpoint)
  }

  maySpan(targetName: string, initiatorName: string, address: string, other: string): boolean {
    return this.#inner.maySpan?.(targetName, initiatorName, address, other) ?? true
  }

  authentication(targetName: string | null, initiatorName: string, endpoint: PortalEndpoint): AuthenticationPolicy {
    return this.#inner.authentication(targetName, initiatorName, endpoint)
  }

  #isMember(targetName: string, initiatorName: string): boolean {
    return this.#membership.initiatorsOf(targetName)?.has(initiatorName) ?? false
  }
}
