/**
 * Notifications to whoever advised a sink (IVdsAdviseSink): what arrived, departed or was modified, with VDS's event numbers,
 * in batches of at most 100 that hold all consequences of one change. A sink that does not keep up loses what waits for it
 * and is told to refresh instead, so that nobody believes in a state that is gone.
 */

import type { ObjectId } from './configuration.ts'
import { VdsError } from './hresult.ts'
import { OBJECT_TYPE } from './vds-types.ts'

/** `ulEvent` by object and what happened to it (VDS_NF_). */
export const NOTIFICATION_EVENTS = {
  subSystem: { arrive: 101, depart: 102, modify: 151 },
  lun: { arrive: 108, depart: 109, modify: 110 },
  portal: { arrive: 123, depart: 124, modify: 125 },
  target: { arrive: 126, depart: 127, modify: 128 },
  portalGroup: { arrive: 129, depart: 130, modify: 131 },
} as const

/** VDS_NF_SERVICE_OUT_OF_SYNC with the action VDS_RA_REFRESH. */
export const OUT_OF_SYNC = { objectType: 200, event: 301, action: 1 } as const

export type NotifiedObject = keyof typeof NOTIFICATION_EVENTS
export type ObjectEvent = keyof (typeof NOTIFICATION_EVENTS)['lun']

/** What happened to an object, before it has a number. */
export interface ObjectChange {
  readonly object: NotifiedObject
  readonly change: ObjectEvent
  readonly id: ObjectId
}

export interface ObjectNotification extends ObjectChange {
  readonly kind: 'object'
  /** Grows by one with each notification of this process. */
  readonly sequence: number
  /** VDS_NTT_. */
  readonly objectType: number
  /** VDS_NF_. */
  readonly event: number
  /** The constant's name, such as VDS_NF_LUN_ARRIVE. */
  readonly name: string
}

export interface RefreshNotification {
  readonly kind: 'refresh'
  readonly sequence: number
  readonly objectType: number
  readonly event: number
  readonly name: 'VDS_NF_SERVICE_OUT_OF_SYNC'
  /** VDS_RA_. */
  readonly action: number
}

export type VdsNotification = ObjectNotification | RefreshNotification

/** Takes a batch; when it returns a promise, the next one comes after that. What it throws ends nothing but is lost. */
export type AdviseSink = (batch: readonly VdsNotification[]) => void | Promise<void>

const BATCH_MAX = 100

interface Subscription {
  readonly sink: AdviseSink
  queue: VdsNotification[]
  isDelivering: boolean
}

export class Notifications {
  readonly #queueMax: number
  readonly #subscriptions = new Map<number, Subscription>()
  #sequence = 0
  #cookie = 0

  constructor(queueMax: number) {
    this.#queueMax = queueMax
  }

  /** The number of the last notification. */
  get sequence(): number {
    return this.#sequence
  }

  /** From now on `sink` hears of everything. Returns the cookie that ends it. */
  advise(sink: AdviseSink): number {
    this.#cookie++
    this.#subscriptions.set(this.#cookie, { sink, queue: [], isDelivering: false })
    return this.#cookie
  }

  /** Errors: VDS_E_BAD_COOKIE. */
  unadvise(cookie: number): void {
    if (!this.#subscriptions.delete(cookie)) {
      throw new VdsError('VDS_E_BAD_COOKIE', `there is no subscription ${cookie}`)
    }
  }

  /** Tell everybody, soon and never within this call. */
  notify(changes: readonly ObjectChange[]): void {
    if (changes.length === 0) return
    const notifications = changes.map((change) => numbered(change, ++this.#sequence))
    for (const [cookie, subscription] of this.#subscriptions) {
      if (subscription.queue.length + notifications.length > this.#queueMax) {
        subscription.queue = [refresh(this.#sequence)]
      } else {
        subscription.queue.push(...notifications)
      }
      void this.#deliver(cookie, subscription)
    }
  }

  async #deliver(cookie: number, subscription: Subscription): Promise<void> {
    if (subscription.isDelivering) return
    subscription.isDelivering = true
    await Promise.resolve()
    while (subscription.queue.length > 0 && this.#subscriptions.has(cookie)) {
      const batch = subscription.queue.splice(0, BATCH_MAX)
      try {
        await subscription.sink(batch)
      } catch {
        // As S_FALSE of OnNotify: the batch is lost for this sink.
      }
    }
    subscription.isDelivering = false
  }
}

function numbered(change: ObjectChange, sequence: number): ObjectNotification {
  return {
    kind: 'object',
    ...change,
    sequence,
    objectType: OBJECT_TYPE[change.object],
    event: NOTIFICATION_EVENTS[change.object][change.change],
    name: `VDS_NF_${upperSnakeCase(change.object)}_${change.change.toUpperCase()}`,
  }
}

function refresh(sequence: number): RefreshNotification {
  return { kind: 'refresh', sequence, ...OUT_OF_SYNC, name: 'VDS_NF_SERVICE_OUT_OF_SYNC' }
}

function upperSnakeCase(text: string): string {
  return text.replace(/[A-Z]/g, '_$&').toUpperCase()
}
