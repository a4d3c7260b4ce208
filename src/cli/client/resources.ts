/** The resources of the REST API, as far as the command line looks into them; what it prints with `--json` is all of it. */

/** What the command line of the server can declare as well. */
export interface Declared {
  readonly id: string
  readonly origin: 'managed' | 'commandLine'
}

export interface Lun extends Declared {
  readonly friendlyName: string
  readonly number: number
  readonly path: string
  readonly sizeBytes: number | null
  readonly allocatedBytes: number | null
  readonly blockLengthBytes: number
  readonly deviceType: string
  readonly isRemovable: boolean
  readonly isReadOnly: boolean
  readonly serialNumber: string
  readonly naa: string
  readonly status: string
  /** Why it is not served; null when it is. */
  readonly reason: string | null
  readonly mask: Mask
  readonly targets: readonly { readonly targetId: string; readonly lun: number }[]
}

export interface Mask {
  readonly initiators: '*' | readonly string[]
  readonly networks: readonly string[]
  readonly readOnlyInitiators: '*' | readonly string[]
}

export interface Target extends Declared {
  readonly iscsiName: string
  readonly friendlyName: string
  readonly isChapEnabled: boolean
  readonly portalGroups: readonly PortalGroup[]
}

export interface PortalGroup {
  readonly id: string
  readonly targetId: string
  readonly tag: number
  readonly portalIds: readonly string[]
}

export interface Portal extends Declared {
  readonly host: string
  readonly port: number
  readonly hasTls: boolean
  readonly status: string
  readonly reason: string | null
  readonly listeningPort: number | null
}

export interface Session {
  readonly id: string
  readonly kind: string
  readonly initiatorName: string
  readonly targetId: string | null
  readonly portalGroupTag: number | null
  readonly chapUser: string | null
  readonly beganAt: string
  readonly connections: readonly { readonly remoteAddress: string; readonly localAddress: string }[]
  readonly luns: readonly { readonly lun: number; readonly lunId: string }[]
  readonly counters: { readonly readBytes: number; readonly writtenBytes: number }
}

export interface Refusal {
  readonly at: string
  readonly initiatorName: string | null
  readonly targetName: string | null
  readonly remoteAddress: string
  readonly reason: string
}

export interface SubSystem {
  readonly id: string
  readonly friendlyName: string
  readonly identification: string
  readonly status: string
}

export interface ImportTarget {
  readonly host: string
  readonly iscsiName: string
}

/** What an IVdsAsync is to a client. */
export interface Job {
  readonly id: string
  readonly outputType: string
  readonly percent: number
  readonly isDone: boolean
  /** VDS_E_OPERATION_PENDING until it is done. */
  readonly hresult: string
  readonly name?: string
  readonly message?: string
  /** What it made, once it is done. */
  readonly output?: { readonly id: string } | null
}

export interface Token {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
}

export interface AuditEntry {
  readonly id: number
  readonly at: string
  readonly actor: string
  readonly method: string
  readonly objectId: string | null
  readonly result: string
}
