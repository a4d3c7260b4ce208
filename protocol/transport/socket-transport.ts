/**
 * A TCP socket as the way out of a connection. All buffers of a turn leave in one vectored write.
 */

import type { Socket } from 'node:net'
import type { ConnectionTransport } from '../connection/connection-transport.ts'

export class SocketTransport implements ConnectionTransport {
  readonly #socket: Socket
  readonly #closeTimeoutMs: number

  /** `closeTimeoutMs`: how long a closing socket waits for the peer to close its side. */
  constructor(socket: Socket, closeTimeoutMs: number) {
    this.#socket = socket
    this.#closeTimeoutMs = closeTimeoutMs
  }

  send(buffers: readonly Buffer[], _byteCount: number, sent: () => void): void {
    const socket = this.#socket
    const last = buffers.length - 1
    if (last === 0) {
      socket.write(buffers[0]!, sent)
      return
    }
    socket.cork()
    for (let at = 0; at < last; at++) socket.write(buffers[at]!)
    socket.write(buffers[last]!, sent)
    socket.uncork()
  }

  end(): void {
    const timer = setTimeout(() => this.#socket.destroy(), this.#closeTimeoutMs)
    this.#socket.once('close', () => clearTimeout(timer))
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}
