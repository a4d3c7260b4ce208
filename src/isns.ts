/**
 * The iSNS client of this server: brings together the portals that listen, the ports for the iSNS server's messages and
 * the protocol's client. Whatever happens to the iSNS server, the disks go on being served.
 */

import { IsnsClient } from '../protocol/isns/client.ts'
import type { IsnsSettings } from '../protocol/isns/client-options.ts'
import type { IsnsLink, IsnsLinkEvents } from '../protocol/isns/conversation.ts'
import { type IsnsPortal, type IsnsTarget, type NetworkEntity, portalPlace } from '../protocol/isns/network-entity.ts'
import type { ProtocolLog } from '../protocol/node-context.ts'
import type { PortalAddress, TargetDescription, TargetDirectory } from '../protocol/target-directory.ts'
import { SYSTEM_SCHEDULER } from '../protocol/transport/iscsi-server.ts'
import { isnsConnector, NotificationListener } from '../protocol/transport/isns-socket.ts'
import { DiscoveryDomainDirectory } from './discovery-domain-directory.ts'
import { hasChangingAddresses, registrableAddresses, SYSTEM_ADDRESSES } from './isns-portals.ts'
import type { IsnsOptions } from './server-options.ts'

/**
 * The iSNS server can make the client hold two messages for each connection, one that arrives and one that is read:
 * (1 + notificationConnectionsMax of each listener) x 2 x messageBytesMax = 34 MiB with one listener.
 */
const ISNS_SETTINGS = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  retryDelayMs: 1_000,
  retryDelayMsMax: 60_000,
  refreshMs: 60_000,
  refreshMsMin: 1_000,
  stopTimeoutMs: 2_000,
  messageBytesMax: 1024 * 1024,
  attributesMax: 64 * 1024,
  registrationPeriodSeconds: 300,
  esiIntervalSeconds: 60,
} as const satisfies IsnsSettings

const NOTIFICATION_CONNECTIONS_MAX = 16
/** Longer than the time between two inquiries. */
const NOTIFICATION_IDLE_TIMEOUT_MS = 600_000
/** How often addresses that may change are looked up. */
const ADDRESSES_PERIOD_MS = 30_000

/** A target to register, and where its portal groups lead to it. */
export interface PublishedTarget extends TargetDescription {
  readonly portals: readonly PortalAddress[]
}

export class IsnsService {
  readonly #options: IsnsOptions
  readonly #log: ProtocolLog
  #targets: readonly PublishedTarget[] = []
  /** Null while there is nothing to register. */
  #client: IsnsClient | null = null
  readonly #listeners: NotificationListener[] = []
  /** By the host that they listen at; null where none is to be had. */
  readonly #notificationPorts = new Map<string, number | null>()
  #addressTimer: NodeJS.Timeout | undefined

  constructor(options: IsnsOptions, log: ProtocolLog) {
    this.#options = options
    this.#log = log
  }

  /** `directory` as initiators shall see it. */
  guard(directory: TargetDirectory): TargetDirectory {
    if (!this.#options.restrictsToDomains) return directory
    return new DiscoveryDomainDirectory(directory, { initiatorsOf: (name) => this.#client?.initiatorsOf(name) ?? null })
  }

  /**
   * Register these targets from now on, on portals which listen, and nothing else. Never rejects: what fails is logged and
   * tried again.
   */
  async publish(targets: readonly PublishedTarget[]): Promise<void> {
    this.#targets = targets.filter(({ portals }) => portals.length > 0)
    clearInterval(this.#addressTimer)
    if (this.#targets.length === 0) {
      await this.#withdraw()
      return
    }
    const portals = this.#targets.flatMap((target) => target.portals)
    for (const { host } of portals) {
      if (!this.#notificationPorts.has(host)) this.#notificationPorts.set(host, await this.#listen(host))
    }
    await this.#register()
    if (!portals.some(hasChangingAddresses)) return
    const failed = (error: unknown) => this.#log.error({ err: error }, 'the addresses of this machine cannot be told')
    this.#addressTimer = setInterval(() => void this.#register().catch(failed), ADDRESSES_PERIOD_MS)
    this.#addressTimer.unref()
  }

  /** Deregister, and close the ports. Resolves soon also when the iSNS server does not answer. */
  async stop(): Promise<void> {
    clearInterval(this.#addressTimer)
    this.#targets = []
    await this.#withdraw()
    for (const listener of this.#listeners) listener.close()
  }

  async #register(): Promise<void> {
    const entity = await this.#describe()
    if (entity.targets.length === 0) return
    if (this.#client !== null) {
      this.#client.update(entity)
      return
    }
    this.#client = new IsnsClient({
      connect: isnsConnector(this.#options.host, this.#options.port),
      scheduler: SYSTEM_SCHEDULER,
      log: this.#log,
      settings: { ...ISNS_SETTINGS, ...this.#options.settings },
      asksForInitiators: this.#options.restrictsToDomains,
    })
    this.#client.start(entity)
  }

  async #withdraw(): Promise<void> {
    const client = this.#client
    this.#client = null
    if (client !== null) await new Promise<void>((resolve) => client.stop(resolve))
  }

  /** Gives the port for the iSNS server's messages at `host`; null when there is none to be had. */
  async #listen(host: string): Promise<number | null> {
    const listener = new NotificationListener({
      connectionsMax: NOTIFICATION_CONNECTIONS_MAX,
      idleTimeoutMs: NOTIFICATION_IDLE_TIMEOUT_MS,
      accept: (link) => this.#accept(link),
      failed: (error) => this.#log.error({ err: error }, 'the port for messages of the iSNS server failed'),
    })
    try {
      const port = await listener.listen(host, this.#options.notificationPort)
      this.#listeners.push(listener)
      return port
    } catch (error) {
      const { notificationPort: port } = this.#options
      this.#log.warn({ err: error, host, port }, 'no port for messages of the iSNS server: changes are noticed later')
      return null
    }
  }

  /** Without anything registered there is nothing that the server could ask: what it says is passed over. */
  #accept(link: IsnsLink): Pick<IsnsLinkEvents, 'received'> {
    if (this.#client !== null) return this.#client.accept(link)
    link.close()
    return { received: () => {} }
  }

  async #describe(): Promise<NetworkEntity> {
    const portals = new Map<string, IsnsPortal>()
    const targets: IsnsTarget[] = []
    for (const { name, alias, portals: own } of this.#targets) {
      const portalGroupTags: Record<string, number> = {}
      for (const { host, port, portalGroupTag } of own) {
        const notificationPort = this.#notificationPorts.get(host) ?? null
        for (const address of await this.#addressesOf(host)) {
          const portal = { address, port, portalGroupTag, notificationPort }
          portalGroupTags[portalPlace(portal)] = portalGroupTag
          if (!portals.has(portalPlace(portal))) portals.set(portalPlace(portal), portal)
        }
      }
      targets.push({ name, alias, portalGroupTags })
    }
    return { targets, portals: [...portals.values()] }
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    const addresses = await registrableAddresses(host, SYSTEM_ADDRESSES)
    if (addresses.length === 0) this.#log.warn({ host }, 'a portal has no address to register with the iSNS server')
    return addresses
  }
}
