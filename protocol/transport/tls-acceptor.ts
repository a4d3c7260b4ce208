/**
 * TLS on accepted sockets: the handshake between TCP and iSCSI, and who the client proved to be. RFC 7143 knows nothing
 * of it; what runs inside is iSCSI as on any other connection. Used by portals that have a `TlsIdentity`.
 *
 * TLS 1.2 with forward secrecy and authenticated ciphers at least, no renegotiation, no resumption: a resumed session
 * would not look at the client's certificate again, and connections that last for days need no shorter handshake.
 */

import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import { quote } from '../login/text.ts'
import type { ProtocolLog } from '../node-context.ts'
import type { TlsPeer } from '../target-directory.ts'
import { certificateNames } from './certificate-names.ts'

/** What a portal proves itself with, and who certifies its clients. PEM texts. */
export interface TlsIdentity {
  /** The portal's own certificate, followed by those that lead from it to its authority. */
  readonly certificate: string
  readonly key: string
  /** The authorities whose clients are let in; null when clients need no certificate. */
  readonly clientCa: string | null
}

/** OpenSSL's bits; Node names them in a module that this layer does not use. */
const SSL_OP_NO_TICKET = 1 << 14
const SSL_OP_NO_RENEGOTIATION = 1 << 30

const TLS_OPTIONS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE+AESGCM',
    'ECDHE+CHACHA20',
  ].join(':'),
  secureOptions: SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION,
}

/** Takes the socket of a handshake that succeeded. */
type Secured = (socket: TLSSocket, peer: TlsPeer) => void

export class TlsAcceptor {
  readonly #server: Server
  readonly #log: ProtocolLog
  readonly #wantsCertificates: boolean
  /** Who waits for a handshake, by the two ends of its connection: all that both of its sockets have in common. */
  readonly #handshakes = new Map<string, Secured>()

  /** Errors: throws what OpenSSL says about a certificate or key that it cannot use. */
  constructor(identity: TlsIdentity, log: ProtocolLog) {
    this.#log = log
    this.#wantsCertificates = identity.clientCa !== null
    // Unauthorized clients are turned away in `#secured`, where it can still be told who they were.
    const clients = { requestCert: this.#wantsCertificates, rejectUnauthorized: false }
    this.#server = createServer({ ...contextOptions(identity), ...clients }, (socket) => this.#secured(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
  }

  /**
   * Use another identity for handshakes from now on; connections that exist go on.
   * Errors: as the constructor; then the old one stays. Whether clients need a certificate does not change.
   */
  renew(identity: TlsIdentity): void {
    if ((identity.clientCa !== null) !== this.#wantsCertificates) {
      throw new Error('whether clients need a certificate cannot change while a portal is open')
    }
    this.#server.setSecureContext(contextOptions(identity))
  }

  /** Shake hands on a socket that nobody has read from. `secured` is called at most once; a failure closes `accepted`. */
  shakeHands(accepted: Socket, secured: Secured): void {
    const ends = endsOf(accepted)
    if (ends === null) {
      accepted.destroy()
      return
    }
    this.#handshakes.set(ends, secured)
    accepted.once('close', () => {
      if (this.#handshakes.get(ends) === secured) this.#handshakes.delete(ends)
    })
    this.#server.emit('connection', accepted)
  }

  #secured(socket: TLSSocket): void {
    const ends = endsOf(socket)
    const secured = ends === null ? undefined : this.#handshakes.get(ends)
    if (ends === null || secured === undefined) {
      socket.destroy()
      return
    }
    this.#handshakes.delete(ends)
    const { remoteAddress } = socket
    const certificate = socket.getPeerX509Certificate()
    if (this.#wantsCertificates && (!socket.authorized || certificate === undefined)) {
      const reason = certificate === undefined ? 'it shows none' : String(socket.authorizationError)
      const fields = { remoteAddress, reason, subject: quote(certificate?.subject ?? '') }
      this.#log.warn(fields, 'refused a TLS client for its certificate')
      socket.destroy()
      return
    }
    secured(socket, { clientNames: this.#wantsCertificates ? certificateNames(socket.getPeerCertificate()) : null })
  }

  /** Clients that go away in the middle are nothing to worry about; those that speak something else are told of. */
  #failed(error: Error, { remoteAddress }: TLSSocket): void {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET') this.#log.debug({ remoteAddress }, 'a TLS handshake was broken off')
    else this.#log.warn({ remoteAddress, reason: REASONS[code ?? ''] ?? code }, 'a TLS handshake failed')
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'the client does not speak TLS: it needs a tunnel',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks no version of TLS from 1.2 on',
  ERR_SSL_NO_SHARED_CIPHER: 'the client has no cipher with forward secrecy and authentication',
}

function contextOptions({ certificate, key, clientCa }: TlsIdentity): SecureContextOptions {
  return { ...TLS_OPTIONS, cert: certificate, key, ...(clientCa === null ? {} : { ca: clientCa }) }
}

/** Null when the connection is gone. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | null {
  if (remoteAddress === undefined || remotePort === undefined) return null
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`
}
