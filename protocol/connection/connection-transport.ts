/** What a connection needs of the network: the way out of its bytes, implemented by the socket and by tests. */

export interface ConnectionTransport {
  /** Send in order; `sent` is called once, when the buffers are free again, also when they could not be sent. */
  send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void
  /** Send everything, then close our side. */
  end(): void
  /** Close at once. */
  destroy(): void
  /** Bring no more bytes until `resume`. */
  pause(): void
  resume(): void
}
