import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { readCertificates, readPrivateKey } from '../../../../src/cli/certificate-files.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const directory = temporaryDirectory()
afterAll(() => directory[Symbol.dispose]())

const authority = createAuthority()
const { certificate, key } = authority.issue({})

let filesMade = 0
function file(content: string, mode = 0o600) {
  const path = directory.file(`file-${filesMade++}`)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return { option: '--it', path }
}

describe('a file with certificates', () => {
  it('gives them all, the first one first', () => {
    const chain = file(`words before\n${certificate}words between\n${authority.certificate}`, 0o644)
    const { pem, certificates } = readCertificates(chain)
    expect(certificates.map(({ subject }) => subject)).toEqual(['CN=test', 'CN=Test Authority'])
    expect(pem).toContain('words between')
  })

  it.each<[string, () => { option: string; path: string }, string]>([
    ['is not there', () => ({ option: '--it', path: directory.file('absent') }), 'no such file or directory'],
    ['is a directory', () => ({ option: '--it', path: directory.path }), 'it is a directory'],
    ['is empty', () => file(''), 'holds no certificate in PEM form'],
    ['holds a key', () => file(key), 'holds no certificate in PEM form'],
    [
      'is damaged',
      () => file(`${certificate}${certificate.replace(/.{20}/, 'AAAA')}`.replace(/M[A-Z]{2}/g, 'AAA')),
      'damaged',
    ],
    ['may be changed by everybody', () => file(certificate, 0o646), 'everybody on this machine can change it'],
    ['is too large', () => file('x'.repeat(5 * 1024 * 1024)), 'is it the right one?'],
  ])('that %s is refused', (_what, make, message) => {
    const bad = make()
    expect(() => readCertificates(bad)).toThrow(expect.objectContaining({ name: 'Failure' }))
    expect(() => readCertificates(bad)).toThrow(`--it ${bad.path}: `)
    expect(() => readCertificates(bad)).toThrow(message)
  })
})

describe('a private key', () => {
  const certificateFile = file(certificate)
  const own = readCertificates(certificateFile).certificates[0]
  const read = (keyFile: { option: string; path: string }) => readPrivateKey(keyFile, own, certificateFile)

  it('is read, also where its group may read it', () => {
    expect(read(file(key))).toBe(key)
    expect(read(file(key, 0o640))).toBe(key)
  })

  const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'open sesame',
  })

  it.each<[string, string, number, string]>([
    ['that everybody can read', key, 0o604, 'everybody on this machine can use it: run chmod o-rw'],
    ['that everybody can replace', key, 0o602, 'everybody on this machine can use it'],
    [
      'of another certificate',
      authority.issue({}).key,
      0o600,
      `not that of the certificate in ${certificateFile.path}`,
    ],
    ['that is encrypted', encrypted, 0o600, 'the key is encrypted'],
    ['that is none', certificate, 0o600, 'holds no private key in PEM form'],
    ['that is damaged', key.replace(/[A-Za-z]{8}/g, 'AAAAAAAA'), 0o600, 'holds no private key in PEM form'],
  ])('%s is refused, and not quoted', (_what, content, mode, message) => {
    const keyFile = file(content, mode)
    expect(() => read(keyFile)).toThrow(message)
    try {
      read(keyFile)
    } catch (error) {
      for (const line of content.split('\n').slice(1, 3)) expect(String(error)).not.toContain(line.slice(0, 20))
    }
  })
})
