/**
 * The portals of a configuration: opened, closed and tried again as it says, and how they are.
 */

import type { NetworkAddress } from '../../protocol/target-directory.ts'
import type { IscsiServer } from '../../protocol/transport/iscsi-server.ts'
import type { TlsIdentity } from '../../protocol/transport/tls-acceptor.ts'
import { causeOf, Failure } from '../failure.ts'
import type { ObjectId, PortalRecord } from '../management/configuration.ts'
import type { PortalState } from '../management/data-plane.ts'

type Portals = ReadonlyMap<ObjectId, PortalRecord>

export class ServedPortals {
  readonly #server: IscsiServer
  readonly #timeoutMs: number
  readonly #open = new Map<ObjectId, { readonly record: PortalRecord; readonly port: number }>()
  readonly #failures = new Map<ObjectId, Error>()
  #identity: TlsIdentity | null

  /** `timeoutMs`: how long sessions of a portal that goes may take to end. */
  constructor(server: IscsiServer, identity: TlsIdentity | null, timeoutMs: number) {
    this.#server = server
    this.#identity = identity
    this.#timeoutMs = timeoutMs
  }

  /** Close what shall not listen any more, or elsewhere. Resolves when nobody is left there. */
  async close(portals: Portals): Promise<void> {
    const gone = [...this.#open].filter(([id, { record }]) => !isSamePlace(record, portals.get(id)))
    for (const [id] of gone) this.#open.delete(id)
    await Promise.all(gone.map(([id]) => this.#server.closePortal(id, this.#timeoutMs)))
  }

  /** Open what shall listen and does not. What fails is in `stateOf`. */
  async open(portals: Portals): Promise<void> {
    this.#failures.clear()
    for (const record of portals.values()) {
      if (record.status === 'offline' || this.#open.has(record.id)) continue
      try {
        this.#open.set(record.id, { record, port: await this.#listen(record) })
      } catch (error) {
        this.#failures.set(record.id, error instanceof Error ? error : new Error(String(error)))
      }
    }
  }

  /** Prove ourselves with this to new clients. Errors: throws when it cannot be used; then the old one stays. */
  renewTls(identity: TlsIdentity): void {
    this.#server.renewTls(identity)
    this.#identity = identity
  }

  addressOf(id: ObjectId): NetworkAddress | null {
    const portal = this.#open.get(id)
    return portal === undefined ? null : { host: portal.record.host, port: portal.port }
  }

  stateOf(id: ObjectId): PortalState {
    const portal = this.#open.get(id)
    if (portal !== undefined) return { status: 'online', reason: null, port: portal.port }
    const failure = this.#failures.get(id)
    return {
      status: failure === undefined ? 'offline' : 'failed',
      reason: failure ? causeOf(failure) : null,
      port: null,
    }
  }

  /** Why a portal does not listen that shall; null when it does. */
  failureOf(id: ObjectId): Error | null {
    return this.#failures.get(id) ?? null
  }

  async #listen({ id, host, port, hasTls }: PortalRecord): Promise<number> {
    if (!hasTls) return this.#server.openPortal({ id, host, port })
    if (this.#identity === null) throw new Failure('the server has no certificate for TLS')
    return this.#server.openPortal({ id, host, port, identity: this.#identity })
  }
}

function isSamePlace(record: PortalRecord, other: PortalRecord | undefined): boolean {
  if (other === undefined || other.status === 'offline') return false
  return other.host === record.host && other.port === record.port && other.hasTls === record.hasTls
}
