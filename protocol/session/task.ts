/**
 * An iSCSI task (RFC 7143 4.2.5.1): one SCSI Command PDU and all PDUs that belong to it. Holds state only; what happens
 * to it lives in `connection/` (scsi-command, task-lifecycle, data-in, data-out). Tasks are pooled: once ended, a task belongs to
 * somebody else.
 */

import type { Connection } from '../connection/connection.ts'
import type { ReadyToTransfer } from '../connection/ready-to-transfer.ts'
import type { DataInSlot } from '../framing/data-in-pool.ts'
import type { ReceiveBuffer } from '../framing/receive-buffer.ts'
import type { SentDataIn } from '../recovery/sent-data-in.ts'
import type { StatusEntry } from '../recovery/status-ledger.ts'

/** Receives Data-Out in increasing offset order; the slices stay valid until their bytes are reported as consumed. */
export type DataOutReceiver = (slices: readonly Buffer[], bufferOffsetBytes: number, byteCount: number) => void

/** A piece of Data-Out that came before anybody asked for it, or behind a piece that was lost. */
export interface DataOutPiece {
  readonly slices: readonly Buffer[]
  readonly bufferOffsetBytes: number
  readonly byteCount: number
  /** Its bytes count at the connection's inbound gate already. */
  readonly isCounted: boolean
}

/** Bytes from `startBytes` up to, not including, `endBytes` of a transfer. */
export interface ByteRange {
  readonly startBytes: number
  readonly endBytes: number
}

/** How a command ended, kept while its response has to wait. */
export interface TaskOutcome {
  readonly status: number
  readonly sense: Buffer | null
  readonly presentedDataBytes: number
}

/**
 * `waiting`: not handed to the SCSI layer yet. `executing`: with the SCSI layer. `responding`: the outcome is known, but
 * something holds the response back. `responded`: answered, and kept until the initiator has acknowledged the status,
 * because it may ask for the data again (error recovery level 1 and higher). `ended`: nothing more happens.
 */
export type TaskPhase = 'waiting' | 'executing' | 'responding' | 'responded' | 'ended'

export const CDB_BYTES = 16

export class Task {
  phase: TaskPhase = 'ended'
  /** The connection that the task is bound to (allegiance). */
  connection!: Connection
  initiatorTaskTag = 0
  cmdSN = 0
  isImmediate = false
  /** The command takes a place: in the command window, or among the connection's immediate commands. */
  holdsPlace = false
  /** The LUN field, 8 bytes. */
  readonly lun = Buffer.alloc(8)
  readonly #cdb = Buffer.alloc(CDB_BYTES)
  /** The CDB, 16 bytes or more. */
  cdb = this.#cdb
  attribute = 0
  /** PRI (RFC 7144 5.1.1); 0 below iSCSIProtocolLevel 2. */
  priority = 0
  isRead = false
  isWrite = false
  /** Expected Data Transfer Length; of the write when the command is bidirectional. */
  expectedBytes = 0
  /** Bidirectional Expected Read-Data Length. */
  bidirectionalReadBytes = 0
  /** The SCSI layer's own object for this task. */
  upper: unknown = null

  /** The number that the next Data-In takes; in bidirectional commands the next R2T as well (RFC 7143 4.2.2.4). */
  dataSN = 0
  /** Bytes of the current Data-In sequence. */
  sequenceBytes = 0
  /** Data-In memory that the SCSI layer has borrowed. */
  borrowedSlot: DataInSlot | null = null
  /** The last piece of Data-In, kept back for the status. */
  lastData: Buffer | null = null
  lastSlot: DataInSlot | null = null
  lastOffsetBytes = 0

  /** Data-Out that was handed to the receiver; it is handed on in order, so this is also the next offset. */
  deliveredBytes = 0
  /** Where unsolicited data (immediate data included) ends. */
  unsolicitedEndBytes = 0
  /** The offset that the next unsolicited data has. */
  unsolicitedOffsetBytes = 0
  /** When the last of it came, or the command, for the time-out. */
  unsolicitedActiveMs = 0
  /** Unsolicited Data-Out PDUs are still to come. */
  isUnsolicitedDataDue = false
  unsolicitedDataSN = 0
  /** R2Ts sent so far; of a write alone also the number that the next one takes. */
  r2tSN = 0
  /** Of the R2T that was out when the task was suspended. */
  voidedR2TSN: number | null = null
  /** Up to where R2Ts have asked. */
  solicitedEndBytes = 0
  /** R2Ts that are not answered to the end, oldest first. */
  readonly readyToTransfers: ReadyToTransfer[] = []
  receiver: DataOutReceiver | null = null
  /** How much the receiver wants. */
  wantedBytes = 0
  readonly earlyData: DataOutPiece[] = []
  /** Bytes of such pieces that have not been delivered. */
  earlyBytes = 0
  /** Data-Out that was sent and got lost, lowest offset first: to be asked for again. */
  readonly lostRanges: ByteRange[] = []
  /** Recovery R2Ts in a row that brought nothing. */
  fruitlessR2TCount = 0
  /** The memory behind data that came and is not consumed. */
  readonly holds: ReceiveBuffer[] = []
  heldMemoryBytes = 0
  /** Bytes that the receiver has and has not reported as consumed. */
  unconsumedBytes = 0

