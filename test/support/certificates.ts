/**
 * X.509 certificates for tests (RFC 5280), made in memory with keys that exist nowhere else. Just enough DER: one
 * authority, and what it issues to servers and initiators, with whatever names and dates a test wants.
 */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** PEM texts. */
export interface CertifiedKey {
  readonly certificate: string
  readonly key: string
}

export interface CertificateWishes {
  readonly commonName?: string
  /** subjectAltName, type uniformResourceIdentifier. */
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  /** subjectAltName, type iPAddress; IPv4. */
  readonly addresses?: readonly string[]
  /** extendedKeyUsage; without it the certificate is good for both. */
  readonly usage?: 'client' | 'server'
  /** With an RSA key so short that OpenSSL does not use it. */
  readonly isWeak?: boolean
  /** Days from now; by default from yesterday to tomorrow. */
  readonly validFromDays?: number
  readonly validToDays?: number
}

export interface Authority {
  readonly certificate: string
  issue(wishes: CertificateWishes): CertifiedKey
}

const DAY_MS = 86_400_000

export function createAuthority(commonName = 'Test Authority'): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = extension('551d13', sequence(der(0x01, Buffer.of(0xff))))
  const make = (subject: string, key: KeyObject, wishes: CertificateWishes, extensions: readonly Buffer[]) =>
    certificatePem(commonName, own.privateKey, subject, key, wishes, extensions)
  return {
    certificate: make(commonName, own.publicKey, {}, [isAuthority]),
    issue(wishes) {
      const { publicKey, privateKey } = wishes.isWeak
        ? generateKeyPairSync('rsa', { modulusLength: 512 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return {
        certificate: make(wishes.commonName ?? 'test', publicKey, wishes, extensionsFor(wishes)),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      }
    },
  }
}

function certificatePem(
  issuer: string,
  issuerKey: KeyObject,
  subject: string,
  subjectKey: KeyObject,
  { validFromDays = -1, validToDays = 1 }: CertificateWishes,
  extensions: readonly Buffer[],
): string {
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const version3 = der(0xa0, der(0x02, Buffer.of(2)))
  const serialNumber = der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)]))
  const body = sequence(
    version3,
    serialNumber,
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(utcTime(validFromDays), utcTime(validToDays)),
    distinguishedName(subject),
    subjectKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, issuerKey))
  const lines = sequence(body, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function extensionsFor({ uris = [], dnsNames = [], addresses = [], usage }: CertificateWishes): Buffer[] {
  const names = [
    ...dnsNames.map((name) => der(0x82, Buffer.from(name, 'latin1'))),
    ...uris.map((uri) => der(0x86, Buffer.from(uri, 'latin1'))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ]
  const purpose = usage === undefined ? [] : [oid(usage === 'client' ? '2b06010505070302' : '2b06010505070301')]
  return [
    ...(names.length === 0 ? [] : [extension('551d11', sequence(...names))]),
    ...(purpose.length === 0 ? [] : [extension('551d25', sequence(...purpose))]),
  ]
}

/** One element: tag, length, contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  const { length } = body
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...lengthBytes), body])
}

const sequence = (...contents: readonly Buffer[]) => der(0x30, ...contents)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value))
const distinguishedName = (commonName: string) =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))

function utcTime(daysFromNow: number): Buffer {
  const digits = new Date(Date.now() + daysFromNow * DAY_MS).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}
