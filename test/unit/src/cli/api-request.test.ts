import { chmodSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { API_LISTEN_DEFAULT, type ApiWords, loadApiTls, readApi } from '../../../../src/cli/api-request.ts'
import { Failure, UsageError } from '../../../../src/failure.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

describe('the options of the API', () => {
  it.each<[ApiWords, ReturnType<typeof readApi>]>([
    [{}, { listen: API_LISTEN_DEFAULT, tls: null }],
    [{ api: false }, null],
    [{ apiListen: '127.0.0.1:0' }, { listen: { host: '127.0.0.1', port: 0 }, tls: null }],
    [{ apiListen: '::1' }, { listen: { host: '::1', port: 3280 }, tls: null }],
    [
      { apiListen: '0.0.0.0:443', apiCertificate: 'c', apiKey: 'k' },
      { listen: { host: '0.0.0.0', port: 443 }, tls: { certificateFile: 'c', keyFile: 'k' } },
    ],
  ])('%j', (words, request) => {
    expect(readApi(words)).toEqual(request)
  })

  it.each<[ApiWords, string]>([
    [{ apiListen: '0.0.0.0' }, '--api-listen 0.0.0.0:3280 would send tokens readable beyond this machine'],
    [{ apiListen: 'san.example.com' }, '--api-certificate and --api-key'],
    [{ apiListen: '127.0.0.1:70000' }, '--api-listen 127.0.0.1:70000 has a port'],
    [{ apiCertificate: 'c' }, '--api-certificate needs --api-key'],
    [{ apiKey: 'k' }, '--api-key needs --api-certificate'],
    [{ apiKey: '', apiCertificate: 'c' }, '--api-key is empty'],
    [{ api: false, apiListen: '127.0.0.1' }, '--no-api and --api-listen exclude each other'],
    [{ api: false, apiKey: 'k' }, '--no-api and --api-key exclude each other'],
  ])('%j is refused: %s', (words, complaint) => {
    expect(() => readApi(words)).toThrow(UsageError)
    expect(() => readApi(words)).toThrow(complaint)
  })

  it('lead to the certificate and its key, which nobody else may read', () => {
    using directory = temporaryDirectory()
    const { certificate, key } = createAuthority().issue({ addresses: ['127.0.0.1'] })
    const [certificateFile, keyFile] = [directory.file('c.pem'), directory.file('k.pem')]
    writeFileSync(certificateFile, certificate, { mode: 0o644 })
    writeFileSync(keyFile, key, { mode: 0o600 })
    const request = readApi({ apiCertificate: certificateFile, apiKey: keyFile })!
    expect(loadApiTls(request)).toEqual({ certificate, key })
    chmodSync(keyFile, 0o644)
    expect(() => loadApiTls(request)).toThrow(Failure)
    expect(loadApiTls(readApi({})!)).toBe(null)
  })
})
