/**
 * The Data-In of one task that the initiator may ask for again (RFC 7143 7.1.3): every PDU from its sending until it is
 * acknowledged by a DataACK or with the status. The data stays in the memory that it was sent from. Only at error
 * recovery level 1 and higher.
 *
 * What all tasks of a connection keep is bounded at its outbound gate. While the bound is exceeded, a task that has asked
 * for an acknowledgement (A bit) waits for it; one that has not goes on until it may ask, so that no task waits for what
 * it cannot bring about.
 *
 * While the task is suspended nothing goes out: its Data-In is kept here unsent until a connection takes it over.
 */

import type { Connection } from '../connection/connection.ts'
import type { DataInSlot } from '../framing/data-in-pool.ts'
import { DATA_IN, DATA_IN_FLAG, writeDataIn } from '../pdu/data.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import type { Task } from '../session/task.ts'
import { sendReplica } from './replica.ts'

interface DataInPdu {
  readonly header: Buffer
  readonly data: Buffer
  /** The memory behind `data`, held for this PDU. */
  readonly slot: DataInSlot | null
}

export class SentDataIn {
  readonly #task: Task
  /** Not acknowledged, in the order of their DataSNs. */
  #pdus: DataInPdu[] = []
  #retainedBytes = 0
  /** The first DataSN that is not acknowledged (RFC 7143 11.5.6). */
  #referenceDataSN = 0
  /** Sent since an acknowledgement was asked for. */
  #unaskedBytes = 0
  /** The DataSN behind the last PDU with the A bit; null before the first. */
  #askedDataSN: number | null = null
  #acknowledgementTag: number | null = null
  /** The DataSN behind the last PDU that went out before the task was suspended. */
  #suspendedDataSN = 0
  #waiting: (() => void) | null = null
  #waitingSinceMs = 0

  constructor(task: Task) {
    this.#task = task
  }

  /** The Target Transfer Tag of its PDUs with the A bit; null before the first. */
  get acknowledgementTag(): number | null {
    return this.#acknowledgementTag
  }

  get referenceDataSN(): number {
    return this.#referenceDataSN
  }

  /** The length of the longest data segment that is kept. */
  get longestBytes(): number {
    return this.#pdus.reduce((longest, { data }) => Math.max(longest, data.length), 0)
  }

  /** Since when the task waits for an acknowledgement; null when it does not. */
  get waitingSinceMs(): number | null {
    return this.#waiting === null || this.#task.isSuspended ? null : this.#waitingSinceMs
  }

  /**
   * Send a PDU, with the A bit when it is time for it, and keep it. `isLast`: it concludes the command's Data-In.
   * Ownership: `slot`, the memory behind `data`, is held here as long as it is needed.
   */
  send(data: Buffer, slot: DataInSlot | null, offsetBytes: number, isFinal: boolean, isLast: boolean): void {
    const task = this.#task
    const { outbound, session } = task.connection
    this.#unaskedBytes += data.length
    const isDue = this.#unaskedBytes >= session.parameters.maxBurstLength
    const header = Buffer.alloc(BHS_BYTES)
    writeDataIn(header, 0, task.initiatorTaskTag, task.dataSN++, offsetBytes, isFinal)
    if (isDue || (isLast && outbound.isRetentionHigh)) this.#askForAcknowledgement(header)
    task.connection.statuses.stamp(header)
    this.#keep({ header, data, slot })
    if (!task.isSuspended) sendReplica(task.connection, header, data, slot)
  }

  /** Call `proceed` when the SCSI layer is to bring more. */
  whenWanted(proceed: () => void): void {
    const { connection, isSuspended } = this.#task
    const mustWait = this.#isAskedFor && connection.outbound.isRetentionFull
    if (!isSuspended && !mustWait) {
      connection.outbound.whenRoom(proceed)
      return
    }
    this.#waiting = proceed
    this.#waitingSinceMs = connection.nowMs()
    if (!isSuspended) connection.outbound.awaitRetention(this)
  }

