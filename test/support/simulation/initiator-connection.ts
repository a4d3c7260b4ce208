/**
 * The initiator's side of one connection in a simulation: PDUs in and out, and the numbering of statuses. Statuses are
 * handed on once each and in the order of their StatSN; one that is missing is asked for (Status SNACK, RFC 7143
 * 11.16), one that comes again must be a replica of the first.
 */

import assert from 'node:assert/strict'
import type { SeededRandom } from '../seeded-random.ts'
import {
  type Digests,
  isSerialAfter,
  NO_TAG,
  OPCODE,
  type RequestFields,
  requestBytes,
  requestHeader,
  type TargetPdu,
} from '../wire-pdu.ts'
import type { Faults } from './faults.ts'
import type { SimulatedLink } from './link.ts'
import { checkPdu, PduStream, replicaOf, takesStatSN } from './pdu-stream.ts'

const LOGIN_TEXT_BYTES_MAX = 8192
const STATUS_SNACK = 1
/** How long a status may be missing before it is asked for again. */
const ASK_AGAIN_MS = 3_000
const ACKNOWLEDGE_AFTER_MS = 500
/** Statuses that are remembered, to compare them with what comes again. */
const REMEMBERED_MAX = 256

/** Whom the PDUs of a connection go to. */
export interface ConnectionOwner {
  /** A PDU without a StatSN of its own, as it comes: Data-In, R2T, a ping. */
  unnumberedArrived(connection: InitiatorConnection, pdu: TargetPdu): void
  /** Everything else, in the order of StatSN. */
  statusArrived(connection: InitiatorConnection, pdu: TargetPdu): void
  /** Whether the status may be taken (and acknowledged): `wait` for its data, or `discard` this copy of it. */
  judge(connection: InitiatorConnection, pdu: TargetPdu): 'take' | 'wait' | 'discard'
  windowSeen(expCmdSN: number, maxCmdSN: number): void
}

/** `up`: in full feature phase. `logout`: a Logout Request for it is out. `gone`: nothing goes either way any more. */
export type ConnectionPhase = 'login' | 'up' | 'logout' | 'gone'

export class InitiatorConnection {
  readonly cid: number
  readonly link: SimulatedLink
  phase: ConnectionPhase = 'login'
  /** When the target was known to have logged it out; it may have lost it before. */
  cleanedMs: number | null = null
  digests: Digests = { header: false, data: false }
  errorRecoveryLevel = 0
  /** iSCSIProtocolLevel (RFC 7144). */
  protocolLevel = 1
  /** What was declared last, and what may still be in use because the target has not answered yet. */
  maxRecvDataSegmentLength = 8192
  formerSegmentLength = 8192
  /** Counts the declarations. */
  segmentEpoch = 0
  readonly #owner: ConnectionOwner
  readonly #faults: Faults
  readonly #random: SeededRandom
  readonly #stream = new PduStream()
  #expStatSN: number | null = null
  #acknowledgedStatSN = 0
  /** Statuses that came before their turn, or wait for data. */
  readonly #early = new Map<number, TargetPdu>()
  /** The highest StatSN that is known to have been sent, plus one. */
  #sentStatSN = 0
  readonly #taken = new Map<number, Buffer>()
  #askedMs = -ASK_AGAIN_MS
  #lastSentMs = 0
  #expCmdSN: number | null = null
  #maxCmdSN: number | null = null

  constructor(cid: number, link: SimulatedLink, owner: ConnectionOwner, faults: Faults, random: SeededRandom) {
    this.cid = cid
    this.link = link
    this.#owner = owner
    this.#faults = faults
    this.#random = random
  }

  get expStatSN(): number {
    return this.#expStatSN ?? 0
  }

  /** A status is missing or waits for data. */
  get hasGap(): boolean {
    return this.#sentStatSN !== this.expStatSN
  }

  describe(): string {
    return `connection ${this.cid} ${this.phase} ExpStatSN ${this.expStatSN} of ${this.#sentStatSN}, early ${[...this.#early.keys()]}`
  }

  /** The login is done: what was negotiated holds from the next PDU on. */
  enterFullFeaturePhase(digests: Digests, errorRecoveryLevel: number, protocolLevel: number): void {
    this.protocolLevel = protocolLevel
    this.phase = 'up'
    this.digests = digests
    this.#stream.digests = digests
    this.errorRecoveryLevel = errorRecoveryLevel
  }