  /** What the transfer itself did wrong: sense data that answers the command whatever the SCSI layer says. */
  failureSense: Buffer | null = null
  outcome: TaskOutcome | null = null
  /** The SCSI layer has completed the task, and its response has not been sent. */
  isAnswerDue = false
  /** What the SCSI layer says of the response besides its outcome, before it completes the task. */
  needsFence = false
  /** Status Qualifier (RFC 7144 5.2.1). */
  statusQualifier = 0
  /** Of a bidirectional command: the Data-In that it transfers as its CDB words it. */
  presentedReadBytes = 0

  /** Data-In that may be asked for again (error recovery level 1 and higher). */
  sentDataIn: SentDataIn | null = null
  /** The status that was sent and is not acknowledged. */
  sentStatus: StatusEntry | null = null
  /** Of the last R-Data SNACK on this connection; the SCSI Response repeats it (RFC 7143 11.4.4). */
  snackTag = 0
  /** The connection is lost, and another one may take the task over: nothing is sent, what would be is kept. */
  isSuspended = false
  /** It ends without an answer as soon as it has come to rest: nobody can bring it back. */
  isTerminating = false

  /** The most Data-In that the initiator takes. */
  get dataInCapacityBytes(): number {
    if (!this.isRead) return 0
    return this.isWrite ? this.bidirectionalReadBytes : this.expectedBytes
  }

  /** The Data-Out that the initiator has. */
  get dataOutCapacityBytes(): number {
    return this.isWrite ? this.expectedBytes : 0
  }

  get isBidirectional(): boolean {
    return this.isRead && this.isWrite
  }

  /** What the SCSI Response says to have been sent of Data-In, and of R2Ts in between (RFC 7143 11.4.8, 4.2.2.4). */
  get expDataSN(): number {
    const hasDataIn = this.sentDataIn !== null || this.dataSN > this.r2tSN
    return this.isBidirectional && !hasDataIn ? 0 : this.dataSN
  }

  /** The initiator still has to send data for this task. */
  get isDataDue(): boolean {
    return this.isUnsolicitedDataDue || this.readyToTransfers.length > 0
  }

  /** Copy the CDB out of the header at `at`; `extended` follows it for CDBs of more than 16 bytes. */
  setCdb(header: Buffer, at: number, extended: Buffer | null): void {
    header.copy(this.#cdb, 0, at, at + CDB_BYTES)
    this.cdb = extended === null ? this.#cdb : Buffer.concat([this.#cdb, extended])
  }

  /** Bring a used task back to its first state. What it held of Data-Out has been given back (`abandonTransfers`). */
  reset(): void {
    this.phase = 'ended'
    this.holdsPlace = false
    this.cdb = this.#cdb
    this.isRead = false
    this.isWrite = false
    this.expectedBytes = 0
    this.bidirectionalReadBytes = 0
    this.upper = null
    this.dataSN = 0
    this.sequenceBytes = 0
    this.borrowedSlot = null
    this.lastData = null
    this.lastSlot = null
    this.deliveredBytes = 0
    this.unsolicitedEndBytes = 0
    this.unsolicitedOffsetBytes = 0
    this.isUnsolicitedDataDue = false
    this.unsolicitedDataSN = 0
    this.r2tSN = 0
    this.voidedR2TSN = null
    this.solicitedEndBytes = 0
    this.receiver = null
    this.wantedBytes = 0
    this.fruitlessR2TCount = 0
    this.failureSense = null
    this.outcome = null
    this.isAnswerDue = false
    this.needsFence = false
    this.statusQualifier = 0
    this.presentedReadBytes = 0
    this.sentDataIn = null
    this.sentStatus = null
    this.snackTag = 0
    this.isSuspended = false
    this.isTerminating = false
  }
}