  /** The initiator has all Data-In before `dataSN`. Says whether that can be. */
  acknowledge(dataSN: number): boolean {
    if (dataSN < this.#referenceDataSN || dataSN > this.#task.dataSN) return false
    this.#referenceDataSN = dataSN
    const { connection } = this.#task
    const keptFrom = this.#pdus.findIndex(({ header }) => dataSNOf(header) >= dataSN)
    const freed = this.#pdus.splice(0, keptFrom < 0 ? this.#pdus.length : keptFrom)
    for (const pdu of freed) this.#release(pdu)
    if (freed.length > 0) connection.roomMade()
    if (!this.#isAskedFor) this.proceed()
    return true
  }

  /** The task need not wait any longer. */
  proceed(): void {
    this.#task.connection.outbound.forgetRetentionWaiter(this)
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting !== null) this.whenWanted(waiting)
  }

  /** How many PDUs with numbers from `begin` up to, not including, `end` are kept. */
  countKept(begin: number, end: number): number {
    return this.#pdus.filter(({ header }) => isWithin(header, begin, end)).length
  }

  /** Send them again as they were. */
  resend(begin: number, end: number): void {
    for (const { header, data, slot } of this.#pdus) {
      if (isWithin(header, begin, end)) sendReplica(this.#task.connection, header, data, slot)
    }
  }

  /**
   * Send everything that is not acknowledged anew, in segments that the initiator takes now: numbered from the first
   * unacknowledged DataSN on, sequences ending where they ended.
   */
  resegment(): void {
    const task = this.#task
    const segmentBytesMax = task.connection.parameters.initiatorMaxRecvDataSegmentLength
    const old = this.#pdus
    const nextDataSN = task.dataSN
    this.#pdus = []
    this.#askedDataSN = null
    task.dataSN = this.#referenceDataSN
    for (const pdu of old) {
      this.#resend(pdu, pdu.data.length <= segmentBytesMax ? pdu.data.length : segmentBytesMax & ~3)
      this.#release(pdu)
    }
    // The numbers of R2Ts that are out lie between: what comes next must not take one of them again.
    if (task.isBidirectional && task.readyToTransfers.length > 0) task.dataSN = Math.max(task.dataSN, nextDataSN)
  }

  /** The task is suspended: what comes from now on has not been sent. */
  suspended(): void {
    this.#task.connection.outbound.forgetRetentionWaiter(this)
    this.#suspendedDataSN = this.#task.dataSN
  }

  /**
   * The task has moved from the connection `from` to another one: send there what is not acknowledged. `expDataSN`: of
   * TASK REASSIGN; a value that cannot be is ignored (RFC 7143 11.5.6).
   */
  moved(from: Connection, expDataSN: number): void {
    from.outbound.unretain(this.#retainedBytes)
    this.#task.connection.outbound.retain(this.#retainedBytes)
    if (expDataSN > this.#referenceDataSN && expDataSN <= this.#suspendedDataSN) this.acknowledge(expDataSN)
    this.resegment()
  }

  /** Nobody asks for it any more. */
  discard(): void {
    this.#waiting = null
    this.#task.connection.outbound.forgetRetentionWaiter(this)
    for (const pdu of this.#pdus.splice(0)) this.#release(pdu)
  }

  /** An acknowledgement was asked for and has not come. */
  get #isAskedFor(): boolean {
    return this.#askedDataSN !== null && this.#askedDataSN > this.#referenceDataSN
  }

  #askForAcknowledgement(header: Buffer): void {
    const task = this.#task
    this.#acknowledgementTag ??= task.connection.session.takeTransferTag()
    this.#askedDataSN = task.dataSN
    this.#unaskedBytes = 0
    header[DATA_IN.flags]! |= DATA_IN_FLAG.acknowledge
    task.lun.copy(header, DATA_IN.lun)
    header.writeUInt32BE(this.#acknowledgementTag, DATA_IN.targetTransferTag)
  }

  #resend({ header, data, slot }: DataInPdu, segmentBytesMax: number): void {
    const task = this.#task
    const flags = header[DATA_IN.flags]!
    const offsetBytes = header.readUInt32BE(DATA_IN.bufferOffset)
    let at = 0
    do {
      const segment = data.subarray(at, at + segmentBytesMax)
      const isEnd = at + segment.length === data.length
      const isFinal = isEnd && (flags & DATA_IN_FLAG.final) !== 0
      const fresh = Buffer.alloc(BHS_BYTES)
      writeDataIn(fresh, 0, task.initiatorTaskTag, task.dataSN++, offsetBytes + at, isFinal)
      if (isEnd && (flags & DATA_IN_FLAG.acknowledge) !== 0) this.#askForAcknowledgement(fresh)
      task.connection.statuses.stamp(fresh)
      this.#keep({ header: fresh, data: segment, slot })
      sendReplica(task.connection, fresh, segment, slot)
      at += segmentBytesMax
    } while (at < data.length)
  }

  #keep(pdu: DataInPdu): void {
    if (pdu.slot !== null) pdu.slot.holdCount++
    this.#pdus.push(pdu)
    this.#retainedBytes += pdu.data.length
    this.#task.connection.outbound.retain(pdu.data.length)
  }

  #release({ data, slot }: DataInPdu): void {
    const { outbound, context } = this.#task.connection
    if (slot !== null) context.slots.release(slot)
    this.#retainedBytes -= data.length
    outbound.unretain(data.length)
  }
}

function dataSNOf(header: Buffer): number {
  return header.readUInt32BE(DATA_IN.dataSN)
}

function isWithin(header: Buffer, begin: number, end: number): boolean {
  const dataSN = dataSNOf(header)
  return dataSN >= begin && dataSN < end
}
