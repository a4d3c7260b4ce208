/** An iSNS client with a mock server and a virtual clock: what tests of the client begin with. */

import { IsnsClient } from '../../protocol/isns/client.ts'
import type { IsnsSettings } from '../../protocol/isns/client-options.ts'
import type { NetworkEntity } from '../../protocol/isns/network-entity.ts'
import { VirtualClock } from './connection-harness.ts'
import { MockIsnsServer } from './mock-isns-server.ts'

export const TARGET = 'iqn.2026-01.test:disk'
export const HOST = 'iqn.2026-01.test:host'

export const PORTAL = { address: '192.0.2.5', port: 3260, portalGroupTag: 1, notificationPort: 3206 } as const
export const ENTITY: NetworkEntity = { targets: [{ name: TARGET, alias: '' }], portals: [PORTAL] }

export const SETTINGS: IsnsSettings = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  retryDelayMs: 1_000,
  retryDelayMsMax: 8_000,
  refreshMs: 60_000,
  refreshMsMin: 1_000,
  stopTimeoutMs: 2_000,
  messageBytesMax: 64 * 1024,
  attributesMax: 1_000,
  registrationPeriodSeconds: 300,
  esiIntervalSeconds: 20,
}

export interface IsnsFixture {
  readonly client: IsnsClient
  readonly server: MockIsnsServer
  readonly clock: VirtualClock
  /** "level message" of each line that was logged. */
  readonly log: string[]
  /** Stop the client; says whether it has stopped when nothing more happens without time going by. */
  stop(): boolean
}

/** A client that asks for initiators, begun with `entity` unless that is null. */
export function isnsFixture(entity: NetworkEntity | null = ENTITY, settings: Partial<IsnsSettings> = {}): IsnsFixture {
  const clock = new VirtualClock()
  const server = new MockIsnsServer(clock)
  const log: string[] = []
  const line = (level: string) => (_fields: object, message: string) => void log.push(`${level} ${message}`)
  const client = new IsnsClient({
    connect: server.connect,
    scheduler: clock,
    log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    settings: { ...SETTINGS, ...settings },
    asksForInitiators: true,
  })
  if (entity !== null) {
    client.start(entity)
    server.settle()
  }
  return {
    client,
    server,
    clock,
    log,
    stop() {
      let hasStopped = false
      client.stop(() => {
        hasStopped = true
      })
      server.settle()
      return hasStopped
    },
  }
}
