/**
 * The near end of TLS connections to a target: a plain port for initiators that speak no TLS. Connections share nothing,
 * so that one that breaks is the initiator's to make again, as on any network. The bytes inside are not looked at.
 */

import { createServer, type Server } from 'node:net'
import type { Endpoint } from '../server-options.ts'
import { TunnelConnection, type TunnelConnectionOptions } from './tunnel-connection.ts'

export interface TunnelOptions extends TunnelConnectionOptions {
  readonly listen: Endpoint
  readonly connectionsMax: number
}

const KEEPALIVE_DELAY_MS = 30_000

export class Tunnel {
  readonly #options: TunnelOptions
  readonly #server: Server
  readonly #connections = new Set<TunnelConnection>()

  constructor(options: TunnelOptions) {
    this.#options = options
    const sockets = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true }
    const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEPALIVE_DELAY_MS }
    this.#server = createServer({ ...sockets, ...keepAlive }, (near) => {
      const connection = new TunnelConnection(near, options)
      this.#connections.add(connection)
      connection.closed.then(() => this.#connections.delete(connection))
    })
    this.#server.maxConnections = options.connectionsMax
    this.#server.on('drop', (drop) =>
      options.log.warn({ remoteAddress: drop?.remoteAddress }, `closed a connection above ${options.connectionsMax}`),
    )
  }

  /** Connections at the moment. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Begin to listen. Gives the port, which the system chose when 0 was asked for. Errors: the system's (`code`). */
  listen(): Promise<number> {
    const { listen, log } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...listen }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => log.error({ err: error }, 'the tunnel cannot accept connections'))
        const address = this.#server.address()
        resolve(address !== null && typeof address === 'object' ? address.port : listen.port)
      })
    })
  }

  /** Accept nothing more, send on what has been taken, and close every connection. */
  async drain(): Promise<void> {
    this.#server.close()
    const connections = [...this.#connections]
    for (const connection of connections) connection.stop()
    await Promise.all(connections.map(({ closed }) => closed))
  }
}
