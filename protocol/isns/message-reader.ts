/**
 * From the bytes of one TCP connection to iSNSP messages (RFC 4171 5.1, 5.2), whichever way the bytes are cut. What the
 * other side can make it hold is bounded: bytes of all messages that have begun, and attributes of one. Sans I/O; after
 * a problem the connection must be closed, because nobody knows where the next message begins.
 */

import { decodeAttributes, type MessageProblem } from './attributes.ts'
import { FLAG, functionName, ISNSP_VERSION, RESPONSE_BIT } from './functions.ts'
import { decodePduHeader, type IsnsMessage, PDU_HEADER_BYTES, type PduHeader, STATUS_BYTES } from './message.ts'

export interface MessageBounds {
  /** Bytes of messages that have begun and not ended, with what it takes to keep each of their PDUs. */
  readonly messageBytesMax: number
  /** In one message. */
  readonly attributesMax: number
}

/** What a PDU of a message that has not ended takes besides its payload: so many small ones are bounded as well. */
const KEPT_PDU_BYTES = 256

interface PartialMessage {
  /** Copies, so that they do not hold the chunks that they came in. */
  readonly parts: Buffer[]
  nextSequenceId: number
}

export class MessageReader {
  readonly #bounds: MessageBounds
  #unread = Buffer.alloc(0)
  /** PDU payloads of messages that have not ended, by function and transaction. */
  readonly #partial = new Map<number, PartialMessage>()
  #partialBytes = 0

  constructor(bounds: MessageBounds) {
    this.#bounds = bounds
  }

  /** The messages that end in `chunk`, or why the connection cannot go on. */
  receive(chunk: Buffer): IsnsMessage[] | MessageProblem {
    this.#unread = Buffer.concat([this.#unread, chunk])
    const messages: IsnsMessage[] = []
    while (this.#unread.length >= PDU_HEADER_BYTES) {
      const header = decodePduHeader(this.#unread)
      const problem = headerProblem(header)
      if (problem !== null) return { problem }
      const endAt = PDU_HEADER_BYTES + header.pduLength
      if (this.#unread.length < endAt) break
      const payload = this.#unread.subarray(PDU_HEADER_BYTES, endAt)
      this.#unread = this.#unread.subarray(endAt)
      const message = this.#take(header, payload)
      if (message === null) continue
      if ('problem' in message) return message
      messages.push(message)
    }
    return messages
  }

  #take(header: PduHeader, payload: Buffer): IsnsMessage | MessageProblem | null {
    const { messageBytesMax } = this.#bounds
    const key = header.functionId * 0x1_0000 + header.transactionId
    const partial = this.#partial.get(key) ?? { parts: [], nextSequenceId: 0 }
    if (header.sequenceId !== partial.nextSequenceId) {
      const { sequenceId, functionId } = header
      const expected = partial.nextSequenceId
      return { problem: `${functionName(functionId)}: SEQUENCE ID ${sequenceId} where ${expected} is due` }
    }
    if (this.#partialBytes + keptBytes(payload) > messageBytesMax) {
      return { problem: `more than ${messageBytesMax} bytes in messages` }
    }
    if ((header.flags & FLAG.lastPdu) === 0) {
      partial.parts.push(ownCopy(payload))
      partial.nextSequenceId++
      this.#partialBytes += keptBytes(payload)
      this.#partial.set(key, partial)
      return null
    }
    this.#partial.delete(key)
    this.#partialBytes -= partial.parts.reduce((sum, part) => sum + keptBytes(part), 0)
    return this.#decode(header, Buffer.concat([...partial.parts, payload]))
  }

  #decode({ functionId, transactionId, flags }: PduHeader, payload: Buffer): IsnsMessage | MessageProblem {
    const isResponse = (functionId & RESPONSE_BIT) !== 0
    if (isResponse && payload.length < STATUS_BYTES) {
      return { problem: `${functionName(functionId)} has no status code` }
    }
    const attributes = decodeAttributes(payload.subarray(isResponse ? STATUS_BYTES : 0), this.#bounds.attributesMax)
    if ('problem' in attributes) return { problem: `${functionName(functionId)}: ${attributes.problem}` }
    return {
      functionId,
      transactionId,
      isReplace: (flags & FLAG.replace) !== 0,
      status: isResponse ? payload.readUInt32BE() : null,
      attributes,
    }
  }
}

const keptBytes = (payload: Buffer): number => KEPT_PDU_BYTES + payload.length

/** Memory of its own: small buffers usually share theirs. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length)
  bytes.copy(copy)
  return copy
}

function headerProblem({ version, functionId, pduLength, flags }: PduHeader): string | null {
  if (version !== ISNSP_VERSION) return `iSNSP version ${version}, where ${ISNSP_VERSION} is understood`
  if (pduLength % 4 !== 0) return `${functionName(functionId)}: PDU LENGTH ${pduLength} is no multiple of 4`
  // RFC 4171 5.5: only multicast and broadcast messages have one, and its length is not in the header.
  if ((flags & FLAG.authenticationBlock) !== 0) return `${functionName(functionId)} has an authentication block`
  return null
}
