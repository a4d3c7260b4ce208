/**
 * Data-Out of a task (RFC 7143 11.7, 11.8, 4.2.5.2): immediate, unsolicited and solicited data, R2Ts within
 * MaxOutstandingR2T and MaxBurstLength, and what happens when an initiator does not keep to them. Data sequences and the
 * PDUs in them come in order (we always answer DataSequenceInOrder and DataPDUInOrder with Yes).
 *
 * Data that got lost is asked for again at error recovery level 1 and higher. Any other transfer that went wrong ends its
 * command with sense data of its own, but only after the initiator has sent everything that it is bound to send (RFC 7143
 * 11.4.2); until then its data is taken and dropped.
 */

import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { FINAL_BIT } from '../pdu/bhs.ts'
import { DATA_OUT } from '../pdu/data.ts'
import { addLostRange, solicitLostData } from '../recovery/lost-data-out.ts'
import { isSerialLess, serialAdd } from '../serial.ts'
import type { DataOutPiece, DataOutReceiver, Task } from '../session/task.ts'
import type { Connection } from './connection.ts'
import { holdData } from './data-out-memory.ts'
import { ISCSI_SENSE } from './iscsi-sense.ts'
import { endTransfer, type ReadyToTransfer, requestTransfer } from './ready-to-transfer.ts'
import { rejectPdu } from './reject.ts'
import { failTask, respondWhenDataIsIn } from './task-lifecycle.ts'

/**
 * Have the first `byteCount` bytes of the command's data delivered to `receiver`: what came already at once, the rest as
 * R2Ts bring it. The slices stay valid until `dataOutConsumed`.
 */
export function receiveDataOut(task: Task, byteCount: number, receiver: DataOutReceiver): void {
  if (task.failureSense !== null) return
  task.wantedBytes = Math.min(byteCount, task.dataOutCapacityBytes)
  task.receiver = receiver
  deliverEarlyData(task)
  solicit(task)
}

/** Take the immediate data of a SCSI Command PDU. */
export function takeImmediateData(task: Task, pdu: Pdu): void {
  task.unsolicitedOffsetBytes = pdu.dataBytes
  if (pdu.dataBytes > 0) takeUncounted(task, pdu, 0)
}

/** A Data-Out PDU came. */
export function handleDataOut(connection: Connection, pdu: Pdu): void {
  const { header, at } = pdu
  const targetTransferTag = header.readUInt32BE(at + DATA_OUT.targetTransferTag)
  const initiatorTaskTag = header.readUInt32BE(at + DATA_OUT.initiatorTaskTag)
  const isFinal = (header[at + DATA_OUT.flags]! & FINAL_BIT) !== 0
  if (pdu.hasDataDigestError) rejectPdu(connection, pdu, REJECT_REASON.DATA_DIGEST_ERROR)
  if (targetTransferTag === RESERVED_TAG) {
    const task = connection.session.tasks.get(initiatorTaskTag | 0)
    // The tail of a command that was ignored or has ended: its data is taken and dropped.
    if (task?.isUnsolicitedDataDue) handleUnsolicited(task, pdu, isFinal)
    return
  }
  const readyToTransfer = connection.readyToTransfers.get(targetTransferTag)
  if (readyToTransfer === undefined || readyToTransfer.initiatorTaskTag !== initiatorTaskTag) {
    if (!pdu.hasDataDigestError) rejectPdu(connection, pdu, REJECT_REASON.INVALID_PDU_FIELD)
    return
  }
  handleSolicited(connection, readyToTransfer, pdu, isFinal)
}

/** Send R2Ts for what is wanted and not asked for, as far as the limits let it; for what was lost first. */
export function solicit(task: Task): void {
  const { connection } = task
  if (!connection.isSending || task.isSuspended) return
  const { maxOutstandingR2T, maxBurstLength } = connection.session.parameters
  if (task.isUnsolicitedDataDue || task.failureSense !== null || task.phase !== 'executing') return
  if (task.lostRanges.length > 0 && !solicitLostData(task)) return
  while (task.solicitedEndBytes < task.wantedBytes && task.readyToTransfers.length < maxOutstandingR2T) {
    const lengthBytes = Math.min(maxBurstLength, task.wantedBytes - task.solicitedEndBytes)
    if (!requestTransfer(task, task.solicitedEndBytes, lengthBytes)) return
    task.solicitedEndBytes += lengthBytes
  }
}

/**
 * What a PDU of a sequence is worth: `good`; `lost`, when data before it, in it or behind it did not come and can be asked
 * for again; or what is wrong with it.
 */
type Verdict = 'good' | 'lost' | 'crcError' | 'wrongAmount'

