/**
 * The narrow way from the management model to what serves initiators (protocol, scsi and the bridge between them). The
 * model says what shall be; the data plane makes it so, tells connected initiators, and reports how things are. It never
 * reads the store and decides nothing that is not in the configuration.
 */

import type { Configuration, LunRecord, ObjectId } from './configuration.ts'

export interface DataPlane {
  /**
   * Serve this configuration. What differs from the one before takes effect at once and for connected initiators: LUN lists
   * change with REPORTED LUNS DATA HAS CHANGED, sessions of targets and portals that go get an asynchronous logout request
   * first. Resolves when all of it has; one call after the other. What cannot be served (a port that is taken, a file that
   * is gone) does not reject: it is in `statusOf` and is tried again at the next call.
   */
  apply(configuration: Configuration): Promise<void>

  /** What really is: of a LUN its size and whether it can be served, of a portal whether and where it listens. */
  lunState(id: ObjectId): LunState
  portalState(id: ObjectId): PortalState

  /**
   * Make the storage of a new LUN, thin and reading as zeroes, durable when this resolves.
   * Errors: `DataPlaneError`; then nothing is left of it.
   */
  createStorage(lun: LunRecord, sizeBytes: number): Promise<void>
  /** Delete the storage of a LUN that is in no applied configuration any more. */
  deleteStorage(lun: Pick<LunRecord, 'id' | 'path'>): Promise<void>
  /** Change the size while it is in use; initiators are told. Errors: `DataPlaneError`; then nothing has changed. */
  resize(id: ObjectId, sizeBytes: number, options: { readonly mayDiscardData: boolean }): Promise<void>
  /** Whether no initiator prevents the removal of a LUN's medium; those that do are asked to let it go. */
  mayEject(id: ObjectId): boolean
  /** The largest LUN that `createStorage` could make. */
  freeBytes(): Promise<number>

  /** Sessions that exist, in the order of their beginning. */
  sessions(): readonly SessionInfo[]
  /** Ask the initiator to log out, then end the session; false when there is none. */
  endSession(id: string): Promise<boolean>
  /** The last refused logins, the oldest first. */
  loginRefusals(): readonly LoginRefusal[]

  /** `listener` hears of sessions that begin and end, refused logins, and states that change. Returns how to end that. */
  subscribe(listener: (event: DataPlaneEvent) => void): () => void
}

export type DataPlaneErrorKind = 'exists' | 'notFound' | 'noSpace' | 'inUse' | 'invalid' | 'holdsData' | 'io'

export class DataPlaneError extends Error {
  readonly kind: DataPlaneErrorKind

  constructor(kind: DataPlaneErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

export interface LunState {
  /** `failed` with the reason, when its file cannot be served. */
  readonly status: 'online' | 'offline' | 'failed'
  readonly reason: string | null
  /** Null when it is not known. */
  readonly sizeBytes: number | null
  /** Bytes that its file takes on the medium; null when it is not known. */
  readonly allocatedBytes: number | null
  readonly counters: IoCounters
}

export interface IoCounters {
  readonly readCommands: number
  readonly readBytes: number
  readonly writeCommands: number
  readonly writtenBytes: number
}

export interface PortalState {
  readonly status: 'online' | 'offline' | 'failed'
  readonly reason: string | null
  /** Where it listens; null while it does not. */
  readonly port: number | null
}

export interface SessionInfo {
  /** Unique in this process. */
  readonly id: string
  readonly kind: 'normal' | 'discovery'
  readonly initiatorName: string
  readonly initiatorAlias: string
  /** 12 hexadecimal digits. */
  readonly isid: string
  readonly tsih: number
  /** Null of a discovery session. */
  readonly targetId: ObjectId | null
  readonly portalGroupTag: number | null
  /** CHAP_N that the initiator proved; null without CHAP. */
  readonly chapUser: string | null
  readonly beganAt: Date
  readonly connections: readonly ConnectionInfo[]
  /** Negotiated keys of the session by their names (RFC 7143 chapter 13). */
  readonly parameters: Readonly<Record<string, string>>
  /** LUNs that the initiator sees, by number. */
  readonly luns: ReadonlyMap<number, ObjectId>
  readonly counters: IoCounters
}

export interface ConnectionInfo {
  readonly cid: number
  readonly localAddress: string
  readonly remoteAddress: string
  readonly portalId: ObjectId | null
  readonly hasTls: boolean
  readonly headerDigest: string
  readonly dataDigest: string
}

export interface LoginRefusal {
  readonly at: Date
  readonly initiatorName: string | null
  readonly targetName: string | null
  readonly remoteAddress: string
  /** Status-Class and Status-Detail, e.g. 0x0201. */
  readonly status: number
  /** A sentence for the administrator. */
  readonly reason: string
}

export type DataPlaneEvent =
  | { readonly kind: 'sessionBegan' | 'sessionEnded'; readonly session: SessionInfo }
  | { readonly kind: 'loginRefused'; readonly refusal: LoginRefusal }
  | { readonly kind: 'lunState' | 'portalState'; readonly id: ObjectId }
