/**
 * The contract between the application shell and the wiring: what a server is started with and what comes back. The
 * shell (`cli/`) decides everything here, `wiring.ts` turns it into stores, logical units, sessions and sockets.
 */

import type { Logger } from 'pino'
import type { AuthenticationPolicy } from '../protocol/target-directory.ts'
import type { LogicalUnitIdentity } from '../scsi/logical-unit-properties.ts'
import type { Limits } from './limits.ts'

/** A place to listen at, or where one listens: an IPv4 address, an IPv6 address without brackets, or a host name. */
export interface Endpoint {
  readonly host: string
  /** 0 asks for any free port. */
  readonly port: number
}

/** One disk and the logical unit number that initiators see it under. */
export interface LunOptions {
  readonly lun: number
  /** An existing file whose size is a positive multiple of `blockLengthBytes`. Absolute. */
  readonly path: string
  readonly blockLengthBytes: 512 | 4096
  readonly readOnly: boolean
  readonly identity: LogicalUnitIdentity
}

export interface ServerOptions {
  readonly listen: readonly Endpoint[]
  readonly target: { readonly name: string; readonly alias: string }
  readonly luns: readonly LunOptions[]
  readonly authentication: AuthenticationPolicy
  readonly log: Logger
  readonly limits?: Partial<Limits>
}

export interface RunningServer {
  /** Where it listens, in the order of `ServerOptions.listen`, with the ports that the system chose. */
  readonly endpoints: readonly Endpoint[]
  /** Stop accepting, finish what runs, flush every disk, close. Rejects when a disk could not be flushed. */
  drain(): Promise<void>
}

/** Rejects with the system's error (`code`, `address`, `port`) when it cannot listen or cannot open a disk. */
export type StartServer = (options: ServerOptions) => Promise<RunningServer>
