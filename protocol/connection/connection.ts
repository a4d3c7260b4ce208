/**
 * One iSCSI connection (RFC 7143 4.2.1): bytes in, PDUs out. Holds what belongs to the connection alone (sequence
 * numbers, negotiated parameters, flow control, its end) and passes each PDU to the Login Phase or to the full feature
 * phase. Knows no socket: `ConnectionTransport` is the way out, `receive` and `transportClosed` are the ways in.
 */

import type { RejectReason } from '../errors.ts'
import { type ProtocolViolation, REJECT_REASON } from '../errors.ts'
import { type Pdu, PduReader, type PduSink } from '../framing/pdu-reader.ts'
import { PduWriter } from '../framing/pdu-writer.ts'
import type { ReceiveBuffer } from '../framing/receive-buffer.ts'
import { CONNECTION_PARAMETER_DEFAULTS, type ConnectionParameters } from '../login/parameters.ts'
import type { NodeContext, ProtocolLog, Timer } from '../node-context.ts'
import { OPCODE_MASK } from '../opcodes.ts'
import { RESPONSE } from '../pdu/bhs.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { writeReject } from '../pdu/reject.ts'
import { StatusLedger } from '../recovery/status-ledger.ts'
import { UnacknowledgedSense } from '../recovery/unacknowledged-sense.ts'
import { isSerialLess, isSerialLessOrEqual, serialAdd } from '../serial.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import type { PortalEndpoint } from '../target-directory.ts'
import type { TerminatedTransfers } from '../task-management/task-termination.ts'
import { sendLogoutRequest } from './async-messages.ts'
import {
  type CleanupEvent,
  type ConnectionEvent,
  type ConnectionState,
  nextConnectionState,
} from './connection-states.ts'
import { dropDataIn } from './data-in.ts'
import { solicit } from './data-out.ts'
import { abandonTransfers } from './data-out-memory.ts'
import { InboundGate, OutboundGate } from './flow-control.ts'
import { FullFeaturePhase } from './full-feature-phase.ts'
import { LoginExchange } from './login-exchange.ts'
import { sendNumbers } from './nop-in.ts'
import { endTransferWaiters, type ReadyToTransfer, type TransferWaiter } from './ready-to-transfer.ts'
import { dropAnswer } from './task-lifecycle.ts'

/** What a connection needs of the network. */
export interface ConnectionTransport {
  /** Send in order; `sent` is called once, when the buffers are free again, also when they could not be sent. */
  send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void
  /** Send everything, then close our side. */
  end(): void
  /** Close at once. */
  destroy(): void
  /** Bring no more bytes until `resume`. */
  pause(): void
  resume(): void
}

/** What a buffer costs besides its bytes until it has left: objects, and its place in queues. */
const BUFFER_OVERHEAD_BYTES = 256

export class Connection implements PduSink {
  readonly context: NodeContext
  readonly endpoint: PortalEndpoint
  readonly writer: PduWriter
  readonly outbound: OutboundGate
  readonly inbound: InboundGate
  /** R2Ts that the initiator has not answered to the end, by Target Transfer Tag. */
  readonly readyToTransfers = new Map<number, ReadyToTransfer>()
  /** Those who wait for the end of some of these transfers; see `whenTransfersEnd`. */
  readonly transferWaiters = new Set<TransferWaiter>()
  /** Transfers of tasks that another nexus has ended, oldest first; see `announceTermination`. */
  readonly terminations: TerminatedTransfers[] = []
  /** What the initiator has not acknowledged; null at error recovery level 0, where nothing is sent again. */
  ledger: StatusLedger | null = null
  readonly unacknowledgedSense: UnacknowledgedSense
  parameters: ConnectionParameters
  cid = 0
  /** When the last bytes came. */
  lastReceivedMs: number

  readonly #transport: ConnectionTransport
  readonly #reader: PduReader
  #state: ConnectionState = 'FREE'
  #session: Session | null = null
  #login: LoginExchange | null
  #fullFeature: FullFeaturePhase | null = null
  #statSN = 0
  #ackedStatSN = 0
  #immediateCount = 0
  /** Initiator Task Tag of the Logout Request that is being carried out. */
  #logoutTag: number | null = null
  #isOpen = true
  #isReceiving = false
  #isPaused = false
  #isFlushDeferred = false

