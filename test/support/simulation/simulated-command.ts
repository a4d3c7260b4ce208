/**
 * One SCSI command of a simulated initiator: what it sends again when it is retried, how its Data-In comes together
 * (holes, copies, a restart after an R-Data SNACK or a reassignment), and which part of its data R2Ts have asked for.
 */

import assert from 'node:assert/strict'
import { isSerialAfter, type RequestFields, type TargetPdu } from '../wire-pdu.ts'
import type { InitiatorConnection } from './initiator-connection.ts'
import { asksForAcknowledgement } from './pdu-stream.ts'

export type CommandKind = 'read' | 'write' | 'verify' | 'other'

/** What makes a command the one it is; nothing of it changes when it is sent again. */
export interface CommandIdentity {
  readonly tag: number
  readonly cmdSN: number
  readonly kind: CommandKind
  readonly lba: number
  readonly blocks: number
  /** The number of the write, for its data; 0 for commands that write nothing. */
  readonly write: number
  readonly request: RequestFields
  /** What the request and the PDUs behind it say of the data without being asked. */
  readonly immediateBytes: number
  readonly unsolicitedEndBytes: number
  readonly dataInBytes: number
}

/** A Data-In PDU that came before one with a lower DataSN. */
interface EarlyPiece {
  readonly offset: number
  readonly pdu: TargetPdu
}

/** DataACK to send: what the A bit brought (RFC 7143 11.16.2). */
export interface DataAcknowledgement {
  readonly transferTag: number
  readonly lun: Buffer
  readonly nextDataSN: number
}

export class SimulatedCommand {
  readonly identity: CommandIdentity
  /** Allegiance: where it was sent, or reassigned to. */
  connection: InitiatorConnection
  /** Its connection is gone, and it waits for what becomes of it. */
  isInLimbo = false
  /** Since when the target has kept it without a connection, until a reassignment is known to have worked. */
  lostSinceMs: number | null = null
  /** What is to be done with it, as soon as there is a connection. */
  afterLoss: 'nothing' | 'retry' | 'reassign' = 'nothing'
  /** A function for others, or one that nobody has answered, may have ended it without a response. */
  mayBeLost = false
  /** Unit attentions that the session had seen when somebody else asked for what may end this command; else null. */
  disturbedAt: number | null = null
  /**
   * It was begun when a unit attention was due since so many had been seen; else null. Only such a command is sure to be
   * executed after that was established: the status of an older one may have waited for a reassignment since before.
   */
  begunOwedSince: number | null = null
  /** A function over its task set was asked for. */
  isCovered = false
  /** An ABORT TASK for it is out. */
  isBeingAborted = false
  /** Data of it did not reach the target as it was sent. */
  wasSpoiled = false
  /** It was sent again without knowing that it had not come: its unsolicited data may have come twice. */
  isRetriedBlindly = false
  wasReassigned = false
  /** It is aborted on another connection than its own was: what still comes of it is of no interest. */
  isAbandoned = false
  /** The target refused the request itself. */
  isRefused = false
  /** Copies of its PDUs may come late. */
  hadRecovery = false
  sentMs = 0
  askedMs = 0
  /** Not 0 when an R-Data SNACK is out: what the response has to say. */
  snackTag = 0
  segmentEpoch = 0
  /** Plain Data SNACKs are out, copies of old PDUs may come. */
  askedPlainly = false
  nextDataSN = 0
  nextOffset = 0
  readonly dataIn: Buffer
  /** Where data starts that has not been acknowledged. */
  acknowledgedDataSN = 0
  #acknowledgedOffset = 0
  readonly #early = new Map<number, EarlyPiece>()
  /** Everything before the first unacknowledged PDU is on its way again: what comes before that one is old. */
  #isRestarting = false
  #sequenceBytes = 0
  #pendingAcknowledgement: DataAcknowledgement | null = null
  r2tSN = 0
  solicitedBytes = 0
  readonly #answeredR2Ts = new Set<number>()

