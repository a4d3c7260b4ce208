/**
 * A TCP connection of a simulation, without sockets: what travels either way lies in a pipe, of which the simulation
 * moves some on in pieces of any size. It breaks on both sides at once, on one first, or for the initiator alone, which
 * leaves the target with a connection that is half open. Memory that the target handed over must not change before it
 * is told that it has left.
 */

import assert from 'node:assert/strict'
import { Connection } from '../../../protocol/connection/connection.ts'
import type { ConnectionTransport } from '../../../protocol/connection/connection-transport.ts'
import { type NodeHarness, receiveFromPool } from '../connection-harness.ts'
import type { SeededRandom } from '../seeded-random.ts'

/** What the target handed over in one call. */
interface Batch {
  readonly buffers: readonly Buffer[]
  readonly bytes: Buffer
  readonly sent: () => void
}

const ENDPOINT = {
  localAddress: '127.0.0.1',
  localPort: 3260,
  remoteAddress: '127.0.0.2',
  portalId: '1',
  tls: null,
} as const

export class SimulatedLink implements ConnectionTransport {
  readonly target: Connection
  /** When the target's side ended, whoever ended it; null while it lives. */
  targetEndedMs: number | null = null
  readonly #node: NodeHarness
  readonly #random: SeededRandom
  #toTarget: Buffer = Buffer.alloc(0)
  #toInitiator: Batch[] = []
  #isPaused = false

  constructor(node: NodeHarness, random: SeededRandom) {
    this.#node = node
    this.#random = random
    this.target = new Connection(node.context, ENDPOINT, this)
  }

  get hasTraffic(): boolean {
    return (this.#toTarget.length > 0 && this.targetEndedMs === null && !this.#isPaused) || this.#toInitiator.length > 0
  }

  /** The target's side has ended and everything it sent has been read. */
  get isAtEnd(): boolean {
    return this.targetEndedMs !== null && this.#toInitiator.length === 0
  }

  send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void {
    const bytes = Buffer.concat(buffers)
    assert.equal(bytes.length, byteCount)
    this.#toInitiator.push({ buffers, bytes, sent })
  }

  end(): void {
    this.#targetEnded()
  }

  destroy(): void {
    this.#targetEnded()
    // Bytes that a reset overtakes are lost, or were fast enough.
    if (this.#random.chance(0.5)) this.#node.clock.defer(() => this.discardReceived())
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
  }

  /** The initiator sends. */
  write(bytes: Buffer): void {
    if (this.targetEndedMs === null) this.#toTarget = Buffer.concat([this.#toTarget, bytes])
  }

  /** Some of what the initiator sent reaches the target. */
  moveToTarget(): void {
    if (this.#isPaused || this.#toTarget.length === 0 || this.targetEndedMs !== null) return
    const bytes = this.#toTarget
    const byteCount = this.#random.chance(0.7) ? bytes.length : this.#random.integer(1, bytes.length)
    this.#toTarget = bytes.subarray(byteCount)
    receiveFromPool(this.target, bytes.subarray(0, byteCount))
    this.#node.clock.settle()
  }

  /** What the target handed over longest ago reaches the initiator. */
  moveToInitiator(): Buffer | null {
    const batch = this.#toInitiator.shift()
    if (batch === undefined) return null
    this.#left(batch)
    return batch.bytes
  }

  /** The network is gone for the target: it is told. */
  breakAtTarget(): void {
    if (this.targetEndedMs !== null) return
    this.#targetEnded()
    this.target.transportClosed()
    this.#node.clock.settle()
  }

  /** What is on its way to the initiator reaches nobody. A socket reports what it could not send in no particular order. */
  discardReceived(): void {
    const batches = this.#toInitiator.splice(0)
    if (this.#random.chance(0.5)) batches.reverse()
    for (const batch of batches) this.#left(batch)
  }

  #targetEnded(): void {
    this.targetEndedMs ??= this.#node.clock.nowMs()
    this.#toTarget = Buffer.alloc(0)
  }

  #left({ buffers, bytes, sent }: Batch): void {
    assert.ok(Buffer.concat(buffers).equals(bytes), 'memory was changed before it had left')
    sent()
    this.#node.clock.settle()
  }
}
