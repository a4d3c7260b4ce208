import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LunetteProcess, startLunette } from '../support/command-line.ts'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { runTool, type ToolResult, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const GUIDE = resolve(import.meta.dirname, '../../docs/tls.md')
const MIB = 2 ** 20
/** The initiator that the guide's commands make a certificate for. */
const INITIATOR = 'iqn.2026-11.com.example:host'
const IDENTITY = ['--tls-certificate', 'server.crt', '--tls-key', 'server.key']

/** The commands of the guide that make certificates, for this machine. */
function guideCommands(): string {
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!)
  const block = blocks.find((text) => text.includes('openssl x509'))
  if (block === undefined) throw new Error(`${GUIDE} has no commands that make certificates`)
  return block.replaceAll('192.168.1.5', '127.0.0.1')
}

async function startTlsServer(
  directory: string,
  options: readonly string[],
): Promise<ServerProcess & { tlsPort: string }> {
  const args = ['disk.img', '--size', '64M', '--tls-listen', '127.0.0.1:0', ...IDENTITY, ...options]
  const server = await startServer({ directory, args })
  return Object.assign(server, { tlsPort: /^listening with TLS on .+:(\d+)$/m.exec(server.output())![1]! })
}

type OpenTunnel = LunetteProcess & { readonly port: string }

async function startTunnel(directory: string, tlsPort: string, options: readonly string[]): Promise<OpenTunnel> {
  const args = ['tunnel', '--listen', '127.0.0.1:0', '--connect', `127.0.0.1:${tlsPort}`, '--ca', 'ca.crt', ...options]
  const tunnel = startLunette(directory, args, {}, MAIN)
  await tunnel.printed('Stop with Ctrl-C')
  return Object.assign(tunnel, { port: /^listening on 127\.0\.0\.1:(\d+)$/m.exec(tunnel.stdout())![1]! })
}