  constructor(identity: CommandIdentity, connection: InitiatorConnection) {
    this.identity = identity
    this.connection = connection
    this.dataIn = Buffer.alloc(identity.dataInBytes)
  }

  describe(): string {
    const { tag, cmdSN, kind, blocks } = this.identity
    const flags = ['isInLimbo', 'mayBeLost', 'isBeingAborted', 'wasSpoiled', 'isRefused'] as const
    const state = flags.filter((flag) => this[flag]).join(' ')
    const { nextDataSN, nextOffset, r2tSN, solicitedBytes } = this
    const numbers = `DataSN ${nextDataSN} at ${nextOffset}, early ${[...this.#early.keys()]}, R2TSN ${r2tSN} up to ${solicitedBytes}`
    return `command ${tag} (CmdSN ${cmdSN}) on ${this.connection.cid}: ${kind} of ${blocks} blocks, ${state}, ${numbers}`
  }

  /** Something that its own session has done may have ended it without a response. */
  endanger(): void {
    this.mayBeLost = true
    this.disturbedAt = null
  }

  /** A function over its task set is asked for. */
  cover(): void {
    this.isCovered = true
    this.disturbedAt = null
  }

  /** It goes out, for the first time or again from the beginning. */
  started(connection: InitiatorConnection, nowMs: number): void {
    this.connection = connection
    this.isInLimbo = false
    this.isRefused = false
    this.sentMs = nowMs
    this.segmentEpoch = connection.segmentEpoch
    this.r2tSN = 0
    this.solicitedBytes = this.identity.unsolicitedEndBytes
    this.#answeredR2Ts.clear()
  }

  /**
   * It is reassigned: data that was not acknowledged is discarded. Gives the ExpDataSN of the request (RFC 7143 11.5.6).
   * `acknowledgesNow`: what came without a hole counts as acknowledged by it.
   */
  reassigned(connection: InitiatorConnection, acknowledgesNow: boolean): number {
    if (acknowledgesNow || this.acknowledgedDataSN > 0) this.#acknowledge()
    this.connection = connection
    this.isInLimbo = false
    this.hadRecovery = true
    this.wasReassigned = true
    this.snackTag = 0
    this.segmentEpoch = connection.segmentEpoch
    this.askedPlainly = false
    this.#answeredR2Ts.clear()
    this.#restart()
    this.#isRestarting = false
    return this.nextDataSN
  }

  /** All data since the last DataACK is asked for again: it comes under the numbers that it had (RFC 7143 11.16.3). */
  restartedBy(snackTag: number): void {
    this.snackTag = snackTag
    this.segmentEpoch = this.connection.segmentEpoch
    this.hadRecovery = true
    this.#restart()
    this.#isRestarting = true
  }

