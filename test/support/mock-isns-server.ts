/**
 * An iSNS server for tests of the client: it understands what the client sends with `isns-wire.ts`, keeps a small
 * database, and answers on a virtual clock. Tests say when it is away, what it answers, and what it sends by itself.
 */

import assert from 'node:assert/strict'
import type { IsnsClient } from '../../protocol/isns/client.ts'
import type { ConnectIsns, IsnsLinkEvents } from '../../protocol/isns/conversation.ts'
import type { VirtualClock } from './connection-harness.ts'
import {
  parseWireMessages,
  serverMessage,
  type WireAttribute,
  type WireMessage,
  wireAttribute,
  wireText,
} from './isns-wire.ts'

export const TAG = {
  DELIMITER: 0,
  EID: 1,
  PROTOCOL: 2,
  TIMESTAMP: 4,
  PERIOD: 6,
  ADDRESS: 16,
  PORT: 17,
  ESI_INTERVAL: 19,
  ESI_PORT: 20,
  SCN_PORT: 23,
  NAME: 32,
  NODE_TYPE: 33,
  ALIAS: 34,
  SCN_BITMAP: 35,
  PG_ADDRESS: 49,
  PG_PORT: 50,
  PG_TAG: 51,
} as const

export const REG = 0x0001
export const QUERY = 0x0002
export const DEREG = 0x0004
export const SCN_REG = 0x0005
export const SCN = 0x0008
export const ESI = 0x000d

interface Answer {
  readonly status: number
  readonly attributes?: readonly WireAttribute[]
}

const OK: Answer = { status: 0 }

/** Turns of the event loop within which every exchange comes to rest. */
const TURNS_MAX = 100
const STEP_MS = 500

export class MockIsnsServer {
  readonly clock: VirtualClock
  /** Every request, oldest first. */
  readonly requests: WireMessage[] = []
  /** Every answer of the client on its own connection, oldest first. */
  readonly answers: WireMessage[] = []
  isAway = false
  isSilent = false
  /** Connections that were asked for, also in vain. */
  connectCount = 0
  entity: string | null = null
  /** "address port" in hexadecimal. */
  readonly portals = new Set<string>()
  readonly nodes = new Set<string>()
  /** What queries for initiators give, by source; a name that stands for a node of another type begins with a dash. */
  readonly initiators = new Map<string, readonly string[]>()
  /** What the server says about the registration period, in seconds. */
  periodSeconds: number | null = null
  /** Shows a node to itself. */
  showsSelf = true
  /** Statuses for the next requests of a function, in their order. */
  readonly refusals = new Map<number, number[]>()
  /** Answers to the next requests, whatever these are. */
  readonly surprises: Answer[] = []
  #connections: IsnsLinkEvents[] = []
  #nextEntity = 1

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  /** How many connections are open. */
  get connectionCount(): number {
    return this.#connections.length
  }

  readonly connect: ConnectIsns = (events) => {
    this.connectCount++
    let unread = Buffer.alloc(0)
    let isOpen = true
    this.clock.defer(() => {
      if (!isOpen || this.isSilent) return
      if (this.isAway) return events.closed('connection refused')
      this.#connections.push(events)
      events.opened()
    })
    return {
      send: (bytes) => {
        unread = Buffer.concat([unread, bytes])
        const { messages, byteCount } = parseWireMessages(unread)
        unread = unread.subarray(byteCount)
        for (const message of messages) this.#take(message, events)
      },
      close: () => {
        isOpen = false
        this.#connections = this.#connections.filter((other) => other !== events)
      },
    }
  }

  /** Let everything happen that follows without time going by. */
  settle(): void {
    for (let turn = 0; turn < TURNS_MAX; turn++) this.clock.settle()
  }

