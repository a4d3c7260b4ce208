/**
 * Data-In of a task (RFC 7143 11.7): borrowed memory, splitting by the initiator's MaxRecvDataSegmentLength and by
 * MaxBurstLength, and the status that travels in the last PDU. Called by the bridge while a task executes. At error
 * recovery level 1 and higher what is sent is kept as well, and the status never travels with it.
 */

import type { DataInSlot } from '../framing/data-in-pool.ts'
import { addStatusToDataIn, writeDataIn } from '../pdu/data.ts'
import { SentDataIn } from '../recovery/sent-data-in.ts'
import type { Task } from '../session/task.ts'

/**
 * Memory for the next `byteCount` bytes of Data-In, uninitialised; given back by `sendDataIn` or when the task ends.
 */
export function borrowDataIn(task: Task, byteCount: number): Buffer {
  const { context, outbound } = task.connection
  const slot = context.slots.take(byteCount)
  outbound.borrowed(byteCount)
  task.borrowedSlot = slot
  return slot.data
}

/**
 * Send the bytes from `bufferOffsetBytes` on. What lies beyond the initiator's expected length is dropped; the residual
 * count tells it. The last piece waits for the task's completion, which follows at once.
 * Ownership: `data` is borrowed memory or memory that its caller does not touch again.
 */
export function sendDataIn(
  task: Task,
  data: Buffer,
  bufferOffsetBytes: number,
  isLast: boolean,
  delivered: (() => void) | null,
): void {
  const { connection } = task
  let slot: DataInSlot | null = null
  if (task.borrowedSlot !== null && task.borrowedSlot.data === data) {
    slot = task.borrowedSlot
    task.borrowedSlot = null
    connection.outbound.returned(data.length)
  }
  const room = task.dataInCapacityBytes - bufferOffsetBytes
  if (room <= 0 || !(connection.isSending || task.isSuspended)) {
    if (slot !== null) connection.context.slots.release(slot)
  } else {
    const fitting = data.length <= room ? data : data.subarray(0, room)
    if (isLast) {
      task.lastData = fitting
      task.lastSlot = slot
      task.lastOffsetBytes = bufferOffsetBytes
    } else {
      queueDataIn(task, fitting, slot, bufferOffsetBytes, false, false)
    }
  }
  if (delivered === null) return
  if (task.sentDataIn === null) connection.outbound.whenRoom(delivered)
  else task.sentDataIn.whenWanted(delivered)
}

/** Queue the piece that was kept back, when there is one. Returns whether it took the status with it. */
export function sendLastDataIn(task: Task, withStatus: boolean): boolean {
  const data = task.lastData
  if (data === null) return false
  const slot = task.lastSlot
  task.lastData = null
  task.lastSlot = null
  queueDataIn(task, data, slot, task.lastOffsetBytes, true, withStatus)
  return withStatus
}

/** Give back what the task still holds. */
export function dropDataIn(task: Task): void {
  dropUnsentDataIn(task)
  if (task.sentDataIn !== null) task.sentDataIn.discard()
  task.sentDataIn = null
}

/** Give back the memory of Data-In that was not sent. */
export function dropUnsentDataIn(task: Task): void {
  const { context, outbound } = task.connection
  if (task.borrowedSlot !== null) {
    outbound.returned(task.borrowedSlot.data.length)
    context.slots.release(task.borrowedSlot)
  }
  if (task.lastSlot !== null) context.slots.release(task.lastSlot)
  task.borrowedSlot = null
  task.lastSlot = null
  task.lastData = null
}

function queueDataIn(
  task: Task,
  data: Buffer,
  slot: DataInSlot | null,
  offset: number,
  isLast: boolean,
  withStatus: boolean,
): void {
  const { connection } = task
  if (connection.statuses.ledger !== null) {
    keepDataIn(task, data, slot, offset, isLast)
    return
  }
  const sequenceBytesMax = sequenceBytesMaxOf(task)
  let at = 0
  do {
    const byteCount = takeSegment(task, data.length - at, sequenceBytesMax)
    const isEnd = at + byteCount === data.length
    const isFinal = endsSequence(task, isLast && isEnd, sequenceBytesMax)
    const isFramed = slot !== null && byteCount === slot.data.length
    const header = isFramed ? connection.writer.frameOf(slot) : connection.writer.takeHeader()
    writeDataIn(header, 0, task.initiatorTaskTag, task.dataSN++, offset + at, isFinal)
    if (withStatus && isEnd) {
      addStatusToDataIn(header, 0)
      connection.statuses.stampStatus(header)
    } else {
      connection.statuses.stamp(header)
    }
    if (isFramed) connection.writer.pushFrame(slot)
    else connection.writer.pushPdu(data.subarray(at, at + byteCount), isEnd ? slot : null)
    at += byteCount
  } while (at < data.length)
  connection.requestFlush()
}

/** The same for Data-In that may be asked for again. */
function keepDataIn(task: Task, data: Buffer, slot: DataInSlot | null, offset: number, isLast: boolean): void {
  task.sentDataIn ??= new SentDataIn(task)
  const sequenceBytesMax = sequenceBytesMaxOf(task)
  let at = 0
  do {
    const byteCount = takeSegment(task, data.length - at, sequenceBytesMax)
    const isLastOfAll = isLast && at + byteCount === data.length
    const isFinal = endsSequence(task, isLastOfAll, sequenceBytesMax)
    task.sentDataIn.send(data.subarray(at, at + byteCount), slot, offset + at, isFinal, isLastOfAll)
    at += byteCount
  } while (at < data.length)
  if (slot !== null) task.connection.context.slots.release(slot)
}

/** Segments that do not end a sequence are multiples of four bytes (RFC 7143 11.7.7), so sequences are as well. */
function sequenceBytesMaxOf({ connection }: Task): number {
  return connection.session.parameters.maxBurstLength & ~3
}

/** The length of the next data segment, counted to its sequence. */
function takeSegment(task: Task, leftBytes: number, sequenceBytesMax: number): number {
  const segmentBytesMax = task.connection.parameters.initiatorMaxRecvDataSegmentLength
  const byteCount = Math.min(leftBytes, sequenceBytesMax - task.sequenceBytes)
  const taken = byteCount > segmentBytesMax ? segmentBytesMax & ~3 : byteCount
  task.sequenceBytes += taken
  return taken
}

/** Whether the segment that was taken last ends its sequence; the next one begins another then. */
function endsSequence(task: Task, isLastOfAll: boolean, sequenceBytesMax: number): boolean {
  const isFinal = isLastOfAll || task.sequenceBytes === sequenceBytesMax
  if (isFinal) task.sequenceBytes = 0
  return isFinal
}
