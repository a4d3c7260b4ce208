/**
 * The statuses of one connection that the initiator has not acknowledged (RFC 7143 4.2.2.2, 7.1.3): kept from sending
 * until ExpStatSN passes them, so that a Status SNACK can have them again. With the status of a SCSI command its task is
 * kept, and with that its Data-In. Only at error recovery level 1 and higher; the connection keeps one and tells it of
 * every status and every acknowledgement.
 *
 * Invariant: the entries' StatSNs follow each other without a gap, and the last one is the last that was sent.
 */

import type { Connection } from '../connection/connection.ts'
import { RESPONSE } from '../pdu/bhs.ts'
import { isSerialLess } from '../serial.ts'
import type { Task } from '../session/task.ts'
import { sendReplica } from './replica.ts'

/** A status that was sent. */
export interface StatusEntry {
  /** As it went out, or as its newest version has to look: 48 bytes. */
  readonly header: Buffer
  readonly data: Buffer | null
  readonly sentMs: number
  /** The SCSI task that it answers. */
  task: Task | null
}

/** What an entry costs besides its data segment: header, objects, its place in the list. */
const ENTRY_OVERHEAD_BYTES = 512

export class StatusLedger {
  readonly #connection: Connection
  readonly #entries: StatusEntry[] = []
  #bytes = 0
  /** The entry that the initiator was reminded of last. */
  #remindedOf: StatusEntry | null = null
  #isOverflowing = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Bytes that the entries take. */
  get bytes(): number {
    return this.#bytes
  }

  /** When the oldest entry was sent; null when everything is acknowledged. */
  get oldestMs(): number | null {
    return this.#entries[0]?.sentMs ?? null
  }

  /**
   * Whether the initiator is to be reminded of the oldest status, because that has been unacknowledged for `afterMs`. Once
   * for each, so that reminders do not pile up on a connection that nobody reads.
   */
  takeReminder(nowMs: number, afterMs: number): boolean {
    const [oldest] = this.#entries
    if (oldest === undefined || oldest === this.#remindedOf || nowMs - oldest.sentMs < afterMs) return false
    this.#remindedOf = oldest
    return true
  }

  /** A status goes out. Ownership: the header is copied, nobody changes `data` any more. */
  record(header: Buffer, data: Buffer | null): void {
    this.#entries.push({ header: Buffer.from(header), data, sentMs: this.#connection.nowMs(), task: null })
    this.#bytes += costOf(data)
    if (this.#bytes > this.#connection.context.limits.retainedStatusBytesMax) this.#overflow()
  }

  /** The status recorded last answers `task`, which is kept with it. */
  keepTask(task: Task): void {
    const entry = this.#entries.at(-1)!
    entry.task = task
    task.sentStatus = entry
  }

  /** The initiator has every status before `expStatSN`. */
  acknowledged(expStatSN: number): void {
    const entries = this.#entries
    let count = 0
    while (count < entries.length && isSerialLess(statSNOf(entries[count]!), expStatSN)) count++
    this.#forget(entries.splice(0, count))
  }

  /** The answered task with this Initiator Task Tag; the newest one, should the initiator have used the tag again. */
  findTask(initiatorTaskTag: number): Task | null {
    return this.#entries.findLast(({ task }) => task?.initiatorTaskTag === initiatorTaskTag)?.task ?? null
  }

  /** The answered tasks, oldest first. */
  tasks(): Task[] {
    return this.#entries.flatMap(({ task }) => task ?? [])
  }

  /** `task` goes on elsewhere: its status is not this connection's any more. */
  releaseTask(task: Task): void {
    if (task.sentStatus !== null) task.sentStatus.task = null
    task.sentStatus = null
  }

  /**
   * Send a run of statuses again with the StatSNs they had. `begRun` and `runLength` as in a Status SNACK (RFC 7143
   * 11.16.6, 11.16.7). Says whether every status of the run was sent and is unacknowledged; if not, nothing is sent.
   */
  resend(begRun: number, runLength: number): boolean {
    const entries = this.#entries
    const isAll = begRun === 0 && runLength === 0
    const start = isAll || entries.length === 0 ? 0 : (begRun - statSNOf(entries[0]!)) >>> 0
    const end = runLength === 0 ? entries.length : start + runLength
    if (!isAll && (start >= entries.length || end > entries.length)) return false
    for (const { header, data } of entries.slice(start, end)) sendReplica(this.#connection, header, data)
    return true
  }

  /** Nobody asks for these statuses any more. */
  clear(): void {
    this.#forget(this.#entries.splice(0))
  }

  #forget(entries: readonly StatusEntry[]): void {
    for (const { data, task } of entries) {
      this.#bytes -= costOf(data)
      if (task !== null) this.#connection.places.forgetTask(task)
    }
  }

  /** The caller is about to send: the connection ends when it has. */
  #overflow(): void {
    if (this.#isOverflowing) return
    this.#isOverflowing = true
    const connection = this.#connection
    connection.context.scheduler.defer(() => connection.fail('an initiator does not acknowledge statuses'))
  }
}

function costOf(data: Buffer | null): number {
  return ENTRY_OVERHEAD_BYTES + (data?.length ?? 0)
}

function statSNOf({ header }: StatusEntry): number {
  return header.readUInt32BE(RESPONSE.statSN)
}