function judge(
  connection: Connection,
  pdu: Pdu,
  expectedDataSN: number,
  expectedOffset: number,
  endBytes: number,
  isFinal: boolean,
): Verdict {
  const { header, at, hasDataDigestError } = pdu
  const dataSN = header.readUInt32BE(at + DATA_OUT.dataSN)
  const bufferOffset = header.readUInt32BE(at + DATA_OUT.bufferOffset)
  const end = bufferOffset + pdu.dataBytes
  const isInSequence = dataSN === expectedDataSN && !hasDataDigestError
  const fits = bufferOffset === expectedOffset && end <= endBytes
  if (isInSequence && fits && !(isFinal && end !== endBytes)) return 'good'
  if (connection.statuses.ledger === null) return isInSequence ? 'wrongAmount' : 'crcError'
  // A hole in the offsets without one in the numbers is the initiator's own doing, and so is data that comes twice.
  const isAhead = bufferOffset > expectedOffset && isSerialLess(expectedDataSN, dataSN)
  const isInPlace = bufferOffset === expectedOffset && !isSerialLess(dataSN, expectedDataSN)
  return (isAhead || isInPlace) && end <= endBytes ? 'lost' : 'wrongAmount'
}

/**
 * Note which data a PDU shows to be lost: what was due from `expectedOffset` on and is not in it, and in a final one what
 * was due behind it.
 */
function noteLostData(task: Task, pdu: Pdu, expectedOffset: number, endBytes: number, isFinal: boolean): void {
  const bufferOffset = pdu.header.readUInt32BE(pdu.at + DATA_OUT.bufferOffset)
  const end = bufferOffset + pdu.dataBytes
  addLostRange(task, expectedOffset, pdu.hasDataDigestError ? end : bufferOffset)
  if (isFinal) addLostRange(task, end, endBytes)
}

function handleUnsolicited(task: Task, pdu: Pdu, isFinal: boolean): void {
  const { connection, unsolicitedOffsetBytes: expectedOffset, unsolicitedEndBytes: endBytes } = task
  const { header, at } = pdu
  const bufferOffset = header.readUInt32BE(at + DATA_OUT.bufferOffset)
  if (connection.statuses.ledger !== null && isRepeated(task, pdu)) return
  const verdict = judge(connection, pdu, task.unsolicitedDataSN, expectedOffset, endBytes, isFinal)
  // Whatever the data leads to may end the task: from there on it may not be changed any more.
  task.unsolicitedDataSN = serialAdd(header.readUInt32BE(at + DATA_OUT.dataSN), 1)
  task.unsolicitedActiveMs = connection.lastReceivedMs
  if (isFinal) task.isUnsolicitedDataDue = false
  if (task.failureSense === null) {
    if (verdict === 'crcError' || verdict === 'wrongAmount') {
      failTask(task, SENSE_OF[verdict])
    } else {
      task.unsolicitedOffsetBytes = bufferOffset + pdu.dataBytes
      if (verdict === 'lost') noteLostData(task, pdu, expectedOffset, endBytes, isFinal)
      if (pdu.dataBytes > 0 && !pdu.hasDataDigestError) takeUncounted(task, pdu, bufferOffset)
    }
  }
  if (!isFinal) return
  if (task.receiver !== null) solicit(task)
  respondWhenDataIsIn(task)
}

/** An initiator that retries a command sends its data again as well (RFC 7143 7.8), also what has come already. */
function isRepeated(task: Task, pdu: Pdu): boolean {
  const { header, at } = pdu
  const end = header.readUInt32BE(at + DATA_OUT.bufferOffset) + pdu.dataBytes
  const isOldNumber = isSerialLess(header.readUInt32BE(at + DATA_OUT.dataSN), task.unsolicitedDataSN)
  return isOldNumber && end <= task.unsolicitedOffsetBytes
}

const SENSE_OF = {
  crcError: ISCSI_SENSE.protocolServiceCrcError,
  wrongAmount: ISCSI_SENSE.incorrectAmountOfData,
} as const

function handleSolicited(connection: Connection, transfer: ReadyToTransfer, pdu: Pdu, isFinal: boolean): void {
  const { header, at } = pdu
  const { task, lengthBytes } = transfer
  const { inbound } = connection
  const expectedOffset = transfer.bufferOffset + transfer.answeredBytes
  const endBytes = transfer.bufferOffset + lengthBytes
  const bufferOffset = header.readUInt32BE(at + DATA_OUT.bufferOffset)
  const isTurn = task === null || task.readyToTransfers[0] === transfer
  const verdict = isTurn ? judge(connection, pdu, transfer.dataSN, expectedOffset, endBytes, isFinal) : 'wrongAmount'
  const skippedBytes = verdict === 'lost' ? bufferOffset - expectedOffset : 0
  const takenBytes = Math.min(pdu.dataBytes, endBytes - expectedOffset)
  transfer.dataSN = serialAdd(header.readUInt32BE(at + DATA_OUT.dataSN), 1)
  transfer.activeMs = connection.nowMs()
  inbound.dataOutCame(transfer.activeMs, transfer.tag)
  transfer.answeredBytes += skippedBytes + takenBytes
  if (isFinal) endTransfer(connection, transfer)
  if (task === null) return
  if (task.failureSense !== null || verdict === 'crcError' || verdict === 'wrongAmount') {
    inbound.release(takenBytes)
    if (task.failureSense === null) failTask(task, SENSE_OF[verdict as keyof typeof SENSE_OF])
  } else {
    if (verdict === 'lost') noteLostData(task, pdu, expectedOffset, endBytes, isFinal)
    if (skippedBytes > 0) inbound.release(skippedBytes)
    if (pdu.hasDataDigestError) inbound.release(takenBytes)
    else if (takenBytes > 0) takeCounted(task, pdu, bufferOffset)
    if (isFinal) solicit(task)
  }
  if (isFinal) respondWhenDataIsIn(task)
}

