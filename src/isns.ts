/**
 * The iSNS client of this server: brings together the portals that listen, the ports for the iSNS server's messages and
 * the protocol's client. Whatever happens to the iSNS server, the disks go on being served.
 */

import { IsnsClient } from '../protocol/isns/client.ts'
import type { IsnsSettings } from '../protocol/isns/client-options.ts'
import type { NetworkEntity } from '../protocol/isns/network-entity.ts'
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

export class IsnsService {
  readonly #options: IsnsOptions
  readonly #targets: readonly TargetDescription[]
  readonly #log: ProtocolLog
  readonly #client: IsnsClient
  readonly #listeners: NotificationListener[] = []
  #addressTimer: NodeJS.Timeout | undefined

  constructor(options: IsnsOptions, targets: readonly TargetDescription[], log: ProtocolLog) {
    this.#options = options
    this.#targets = targets
    this.#log = log
    this.#client = new IsnsClient({
      connect: isnsConnector(options.host, options.port),
      scheduler: SYSTEM_SCHEDULER,
      log,
      settings: { ...ISNS_SETTINGS, ...options.settings },
      asksForInitiators: options.restrictsToDomains,
    })
  }

  /** `directory` as initiators shall see it. */
  guard(directory: TargetDirectory): TargetDirectory {
    return this.#options.restrictsToDomains ? new DiscoveryDomainDirectory(directory, this.#client) : directory
  }

  /** Begin to register the targets on `portals`, which listen. Never rejects: what fails is logged and tried again. */
  async start(portals: readonly PortalAddress[]): Promise<void> {
    const notificationPorts = new Map<string, number | null>()
    for (const { host } of portals) {
      if (!notificationPorts.has(host)) notificationPorts.set(host, await this.#listen(host))
    }
    const describe = () => this.#describe(portals, notificationPorts)
    this.#client.start(await describe())
    if (!portals.some(hasChangingAddresses)) return
    const lookAgain = async () => this.#client.update(await describe())
    const failed = (error: unknown) => this.#log.error({ err: error }, 'the addresses of this machine cannot be told')
    this.#addressTimer = setInterval(() => void lookAgain().catch(failed), ADDRESSES_PERIOD_MS)
    this.#addressTimer.unref()
  }

  /** Deregister, and close the ports. Resolves soon also when the iSNS server does not answer. */
  async stop(): Promise<void> {
    clearInterval(this.#addressTimer)
    await new Promise<void>((resolve) => this.#client.stop(resolve))
    for (const listener of this.#listeners) listener.close()
  }

  /** Gives the port for the iSNS server's messages at `host`; null when there is none to be had. */
  async #listen(host: string): Promise<number | null> {
    const listener = new NotificationListener({
      connectionsMax: NOTIFICATION_CONNECTIONS_MAX,
      idleTimeoutMs: NOTIFICATION_IDLE_TIMEOUT_MS,
      accept: (link) => this.#client.accept(link),
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

  async #describe(
    portals: readonly PortalAddress[],
    notificationPorts: ReadonlyMap<string, number | null>,
  ): Promise<NetworkEntity> {
    const byKey = new Map<string, NetworkEntity['portals'][number]>()
    for (const { host, port, portalGroupTag } of portals) {
      const addresses = await registrableAddresses(host, SYSTEM_ADDRESSES)
      if (addresses.length === 0) this.#log.warn({ host }, 'a portal has no address to register with the iSNS server')
      for (const address of addresses) {
        const notificationPort = notificationPorts.get(host) ?? null
        byKey.set(`${address} ${port}`, { address, port, portalGroupTag, notificationPort })
      }
    }
    return { targets: this.#targets, portals: [...byKey.values()] }
  }
}