  constructor(context: NodeContext, endpoint: PortalEndpoint, transport: ConnectionTransport) {
    const { limits, preferences, scheduler } = context
    this.context = context
    this.endpoint = endpoint
    this.#transport = transport
    this.parameters = {
      ...CONNECTION_PARAMETER_DEFAULTS,
      targetMaxRecvDataSegmentLength: preferences.connection.targetMaxRecvDataSegmentLength,
    }
    this.#reader = new PduReader(this, CONNECTION_PARAMETER_DEFAULTS.targetMaxRecvDataSegmentLength, limits.ahsBytesMax)
    this.writer = new PduWriter(context.headers, context.slots, (buffers, byteCount, sent) =>
      this.#send(buffers, byteCount, sent),
    )
    this.outbound = new OutboundGate(
      limits.outboundBytesMax,
      () => this.writer.queuedBytes,
      limits.retainedDataInBytesMax,
    )
    this.inbound = new InboundGate(limits.inboundBytesMax, solicit)
    this.unacknowledgedSense = new UnacknowledgedSense(limits.commandWindow)
    this.lastReceivedMs = scheduler.nowMs()
    this.#step('transportConnected')
    this.#login = new LoginExchange(this)
  }

  get state(): ConnectionState {
    return this.#state
  }

  get log(): ProtocolLog {
    return this.context.log
  }

