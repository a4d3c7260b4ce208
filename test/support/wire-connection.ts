/**
 * A TCP connection for tests, with TLS when asked for: bytes out in any pieces, bytes in by count, and the questions "did the peer close?" and
 * "did it stay silent?". Every wait has a bound, so that a target that hangs fails a test instead of stopping the run.
 */

import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/** Bound of every wait that a healthy target ends at once. */
export const PATIENCE_MS = 5_000

/** The peer closed before all the bytes that were waited for came. */
export class ConnectionClosedError extends Error {}

export class WireConnection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}

  /** Connect, and with `tls` shake hands. `localAddress`: where to come from, of this machine's addresses. */
  static async open(
    host: string,
    port: number,
    tls: ConnectionOptions | null = null,
    localAddress?: string,
  ): Promise<WireConnection> {
    const place = { host, port, allowHalfOpen: true, noDelay: true, ...(localAddress && { localAddress }) }
    const socket = tls === null ? connect(place) : connectTls({ ...place, ...tls })
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === null ? 'connect' : 'secureConnect', resolve)
      socket.once('error', reject)
    })
    return new WireConnection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    const closed = () => {
      this.#isClosed = true
      this.#wake()
    }
    socket.on('end', closed)
    socket.on('close', closed)
    // A reset is one of the ways in which the peer may close.
    socket.on('error', closed)
  }

  /** Send, as one write or in writes of `pieceBytes` that each get a segment of their own. */
  async write(bytes: Buffer, pieceBytes = bytes.length): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
      await new Promise<void>((resolve) => {
        this.#socket.write(bytes.subarray(offset, offset + pieceBytes), () => resolve())
      })
    }
  }

  /** The next `byteCount` bytes. */
  async take(byteCount: number, timeoutMs = PATIENCE_MS): Promise<Buffer> {
    const arrived = await this.#until(() => this.#received.length >= byteCount || this.#isClosed, timeoutMs)
    if (this.#received.length < byteCount) {
      const state = `${this.#received.length} of ${byteCount} bytes had come`
      if (arrived) throw new ConnectionClosedError(`the target closed the connection when ${state}`)
      throw new Error(`the target did not answer within ${timeoutMs} ms; ${state}`)
    }
    const bytes = this.#received.subarray(0, byteCount)
    this.#received = this.#received.subarray(byteCount)
    return bytes
  }

  /** Wait for the peer's close; fails when bytes come that nobody took. */
  async expectClosed(timeoutMs = PATIENCE_MS): Promise<void> {
    const closed = await this.#until(() => this.#isClosed, timeoutMs)
    assert.ok(closed, `the target did not close the connection within ${timeoutMs} ms`)
    assert.equal(this.#received.toString('hex'), '', 'bytes came before the close')
  }

  /** Wait for the peer's close and throw away what it sends before. */
  async drainUntilClosed(timeoutMs = PATIENCE_MS): Promise<void> {
    assert.ok(await this.#until(() => this.#isClosed, timeoutMs), `not closed within ${timeoutMs} ms`)
    this.#received = Buffer.alloc(0)
  }

  /** Wait until the peer has closed or sent something; true when it closed and sent nothing. */
  async closesSilently(timeoutMs = PATIENCE_MS): Promise<boolean> {
    const happened = await this.#until(() => this.#isClosed || this.#received.length > 0, timeoutMs)
    assert.ok(happened, `the target neither answered nor closed within ${timeoutMs} ms`)
    return this.#received.length === 0
  }

  /** Fails when the peer sends a byte or closes within `durationMs`. */
  async expectSilence(durationMs = 100): Promise<void> {
    await this.#until(() => this.#received.length > 0 || this.#isClosed, durationMs)
    assert.equal(this.#received.toString('hex'), '', 'bytes came where silence was due')
    assert.ok(!this.#isClosed, 'the target closed the connection where silence was due')
  }

  /** Half-close: our FIN, reading goes on. */
  endWriting(): void {
    this.#socket.end()
  }

  /** Stop reading, so that the peer's sends fill the socket buffers. */
  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  /** Close with a reset, as a crashed initiator's host does. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs
    while (!condition()) {
      const remainingMs = deadlineMs - performance.now()
      if (remainingMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, remainingMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = () => {}
    }
    return true
  }
}