  /** A Data-In came. `strict`: nothing can have been lost. */
  dataInCame(pdu: TargetPdu, strict: boolean, maxBurstLength: number): void {
    const [dataSN, offset] = [pdu.word(36), pdu.word(40)]
    assert.ok(offset + pdu.data.length <= this.dataIn.length, `Data-In beyond the transfer: ${pdu.describe()}`)
    if (strict) assert.equal(dataSN, this.nextDataSN, `DataSN: ${pdu.describe()}`)
    if (this.#isRestarting && dataSN !== this.nextDataSN) return
    this.#isRestarting = false
    if (dataSN < this.nextDataSN || this.#early.has(dataSN)) {
      this.#checkCopy(pdu, offset)
      return
    }
    pdu.data.copy(this.dataIn, offset)
    this.#early.set(dataSN, { offset, pdu })
    for (let piece = this.#early.get(this.nextDataSN); piece; piece = this.#early.get(this.nextDataSN)) {
      this.#early.delete(this.nextDataSN)
      this.#tookPiece(piece, maxBurstLength)
    }
  }

  /** The DataACK that is due, once. */
  takeAcknowledgement(): DataAcknowledgement | null {
    const due = this.#pendingAcknowledgement
    this.#pendingAcknowledgement = null
    if (due === null) return null
    this.#acknowledge()
    return { ...due, nextDataSN: this.nextDataSN }
  }

  /** The Data-In PDUs that are known to be missing: the first and how many. `expDataSN`: as a response says, or 0. */
  missing(expDataSN: number): { readonly begRun: number; readonly runLength: number } | null {
    if (this.#isRestarting) return null
    const nextEarly = Math.min(...this.#early.keys())
    const end = Number.isFinite(nextEarly) ? nextEarly : expDataSN
    return end > this.nextDataSN ? { begRun: this.nextDataSN, runLength: end - this.nextDataSN } : null
  }

  get isWaitingForRestart(): boolean {
    return this.#isRestarting
  }

  /** An R2T came; gives whether it is to be answered. */
  r2tCame(pdu: TargetPdu, strict: boolean, maxBurstLength: number): boolean {
    const [r2tSN, offset, byteCount] = [pdu.word(36), pdu.word(40), pdu.word(44)]
    assert.ok(byteCount <= maxBurstLength, `R2T beyond MaxBurstLength: ${pdu.describe()}`)
    const { write, blocks } = this.identity
    assert.ok(write > 0 && offset + byteCount <= blocks * 512, `R2T beyond the data: ${pdu.describe()}`)
    if (strict) {
      assert.equal(r2tSN, this.r2tSN, `R2TSN: ${pdu.describe()}`)
      assert.equal(offset, this.solicitedBytes, `R2Ts tile the transfer: ${pdu.describe()}`)
    }
    if (this.#answeredR2Ts.has(r2tSN)) return false
    this.#answeredR2Ts.add(r2tSN)
    this.r2tSN = Math.max(this.r2tSN, r2tSN + 1)
    this.solicitedBytes = Math.max(this.solicitedBytes, offset + byteCount)
    return true
  }

  /** The number of an R2T that was sent and has not come; null when there is none. */
  get missingR2T(): number | null {
    for (let r2tSN = 0; r2tSN < this.r2tSN; r2tSN++) if (!this.#answeredR2Ts.has(r2tSN)) return r2tSN
    return null
  }

  /** Whether ExpCmdSN `expCmdSN` says that the target has the command. */
  isAcknowledgedBy(expCmdSN: number): boolean {
    return isSerialAfter(expCmdSN, this.identity.cmdSN)
  }

  #tookPiece({ offset, pdu }: EarlyPiece, maxBurstLength: number): void {
    assert.equal(offset, this.nextOffset, `Buffer Offset: ${pdu.describe()}`)
    this.nextDataSN++
    this.nextOffset += pdu.data.length
    this.#sequenceBytes += pdu.data.length
    assert.ok(this.#sequenceBytes <= maxBurstLength || this.hadRecovery, 'a sequence beyond MaxBurstLength')
    if (pdu.isFinal) this.#sequenceBytes = 0
    else assert.equal(pdu.data.length % 4, 0, `a segment inside a sequence: ${pdu.describe()}`)
    if (!asksForAcknowledgement(pdu)) return
    const lun = Buffer.from(pdu.header.subarray(8, 16))
    this.#pendingAcknowledgement = { transferTag: pdu.ttt, lun, nextDataSN: this.nextDataSN }
  }

  #checkCopy(pdu: TargetPdu, offset: number): void {
    const had = this.dataIn.subarray(offset, offset + pdu.data.length)
    assert.ok(had.equals(pdu.data), `not a replica of the Data-In that came before: ${pdu.describe()}`)
  }

  #acknowledge(): void {
    this.acknowledgedDataSN = this.nextDataSN
    this.#acknowledgedOffset = this.nextOffset
  }

  #restart(): void {
    this.nextDataSN = this.acknowledgedDataSN
    this.nextOffset = this.#acknowledgedOffset
    this.#early.clear()
    this.#pendingAcknowledgement = null
    this.#sequenceBytes = 0
  }
}

/** What ended without an answer, and whether PDUs of it may still be on their way. */
export interface RetiredCommand {
  readonly command: SimulatedCommand
  readonly endedOn: InitiatorConnection | null
  /** It was given up without an answer. */
  readonly isAborted: boolean
}