  /** Let time go by, in steps so small that what is to be answered is answered in time. */
  advance(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, ms - passedMs))
      this.settle()
    }
  }

  /** Cut all connections. */
  cut(): void {
    for (const events of this.#connections.splice(0)) events.closed('it closed the connection')
    this.settle()
  }

  /** Lose the database. */
  forget(): void {
    this.entity = null
    this.portals.clear()
    this.nodes.clear()
  }

  /** Send bytes on the client's own connection. */
  sendRaw(bytes: Buffer): void {
    this.#connections.at(-1)!.received(bytes)
    this.settle()
  }

  /** Send a request on a connection of its own, and give what came back. */
  notify(client: IsnsClient, functionId: number, attributes: readonly WireAttribute[]): WireMessage | null {
    let answer = Buffer.alloc(0)
    const send = (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes])
    }
    const events = client.accept({ send, close: () => {} })
    events.received(serverMessage(functionId, 0x1234, attributes))
    this.settle()
    return parseWireMessages(answer).messages[0] ?? null
  }

  /** The requests of one function since the last call of `take`. */
  take(functionId: number): WireMessage[] {
    const taken = this.requests.filter((request) => request.functionId === functionId)
    this.requests.splice(0)
    return taken
  }

  #take(request: WireMessage, events: IsnsLinkEvents): void {
    assert.equal(request.flags & 0xc000, 0x8000, 'the sender is a client')
    if (request.functionId >= 0x8000) {
      this.answers.push(request)
      return
    }
    this.requests.push(request)
    if (this.isSilent) return
    const status = this.refusals.get(request.functionId)?.shift()
    const answer = this.surprises.shift() ?? (status === undefined ? this.#answer(request) : { status })
    const { functionId, transactionId } = request
    const bytes = serverMessage(functionId | 0x8000, transactionId, answer.attributes ?? [], answer.status)
    this.clock.defer(() => {
      if (this.#connections.includes(events)) events.received(bytes)
    })
  }

  #answer(request: WireMessage): Answer {
    const source = sourceOf(request)
    switch (request.functionId) {
      case REG:
        return this.#register(request)
      case DEREG:
        this.#deregister(operatingAttributes(request))
        return OK
      case QUERY:
        return this.nodes.has(source) ? this.#query(source, messageKey(request)) : { status: 6 }
      default:
        return this.nodes.has(source) ? OK : { status: 6 }
    }
  }

  #register(request: WireMessage): Answer {
    const [key] = messageKey(request)
    const attributes = operatingAttributes(request)
    if (key === undefined) this.entity = `isns:${this.#nextEntity++}`
    else if (wireText(key) !== this.entity) return { status: 3 }
    else if ((request.flags & 0x1000) !== 0) {
      this.portals.clear()
      this.nodes.clear()
    }
    for (const [index, { tag, value }] of attributes.entries()) {
      if (tag === TAG.ADDRESS)
        this.portals.add(`${value.toString('hex')} ${attributes[index + 1]!.value.toString('hex')}`)
      if (tag === TAG.NAME) this.nodes.add(wireText(attributes[index]!))
    }
    const period = this.periodSeconds === null ? [] : [wireAttribute(TAG.PERIOD, this.periodSeconds)]
    const identifier = wireAttribute(TAG.EID, this.entity!)
    return { status: 0, attributes: [identifier, wireAttribute(TAG.DELIMITER, Buffer.alloc(0)), identifier, ...period] }
  }

  #deregister(objects: readonly WireAttribute[]): void {
    for (const [index, { tag, value }] of objects.entries()) {
      if (tag === TAG.EID) this.forget()
      if (tag === TAG.NAME) this.nodes.delete(wireText(objects[index]!))
      if (tag === TAG.ADDRESS)
        this.portals.delete(`${value.toString('hex')} ${objects[index + 1]!.value.toString('hex')}`)
    }
  }

  #query(source: string, key: readonly WireAttribute[]): Answer {
    const delimiter = wireAttribute(TAG.DELIMITER, Buffer.alloc(0))
    if (key[0]?.tag === TAG.NAME) {
      return {
        status: 0,
        attributes: [...key, delimiter, ...(this.showsSelf ? [wireAttribute(TAG.NAME, source)] : [])],
      }
    }
    const nodes = (this.initiators.get(source) ?? []).flatMap((name) => [
      wireAttribute(TAG.NAME, name.replace(/^-/, '')),
      wireAttribute(TAG.NODE_TYPE, name.startsWith('-') ? 1 : 2),
    ])
    return { status: 0, attributes: [...key, delimiter, ...nodes] }
  }
}

const delimiterAt = ({ attributes }: WireMessage) => attributes.findIndex(({ tag }) => tag === TAG.DELIMITER)

export function sourceOf(request: WireMessage): string {
  assert.equal(request.attributes[0]?.tag, TAG.NAME, 'the source comes first')
  return wireText(request.attributes[0])
}

export function messageKey(request: WireMessage): readonly WireAttribute[] {
  assert.ok(delimiterAt(request) > 0, 'there is a delimiter')
  return request.attributes.slice(1, delimiterAt(request))
}

export function operatingAttributes(request: WireMessage): readonly WireAttribute[] {
  return request.attributes.slice(delimiterAt(request) + 1)
}
