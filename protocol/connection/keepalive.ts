/**
 * Signs of life on a connection: NOP-Out and NOP-In both ways (RFC 7143 11.18, 11.19), and the time-outs of an initiator
 * that went silent, or that leaves a status unacknowledged. Firmware initiators never answer pings, so an unanswered
 * ping ends a connection only when this initiator has answered one before; TCP keepalive finds the rest.
 */

import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import type { Timer } from '../node-context.ts'
import { IMMEDIATE_BIT } from '../opcodes.ts'
import { NOP_OUT, writeNopIn } from '../pdu/nop.ts'
import { checkAcknowledgements, takeStatusReminder } from '../recovery/acknowledgement-timeouts.ts'
import { releaseTerminated, terminationOverdueMs } from '../task-management/task-termination.ts'
import type { Connection } from './connection.ts'
import { checkDataOut } from './data-out-timeouts.ts'
import { sendNumbers, solicitAcknowledgement } from './nop-in.ts'
import { rejectPdu } from './reject.ts'

export class Keepalive {
  readonly #connection: Connection
  readonly #periodMs: number
  #timer: Timer
  #pingTag: number | null = null
  #pingSentMs = 0
  #answersPings = false

  constructor(connection: Connection) {
    const { pingIdleMs, pingTimeoutMs, dataOutTimeoutMs, sequenceTimeoutMs, statusReminderMs } =
      connection.context.limits
    this.#connection = connection
    this.#periodMs = Math.min(pingIdleMs, pingTimeoutMs, dataOutTimeoutMs)
    if (connection.statuses.ledger !== null)
      this.#periodMs = Math.min(this.#periodMs, sequenceTimeoutMs, statusReminderMs)
    this.#timer = this.#schedule()
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** A NOP-Out came: a ping of theirs, the answer to one of ours, or nothing but sequence numbers. */
  handleNopOut(pdu: Pdu): void {
    const { header, at } = pdu
    const connection = this.#connection
    const initiatorTaskTag = header.readUInt32BE(at + NOP_OUT.initiatorTaskTag)
    const targetTransferTag = header.readUInt32BE(at + NOP_OUT.targetTransferTag)
    if (targetTransferTag !== RESERVED_TAG && targetTransferTag === this.#pingTag) {
      this.#pingTag = null
      this.#answersPings = true
    }
    if (initiatorTaskTag === RESERVED_TAG) {
      releaseTerminated(connection)
      if ((header[at]! & IMMEDIATE_BIT) === 0) rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
      return
    }
    // A copy: a slice would keep the whole chunk that brought it until the answer has left.
    const data = Buffer.concat(
      pdu.data,
      Math.min(pdu.dataBytes, connection.parameters.initiatorMaxRecvDataSegmentLength),
    )
    const response = connection.writer.takeHeader()
    writeNopIn(response, initiatorTaskTag, RESERVED_TAG)
    connection.statuses.send(response, data)
  }

  #schedule(): Timer {
    return this.#connection.setTimer(this.#periodMs, () => this.#check())
  }

  #check(): void {
    const connection = this.#connection
    const { pingIdleMs, pingTimeoutMs, dataOutTimeoutMs } = connection.context.limits
    const nowMs = connection.nowMs()
    const problem = checkDataOut(connection, nowMs) ?? checkAcknowledgements(connection, nowMs)
    if (problem !== null) {
      connection.fail(problem)
      return
    }
    if (terminationOverdueMs(connection, nowMs) >= dataOutTimeoutMs) {
      connection.fail(`the end of tasks was not acknowledged within ${dataOutTimeoutMs} ms`)
      return
    }
    const isSilent = nowMs - connection.lastReceivedMs >= pingIdleMs
    if (this.#pingTag !== null && this.#answersPings && nowMs - this.#pingSentMs >= pingTimeoutMs) {
      connection.fail(`a ping was not answered within ${pingTimeoutMs} ms`)
      return
    }
    const isReminderDue = takeStatusReminder(connection, nowMs)
    if ((isSilent || isReminderDue) && this.#pingTag === null && !connection.session.isDiscovery) this.#ping(nowMs)
    else if (isReminderDue || connection.session.window.hasOpened) sendNumbers(connection)
    this.#timer = this.#schedule()
  }

  #ping(nowMs: number): void {
    this.#pingTag = solicitAcknowledgement(this.#connection)
    this.#pingSentMs = nowMs
  }
}