  /** The session, from full feature phase on. */
  get session(): Session {
    if (this.#session === null) throw new Error('the connection has no session yet')
    return this.#session
  }

  /** The StatSN that the next status takes. */
  get nextStatSN(): number {
    return this.#statSN
  }

  /** Every StatSN before this one has been acknowledged. */
  get ackedStatSN(): number {
    return this.#ackedStatSN
  }

  /** PDUs can still go out. */
  get isSending(): boolean {
    return this.#isOpen
  }

  /** In full feature phase, logging out included. */
  get isLoggedIn(): boolean {
    return this.#state === 'LOGGED_IN' || this.#state === 'LOGOUT_REQUESTED' || this.#state === 'IN_LOGOUT'
  }

  /** Too much waits to leave, or is kept for sending again: no command is begun that could add to it. */
  get isCongested(): boolean {
    return this.outbound.isFull || this.outbound.isRetentionFull
  }

  nowMs(): number {
    return this.context.scheduler.nowMs()
  }

  /** Bytes came from the network. Ownership: as `PduReader.push` has it. */
  receive(chunk: Buffer, owner: ReceiveBuffer | null = null): void {
    if (!this.#isOpen) return
    this.lastReceivedMs = this.nowMs()
    this.#isReceiving = true
    this.#reader.push(chunk, owner)
    this.#announceWindow()
    this.#isReceiving = false
    if (this.writer.isPending) this.writer.flush()
    if (this.outbound.isOverflowing && this.#isOpen) this.#pause()
  }

  /** The transport is gone, whoever closed it. */
  transportClosed(): void {
    this.#finish('transportLost')
  }

  pduReceived(pdu: Pdu): void {
    if (this.#fullFeature !== null) this.#fullFeature.handle(pdu)
    else this.#login?.handle(pdu)
  }

  streamBroken(violation: ProtocolViolation): void {
    this.fail(`${violation.kind}: ${violation.message}`)
  }

  /** The first Login Request came (T4). */
  loginStarted(): void {
    this.#step('loginStarted')
  }

  /** The final Login Response is queued: from the next PDU on the agreement holds (T5). */
  enterFullFeaturePhase(session: Session, parameters: ConnectionParameters): void {
    this.#step('loginCompleted')
    this.#login = null
    this.#session = session
    if (session.parameters.errorRecoveryLevel > 0) this.ledger = new StatusLedger(this)
    this.setParameters(parameters)
    this.writer.flush()
    this.writer.headerDigest = parameters.headerDigest
    this.writer.dataDigest = parameters.dataDigest
    this.#reader.headerDigest = parameters.headerDigest
    this.#reader.dataDigest = parameters.dataDigest
    this.#fullFeature = new FullFeaturePhase(this)
    session.begin(this)
  }

  /** Take over parameters that were negotiated. */
  setParameters(parameters: ConnectionParameters): void {
    this.parameters = parameters
    this.#reader.dataSegmentBytesMax = parameters.targetMaxRecvDataSegmentLength
  }

  /** Write StatSN, ExpCmdSN and MaxCmdSN of a PDU that carries no status: StatSN is the next one, and stays it. */
  stamp(header: Buffer): void {
    header.writeUInt32BE(this.#statSN, RESPONSE.statSN)
    if (this.#session === null) return
    const { window } = this.#session
    header.writeUInt32BE(window.expCmdSN, RESPONSE.expCmdSN)
    header.writeUInt32BE(window.announceMaxCmdSN(), RESPONSE.maxCmdSN)
  }

  /** The same for a PDU that takes a StatSN. */
  stampStatus(header: Buffer): void {
    this.stamp(header)
    this.#statSN = serialAdd(this.#statSN, 1)
  }

  /** Send the PDU whose header was taken and filled, with its data segment: it takes the next StatSN. */
  sendStatus(header: Buffer, data: Buffer | null): void {
    this.stampStatus(header)
    if (this.ledger !== null) this.ledger.record(header, data)
    this.writer.pushPdu(data)
    this.requestFlush()
  }

  /**
   * A PDU said which StatSN the initiator expects next (ExpStatSN). Values that go back, or name what was not sent yet,
   * acknowledge nothing: firmware copies StatSN from PDUs where it means nothing.
   */
  acknowledged(expStatSN: number): void {
    if (!isSerialLess(this.#ackedStatSN, expStatSN) || !isSerialLessOrEqual(expStatSN, this.#statSN)) return
    this.#ackedStatSN = expStatSN
    if (this.ledger !== null) this.ledger.acknowledged(expStatSN)
    if (!this.unacknowledgedSense.isEmpty) this.unacknowledgedSense.acknowledged(expStatSN)
    if (this.#session?.fence.isUp) this.#session.fence.acknowledged()
  }

  /** What was queued goes out at the end of this turn. */
  requestFlush(): void {
    if (this.#isReceiving || this.#isFlushDeferred) return
    this.#isFlushDeferred = true
    this.context.scheduler.defer(() => {
      this.#isFlushDeferred = false
      this.#guard(() => {
        this.#announceWindow()
        if (this.#isOpen) this.writer.flush()
      })
    })
  }

  /** A timer of this connection. Who sets it cancels it when the connection ends. */
  setTimer(delayMs: number, fire: () => void): Timer {
    return this.context.scheduler.setTimer(delayMs, () => this.#guard(fire))
  }

  /**
   * Refuse a PDU; its header travels back as data (RFC 7143 11.17). `dataSN`: for a Data/R2T SNACK, the next number that
   * the task would take (RFC 7143 11.17.2).
   */
  reject(pdu: Pdu, reason: RejectReason, dataSN = 0): void {
    const offending = Buffer.allocUnsafe(BHS_BYTES + pdu.ahs.length)
    pdu.header.copy(offending, 0, pdu.at, pdu.at + BHS_BYTES)
    pdu.ahs.copy(offending, BHS_BYTES)
    const header = this.writer.takeHeader()
    writeReject(header, reason, dataSN)
    this.sendStatus(header, offending)
    const name = Object.entries(REJECT_REASON).find(([, value]) => value === reason)?.[0]
    this.log.warn({ ...this.#who(), reason: name, opcode: offending[0]! & OPCODE_MASK }, 'rejected a PDU')
  }

  /** A header cannot be trusted: the session ends with all its connections (RFC 7143 7.7). */
  formatError(message: string): void {
    this.log.warn({ ...this.#who(), problem: message }, 'ended a session after a format error')
    if (this.#session === null) this.#drop()
    else this.#session.end('sessionClosed')
  }

  /** The connection cannot go on; the others of the session may. */
  fail(message: string): void {
    this.log.warn({ ...this.#who(), problem: message }, 'dropped a connection')
    this.#drop()
  }

  /** Close in order: what is queued still goes out. */
  close(): void {
    if (this.#fullFeature === null) this.#close('transportLost')
    else this.#close(this.#state === 'IN_LOGOUT' ? 'logoutCompleted' : 'sessionClosed')
  }

  /** Ask the initiator to log out within `seconds` (T11, T12). */
  requestLogout(seconds: number): void {
    if (this.#state !== 'LOGGED_IN' && this.#state !== 'LOGOUT_REQUESTED') return
    sendLogoutRequest(this, seconds)
    this.#step('logoutRequested')
  }

  /** A Logout Request came (T9, T10): until its response the connection takes nothing more. */
  logoutStarted(initiatorTaskTag: number): void {
    this.#step('logoutReceived')
    this.#logoutTag = initiatorTaskTag
    this.#reader.stop()
  }

  /** The Logout Response is queued that says that the logout has failed. */
  closeAfterFailedLogout(): void {
    this.#close('logoutFailed')
  }

  /** What was sent here and is not acknowledged is not going to be sent again. */
  forgetUnacknowledged(): void {
    this.ledger?.clear()
    if (!this.unacknowledgedSense.isEmpty) this.unacknowledgedSense.drop(this.session.nexus)
  }

  /** Go on in the cleanup of this connection, which is out of service (RFC 7143 8.2). */
  advanceCleanup(event: CleanupEvent): void {
    this.#step(event)
  }

  /** `initiatorTaskTag` names something under way here that is no SCSI command: a text negotiation or a logout. */
  hasOtherTask(initiatorTaskTag: number): boolean {
    return this.#logoutTag === initiatorTaskTag || this.#fullFeature?.text.openTag === initiatorTaskTag
  }

  /** The session has ended. A connection that logs out stays until its response is out. */
  sessionEnded(): void {
    if (this.#state !== 'IN_LOGOUT') this.close()
  }

  /** One more immediate command, if the limit allows it. */
  takeImmediate(): boolean {
    if (this.#immediateCount >= this.context.limits.immediateCommandsMax) return false
    this.#immediateCount++
    return true
  }

  /** An immediate command is finished. */
  releaseImmediate(): void {
    this.#immediateCount--
  }

  takeTask(): Task {
    const task = this.context.tasks.take()
    task.connection = this
    return task
  }

  /** Give back a task's place in the command window; before its response, so that the response says so. */
  releasePlace(task: Task): void {
    if (!task.holdsPlace) return
    task.holdsPlace = false
    if (task.isImmediate) this.releaseImmediate()
    else this.session.window.release()
  }

  /** Nothing more happens to this task; the object goes back to its pool. */
  forgetTask(task: Task): void {
    if (task.holdsPlace) {
      this.releasePlace(task)
      // There was no response to say so, and this connection may be gone.
      this.session.connections.values().next().value?.requestFlush()
    }
    // The tag of an answered task may name another one already.
    if (task.phase !== 'responded') this.session.tasks.delete(task.initiatorTaskTag | 0)
    if (task.isAnswerDue) dropAnswer(task)
    abandonTransfers(task)
    const hasMadeRoom = task.borrowedSlot !== null || task.sentDataIn !== null
    dropDataIn(task)
    this.session.queue.taskEnded()
    this.context.tasks.release(task)
    if (hasMadeRoom) this.roomMade()
  }

  /** For the log: who is at the other end. */
  #who(): object {
    const { remoteAddress } = this.endpoint
    return { remoteAddress, initiator: this.#session?.identity.initiatorName, cid: this.cid }
  }

  #send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void {
    const heldBytes = byteCount + buffers.length * BUFFER_OVERHEAD_BYTES
    this.outbound.handedOver(heldBytes)
    this.#transport.send(buffers, byteCount, () =>
      this.#guard(() => {
        sent()
        this.outbound.left(heldBytes)
        this.roomMade()
      }),
    )
  }

  /**
   * The initiator may send no command as far as it knows, and no response has said otherwise: a NOP-In does (RFC 7143
   * 11.4.11). One that has room left hears of more with the next PDU, the keepalive's at the latest.
   */
  #announceWindow(): void {
    const session = this.#session
    if (session === null || !session.window.hasReopened || !this.#isOpen) return
    if (this.#state === 'IN_LOGOUT' || session.hasEnded || session.isDiscovery) return
    sendNumbers(this)
  }

  /** A mistake of ours in what the event loop calls later ends this connection, not the server. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.log.error({ ...this.#who(), err: error }, 'internal error')
      this.#drop()
    }
  }

  /** There may be room on the way out: whoever waits for it goes on, the initiator and commands not yet begun included. */
  roomMade(): void {
    this.outbound.wake()
    if (this.#isPaused && !this.outbound.isFull) this.#resume()
    this.#session?.queue.dispatchWaiting()
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#transport.pause()
    this.log.warn(this.#who(), 'stopped receiving from an initiator that does not read its answers')
  }

  #resume(): void {
    this.#isPaused = false
    this.#transport.resume()
  }

  /** Close without a word. */
  #drop(): void {
    this.#transport.destroy()
    this.#finish('transportLost')
  }

  #close(event: ConnectionEvent): void {
    if (!this.#isOpen) return
    this.writer.flush()
    this.#transport.end()
    this.#finish(event)
  }

  #finish(event: ConnectionEvent): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#reader.stop()
    this.writer.discard()
    this.#login?.abandon()
    this.#fullFeature?.stop()
    this.#step(event)
    this.readyToTransfers.clear()
    this.terminations.length = 0
    const isKept = this.#session?.connectionLost(this) ?? false
    if (!isKept) this.forgetUnacknowledged()
    endTransferWaiters(this)
    this.outbound.open()
    if (this.#state === 'CLEANUP_WAIT' && !isKept) this.#step('stateTimedOut')
  }

  #step(event: ConnectionEvent): void {
    this.#state = nextConnectionState(this.#state, event)
  }
}
