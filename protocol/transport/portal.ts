/**
 * A network portal (RFC 7143 4.4.1): listens on one address and gives every TCP connection to a new iSCSI connection, at
 * once or after a TLS handshake.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { Connection } from '../connection/connection.ts'
import type { ReceiveBuffer } from '../framing/receive-buffer.ts'
import { unmapIpv4, withoutZone } from '../ip-addresses.ts'
import type { NodeContext } from '../node-context.ts'
import type { PortalEndpoint, TlsPeer } from '../target-directory.ts'
import { receiveInto } from './receiving-socket.ts'
import { SocketTransport } from './socket-transport.ts'
import { chooseStrangerToDrop } from './stranger-connections.ts'
import { TlsAcceptor, type TlsIdentity } from './tls-acceptor.ts'
import type { Wakefulness } from './wakefulness.ts'

const KEEPALIVE_DELAY_MS = 30_000

/** What takes one of the places for connections: a connection, or a TLS handshake that may become one. */
export type Occupant = Pick<Connection, 'isLoggedIn' | 'fail'>

/** Where to listen. */
export interface PortalOptions {
  /** Names the portal; unique among those that are open. */
  readonly id: string
  /** An IP address without brackets, or a host name. */
  readonly host: string
  /** 0 asks for any free port. */
  readonly port: number
  /** With it the portal speaks TLS. */
  readonly identity?: TlsIdentity | null
}

export class Portal {
  readonly id: string
  readonly #host: string
  readonly #port: number
  readonly #context: NodeContext
  readonly #server: Server
  readonly #wakefulness: Wakefulness
  readonly #connections: Map<Socket, Occupant>
  readonly #tls: TlsAcceptor | null
  /** Those of `#connections` that came in here. */
  readonly #own = new Map<Socket, Occupant>()

  /**
   * `connections`: those of all portals of the node, oldest first; their number is bounded together.
   * Errors: throws what OpenSSL says about an identity that it cannot use.
   */
  constructor(
    context: NodeContext,
    { id, host, port, identity = null }: PortalOptions,
    connections: Map<Socket, Occupant>,
    wakefulness: Wakefulness,
  ) {
    this.#context = context
    this.id = id
    this.#host = host
    this.#port = port
    this.#connections = connections
    this.#wakefulness = wakefulness
    this.#tls = identity === null ? null : new TlsAcceptor(identity, context.log)
    const pauseOnConnect = this.#tls === null
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_DELAY_MS, pauseOnConnect },
      (socket) => this.#accept(socket),
    )
  }

  /** What has come in here and is still there, with the sockets. */
  get occupants(): ReadonlyMap<Socket, Occupant> {
    return this.#own
  }

  /** Begin to listen. Gives the port, which the system chose when it was to. Errors: the system's (`code`). */
  listen(): Promise<number> {
    const host = this.#host
    const port = this.#port
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

  /** Shake hands with another identity from now on; nothing for a portal without TLS. Errors: as the constructor. */
  renewTls(identity: TlsIdentity): void {
    this.#tls?.renew(identity)
  }

  /** Accept nothing more. */
  stopListening(): void {
    this.#server.close()
  }

  #accept(accepted: Socket): void {
    const { limits, log } = this.#context
    if (!this.#makeRoom(accepted)) {
      log.warn(
        { remoteAddress: accepted.remoteAddress },
        `closed a connection above the limit of ${limits.connectionsMax}`,
      )
      accepted.destroy()
      return
    }
    if (this.#tls !== null) {
      this.#shakeHands(accepted, this.#tls)
      return
    }
    const endpoint = this.#endpointOf(accepted, null)
    const socket = receiveInto(accepted, this.#context.receiveBuffers, (chunk, owner) =>
      this.#receive(connection, socket, chunk, owner),
    )
    const connection = this.#serve(socket, endpoint)
  }

  /** A handshake takes a place and has its time, as a login does that goes on for too long. */
  #shakeHands(accepted: Socket, tls: TlsAcceptor): void {
    const { limits, log, scheduler } = this.#context
    const remoteAddress = plainAddress(accepted.remoteAddress)
    const fail = (problem: string) => {
      log.warn({ remoteAddress, problem }, 'dropped a TLS handshake')
      accepted.destroy()
    }
    const timer = scheduler.setTimer(limits.loginTimeoutMs, () => fail(`no TLS within ${limits.loginTimeoutMs} ms`))
    const leave = () => {
      timer.cancel()
      this.#leave(accepted)
    }
    this.#enter(accepted, { isLoggedIn: false, fail })
    accepted.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
    accepted.once('close', leave)
    tls.shakeHands(accepted, (secured, peer) => {
      leave()
      const connection = this.#serve(secured, this.#endpointOf(secured, peer))
      secured.on('data', (chunk: Buffer) => this.#receive(connection, secured, chunk, null))
    })
  }

  #serve(socket: Socket, endpoint: PortalEndpoint): Connection {
    const { limits, log } = this.#context
    const connection = new Connection(this.#context, endpoint, new SocketTransport(socket, limits.closeTimeoutMs))
    this.#enter(socket, connection)
    socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
    socket.on('close', () => {
      this.#leave(socket)
      connection.transportClosed()
    })
    return connection
  }

  #enter(socket: Socket, occupant: Occupant): void {
    this.#connections.set(socket, occupant)
    this.#own.set(socket, occupant)
  }

  #leave(socket: Socket): void {
    this.#connections.delete(socket)
    this.#own.delete(socket)
  }

  /**
   * See to it that there is room for `newcomer`, and say whether there is. Those that have not logged in go
   * first, so that they cannot keep others out: a login takes a few round trips, while an idle connection would stay
   * until its time-out.
   */
  #makeRoom(newcomer: Socket): boolean {
    const { connectionsMax, pendingLoginsMax } = this.#context.limits
    const pending: Socket[] = []
    for (const [socket, { isLoggedIn }] of this.#connections) if (!isLoggedIn) pending.push(socket)
    if (this.#connections.size < connectionsMax && pending.length < pendingLoginsMax) return true
    const socket = chooseStrangerToDrop(pending, newcomer)
    if (socket === undefined) return false
    const occupant = this.#connections.get(socket)!
    this.#connections.delete(socket)
    occupant.fail(
      `it had not logged in when there were ${pending.length} such connections, and ${this.#connections.size} in all`,
    )
    return true
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

  #endpointOf(socket: Socket, tls: TlsPeer | null): PortalEndpoint {
    return {
      localAddress: plainAddress(socket.localAddress),
      localPort: socket.localPort ?? 0,
      remoteAddress: plainAddress(socket.remoteAddress),
      portalId: this.id,
      tls,
    }
  }
}

/** IPv4 addresses of a dual-stack listener as IPv4, IPv6 addresses without their zone. */
function plainAddress(address = ''): string {
  return withoutZone(unmapIpv4(address))
}