describeWithTools(['openssl', 'iscsi-ls', 'iscsi-inq', 'qemu-img', 'qemu-io', 'qemu-iscsi'], 'TLS', () => {
  const directory = temporaryDirectory()
  beforeAll(async () => {
    await runTool('sh', ['-e', '-c', guideCommands()], { cwd: directory.path })
    await runTool('sh', ['-e', '-c', guideCommands().replaceAll(/([\w.]+)\.(crt|key|csr|ext)/g, 'other-$1.$2')], {
      cwd: directory.path,
    })
  })
  afterAll(() => directory[Symbol.dispose]())

  function shakeHands(server: { tlsPort: string }, ...options: string[]): Promise<ToolResult> {
    const verify = ['-connect', `127.0.0.1:${server.tlsPort}`, '-CAfile', 'ca.crt', '-verify_return_error', '-brief']
    return tryTool('openssl', ['s_client', ...verify, ...options], { cwd: directory.path, timeoutMs: 20_000 })
  }

  describe('without client certificates', () => {
    let server: Awaited<ReturnType<typeof startTlsServer>>
    let tunnel: OpenTunnel
    beforeAll(async () => {
      server = await startTlsServer(directory.path, [])
      tunnel = await startTunnel(directory.path, server.tlsPort, [])
    })
    afterAll(async () => {
      tunnel.signal('SIGTERM')
      expect(await tunnel.ended).toEqual({ exitCode: 0, signal: null })
      await server[Symbol.asyncDispose]()
    })
    const url = () => server.url(0, { port: Number(tunnel.port) })

    it.each(['-tls1_2', '-tls1_3'])('shakes hands with openssl s_client %s', async (version) => {
      const { exitCode, stderr, stdout } = await shakeHands(server, version, '-verify_ip', '127.0.0.1')
      expect(stdout + stderr).toContain('Verification: OK')
      expect(exitCode).toBe(0)
    })

    it.each(['-tls1', '-tls1_1'])('does not with openssl s_client %s', async (version) => {
      const { exitCode } = await shakeHands(server, version, '-cipher', 'DEFAULT@SECLEVEL=0')
      expect(exitCode).not.toBe(0)
    })

    it('is discovered through the tunnel, without an address that leads around it', async () => {
      const { exitCode, stdout } = await tryTool('iscsi-ls', [`iscsi://127.0.0.1:${tunnel.port}`])
      expect([exitCode, stdout]).toEqual([0, ''])
    })

    it('answers iscsi-inq through the tunnel', async () => {
      expect(await runTool('iscsi-inq', [url()])).toMatch(/Vendor:LUNETTE/)
    })

    it('takes an image from qemu-img and gives it back', async () => {
      const [image, copy] = [directory.file('image.raw'), directory.file('copy.raw')]
      writeFileSync(image, Buffer.alloc(64 * MIB, 'all through the tunnel, '))
      await runTool('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image, url()])
      await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', url(), copy])
      expect(readFileSync(copy).equals(readFileSync(image))).toBe(true)
      expect(readFileSync(directory.file('disk.img')).equals(readFileSync(image))).toBe(true)
    })

    it('serves several initiators at once, and one that is killed disturbs no other', async () => {
      const write = (index: number) =>
        runTool('qemu-io', [
          '-f',
          'raw',
          '-c',
          `write -P ${index} ${index}M 1M`,
          '-c',
          `read -P ${index} ${index}M 1M`,
          url(),
        ])
      const killed = tryTool('qemu-img', ['bench', '-f', 'raw', '-c', '100000000', url()], { timeoutMs: 500 })
      const outputs = await Promise.all([1, 2, 3, 4].map(write))
      for (const output of outputs) {
        expect(output).toContain('read 1048576/1048576')
        expect(output).not.toContain('failed')
      }
      expect((await killed).hasTimedOut).toBe(true)
      expect(await write(5)).toContain('read 1048576/1048576')
    })

    it('is reached by its name in the certificate, and by no other', async () => {
      const named = await startTunnel(directory.path, server.tlsPort, ['--server-name', 'san.example.com'])
      await runTool('iscsi-inq', [server.url(0, { port: Number(named.port) })])
      await named[Symbol.asyncDispose]()
      const misled = await startTunnel(directory.path, server.tlsPort, ['--server-name', 'other.example.com'])
      expect((await tryTool('iscsi-inq', [server.url(0, { port: Number(misled.port) })])).exitCode).not.toBe(0)
      await misled.printed('is not for other.example.com')
      await misled[Symbol.asyncDispose]()
    })
  })

  describe('with client certificates', () => {
    let server: Awaited<ReturnType<typeof startTlsServer>>
    beforeAll(async () => {
      server = await startTlsServer(directory.path, ['--tls-client-ca', 'ca.crt'])
    })
    afterAll(() => server[Symbol.asyncDispose]())

    async function inquire(options: readonly string[], initiator: string): Promise<ToolResult & { log: string }> {
      await using tunnel = await startTunnel(directory.path, server.tlsPort, options)
      const url = server.url(0, { port: Number(tunnel.port) })
      const result = await tryTool('iscsi-inq', ['-i', initiator, url], { timeoutMs: 60_000 })
      return { ...result, log: tunnel.stderr() }
    }
    const shown = (name: string) => ['--certificate', `${name}.crt`, '--key', `${name}.key`]

    it('lets the initiator in that its certificate names', async () => {
      const { exitCode, stdout } = await inquire(shown('initiator'), INITIATOR)
      expect(stdout).toContain('Vendor:LUNETTE')
      expect(exitCode).toBe(0)
    })

    it('refuses another initiator with the same certificate', async () => {
      const { exitCode, stdout, stderr } = await inquire(shown('initiator'), 'iqn.2026-11.com.example:other')
      expect(exitCode).not.toBe(0)
      expect(stdout + stderr).toMatch(/authorization failure/i)
      expect(server.output()).toContain(`is not in the client's certificate, which carries`)
    })

    it.each([
      ['without a certificate', []],
      ['with a certificate of an authority that it does not know', shown('other-initiator')],
      ['with the certificate of a server', shown('server')],
    ])('does not talk to a tunnel %s', async (_what, options) => {
      const { exitCode, log } = await inquire(options, INITIATOR)
      expect(exitCode).not.toBe(0)
      expect(log).toContain('a connection failed')
      expect(server.output()).toContain('refused a TLS client for its certificate')
    })

    it('uses a renewed certificate without a restart', async () => {
      const subject = async () => {
        const client = ['-cert', 'initiator.crt', '-key', 'initiator.key']
        const { stdout, stderr } = await shakeHands(server, ...client)
        return /CN ?= ?renewed/.test(stdout + stderr)
      }
      expect(await subject()).toBe(false)
      const renewed = guideCommands()
        .split('\n')
        .filter((line) => /server\.(key|csr|ext)/.test(line))
        .map((line) => line.replaceAll('server.', 'next.').replace('/CN=san', '/CN=renewed'))
      await runTool('sh', ['-e', '-c', ['umask 077', ...renewed].join('\n')], { cwd: directory.path })
      for (const ending of ['crt', 'key']) {
        renameSync(directory.file(`next.${ending}`), directory.file(`server.${ending}`))
      }
      while (!(await subject())) await sleep(500)
      expect((await inquire(shown('initiator'), INITIATOR)).exitCode).toBe(0)
    })
  })
})
