/**
 * One connection through the tunnel: the initiator's plain socket (near) and a TLS socket to the server (far). The
 * initiator is read from only when the server has proved who it is. Made by `Tunnel` for each connection it accepts.
 */

import { isIP, type Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, getCACertificates, type TLSSocket } from 'node:tls'
import type { ProtocolLog } from '../../protocol/node-context.ts'
import type { Endpoint } from '../server-options.ts'
import { type Coupling, couple } from './coupling.ts'
import { explainTlsError } from './tls-errors.ts'

/** What a connection trusts and shows. PEM texts. */
export interface TunnelCredentials {
  /** The authorities that may have certified the server; null for those that this system trusts. */
  readonly ca: string | null
  /** What to show to a server that demands a certificate. */
  readonly client: { readonly certificate: string; readonly key: string } | null
}

export interface TunnelConnectionOptions {
  readonly server: Endpoint
  /** The DNS name or address that the server's certificate must be for. */
  readonly serverName: string
  /** Asked for each connection, so that renewed files are used without a restart. Throws when there are none to use. */
  readonly credentials: () => TunnelCredentials
  readonly log: ProtocolLog
  /** How long a connection may take to the end of its TLS handshake. */
  readonly connectTimeoutMs: number
  /** How long a side may take to accept the last bytes for it. */
  readonly closeTimeoutMs: number
}

const KEEPALIVE_DELAY_MS = 30_000

export class TunnelConnection {
  /** Settles when both sides are closed. */
  readonly closed: Promise<void>
  readonly #near: Socket
  readonly #far: TLSSocket | null
  readonly #options: TunnelConnectionOptions
  readonly #initiator: object
  #coupling: Coupling | null = null

  /** `near`: just accepted, paused, allowed to be half open. */
  constructor(near: Socket, options: TunnelConnectionOptions) {
    this.#near = near
    this.#options = options
    this.#initiator = { remoteAddress: near.remoteAddress, remotePort: near.remotePort }
    near.on('error', (error) => options.log.debug({ ...this.#initiator, err: error }, 'an initiator broke off'))
    this.#far = this.#connect()
    this.closed = Promise.all([near, this.#far].map(closeOf)).then(() => undefined)
    if (this.#far === null) near.destroy()
  }

  /** Close both sides, in order where data has begun to flow. */
  stop(): void {
    if (this.#coupling !== null) {
      this.#coupling.stop()
      return
    }
    this.#near.destroy()
    this.#far?.destroy()
  }

  /** Null when there is nothing to connect with. */
  #connect(): TLSSocket | null {
    const { server, serverName, credentials, connectTimeoutMs } = this.#options
    const place = { ...server, allowHalfOpen: true }
    let far: TLSSocket
    try {
      far = connect({ ...place, ...verificationOf(serverName, credentials()) })
    } catch (error) {
      this.#fail(error as Error)
      return null
    }
    far.setNoDelay(true)
    far.setKeepAlive(true, KEEPALIVE_DELAY_MS)
    const timer = setTimeout(() => far.destroy(new Error(`no TLS within ${connectTimeoutMs} ms`)), connectTimeoutMs)
    far.on('error', (error) => this.#fail(error))
    far.once('close', () => {
      clearTimeout(timer)
      if (this.#coupling === null) this.#near.destroy()
    })
    far.once('secureConnect', () => {
      clearTimeout(timer)
      this.#secured(far)
    })
    return far
  }

  #secured(far: TLSSocket): void {
    let hasServerSpoken = false
    far.once('data', () => {
      hasServerSpoken = true
    })
    // With TLS 1.3 a client learns only here that the server does not take its certificate.
    far.once('end', () => {
      if (!hasServerSpoken && !this.#near.readableEnded) this.#fail(new Error(TURNED_AWAY))
    })
    this.#coupling = couple(this.#near, far, this.#options.closeTimeoutMs)
  }

  #fail(error: Error): void {
    const { server, serverName, log } = this.#options
    const reason = explainTlsError(error, serverName)
    log.warn({ ...this.#initiator, server: `${server.host}:${server.port}`, reason }, 'a connection failed')
  }
}

const TURNED_AWAY =
  'the server closed the connection before it said anything: does it demand a certificate, by an authority that it knows?'

/** Always verified: no option and no environment variable turns that off. */
function verificationOf(serverName: string, { ca, client }: TunnelCredentials): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ca: ca ?? [...getCACertificates('default'), ...getCACertificates('system')],
    ...(client === null ? {} : { cert: client.certificate, key: client.key }),
    // An address is no name that TLS could ask for (RFC 6066 3), but a certificate may be for one.
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_name, certificate) => checkServerIdentity(serverName, certificate),
  }
}

function closeOf(socket: Socket | null): Promise<void> {
  if (socket === null || socket.closed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}
