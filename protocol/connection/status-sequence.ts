/**
 * The statuses of one connection in the order of their StatSNs (RFC 7143 4.2.2.2): numbered, sent, and acknowledged by
 * ExpStatSN. With them go the numbers that every PDU of the target carries, and whose announcement may be due by itself:
 * ExpCmdSN and MaxCmdSN of the session (4.2.2.1). Each connection has one; whoever sends a PDU stamps it here.
 */

import { RESPONSE } from '../pdu/bhs.ts'
import { StatusLedger } from '../recovery/status-ledger.ts'
import { UnacknowledgedSense } from '../recovery/unacknowledged-sense.ts'
import { isSerialLess, isSerialLessOrEqual, serialAdd } from '../serial.ts'
import type { Session } from '../session/session.ts'
import type { Connection } from './connection.ts'
import { sendNumbers } from './nop-in.ts'

export class StatusSequence {
  /** What the initiator has not acknowledged; null at error recovery level 0, where nothing is sent again. */
  ledger: StatusLedger | null = null
  readonly unacknowledgedSense: UnacknowledgedSense
  readonly #connection: Connection
  #session: Session | null = null
  #statSN = 0
  #ackedStatSN = 0

  constructor(connection: Connection) {
    this.#connection = connection
    this.unacknowledgedSense = new UnacknowledgedSense(connection.context.limits.commandWindow)
  }

  /** The StatSN that the next status takes. */
  get nextStatSN(): number {
    return this.#statSN
  }

  /** Every StatSN before this one has been acknowledged. */
  get ackedStatSN(): number {
    return this.#ackedStatSN
  }

  /** The connection enters full feature phase: from now on PDUs carry the numbers of `session`. */
  begin(session: Session): void {
    this.#session = session
    if (session.parameters.errorRecoveryLevel > 0) this.ledger = new StatusLedger(this.#connection)
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
  send(header: Buffer, data: Buffer | null): void {
    this.stampStatus(header)
    if (this.ledger !== null) this.ledger.record(header, data)
    this.#connection.writer.pushPdu(data)
    this.#connection.requestFlush()
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

  /** What was sent here and is not acknowledged is not going to be sent again. */
  forgetUnacknowledged(): void {
    this.ledger?.clear()
    if (!this.unacknowledgedSense.isEmpty) this.unacknowledgedSense.drop(this.#connection.session.nexus)
  }

  /**
   * The initiator may send no command as far as it knows, and no response has said otherwise: a NOP-In does (RFC 7143
   * 11.4.11). One that has room left hears of more with the next PDU, the keepalive's at the latest.
   */
  announceWindow(): void {
    const session = this.#session
    if (session === null || !session.window.hasReopened || !this.#connection.isSending) return
    if (this.#connection.state === 'IN_LOGOUT' || session.hasEnded || session.isDiscovery) return
    sendNumbers(this.#connection)
  }
}
