import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { TlsIdentity } from '../../../../protocol/transport/tls-acceptor.ts'
import { loadTlsIdentity, watchTlsIdentity } from '../../../../src/cli/tls-identity.ts'
import type { TlsRequest } from '../../../../src/cli/tls-request.ts'
import { Failure } from '../../../../src/failure.ts'
import { type CertificateWishes, type CertifiedKey, createAuthority } from '../../../support/certificates.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

const authority = createAuthority()
const LONG = { addresses: ['127.0.0.1'], validToDays: 90 }

function requestIn(directory: TemporaryDirectory): TlsRequest {
  const [certificateFile, keyFile, clientCaFile] = ['crt', 'key', 'ca'].map((name) => directory.file(name))
  return { listen: [], certificateFile: certificateFile!, keyFile: keyFile!, clientCaFile: clientCaFile! }
}

function write(request: TlsRequest, { certificate, key }: CertifiedKey): void {
  writeFileSync(request.certificateFile, certificate)
  writeFileSync(request.keyFile, key, { mode: 0o600 })
  writeFileSync(request.clientCaFile!, authority.certificate)
}

describe('an identity in files', () => {
  it('is read as it stands there, for clients with and without certificates', () => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    const own = authority.issue(LONG)
    write(request, own)
    const loaded = loadTlsIdentity(request)
    expect(loaded.identity).toEqual({ ...own, clientCa: authority.certificate })
    expect(loaded.warnings).toEqual([])
    expect(loadTlsIdentity({ ...request, clientCaFile: null }).identity.clientCa).toBeNull()
  })

  it.each<[CertificateWishes, RegExp]>([
    [{ ...LONG, validToDays: -0.5 }, /--tls-certificate .*crt: the certificate has expired on \d{4}-\d\d-\d\d/],
    [{ ...LONG, validFromDays: 2 }, /is not valid before/],
    [{ ...LONG, validToDays: 13 }, /expires on/],
    [{ validToDays: 90 }, /has no subjectAltName: clients that verify it refuse to connect/],
  ])('with %j is warned of', (wishes, warning) => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    write(request, authority.issue(wishes))
    expect(loadTlsIdentity(request).warnings).toEqual([expect.stringMatching(warning)])
  })

  it('that OpenSSL does not accept is refused before anybody listens', () => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    write(request, authority.issue({ ...LONG, isWeak: true }))
    const reason = `--tls-certificate ${request.certificateFile}: OpenSSL does not accept it: ee key too small`
    expect(() => loadTlsIdentity(request)).toThrow(new Failure(reason))
  })

  it.each(['crt', 'key', 'ca'])('that lacks its %s names the option', (name) => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    write(request, authority.issue(LONG))
    rmSync(directory.file(name))
    const option = { crt: '--tls-certificate', key: '--tls-key', ca: '--tls-client-ca' }[name]
    expect(() => loadTlsIdentity(request)).toThrow(`${option} ${directory.file(name)}: no such file`)
  })
})

describe('a watched identity', () => {
  it('is given out when it has changed and can be used, and each mishap is told once', async () => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    const first = authority.issue(LONG)
    write(request, first)
    const given: TlsIdentity[] = []
    const lines: { level: number; msg: string }[] = []
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
    const stop = watchTlsIdentity(request, (identity) => given.push(identity), log, 5)
    const until = async (isTrue: () => boolean) => {
      while (!isTrue()) await sleep(2)
    }
    try {
      await sleep(40)
      expect([given, lines]).toEqual([[], []])
      const second = authority.issue(LONG)
      writeFileSync(request.certificateFile, second.certificate)
      await until(() => lines.length > 0)
      await sleep(40)
      expect(lines.map(({ msg }) => msg)).toEqual([
        expect.stringMatching(/cannot be used, and the old ones stay: --tls-key .* is not that of the certificate/),
      ])
      writeFileSync(request.keyFile, second.key)
      await until(() => given.length > 0)
      expect(given).toEqual([{ ...second, clientCa: authority.certificate }])
      await until(() => lines.length > 1)
      expect(lines[1]!.msg).toBe('the TLS certificate was renewed')
      rmSync(request.clientCaFile!)
      await until(() => lines.length > 2)
      expect(lines[2]!.msg).toMatch(/--tls-client-ca .*no such file/)
    } finally {
      stop()
    }
    write(request, authority.issue(LONG))
    await sleep(40)
    expect(given).toHaveLength(1)
  })

  it('whose new certificate OpenSSL does not accept, or the server, stays as it was', async () => {
    using directory = temporaryDirectory()
    const request = requestIn(directory)
    write(request, authority.issue(LONG))
    const lines: string[] = []
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
    const renew = () => {
      throw new Error('the portal is gone')
    }
    const stop = watchTlsIdentity(request, renew, log, 5)
    try {
      for (const [wishes, reason] of [
        [{ ...LONG, isWeak: true }, 'ee key too small'],
        [LONG, 'the portal is gone'],
      ] as const) {
        write(request, authority.issue(wishes))
        while (!lines.some((line) => line.includes(reason))) await sleep(2)
      }
      expect(lines).not.toContain('the TLS certificate was renewed')
    } finally {
      stop()
    }
  })
})
