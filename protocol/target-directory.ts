/**
 * What the iSCSI layer asks the configuration: which targets exist, who may see them, and with which secrets. The
 * application implements it; the protocol holds no configuration of its own. Every question is asked at login or
 * discovery time, so that a change takes effect at the next one.
 */

/** The endpoint that a connection came in on. */
export interface PortalEndpoint {
  /** The connection's own local address and port, as numbers and colons, without brackets or zone. */
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  /** The portal, by the name that it was opened under. */
  readonly portalId: string
  /** Null on a connection that came in without TLS. */
  readonly tls: TlsPeer | null
}

/** Who is at the other end of a TLS connection. */
export interface TlsPeer {
  /** The InitiatorNames (normalised) that the client's certificate carries; null where no certificate is demanded. */
  readonly clientNames: readonly string[] | null
}

/** A target as an initiator may log in to it. */
export interface TargetDescription {
  /** iSCSI name, normalised (RFC 3722). */
  readonly name: string
  /** Shown to initiators as TargetAlias; empty for none. */
  readonly alias: string
}

/** Where TCP leads: host is an IPv4 address, an IPv6 address without brackets, or a DNS name. */
export interface NetworkAddress {
  readonly host: string
  readonly port: number
}

/** A portal that SendTargets announces; on the wildcards 0.0.0.0 and :: it is every address of this machine. */
export interface PortalAddress extends NetworkAddress {
  readonly portalGroupTag: number
}

/** One target in a SendTargets answer. */
export interface DiscoveredTarget {
  readonly name: string
  readonly addresses: readonly PortalAddress[]
}

/** Where new sessions are sent instead (RFC 7143 11.13.5, Status-Class 1). */
export interface Redirection {
  /** One or more. */
  readonly addresses: readonly NetworkAddress[]
  /** Whether initiators shall remember the new addresses instead of trying the old one again. */
  readonly isPermanent: boolean
  /** Whether initiators are told before they have authenticated. */
  readonly isForEverybody: boolean
}

/** A target, and the portal group through which the portal leads to it: groups are a target's own (RFC 7143 4.4.1). */
export interface ReachedTarget {
  readonly target: TargetDescription
  readonly portalGroupTag: number
}

export type TargetLookup =
  | ({ readonly kind: 'found' } & ReachedTarget)
  /** It is here, but new normal sessions are to go elsewhere. Discovery and sessions that exist go on. */
  | ({ readonly kind: 'moved'; readonly redirection: Redirection } & ReachedTarget)
  | { readonly kind: 'notFound' }
  | { readonly kind: 'removed' }
  | { readonly kind: 'forbidden' }

/** A CHAP user: the name it sends as CHAP_N and its secret. Secrets are bytes and never leave this object for a log. */
export interface ChapCredential {
  readonly user: string
  readonly secret: Buffer
}

/** A CHAP user whose initiators may log in. */
export interface ChapInitiator extends ChapCredential {
  /** The InitiatorNames (normalised) that may use these credentials; any when left out. */
  readonly initiatorNames?: readonly string[]
}

/** What an initiator must prove before it gets in. */
export type AuthenticationPolicy =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'chap'
      /** Those who may log in; looked up by CHAP_N. Several of one name stand for several secrets, each of which will do. */
      readonly initiators: readonly ChapInitiator[]
      /** Who we are when the initiator asks for mutual CHAP; null when we cannot prove it. */
      readonly target: ChapCredential | null
      /** An initiator that prefers None, or offers nothing, has nothing to prove. Default: false. */
      readonly isOptional?: boolean
    }

/** Nobody has to prove anything; CHAP that was begun nevertheless has to succeed. */
export function isOpen(policy: AuthenticationPolicy): boolean {
  return policy.kind === 'none' || policy.isOptional === true
}

/**
 * A portal may belong to groups of several targets. A group has portals with TLS or portals without it, never both: a
 * session belongs to its group, and who may disturb it has to come the same way.
 */
export interface TargetDirectory {
  /** A login to `targetName` by `initiatorName` (both normalised). Asked again when the login is about to succeed. */
  findTarget(targetName: string, initiatorName: string, endpoint: PortalEndpoint): TargetLookup
  /** The targets that `initiatorName` may see from this endpoint (SendTargets), each with all its portals. */
  discover(initiatorName: string, endpoint: PortalEndpoint): readonly DiscoveredTarget[]
  /** What a discovery session without a target name is told as its group: it belongs to none. */
  discoveryPortalGroupTag(endpoint: PortalEndpoint): number
  /**
   * Whether one session of `initiatorName` may have connections from both of these addresses: what it finds at the target
   * is decided by the first one. By default it may.
   */
  maySpan?(targetName: string, initiatorName: string, address: string, other: string): boolean
  /** What to demand; `targetName` is null for a discovery session without a target name. */
  authentication(targetName: string | null, initiatorName: string, endpoint: PortalEndpoint): AuthenticationPolicy
}
