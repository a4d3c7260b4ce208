/** `lunette tunnel`, and the TLS options of `lunette serve`, as processes. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAuthority } from '../../../support/certificates.ts'
import { runLunette, startLunette } from '../../../support/command-line.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'
import { WireConnection } from '../../../support/wire-connection.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const authority = createAuthority()
const { certificate, key } = authority.issue({ addresses: ['127.0.0.1'], validToDays: 90 })
const TUNNEL = ['tunnel', '--connect', '127.0.0.1:9', '--listen', '127.0.0.1:0', '--ca', 'ca.crt']
const SERVE = ['serve', '--tls-listen', '127.0.0.1:0', '--tls-certificate', 'server.crt', '--tls-key', 'server.key']

function withFiles(directory: TemporaryDirectory, keyMode = 0o600): void {
  writeFileSync(directory.file('ca.crt'), authority.certificate)
  writeFileSync(directory.file('server.crt'), certificate)
  writeFileSync(directory.file('server.key'), key, { mode: keyMode })
}

describe('lunette tunnel', () => {
  it('explains itself', async () => {
    using directory = temporaryDirectory()
    const { exitCode, stdout } = await runLunette(directory.path, ['tunnel', '--help'])
    expect(exitCode).toBe(0)
    for (const option of ['--connect', '--ca', '--certificate', '--key', '--server-name', '--allow-others']) {
      expect(stdout).toContain(option)
    }
    expect((await runLunette(directory.path, ['--help'])).stdout).toMatch(/tunnel .*give initiators/)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('prints how to connect, and ends in order at %s', async (signal) => {
    using directory = temporaryDirectory()
    withFiles(directory)
    await using tunnel = startLunette(directory.path, TUNNEL)
    await tunnel.printed('Stop with Ctrl-C')
    const near = /^listening on (127\.0\.0\.1:\d+)\nthrough TLS to 127\.0\.0\.1:9, .* for 127\.0\.0\.1\n/.exec(
      tunnel.stdout(),
    )
    expect(tunnel.stdout()).toContain(`iscsiadm -m discovery -t sendtargets -p ${near?.[1]}\n`)
    const connection = await WireConnection.open('127.0.0.1', Number(near![1]!.split(':')[1]))
    await connection.expectClosed()
    connection.destroy()
    await tunnel.printed('a connection failed')
    expect(tunnel.stderr()).toContain('nobody listens there')
    tunnel.signal(signal)
    expect(await tunnel.ended).toEqual({ exitCode: 0, signal: null })
  })

  it('says what it lacks', async () => {
    using directory = temporaryDirectory()
    const usage = await runLunette(directory.path, ['tunnel'])
    expect(usage).toMatchObject({ exitCode: 2, stdout: '' })
    expect(usage.stderr).toContain('--connect')
    const open = await runLunette(directory.path, [...TUNNEL, '--listen', '0.0.0.0:0'])
    expect(open).toMatchObject({ exitCode: 2, stdout: '' })
    expect(open.stderr).toContain('--allow-others')
    const absent = await runLunette(directory.path, TUNNEL)
    expect(absent).toMatchObject({ exitCode: 1, stderr: 'lunette: --ca ca.crt: no such file or directory\n' })
  })

  it('says which port is taken', async () => {
    using directory = temporaryDirectory()
    withFiles(directory)
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    try {
      const result = await runLunette(directory.path, [...TUNNEL, '--listen', `127.0.0.1:${port}`])
      expect(result).toMatchObject({ exitCode: 1, stdout: '' })
      expect(result.stderr).toContain(`cannot listen on 127.0.0.1:${port}: another program does`)
    } finally {
      other.close()
    }
  })
})

describe('lunette serve with TLS', () => {
  it('listens with TLS alone when nothing else is asked for', async () => {
    using directory = temporaryDirectory()
    withFiles(directory)
    await using lunette = startLunette(directory.path, SERVE)
    await lunette.printed('Stop with Ctrl-C')
    expect(lunette.stdout()).toMatch(/^listening with TLS on 127\.0\.0\.1:/)
    expect(lunette.stdout()).not.toMatch(/^listening on/m)
    lunette.signal('SIGTERM')
    expect(await lunette.ended).toEqual({ exitCode: 0, signal: null })
  })

  it('says which port is taken, and by which option', async () => {
    using directory = temporaryDirectory()
    withFiles(directory)
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    try {
      const place = ['--tls-listen', `127.0.0.1:${port}`, '--size', '1M']
      const args = [...place, '--tls-certificate', 'server.crt', '--tls-key', 'server.key']
      await using lunette = startLunette(directory.path, args, {}, join(ROOT, 'src/main.ts'))
      expect(await lunette.ended).toEqual({ exitCode: 1, signal: null })
      expect(lunette.stderr()).toContain(`cannot listen on 127.0.0.1:${port}: another program does;`)
      expect(lunette.stderr()).toContain('with --tls-listen ADDRESS:PORT')
    } finally {
      other.close()
    }
  })

  it('refuses a key that everybody can read, before it makes anything', async () => {
    using directory = temporaryDirectory()
    withFiles(directory, 0o644)
    const result = await runLunette(directory.path, SERVE)
    expect(result).toMatchObject({ exitCode: 1, stdout: '' })
    expect(result.stderr).toContain('--tls-key server.key: everybody on this machine can use it')
    expect(readdirSync(directory.path).sort()).toEqual(['ca.crt', 'server.crt', 'server.key'])
  })
})

describe('the guide', () => {
  it('quotes log lines that there are', () => {
    const guide = readFileSync(join(ROOT, 'docs/tls.md'), 'utf8')
    const quoted = [...guide.matchAll(/^\| (?:server|tunnel): `([^`]+)`/gm)].map(([, line]) => line!)
    const sources = [
      'protocol/transport/tls-acceptor.ts',
      'protocol/login/identification.ts',
      'src/tunnel/tls-errors.ts',
      'src/tunnel/tunnel-connection.ts',
    ].map((path) => readFileSync(join(ROOT, path), 'utf8'))
    expect(quoted.length).toBeGreaterThan(5)
    expect(quoted.filter((line) => !sources.some((text) => text.includes(line)))).toEqual([])
  })
})
