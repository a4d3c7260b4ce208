/**
 * The contract between the application shell and the wiring: what a server is started with and what comes back. The
 * shell (`cli/`) decides everything here, `wiring.ts` turns it into stores, logical units, sessions and sockets.
 */

import type { Logger } from 'pino'
import type { IsnsSettings } from '../protocol/isns/client-options.ts'
import type { AuthenticationPolicy, PortalAddress, Redirection } from '../protocol/target-directory.ts'
import type { TlsIdentity } from '../protocol/transport/tls-acceptor.ts'
import type { GroupAccess } from '../scsi/access-states.ts'
import type { DeviceType } from '../scsi/device-type.ts'
import type { LogicalUnitIdentity } from '../scsi/logical-unit-properties.ts'
import type { ApiRequest } from './cli/api-request.ts'
import type { Limits, PreferredParameters } from './limits.ts'
import type { Store } from './store/store.ts'

/** A place to listen at, or where one listens: an IPv4 address, an IPv6 address without brackets, or a host name. */
export interface Endpoint {
  readonly host: string
  /** 0 asks for any free port. */
  readonly port: number
}

/** One disk, locked by the caller as long as the server runs, and the logical unit number that initiators see it under. */
export interface LunOptions {
  /** A GUID that stays the disk's own. */
  readonly id: string
  readonly lun: number
  /** An existing file whose size is a positive multiple of `blockLengthBytes`, as the store names it. */
  readonly path: string
  readonly blockLengthBytes: 512 | 2048 | 4096
  /** A power of two of logical blocks. */
  readonly physicalBlockBytes: number
  /** By default a disk. */
  readonly deviceType?: DeviceType
  /** By default as the device type is: a CD's medium can be ejected, a disk's cannot. */
  readonly isRemovable?: boolean
  readonly readOnly: boolean
  readonly identity: LogicalUnitIdentity
}

/** Where to register, and what for. */
export interface IsnsOptions {
  /** The iSNS server: an IP address without brackets, or a host name. */
  readonly host: string
  readonly port: number
  /** Where the iSNS server reaches us, at the address of each portal; 0 for any free port. */
  readonly notificationPort: number
  /** Only initiators that share a discovery domain with a target may see it. */
  readonly restrictsToDomains: boolean
  /** Other times and bounds than the usual ones. */
  readonly settings?: Partial<IsnsSettings>
}

/** Portals that speak TLS, and what they prove themselves with. */
export interface TlsOptions {
  /** In other portal groups than those without TLS. */
  readonly listen: readonly PortalAddress[]
  readonly identity: TlsIdentity
}

export interface ServerOptions {
  /** Where the store lies, and where the paths of LUNs begin that are not absolute. Real and absolute. */
  readonly dataDirectory: string
  /** Open as long as the server runs. */
  readonly store: Pick<Store, 'savedStateOf' | 'configurationStore' | 'apiTokens'>
  /** The management API; null for none. */
  readonly api: ApiRequest | null
  /** Of this program. */
  readonly version: string
  /** Each in one portal group; port 0 asks for any free one. */
  readonly listen: readonly PortalAddress[]
  /** How all disks are reached at first, by portal group tag; a group that is not named is active/optimized. */
  readonly portalGroupAccess?: ReadonlyMap<number, GroupAccess>
  /** What the LUNs below are reached through. */
  readonly target: { readonly name: string; readonly alias: string }
  readonly luns: readonly LunOptions[]
  readonly authentication: AuthenticationPolicy
  readonly log: Logger
  readonly limits?: Partial<Limits>
  /** What to negotiate for where that is not the default. */
  readonly parameters?: Partial<PreferredParameters>
  /** Send new sessions elsewhere. */
  readonly redirection?: Redirection | null
  /** Register with an iSNS server. */
  readonly isns?: IsnsOptions | null
  readonly tls?: TlsOptions | null
}

export interface RunningServer {
  /** Where it listens, in the order of `ServerOptions.listen`, with the ports that the system chose. */
  readonly endpoints: readonly Endpoint[]
  /** The same for `ServerOptions.tls`. */
  readonly tlsEndpoints: readonly Endpoint[]
  /** Of the management API; null when there is none. */
  readonly apiUrl: string | null
  /** Prove ourselves with this to new TLS clients. Errors: throws when it cannot be used; then the old one stays. */
  renewTls(identity: TlsIdentity): void
  /** Stop accepting, finish what runs, flush every disk, close. Rejects when a disk could not be flushed. */
  drain(): Promise<void>
}

/** Rejects with the system's error (`code`, `address`, `port`) when it cannot listen or cannot open a disk. */
export type StartServer = (options: ServerOptions) => Promise<RunningServer>
