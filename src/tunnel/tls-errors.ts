/** Why a TLS connection to a server did not come about, in a sentence for whoever runs the tunnel. */

import { systemErrorCode } from '../failure.ts'

const UNKNOWN_AUTHORITY =
  "the server's certificate comes from no authority that is trusted here: name the right one with --ca"
const NO_TLS = 'the server does not speak TLS on this port: is it the plain one?'
const WANTS_CERTIFICATE = 'the server demands a certificate: show one with --certificate and --key'
const REFUSES_CERTIFICATE = 'the server does not accept the certificate that --certificate names'

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the server broke off the connection',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  ETIMEDOUT: 'the server does not answer',
  ENOTFOUND: 'no address is known for this name',
  EAI_AGAIN: 'no address is known for this name at the moment',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: "the server's certificate, or its authority's, has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: is the clock right?",
  INVALID_PURPOSE: "the server's certificate is not meant for servers",
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTS_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: REFUSES_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: REFUSES_CERTIFICATE,
  ERR_SSL_SSL_TLS_ALERT_BAD_CERTIFICATE: REFUSES_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: REFUSES_CERTIFICATE,
}

/** `serverName`: what the certificate was expected to be for. */
export function explainTlsError(error: Error, serverName: string): string {
  const code = systemErrorCode(error)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the server's certificate is not for ${serverName}: connect by a name that it has, or give that with --server-name`
  }
  const reason = REASONS[code ?? '']
  if (reason !== undefined) return reason
  return code === undefined ? error.message : `${code}: ${error.message.trim()}`
}
