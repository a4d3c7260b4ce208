/**
 * Certificates and private keys in files, in PEM form, for `lunette serve` and `lunette tunnel`. Whatever is wrong with
 * them is said before a connection is made; what an attacker could do with a key that lies open is not waited for. No
 * message here quotes a key.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { causeOf, Failure } from '../failure.ts'

/** A file, and the option that names it. */
export interface NamedFile {
  readonly option: string
  readonly path: string
}

export interface CertificateFile {
  readonly pem: string
  /** The first is the owner's. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]]
}

/** More than the authorities of the whole web take. */
const FILE_BYTES_MAX = 4 * 1024 * 1024

/** Permission bits of those who are neither owner nor group. */
const OTHERS = { read: 0o004, write: 0o002 } as const

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** Errors: `Failure`, naming the option, the file and what is wrong. */
export function readCertificates(file: NamedFile): CertificateFile {
  const pem = readText(file, OTHERS.write, 'change it')
  const certificates = (pem.match(CERTIFICATE) ?? []).map((text, index) => {
    try {
      return new X509Certificate(text)
    } catch (error) {
      throw failure(file, `its certificate number ${index + 1} is damaged`, error)
    }
  })
  const [first, ...others] = certificates
  if (first === undefined) {
    throw failure(file, 'it holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----')
  }
  return { pem, certificates: [first, ...others] }
}

/** The key of `certificate`. Errors: `Failure`, also for a key that anybody on this machine can read. */
export function readPrivateKey(file: NamedFile, certificate: X509Certificate, certificateFile: NamedFile): string {
  const pem = readText(file, OTHERS.read | OTHERS.write, 'use it')
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw failure(file, 'the key is encrypted, and nobody is there to type its password: write it out without one')
  }
  let isOwn: boolean
  try {
    isOwn = certificate.checkPrivateKey(createPrivateKey(pem))
  } catch (error) {
    throw failure(file, 'it holds no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----', error)
  }
  if (!isOwn) throw failure(file, `the key is not that of the certificate in ${certificateFile.path}`)
  return pem
}

/**
 * That OpenSSL works with this certificate and its key, which it does not when one of them is too weak to be safe.
 * Errors: `Failure`.
 */
export function demandUsable(certificateFile: NamedFile, certificate: string, key: string): void {
  try {
    createSecureContext({ cert: certificate, key })
  } catch (error) {
    const { reason = causeOf(error) } = error as { reason?: string }
    throw failure(certificateFile, `OpenSSL does not accept it: ${reason}`, error)
  }
}

/** `forbidden`: what others must not be permitted, `harm` what they could do then. */
function readText(file: NamedFile, forbidden: number, harm: string): string {
  let mode: number
  let text: string
  try {
    const fd = openSync(file.path, 'r')
    try {
      const status = fstatSync(fd)
      if (status.size > FILE_BYTES_MAX)
        throw new Error(`it has more than ${FILE_BYTES_MAX} bytes: is it the right one?`)
      mode = status.mode
      text = readFileSync(fd, 'utf8')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw failure(file, causeOf(error), error)
  }
  if (process.platform !== 'win32' && (mode & forbidden) !== 0) {
    throw failure(file, `everybody on this machine can ${harm}: run chmod o-rw on it`)
  }
  return text
}

function failure({ option, path }: NamedFile, reason: string, cause?: unknown): Failure {
  return new Failure(`${option} ${path}: ${reason}`, { cause })
}
