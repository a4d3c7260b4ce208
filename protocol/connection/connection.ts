/**
 * One iSCSI connection (RFC 7143 4.2.1): bytes in, PDUs out. Holds what belongs to the connection alone (its
 * state, negotiated parameters, its way to the transport, its end) and passes each PDU to the Login Phase or to the full
 * feature phase; its numbers and its tasks are kept by `statuses` and `places`. Knows no socket: `ConnectionTransport` is the way out, `receive` and `transportClosed` are the ways in.
 */

import type { ProtocolViolation } from '../errors.ts'
import { type Pdu, PduReader, type PduSink } from '../framing/pdu-reader.ts'
import { PduWriter } from '../framing/pdu-writer.ts'
import type { ReceiveBuffer } from '../framing/receive-buffer.ts'
import { CONNECTION_PARAMETER_DEFAULTS, type ConnectionParameters } from '../login/parameters.ts'
import type { NodeContext, ProtocolLog, Timer } from '../node-context.ts'
import type { Session } from '../session/session.ts'
import type { PortalEndpoint } from '../target-directory.ts'
import type { TerminatedTransfers } from '../task-management/task-termination.ts'
import { sendLogoutRequest } from './async-messages.ts'
import {
  type CleanupEvent,
  type ConnectionEvent,
  type ConnectionState,
  nextConnectionState,
} from './connection-states.ts'
import type { ConnectionTransport } from './connection-transport.ts'
import { solicit } from './data-out.ts'
import { InboundGate, OutboundGate } from './flow-control.ts'
import { FullFeaturePhase } from './full-feature-phase.ts'
import { LoginExchange } from './login-exchange.ts'
import { endTransferWaiters, type ReadyToTransfer, type TransferWaiter } from './ready-to-transfer.ts'
import { StatusSequence } from './status-sequence.ts'
import { TaskPlaces } from './task-places.ts'

/** What a buffer costs besides its bytes until it has left: objects, and its place in queues. */
const BUFFER_OVERHEAD_BYTES = 256

export class Connection implements PduSink {
  readonly context: NodeContext
  readonly endpoint: PortalEndpoint
  readonly writer: PduWriter
  readonly outbound: OutboundGate
  readonly inbound: InboundGate
  readonly statuses: StatusSequence
  readonly places: TaskPlaces
  /** R2Ts that the initiator has not answered to the end, by Target Transfer Tag. */
  readonly readyToTransfers = new Map<number, ReadyToTransfer>()
  /** Those who wait for the end of some of these transfers; see `whenTransfersEnd`. */
  readonly transferWaiters = new Set<TransferWaiter>()
  /** Transfers of tasks that another nexus has ended, oldest first; see `announceTermination`. */
  readonly terminations: TerminatedTransfers[] = []
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
    this.statuses = new StatusSequence(this)
    this.places = new TaskPlaces(this)
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
    this.statuses.announceWindow()
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
    this.statuses.begin(session)
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

  /** What was queued goes out at the end of this turn. */
  requestFlush(): void {
    if (this.#isReceiving || this.#isFlushDeferred) return
    this.#isFlushDeferred = true
    this.context.scheduler.defer(() => {
      this.#isFlushDeferred = false
      this.#guard(() => {
        this.statuses.announceWindow()
        if (this.#isOpen) this.writer.flush()
      })
    })
  }

  /** There may be room on the way out: whoever waits for it goes on, the initiator and commands not yet begun included. */
  roomMade(): void {
    this.outbound.wake()
    if (this.#isPaused && !this.outbound.isFull) {
      this.#isPaused = false
      this.#transport.resume()
    }
    this.#session?.queue.dispatchWaiting()
  }

  /** A timer of this connection. Who sets it cancels it when the connection ends. */
  setTimer(delayMs: number, fire: () => void): Timer {
    return this.context.scheduler.setTimer(delayMs, () => this.#guard(fire))
  }

  /** A header cannot be trusted: the session ends with all its connections (RFC 7143 7.7). */
  formatError(message: string): void {
    this.log.warn({ ...this.describePeer(), problem: message }, 'ended a session after a format error')
    if (this.#session === null) this.#drop()
    else this.#session.end('sessionClosed')
  }

  /** The connection cannot go on; the others of the session may. */
  fail(message: string): void {
    this.log.warn({ ...this.describePeer(), problem: message }, 'dropped a connection')
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

  /** For the log: who is at the other end. */
  describePeer(): object {
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

  /** A mistake of ours in what the event loop calls later ends this connection, not the server. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.log.error({ ...this.describePeer(), err: error }, 'internal error')
      this.#drop()
    }
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#transport.pause()
    this.log.warn(this.describePeer(), 'stopped receiving from an initiator that does not read its answers')
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
    if (!isKept) this.statuses.forgetUnacknowledged()
    endTransferWaiters(this)
    this.outbound.open()
    if (this.#state === 'CLEANUP_WAIT' && !isKept) this.#step('stateTimedOut')
  }

  #step(event: ConnectionEvent): void {
    this.#state = nextConnectionState(this.#state, event)
  }
}
