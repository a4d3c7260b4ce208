/**
 * The TCP sockets of an iSNS client (RFC 4171 2.9.1): the connection to the server, and the ports on which the server's
 * connections with ESI and SCN messages are accepted. How many there are and how long a silent one stays is bounded.
 */

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { ConnectIsns, IsnsLink, IsnsLinkEvents } from '../isns/conversation.ts'
import { chooseStrangerToDrop } from './stranger-connections.ts'

const KEEPALIVE_DELAY_MS = 30_000

/** Opens connections to an iSNS server at a host name or address. */
export function isnsConnector(host: string, port: number): ConnectIsns {
  return (events) => {
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_DELAY_MS, noDelay: true })
    let error: Error | null = null
    socket.on('connect', () => events.opened())
    socket.on('data', (chunk: Buffer) => events.received(chunk))
    socket.on('error', (cause) => {
      error = cause
    })
    socket.on('close', () => events.closed(error?.message ?? 'it closed the connection'))
    return linkOf(socket)
  }
}

/** Who does not read what we send is not read from either, so that no answers pile up. */
function linkOf(socket: Socket): IsnsLink {
  socket.on('drain', () => socket.resume())
  return {
    send(bytes) {
      if (!socket.write(bytes)) socket.pause()
    },
    close: () => void socket.destroy(),
  }
}

export interface NotificationListenerOptions {
  /** Connections at a time; one more takes the place of the oldest from where most of them come. */
  readonly connectionsMax: number
  /** A connection that is silent for so long is closed. */
  readonly idleTimeoutMs: number
  /** Gives the events of a new connection. */
  readonly accept: (link: IsnsLink) => Pick<IsnsLinkEvents, 'received'>
  readonly failed: (error: Error) => void
}

/** A port on which an iSNS server reaches its client. */
export class NotificationListener {
  readonly #options: NotificationListenerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(options: NotificationListenerOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** Begin to listen. Gives the port, which the system chose when `port` is 0. Errors: the system's (`code`). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', this.#options.failed)
        const address = this.#server.address()
        resolve(address !== null && typeof address === 'object' ? address.port : port)
      })
    })
  }

  /** Accept nothing more and close what there is. */
  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    const { connectionsMax, idleTimeoutMs, accept } = this.#options
    if (this.#sockets.size >= connectionsMax) {
      const dropped = chooseStrangerToDrop([...this.#sockets], socket) ?? socket
      this.#sockets.delete(dropped)
      dropped.destroy()
      if (dropped === socket) return
    }
    this.#sockets.add(socket)
    const events = accept(linkOf(socket))
    socket.setTimeout(idleTimeoutMs, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => events.received(chunk))
    // A close follows each error.
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