/**
 * Unsolicited bytes have come. Before somebody asks for them they do not count at the gate: a command that waits for
 * those before it must not take the room that they need to end.
 */
function takeUncounted(task: Task, pdu: Pdu, bufferOffset: number): void {
  const { dataBytes } = pdu
  if (task.receiver === null && task.outcome !== null) return
  const slices = holdData(task, pdu)
  if (task.receiver === null || bufferOffset !== task.deliveredBytes) {
    keepEarly(task, { slices, bufferOffsetBytes: bufferOffset, byteCount: dataBytes, isCounted: false })
    return
  }
  task.connection.inbound.arrived(dataBytes)
  task.deliveredBytes = bufferOffset + dataBytes
  deliver(task, slices, bufferOffset, dataBytes)
  if (task.earlyData.length > 0) deliverEarlyData(task)
}

/** Bytes have come that an R2T had asked for, and made room for. */
function takeCounted(task: Task, pdu: Pdu, bufferOffset: number): void {
  const { dataBytes } = pdu
  task.fruitlessR2TCount = 0
  const slices = holdData(task, pdu)
  if (task.receiver !== null && bufferOffset !== task.deliveredBytes) {
    keepEarly(task, { slices, bufferOffsetBytes: bufferOffset, byteCount: dataBytes, isCounted: true })
    return
  }
  task.deliveredBytes = bufferOffset + dataBytes
  deliver(task, slices, bufferOffset, dataBytes)
  if (task.earlyData.length > 0) deliverEarlyData(task)
}

/** Pieces that are kept and follow each other are joined up to this length: small ones cost more than their bytes. */
const JOINED_BYTES_MAX = 2048

/** Keep a piece until somebody asks for it, or until what was lost before it has come. */
function keepEarly(task: Task, piece: DataOutPiece): void {
  const { earlyData } = task
  const last = earlyData.at(-1)
  if (last !== undefined && mayJoin(last, piece)) earlyData[earlyData.length - 1] = joined(last, piece)
  else earlyData.push(piece)
  if (last !== undefined && last.bufferOffsetBytes > piece.bufferOffsetBytes) {
    earlyData.sort((left, right) => left.bufferOffsetBytes - right.bufferOffsetBytes)
  }
  task.earlyBytes += piece.byteCount
}

function mayJoin(last: DataOutPiece, next: DataOutPiece): boolean {
  const isNext = last.bufferOffsetBytes + last.byteCount === next.bufferOffsetBytes
  return isNext && last.isCounted === next.isCounted && last.byteCount + next.byteCount <= JOINED_BYTES_MAX
}

function joined(last: DataOutPiece, next: DataOutPiece): DataOutPiece {
  const byteCount = last.byteCount + next.byteCount
  return { ...last, slices: [Buffer.concat([...last.slices, ...next.slices], byteCount)], byteCount }
}

/** Hand on the pieces whose turn has come. */
function deliverEarlyData(task: Task): void {
  const { inbound } = task.connection
  while (task.receiver !== null && task.earlyData[0]?.bufferOffsetBytes === task.deliveredBytes) {
    const { slices, bufferOffsetBytes, byteCount, isCounted } = task.earlyData.shift()!
    task.earlyBytes -= byteCount
    task.deliveredBytes += byteCount
    if (!isCounted) inbound.arrived(byteCount)
    deliver(task, slices, bufferOffsetBytes, byteCount)
  }
}

/**
 * Hand on what the receiver wants of a piece that counts at the gate. It may have asked for less than the initiator has
 * sent, and a command that has ended wants nothing.
 */
function deliver(task: Task, slices: readonly Buffer[], bufferOffset: number, byteCount: number): void {
  const { receiver, connection } = task
  const wanted = receiver === null ? 0 : Math.max(Math.min(byteCount, task.wantedBytes - bufferOffset), 0)
  if (wanted < byteCount) connection.inbound.release(byteCount - wanted)
  if (receiver === null || wanted === 0) return
  task.unconsumedBytes += wanted
  receiver(wanted === byteCount ? slices : firstBytes(slices, wanted), bufferOffset, wanted)
}

function firstBytes(slices: readonly Buffer[], byteCount: number): readonly Buffer[] {
  const kept: Buffer[] = []
  let left = byteCount
  for (const slice of slices) {
    if (left === 0) break
    const part = slice.length <= left ? slice : slice.subarray(0, left)
    kept.push(part)
    left -= part.length
  }
  return kept
}
