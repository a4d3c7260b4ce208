/**
 * Notifications of the object model as server-sent events (WHATWG HTML 9.2). The last ones are kept in a ring, from which
 * every subscriber reads at its own pace and after a break goes on with Last-Event-ID; who has fallen behind the ring, or
 * comes back after a restart, is told to refresh (VDS_NF_SERVICE_OUT_OF_SYNC) and goes on with what is new.
 *
 * An event's id is `EPOCH-SEQUENCE`: the epoch tells this process from others.
 */

import { randomBytes } from 'node:crypto'
import type { Notifications, VdsNotification } from '../management/notifications.ts'
import { OUT_OF_SYNC } from '../management/notifications.ts'

/** Kept for those who come back. */
const EVENTS_MAX = 4096
/** A comment so often tells both sides that the connection lives, more often than idle ones are cut. */
const HEARTBEAT_MS = 15_000
const HEARTBEAT = ': still here\n\n'

export interface EventLogOptions {
  readonly eventsMax?: number
  readonly heartbeatMs?: number
}

export class EventLog {
  readonly #epoch = randomBytes(6).toString('hex')
  readonly #eventsMax: number
  readonly #heartbeatMs: number
  readonly #notifications: Notifications
  readonly #cookie: number
  #events: VdsNotification[] = []
  /** Number of events that are no longer kept. */
  #dropped = 0
  #newEvent = Promise.withResolvers<void>()

  constructor(
    notifications: Notifications,
    { eventsMax = EVENTS_MAX, heartbeatMs = HEARTBEAT_MS }: EventLogOptions = {},
  ) {
    this.#eventsMax = eventsMax
    this.#heartbeatMs = heartbeatMs
    this.#notifications = notifications
    this.#cookie = notifications.advise((batch) => this.#append(batch))
  }

  close(): void {
    this.#notifications.unadvise(this.#cookie)
    this.#newEvent.resolve()
  }

  /** The events after `lastEventId`, or from now on without one, as text, until `signal` ends it. */
  async *stream(lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<string> {
    yield 'retry: 1000\n\n'
    let at = this.#positionAfter(lastEventId)
    while (!signal.aborted) {
      if (at === null || at < this.#dropped) {
        at = this.#end
        yield this.#format(OUT_OF_SYNC_EVENT, at)
      }
      while (at < this.#end && at >= this.#dropped) {
        const event = this.#events[at - this.#dropped]!
        at++
        yield this.#format(event, at)
      }
      if (at === this.#end && !(await this.#waitForEvent(signal))) yield HEARTBEAT
    }
  }

  get #end(): number {
    return this.#dropped + this.#events.length
  }

  #append(batch: readonly VdsNotification[]): void {
    this.#events.push(...batch)
    const excess = this.#events.length - this.#eventsMax
    if (excess > 0) {
      this.#events = this.#events.slice(excess)
      this.#dropped += excess
    }
    this.#newEvent.resolve()
    this.#newEvent = Promise.withResolvers()
  }

  /** Null when what came since is not known. */
  #positionAfter(lastEventId: string | undefined): number | null {
    if (lastEventId === undefined) return this.#end
    const [epoch, position = ''] = lastEventId.split('-')
    if (epoch !== this.#epoch || !/^[0-9]{1,15}$/.test(position)) return null
    return Number(position) <= this.#end ? Number(position) : null
  }

  /** False when nothing came for the time of a heartbeat. */
  async #waitForEvent(signal: AbortSignal): Promise<boolean> {
    // Ended while an event was on its way out: nobody would tell us again.
    if (signal.aborted) return true
    const silence = Promise.withResolvers<boolean>()
    const timer = setTimeout(silence.resolve, this.#heartbeatMs, false)
    const end = () => silence.resolve(true)
    signal.addEventListener('abort', end)
    try {
      return await Promise.race([this.#newEvent.promise.then(() => true), silence.promise])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }

  #format(event: object & { readonly name: string }, position: number): string {
    return `id: ${this.#epoch}-${position}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`
  }
}

const OUT_OF_SYNC_EVENT = { kind: 'refresh', ...OUT_OF_SYNC, name: 'VDS_NF_SERVICE_OUT_OF_SYNC' }
