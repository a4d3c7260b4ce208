/**
 * Bounds the memory of one connection in both directions. The command window is the first back-pressure; these two gates
 * are the second, in bytes: no Data-In is fetched while too much waits to leave, no R2T goes out while too much has been
 * asked for or waits to be written. What is kept for sending again has a bound of its own. Answers that come from neither
 * (pings, Rejects, texts) pile up when the initiator does not read them; only for those, as the last resort, a connection
 * stops receiving.
 */

import type { Task } from '../session/task.ts'

/** Data-In alone stays near the limit, so that an initiator which reads slowly is never met by a closed ear. */
const OVERFLOW_FACTOR = 2

/** Somebody who waits until less is kept for sending again. */
export interface RetentionWaiter {
  proceed(): void
}

/** Bytes on their way to the initiator: memory that is being filled, PDUs that are queued, PDUs in the socket. */
export class OutboundGate {
  #bytesMax: number
  readonly #retainedBytesMax: number
  readonly #queuedBytes: () => number
  #borrowedBytes = 0
  #socketBytes = 0
  #retainedBytes = 0
  #waiting: (() => void)[] = []
  readonly #retentionWaiters = new Set<RetentionWaiter>()

  /** `queuedBytes` tells what the writer has not handed over yet. */
  constructor(bytesMax: number, queuedBytes: () => number, retainedBytesMax: number) {
    this.#bytesMax = bytesMax
    this.#queuedBytes = queuedBytes
    this.#retainedBytesMax = retainedBytesMax
  }

  get isFull(): boolean {
    return this.#borrowedBytes + this.#queuedBytes() + this.#socketBytes > this.#bytesMax
  }

  /** So much waits to leave that the initiator cannot be reading: further requests must wait. */
  get isOverflowing(): boolean {
    return this.#borrowedBytes + this.#queuedBytes() + this.#socketBytes > OVERFLOW_FACTOR * this.#bytesMax
  }

  /** Bytes that are kept for sending again. */
  get retainedBytes(): number {
    return this.#retainedBytes
  }

  /** Too much is kept for sending again: who can wait for acknowledgements does. */
  get isRetentionFull(): boolean {
    return this.#retainedBytes > this.#retainedBytesMax
  }

  /** So much is kept that acknowledgements are worth asking for, before anybody has to wait for them. */
  get isRetentionHigh(): boolean {
    return this.#retainedBytes > this.#retainedBytesMax / 2
  }

  /** Data-In is kept for sending again, besides being sent. */
  retain(byteCount: number): void {
    this.#retainedBytes += byteCount
  }

  /** It was acknowledged, or nobody can ask for it any more. */
  unretain(byteCount: number): void {
    this.#retainedBytes -= byteCount
  }

  /** Memory was lent to be filled. */
  borrowed(byteCount: number): void {
    this.#borrowedBytes += byteCount
  }

  /** Lent memory came back: as data to send, which the writer counts from now on, or unused. */
  returned(byteCount: number): void {
    this.#borrowedBytes -= byteCount
  }

  /** The writer handed bytes to the socket. */
  handedOver(byteCount: number): void {
    this.#socketBytes += byteCount
  }

  /** The socket is done with bytes. */
  left(byteCount: number): void {
    this.#socketBytes -= byteCount
  }

  /** There may be room again: let those go on who wait for it. */
  wake(): void {
    while (this.#waiting.length > 0 && !this.isFull) this.#waiting.shift()!()
    if (this.#retentionWaiters.size > 0) this.#wakeRetentionWaiters()
  }

  /** Let `waiter` proceed when less is kept, whatever has been acknowledged. */
  awaitRetention(waiter: RetentionWaiter): void {
    this.#retentionWaiters.add(waiter)
  }

  /** It does not wait any more. */
  forgetRetentionWaiter(waiter: RetentionWaiter): void {
    this.#retentionWaiters.delete(waiter)
  }

  /** Call `proceed` when there is room: at once, or when it has been made. */
  whenRoom(proceed: () => void): void {
    if (this.#waiting.length === 0 && !this.isFull) proceed()
    else this.#waiting.push(proceed)
  }

  /** The connection is gone and sends nothing: whoever waits goes on, to find that out, and nobody waits again. */
  open(): void {
    this.#bytesMax = Number.POSITIVE_INFINITY
    const waiting = this.#waiting
    this.#waiting = []
    for (const proceed of waiting) proceed()
  }

  #wakeRetentionWaiters(): void {
    for (const waiter of [...this.#retentionWaiters]) {
      if (this.isRetentionFull) return
      if (this.#retentionWaiters.delete(waiter)) waiter.proceed()
    }
  }
}

/** Bytes that the initiator was asked for, or sent unasked for a command that runs, and that the SCSI layer has not consumed. */
export class InboundGate {
  readonly #bytesMax: number
  readonly #resume: (task: Task) => void
  #bytes = 0
  #waiting: Task[] = []
  #isResuming = false
  #activeMs = 0
  #activeTag = 0

  /** `resume` lets a task try again. */
  constructor(bytesMax: number, resume: (task: Task) => void) {
    this.#bytesMax = bytesMax
    this.#resume = resume
  }

  /** Bytes that are asked for or held at the moment. */
  get bytes(): number {
    return this.#bytes
  }

  /** When data came last that an R2T had asked for: while it flows, an R2T may just wait for its turn. */
  get activeMs(): number {
    return this.#activeMs
  }

  /** For which Target Transfer Tag it came. */
  get activeTag(): number {
    return this.#activeTag
  }

  /** Data came for the R2T with this Target Transfer Tag. */
  dataOutCame(nowMs: number, tag: number): void {
    this.#activeMs = nowMs
    this.#activeTag = tag
  }

  /** Make room for a transfer; one that is alone always gets it, however long it is. */
  reserve(byteCount: number): boolean {
    if (this.#bytes > 0 && this.#bytes + byteCount > this.#bytesMax) return false
    this.#bytes += byteCount
    return true
  }

  /** Bytes that nobody asked for were taken; the negotiated first burst and the command window bound them. */
  arrived(byteCount: number): void {
    this.#bytes += byteCount
  }

  /** Bytes were consumed, dropped, or will not come. */
  release(byteCount: number): void {
    this.#bytes -= byteCount
    if (this.#waiting.length === 0 || this.#isResuming) return
    this.#isResuming = true
    for (let tries = this.#waiting.length; tries > 0 && this.#bytes < this.#bytesMax; tries--) {
      const task = this.#waiting.shift()
      if (task !== undefined) this.#resume(task)
    }
    this.#isResuming = false
  }

  /** Try `task` again when bytes have been released. */
  wait(task: Task): void {
    if (!this.#waiting.includes(task)) this.#waiting.push(task)
  }

  /** `task` has ended. */
  forget(task: Task): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((waiting) => waiting !== task)
  }
}
