/**
 * Text Requests in full feature phase (RFC 7143 11.10, 11.11): joins texts that come in several PDUs, cuts answers to the
 * initiator's MaxRecvDataSegmentLength, and keeps the one sequence that a connection may have open.
 */

import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON, type RejectReason } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { createFullFeatureText, type FullFeatureText } from '../login/full-feature-text.ts'
import { TEXT_FLAG, TEXT_REQUEST, writeTextResponse } from '../pdu/text.ts'
import type { Connection } from './connection.ts'
import { rejectPdu } from './reject.ts'

/** A negotiation that goes on over several requests with the same Initiator Task Tag. */
interface Sequence {
  readonly initiatorTaskTag: number
  readonly negotiation: FullFeatureText
  /** What the next request of the sequence has to carry. */
  targetTransferTag: number
  /** Pieces of a text whose last piece has not come (C bit). */
  incoming: Buffer[]
  incomingBytes: number
  /** What is left of an answer that did not fit one PDU; null when there is none. */
  outgoing: Buffer | null
}

const NO_TEXT = Buffer.alloc(0)
/** Pieces of a text beyond which they are joined. */
const PIECES_MAX = 32

export class TextExchange {
  readonly #connection: Connection
  #sequence: Sequence | null = null

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Initiator Task Tag of the sequence that is open, null when there is none. */
  get openTag(): number | null {
    return this.#sequence?.initiatorTaskTag ?? null
  }

  /** A Text Request's turn has come. */
  handleTextRequest(pdu: Pdu): void {
    const { header, at } = pdu
    const flags = header[at + TEXT_REQUEST.flags]!
    const isFinal = (flags & TEXT_FLAG.final) !== 0
    const isContinued = (flags & TEXT_FLAG.continue) !== 0
    const sequence = this.#sequenceOf(pdu)
    if (typeof sequence === 'number') {
      rejectPdu(this.#connection, pdu, sequence)
      return
    }
    if (isFinal && isContinued) {
      this.#fail(pdu, REJECT_REASON.PROTOCOL_ERROR)
      return
    }
    if (pdu.dataBytes > 0) sequence.incoming.push(Buffer.concat(pdu.data))
    // A text in tiny pieces would cost more in buffers than in bytes.
    if (sequence.incoming.length > PIECES_MAX) sequence.incoming = [Buffer.concat(sequence.incoming)]
    sequence.incomingBytes += pdu.dataBytes
    if (sequence.incomingBytes > this.#connection.context.limits.textBytesMax) {
      this.#fail(pdu, REJECT_REASON.LONG_OPERATION_REJECT)
    } else if (isContinued) {
      this.#respond(sequence, NO_TEXT, 0)
    } else {
      const text = Buffer.concat(sequence.incoming)
      sequence.incoming = []
      sequence.incomingBytes = 0
      this.#answer(pdu, sequence, text, isFinal)
    }
  }

  /** The sequence that a request begins, begins again or goes on with; or why it can do none of it. */
  #sequenceOf(pdu: Pdu): Sequence | RejectReason {
    const { header, at } = pdu
    const { session, endpoint, context } = this.#connection
    const initiatorTaskTag = header.readUInt32BE(at + TEXT_REQUEST.initiatorTaskTag)
    const targetTransferTag = header.readUInt32BE(at + TEXT_REQUEST.targetTransferTag)
    const open = this.#sequence
    if (targetTransferTag !== RESERVED_TAG) {
      const isOpen = open?.initiatorTaskTag === initiatorTaskTag && open.targetTransferTag === targetTransferTag
      return isOpen ? open : REJECT_REASON.INVALID_PDU_FIELD
    }
    // One negotiation at a time (RFC 7143 6.2); the open one is not disturbed.
    if (open !== null && open.initiatorTaskTag !== initiatorTaskTag) return REJECT_REASON.PROTOCOL_ERROR
    const { sessionType, initiatorName, target } = session.identity
    const asker = { sessionType, initiatorName, targetName: target?.name ?? null, endpoint }
    this.#sequence = {
      initiatorTaskTag,
      negotiation: createFullFeatureText(asker, context.directory, context.limits.textKeysMax),
      targetTransferTag: RESERVED_TAG,
      incoming: [],
      incomingBytes: 0,
      outgoing: null,
    }
    return this.#sequence
  }

  #answer(pdu: Pdu, sequence: Sequence, text: Buffer, isFinal: boolean): void {
    let answer = sequence.outgoing
    if (answer === null) {
      const outcome = sequence.negotiation.step(text)
      if (outcome.kind === 'protocolError') {
        this.#connection.log.warn({ reason: outcome.reason }, 'refused a text negotiation')
        this.#fail(pdu, REJECT_REASON.PROTOCOL_ERROR)
        return
      }
      answer = outcome.text
    } else if (text.length > 0) {
      this.#fail(pdu, REJECT_REASON.PROTOCOL_ERROR)
      return
    }
    const { initiatorMaxRecvDataSegmentLength } = this.#connection.parameters
    if (answer.length > initiatorMaxRecvDataSegmentLength) {
      sequence.outgoing = answer.subarray(initiatorMaxRecvDataSegmentLength)
      this.#respond(sequence, answer.subarray(0, initiatorMaxRecvDataSegmentLength), TEXT_FLAG.continue)
    } else {
      sequence.outgoing = null
      this.#respond(sequence, answer, isFinal ? TEXT_FLAG.final : 0)
      if (isFinal) this.#conclude(sequence)
    }
  }

  /** The sequence has ended well: what was declared in it takes effect. */
  #conclude(sequence: Sequence): void {
    this.#sequence = null
    const { initiatorMaxRecvDataSegmentLength } = sequence.negotiation.declared()
    if (initiatorMaxRecvDataSegmentLength === undefined) return
    this.#connection.setParameters({ ...this.#connection.parameters, initiatorMaxRecvDataSegmentLength })
  }

  #fail(pdu: Pdu, reason: RejectReason): void {
    this.#sequence = null
    rejectPdu(this.#connection, pdu, reason)
  }

  #respond(sequence: Sequence, text: Buffer, flags: number): void {
    const connection = this.#connection
    const isEnd = (flags & TEXT_FLAG.final) !== 0
    sequence.targetTransferTag = isEnd ? RESERVED_TAG : connection.session.takeTransferTag()
    const header = connection.writer.takeHeader()
    writeTextResponse(header, flags, sequence.initiatorTaskTag, sequence.targetTransferTag)
    connection.statuses.send(header, text)
  }
}
