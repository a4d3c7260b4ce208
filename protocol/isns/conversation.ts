/**
 * One TCP connection to an iSNS server: requests and their responses, one at a time, and what the server asks in between.
 * Sans I/O: the way out is an `IsnsLink`, bytes and events come in through the `IsnsLinkEvents` that go with it. Used by
 * the client, and in its shorter form by the connections that the server opens (`receiveNotifications`).
 */

import type { Scheduler, Timer } from '../node-context.ts'
import type { Attribute } from './attributes.ts'
import { FUNCTION, type FunctionName, functionName, RESPONSE_BIT } from './functions.ts'
import { encodeMessage, type IsnsMessage } from './message.ts'
import { type MessageBounds, MessageReader } from './message-reader.ts'

/** The way out. After `close` nothing comes back from the link but, perhaps, that it is closed. */
export interface IsnsLink {
  send(bytes: Buffer): void
  close(): void
}

export interface IsnsLinkEvents {
  opened(): void
  received(chunk: Buffer): void
  /** It is closed, or could not be opened; `reason` is for the log. */
  closed(reason: string): void
}

/** Opens a connection. Its events come later, never within the call. */
export type ConnectIsns = (events: IsnsLinkEvents) => IsnsLink

export interface ConversationOptions extends MessageBounds {
  readonly connect: ConnectIsns
  readonly scheduler: Scheduler
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
}

export interface ConversationEvents {
  opened(): void
  /** Answers or ignores a request of the server. */
  notified(message: IsnsMessage): IsnsMessage | null
  /** It has come to an end that this side did not choose. */
  failed(reason: string): void
}

interface PendingRequest {
  readonly functionId: number
  readonly transactionId: number
  readonly answered: (response: IsnsMessage) => void
}

const TRANSACTION_IDS = 0x1_0000

export class Conversation {
  readonly #options: ConversationOptions
  readonly #events: ConversationEvents
  readonly #reader: MessageReader
  readonly #link: IsnsLink
  #timer: Timer
  #pending: PendingRequest | null = null
  #lastTransactionId = 0
  #isOver = false

  /** Begins to connect. */
  constructor(options: ConversationOptions, events: ConversationEvents) {
    this.#options = options
    this.#events = events
    this.#reader = new MessageReader(options)
    this.#timer = this.#limit(options.connectTimeoutMs, 'the connection was not opened')
    this.#link = options.connect({
      opened: () => this.#opened(),
      received: (chunk) => this.#received(chunk),
      closed: (reason) => this.#fail(reason),
    })
  }

  /** A request waits for its response. */
  get isBusy(): boolean {
    return this.#pending !== null
  }

  /** Send a request, while none is pending; `answered` gets the response, whatever its status. */
  request(
    name: FunctionName,
    attributes: readonly Attribute[],
    answered: (response: IsnsMessage) => void,
    isReplace = false,
  ): void {
    const functionId = FUNCTION[name]
    const transactionId = (this.#lastTransactionId + 1) % TRANSACTION_IDS
    this.#lastTransactionId = transactionId
    this.#pending = { functionId, transactionId, answered }
    this.#timer = this.#limit(this.#options.requestTimeoutMs, `${name} was not answered`)
    this.#link.send(encodeMessage({ functionId, transactionId, isReplace, status: null, attributes }))
  }

  /** End it from this side; no event follows. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    this.#link.close()
  }

  #limit(delayMs: number, what: string): Timer {
    return this.#options.scheduler.setTimer(delayMs, () => this.#fail(`${what} within ${delayMs / 1000} s`))
  }

  #opened(): void {
    this.#timer.cancel()
    this.#events.opened()
  }

  #received(chunk: Buffer): void {
    const messages = this.#reader.receive(chunk)
    if ('problem' in messages) {
      this.#fail(`it sent something that is no iSNS: ${messages.problem}`)
      return
    }
    for (const message of messages) {
      if (this.#isOver) return
      if ((message.functionId & RESPONSE_BIT) !== 0) this.#answered(message)
      else this.#notified(message)
    }
  }

  #answered(response: IsnsMessage): void {
    const pending = this.#pending
    if (pending === null || response.transactionId !== pending.transactionId) return
    if (response.functionId !== (pending.functionId | RESPONSE_BIT)) {
      const [got, asked] = [response, pending].map(({ functionId }) => functionName(functionId))
      this.#fail(`it answered ${asked} with ${got}`)
      return
    }
    this.#timer.cancel()
    this.#pending = null
    pending.answered(response)
  }

  #notified(message: IsnsMessage): void {
    const answer = this.#events.notified(message)
    if (answer !== null && !this.#isOver) this.#link.send(encodeMessage(answer))
  }

  #fail(reason: string): void {
    if (this.#isOver) return
    this.close()
    this.#events.failed(reason)
  }
}

/** The events of a connection that the server has opened to us, on which only it makes requests. */
export function receiveNotifications(
  link: IsnsLink,
  bounds: MessageBounds,
  notified: ConversationEvents['notified'],
): Pick<IsnsLinkEvents, 'received'> {
  const reader = new MessageReader(bounds)
  let isOver = false
  return {
    received(chunk) {
      if (isOver) return
      const messages = reader.receive(chunk)
      if ('problem' in messages) {
        isOver = true
        link.close()
        return
      }
      for (const message of messages) {
        const answer = notified(message)
        if (answer !== null) link.send(encodeMessage(answer))
      }
    },
  }
}