  /** Send a request; tells what became of it on its way. */
  send(fields: RequestFields, nowMs: number): ReturnType<Faults['fateOf']> {
    assert.notEqual(this.phase, 'gone', 'a request on a connection that is gone')
    const words = { 28: this.expStatSN, ...fields.words }
    this.#acknowledgedStatSN = this.expStatSN
    this.#lastSentMs = nowMs
    const dataBytes = fields.data?.length ?? 0
    const fate = this.#faults.fateOf(fields.opcode, dataBytes, this.digests, this.errorRecoveryLevel)
    if (fate === 'lost') return fate
    const bytes = requestBytes({ ...fields, words }, this.digests)
    const dataAt = requestHeader(fields).length + (this.digests.header ? 4 : 0)
    if (fate === 'badHeader') spoil(bytes, this.#random.integer(20, 47))
    if (fate === 'badData') spoil(bytes, dataAt + this.#random.integer(0, dataBytes - 1))
    this.link.write(bytes)
    return fate
  }

  /** Some of what the target sent comes in. */
  receive(): void {
    const bytes = this.link.moveToInitiator()
    if (bytes === null || this.phase === 'gone') return
    this.#stream.push(bytes)
    for (let pdu = this.#stream.take(); pdu !== null; pdu = this.#stream.take()) {
      this.#received(pdu)
      if (this.#isGone()) return
    }
  }

  /** Take what can be taken now; the owner calls it when data has come that a status waited for. */
  proceed(): void {
    for (let pdu = this.#early.get(this.expStatSN); pdu !== undefined; pdu = this.#early.get(this.expStatSN)) {
      const judgement = this.#owner.judge(this, pdu)
      if (judgement === 'wait') return
      this.#early.delete(pdu.statSN)
      if (judgement === 'discard') return
      this.#taken.set(pdu.statSN, replicaOf(pdu))
      this.#taken.delete((pdu.statSN - REMEMBERED_MAX) >>> 0)
      this.#expStatSN = (pdu.statSN + 1) >>> 0
      this.#owner.statusArrived(this, pdu)
      if (this.#isGone()) return
    }
  }

  /** Time has passed: ask for statuses that are missing, acknowledge those that nothing has acknowledged yet. */
  tick(nowMs: number): void {
    if (this.phase !== 'up' && this.phase !== 'logout') return
    this.#askForMissing(nowMs)
    const isUnacknowledged = this.#acknowledgedStatSN !== this.expStatSN
    if (this.phase === 'up' && isUnacknowledged && nowMs - this.#lastSentMs >= ACKNOWLEDGE_AFTER_MS) this.ping(nowMs)
  }

  /** A NOP-Out that only carries numbers, or answers the target's ping `targetTransferTag`. */
  ping(nowMs: number, targetTransferTag = NO_TAG, lun = Buffer.alloc(8)): void {
    const words = { 20: targetTransferTag, 24: this.#expCmdSN ?? 0 }
    this.send({ opcode: OPCODE.NOP_OUT, immediate: true, itt: NO_TAG, lun, words }, nowMs)
  }

  /** Which phase a callback left the connection in is not what the compiler remembers. */
  #isGone(): boolean {
    return this.phase === 'gone'
  }

  #received(pdu: TargetPdu): void {
    if (this.#faults.spoilsReceived(pdu.opcode, this.phase === 'login' ? 0 : this.errorRecoveryLevel)) return
    const isLogin = pdu.opcode === OPCODE.LOGIN_RESPONSE
    const segmentBytesMax = Math.max(this.maxRecvDataSegmentLength, this.formerSegmentLength)
    checkPdu(pdu, isLogin ? LOGIN_TEXT_BYTES_MAX : segmentBytesMax, this.errorRecoveryLevel, this.protocolLevel)
    if (isLogin && pdu.byte(36) !== 0) {
      this.#owner.statusArrived(this, pdu)
      return
    }
    this.#checkWindow(pdu)
    if (this.#expStatSN === null) this.#expStatSN = this.#sentStatSN = pdu.statSN
    if (takesStatSN(pdu)) this.#numbered(pdu)
    else this.#unnumbered(pdu)
    if (!this.#isGone()) this.proceed()
  }

  #numbered(pdu: TargetPdu): void {
    const { statSN } = pdu
    if (isSerialAfter(this.expStatSN, statSN)) {
      const first = this.#taken.get(statSN)
      assert.ok(this.errorRecoveryLevel > 0 && first !== undefined, `StatSN ${statSN} again: ${pdu.describe()}`)
      assert.ok(first.equals(replicaOf(pdu)), `not a replica of what had StatSN ${statSN}: ${pdu.describe()}`)
      return
    }
    if (this.errorRecoveryLevel === 0) assert.equal(statSN, this.expStatSN, `StatSN: ${pdu.describe()}`)
    const isBeyond = !isSerialAfter(this.#sentStatSN, statSN)
    if (isBeyond) this.#sentStatSN = (statSN + 1) >>> 0
    // A copy that comes later knows of a SNACK Tag that an earlier one does not.
    this.#early.set(statSN, pdu)
  }

  #unnumbered(pdu: TargetPdu): void {
    if (pdu.opcode !== OPCODE.DATA_IN) {
      assert.ok(!isSerialAfter(this.#sentStatSN, pdu.statSN), `StatSN goes back: ${pdu.describe()}`)
      if (this.errorRecoveryLevel === 0) assert.equal(pdu.statSN, this.expStatSN, `StatSN: ${pdu.describe()}`)
      this.#sentStatSN = pdu.statSN
    }
    this.#owner.unnumberedArrived(this, pdu)
  }

  #checkWindow({ expCmdSN, maxCmdSN }: TargetPdu): void {
    if (this.#expCmdSN !== null) assert.ok(!isSerialAfter(this.#expCmdSN, expCmdSN), 'ExpCmdSN went backwards')
    if (this.#maxCmdSN !== null) assert.ok(!isSerialAfter(this.#maxCmdSN, maxCmdSN), 'MaxCmdSN went backwards')
    this.#expCmdSN = expCmdSN
    this.#maxCmdSN = maxCmdSN
    this.#owner.windowSeen(expCmdSN, maxCmdSN)
  }

  #askForMissing(nowMs: number): void {
    if (!this.hasGap || this.#early.has(this.expStatSN) || nowMs - this.#askedMs < ASK_AGAIN_MS) return
    this.#askedMs = nowMs
    let missing = 1
    while (!this.#early.has((this.expStatSN + missing) >>> 0) && this.expStatSN + missing < this.#sentStatSN) missing++
    const runLength = this.#random.chance(0.3) ? 0 : missing
    const words = { 20: NO_TAG, 40: this.expStatSN, 44: runLength }
    this.send({ opcode: OPCODE.SNACK, byte1: 0x80 | STATUS_SNACK, itt: NO_TAG, words }, nowMs)
  }
}

function spoil(bytes: Buffer, at: number): void {
  bytes[at] = bytes[at]! ^ 0x10
}
