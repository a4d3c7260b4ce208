/**
 * A network portal (RFC 7143 4.4.1): listens on one address and gives every TCP connection to a new iSCSI connection.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { Connection } from '../connection/connection.ts'
import type { ReceiveBuffer } from '../framing/receive-buffer.ts'
import type { NodeContext } from '../node-context.ts'
import type { PortalEndpoint } from '../target-directory.ts'
import { receiveInto } from './receiving-socket.ts'
import { SocketTransport } from './socket-transport.ts'
import type { Wakefulness } from './wakefulness.ts'

const KEEPALIVE_DELAY_MS = 30_000
const IPV4_MAPPED_PREFIX = '::ffff:'

export class Portal {
  readonly portalGroupTag: number
  readonly #context: NodeContext
  readonly #server: Server
  readonly #wakefulness: Wakefulness
  readonly #connections: Map<Socket, Connection>

  /** `connections`: those of all portals of the node, oldest first; their number is bounded together. */
  constructor(
    context: NodeContext,
    portalGroupTag: number,
    connections: Map<Socket, Connection>,
    wakefulness: Wakefulness,
  ) {
    this.#context = context
    this.portalGroupTag = portalGroupTag
    this.#connections = connections
    this.#wakefulness = wakefulness
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_DELAY_MS, pauseOnConnect: true },
      (socket) => this.#accept(socket),
    )
  }

  /** Begin to listen. Gives the port, which the system chose when `port` is 0. Errors: the system's (`code`). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => this.#context.log.error({ err: error }, 'a portal failed'))
        const address = this.#server.address()
        resolve(address !== null && typeof address === 'object' ? address.port : port)
      })
    })
  }

  /** Accept nothing more. */
  stopListening(): void {
    this.#server.close()
  }

  #accept(accepted: Socket): void {
    const { limits, log } = this.#context
    if (this.#connections.size >= limits.connectionsMax && !this.#makeRoom()) {
      log.warn(
        { remoteAddress: accepted.remoteAddress },
        `closed a connection above the limit of ${limits.connectionsMax}`,
      )
      accepted.destroy()
      return
    }
    const endpoint = this.#endpointOf(accepted)
    const socket = receiveInto(accepted, this.#context.receiveBuffers, (chunk, owner) =>
      this.#receive(connection, socket, chunk, owner),
    )
    const connection = new Connection(this.#context, endpoint, new SocketTransport(socket, limits.closeTimeoutMs))
    this.#connections.set(socket, connection)
    socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
    socket.on('close', () => {
      this.#connections.delete(socket)
      connection.transportClosed()
    })
  }

  /**
   * Close the oldest connection that is not in full feature phase, so that those who never log in cannot keep others out:
   * a login takes a few round trips, while an idle connection would stay until its time-out. Says whether there was one.
   */
  #makeRoom(): boolean {
    for (const [socket, connection] of this.#connections) {
      if (connection.isLoggedIn) continue
      this.#connections.delete(socket)
      connection.fail(`it had not logged in when there were ${this.#context.limits.connectionsMax} connections`)
      return true
    }
    return false
  }

  /** A mistake of ours ends this connection, not the server. */
  #receive(connection: Connection, socket: Socket, chunk: Buffer, owner: ReceiveBuffer | null): void {
    try {
      connection.receive(chunk, owner)
      this.#wakefulness.stir()
    } catch (error) {
      this.#context.log.error({ err: error, remoteAddress: connection.endpoint.remoteAddress }, 'internal error')
      socket.destroy()
    }
  }

  #endpointOf(socket: Socket): PortalEndpoint {
    return {
      localAddress: plainAddress(socket.localAddress),
      localPort: socket.localPort ?? 0,
      remoteAddress: plainAddress(socket.remoteAddress),
      portalGroupTag: this.portalGroupTag,
    }
  }
}

/** IPv4 addresses of a dual-stack listener as IPv4, IPv6 addresses without their zone. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  if (address.startsWith(IPV4_MAPPED_PREFIX)) return address.slice(IPV4_MAPPED_PREFIX.length)
  return address.split('%', 1)[0]!
}
