/**
 * The iSCSI names that an X.509 certificate gives its holder. A name is a subjectAltName of type URI with the scheme
 * `iscsi:`, such as `iscsi:iqn.2026-11.com.example:host` (RFC 5280 4.2.1.6); characters beyond ASCII are percent-encoded
 * UTF-8. A certificate may hold several. The subject's common name counts only where there is none of these, and only
 * when it is a whole, well-formed iSCSI name. A DNS name never is one: it says which host this is, and many initiators
 * may live on a host.
 */

import type { PeerCertificate } from 'node:tls'
import { prepareName, prepareOwnName } from '../names.ts'

/** One entry of Node's list: a type, a colon, and a value that is a JSON string where it has special characters. */
const ENTRY = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?=, |$)/y
/** Also of what is quoted: that is no name, but leaves no room for the common name either. */
const SCHEME = /^"?iscsi:/i

/** Normalised names, without duplicates; empty for a certificate that is not an initiator's. */
export function certificateNames(
  certificate: Pick<PeerCertificate, 'subjectaltname'> & { readonly subject?: { readonly CN?: string | string[] } },
): readonly string[] {
  const uris = uniformResourceIdentifiers(certificate.subjectaltname ?? '')?.filter((uri) => SCHEME.test(uri))
  if (uris === undefined) return []
  if (uris.length > 0) return [...new Set(uris.flatMap(nameOfUri))]
  const commonName = certificate.subject?.CN
  const name = typeof commonName === 'string' ? prepareOwnName(commonName) : null
  return typeof name === 'string' ? [name] : []
}

/** Undefined where the list is not written as we know it: a name must not be read out of the middle of another. */
function uniformResourceIdentifiers(subjectAltName: string): string[] | undefined {
  const uris: string[] = []
  ENTRY.lastIndex = 0
  while (ENTRY.lastIndex < subjectAltName.length) {
    const match = ENTRY.exec(subjectAltName)
    if (match === null) return undefined
    const [, type, value] = match as unknown as [string, string, string]
    if (type === 'URI') uris.push(value)
  }
  return uris
}

/** The name in a list of one; an empty list when it is none. What has to be quoted is no URI that we could trust. */
function nameOfUri(uri: string): string[] {
  if (uri.startsWith('"')) return []
  try {
    const name = prepareName(decodeURIComponent(uri.replace(SCHEME, '')))
    return typeof name === 'string' ? [name] : []
  } catch {
    return []
  }
}
