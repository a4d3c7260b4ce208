import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type LunetteProcess, runLunette, startLunette } from '../../../support/command-line.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

const ANY_PORT = ['--listen', '127.0.0.1:0']
const READY = 'Stop with Ctrl-C'

/** Start, wait until it serves, and return it. */
async function serving(directory: TemporaryDirectory, args: readonly string[] = [], environment = {}) {
  const lunette = startLunette(directory.path, [...ANY_PORT, ...args], environment)
  await lunette.printed(READY)
  return lunette
}

async function stop(lunette: LunetteProcess, signal: NodeJS.Signals = 'SIGTERM') {
  lunette.signal(signal)
  return lunette.ended
}

describe('lunette --help and --version', () => {
  it('print to standard output and end with 0', async () => {
    using directory = temporaryDirectory()
    const help = await runLunette(directory.path, ['--help'])
    expect(help).toMatchObject({ exitCode: 0, stderr: '' })
    for (const word of ['--size', '--allow-unauthenticated', 'Examples:', 'Sizes:', 'Exit codes:', '127.0.0.1:3260']) {
      expect(help.stdout).toContain(word)
    }
    const serve = (await runLunette(directory.path, ['serve', '--help'])).stdout
    expect(serve).toContain('Exit codes:')
    expect(serve.match(/^[A-Za-z].*:$/gm)).toEqual([
      'Arguments:',
      'Disks:',
      'Name and portals:',
      'Who may log in (CHAP):',
      'TLS:',
      'Redirection:',
      'iSNS:',
      'Management API:',
      'Tuning, log and help:',
      'Examples:',
      'Exit codes:',
    ])
    const { version } = JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'))
    expect(await runLunette(directory.path, ['--version'])).toMatchObject({ exitCode: 0, stdout: `${version}\n` })
    expect(readdirSync(directory.path)).toEqual([])
  })
})

describe('lunette limits', () => {
  it('lists limits and login parameters with their defaults and what is allowed', async () => {
    using directory = temporaryDirectory()
    const { exitCode, stdout, stderr } = await runLunette(directory.path, ['limits'])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^ {2}sessionsMax +1024 +1 to 65535$/m)
    expect(stdout).toMatch(/^ {2}loginTimeoutMs +15s +1ms to 576h$/m)
    expect(stdout).toMatch(/^ {2}MaxBurstLength +1048576 +a number from 512 to 16777215$/m)
    expect(readdirSync(directory.path)).toEqual([])
  })
})

describe('an orderly life', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 at %s and finds the same target again', async (signal) => {
    using directory = temporaryDirectory()
    await using first = await serving(directory)
    expect(first.stdout()).toMatch(/^listening on 127\.0\.0\.1:\d+$/m)
    expect(first.stdout()).toMatch(/^LUN 0: 1 GiB, 512-byte blocks, read and write, made just now: .*disk-0\.img$/m)
    expect(await stop(first, signal)).toEqual({ exitCode: 0, signal: null })
    expect(first.stderr()).toContain('the fake server drains')
    expect(readdirSync(directory.file('lunette-data')).sort()).toEqual(['disk-0.img', 'lunette.db'])
    expect(statSync(directory.file('lunette-data/disk-0.img')).size).toBe(1024 ** 3)

    await using second = await serving(directory)
    const name = (text: string) => /^target (\S+)$/m.exec(text)?.[1]
    expect(name(second.stdout())).toBe(name(first.stdout()))
    expect(name(second.stdout())).toMatch(/^iqn\./)
    await stop(second)
  })

  it('serves files as LUNs in their order, with or without the word serve', async () => {
    using directory = temporaryDirectory()
    for (const words of [
      ['serve', 'b.img', 'a.img', '--size', '1M'],
      ['b.img', 'a.img'],
    ]) {
      await using lunette = await serving(directory, words)
      expect(lunette.stdout()).toMatch(/^LUN 0: 1 MiB.*b\.img\nLUN 1: 1 MiB.*a\.img$/m)
      await stop(lunette)
    }
  })

  it('listens at several portals under the name that it is given', async () => {
    using directory = temporaryDirectory()
    await using lunette = await serving(directory, [...ANY_PORT, '--target-name', 'IQN.2024-01.com.example:X'])
    expect(lunette.stdout().match(/^listening on 127\.0\.0\.1:\d+$/gm)).toHaveLength(2)
    expect(lunette.stdout()).toContain('\ntarget iqn.2024-01.com.example:x\n')
    await stop(lunette)
  })

  it('logs at the level that it is told', async () => {
    using directory = temporaryDirectory()
    await using lunette = await serving(directory, ['--log-level', 'silent'])
    await stop(lunette)
    expect(lunette.stderr()).toBe('')
  })
})

describe('a stop that is not orderly', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once at a second %s with %d', async (signal, exitCode) => {
    using directory = temporaryDirectory()
    await using lunette = await serving(directory, [], { FAKE_DRAIN: 'hang' })
    lunette.signal('SIGTERM')
    await lunette.printed('the fake server drains')
    expect(await stop(lunette, signal)).toEqual({ exitCode, signal: null })
  })

  it('gives a drain up that takes too long, says so and ends with 1', async () => {
    using directory = temporaryDirectory()
    await using lunette = await serving(directory, [], { FAKE_DRAIN: 'hang', FAKE_DRAIN_TIMEOUT_MS: '50' })
    expect(await stop(lunette)).toEqual({ exitCode: 1, signal: null })
    expect(lunette.stderr()).toContain('lunette: not everything had ended after 0.05 s')
  })

  it('says when a disk could not be written out, and ends with 1', async () => {
    using directory = temporaryDirectory()
    await using lunette = await serving(directory, [], { FAKE_DRAIN: 'fail' })
    expect(await stop(lunette)).toEqual({ exitCode: 1, signal: null })
    expect(lunette.stderr()).toContain(
      'lunette: the stop failed, a disk may not be written out: the fake disk is broken',
    )
  })

  it('at an internal error logs it with its context and ends with 1', async () => {
    using directory = temporaryDirectory()
    const result = await runLunette(directory.path, ANY_PORT, { FAKE_START: 'throw' })
    expect(result).toMatchObject({ exitCode: 1, stdout: '' })
    const event = JSON.parse(result.stderr)
    expect(event.msg).toContain('internal error')
    expect(event.err).toMatchObject({ message: 'a bug in the server', stack: expect.stringContaining('fake-server') })
  })
})

describe('the command line that is wrong', () => {
  it.each([
    [['--frob'], "unknown option '--frob'"],
    [['--size'], 'argument missing'],
    [['--size', '10X'], '--size 10X is not a size'],
    [['--size', '1000'], 'no multiple of the block size'],
    [['--block-size', '520'], 'allowed are 512 and 4096'],
    [['--listen', '0.0.0.0'], '--allow-unauthenticated'],
    [['--chap-user', 'alice'], '--chap-secret-file'],
    [['tunnel', '--connect', 'a:0'], 'from 1 to 65535 (see lunette tunnel --help)'],
    [['--limit', 'sessionsMax=0'], '--limit sessionsMax=0 is out of range: allowed is 1 to 65535'],
    [['--parameter', 'InitialR2T=maybe'], '--parameter InitialR2T=maybe is not possible: allowed is Yes or No'],
    [['--redirect', '[::]'], '--redirect [::] leads nowhere'],
    [['--listen', '127.0.0.1:0,x'], 'portal group tag'],
  ])('%j ends with 2, one sentence, and nothing on the disk', async (args, reason) => {
    using directory = temporaryDirectory()
    const result = await runLunette(directory.path, args)
    expect(result).toMatchObject({ exitCode: 2, signal: null, stdout: '' })
    expect(result.stderr).toMatch(/^lunette: .*\n$/)
    expect(result.stderr).toContain(reason)
    expect(readdirSync(directory.path)).toEqual([])
  })
})

describe('what cannot be done', () => {
  async function expectFailure(directory: TemporaryDirectory, args: readonly string[], reason: string) {
    const result = await runLunette(directory.path, [...ANY_PORT, ...args])
    expect(result).toMatchObject({ exitCode: 1, signal: null, stdout: '' })
    expect(result.stderr).toMatch(/^lunette: .*\n$/)
    expect(result.stderr).toContain(reason)
  }

  it('ends with 1 for a file that does not exist, one of another size, and one of half a block', async () => {
    using directory = temporaryDirectory()
    await expectFailure(directory, ['absent.img'], 'give --size')
    writeFileSync(directory.file('a.img'), Buffer.alloc(1024, 'x'))
    await expectFailure(directory, ['a.img', '--size', '1M'], 'nothing was changed')
    expect(readFileSync(directory.file('a.img')).equals(Buffer.alloc(1024, 'x'))).toBe(true)
    writeFileSync(directory.file('b.img'), Buffer.alloc(1000))
    await expectFailure(directory, ['b.img'], 'no multiple')
  })

  it('ends with 1 for a port that is taken, and leaves no lock behind', async () => {
    using directory = temporaryDirectory()
    const other = createServer()
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
    const { port } = other.address() as { port: number }
    const place = `127.0.0.1:${port}`
    await expectFailure(directory, ['--listen', place], `cannot listen on ${place}: another program does`)
    other.close()
    expect(readdirSync(directory.file('lunette-data')).sort()).toEqual(['disk-0.img', 'lunette.db'])
  })

  it('ends with 1 for an address that this machine does not have', async () => {
    using directory = temporaryDirectory()
    const args = ['--listen', '192.0.2.1:0', '--allow-unauthenticated', '--log-level', 'silent']
    await expectFailure(directory, args, 'this machine does not have that address')
  })

  it('ends with 1 for a disk or a data directory in use, until that server was killed', async () => {
    using directory = temporaryDirectory()
    await using first = await serving(directory, ['--data', 'one', 'a.img', '--size', '1M'])
    await expectFailure(directory, ['--data', 'one'], `one is in use by process ${first.pid}`)
    await expectFailure(directory, ['--data', 'two', 'a.img'], `a.img is in use by process ${first.pid}`)
    await stop(first, 'SIGKILL')
    await using second = await serving(directory, ['--data', 'one', 'a.img'])
    expect(await stop(second)).toEqual({ exitCode: 0, signal: null })
    expect(existsSync(directory.file('.a.img.lunette-lock'))).toBe(false)
  })

  it('ends with 1 for a damaged database, which stays as it is', async () => {
    using directory = temporaryDirectory()
    mkdirSync(directory.file('lunette-data'))
    writeFileSync(directory.file('lunette-data/lunette.db'), 'garbage '.repeat(1000))
    await expectFailure(directory, [], 'lunette.db cannot be read')
    expect(readFileSync(directory.file('lunette-data/lunette.db'), 'utf8')).toBe('garbage '.repeat(1000))
  })
})

describe('CHAP secrets', () => {
  const SECRETS = ['initiator-secret', 'target--secret-2'] as const
  const ARGS = '--chap-user alice --chap-secret-file i --mutual-chap-user target --mutual-chap-secret-file t'.split(' ')

  function writeSecrets(directory: TemporaryDirectory, secrets: readonly [string, string]): void {
    for (const [index, name] of ['i', 't'].entries()) {
      writeFileSync(directory.file(name), `${secrets[index]}\n`)
      chmodSync(directory.file(name), 0o600)
    }
  }

  it('appear nowhere in what is printed and logged, nor in the process list', async () => {
    using directory = temporaryDirectory()
    writeSecrets(directory, SECRETS)
    await using lunette = await serving(directory, [...ARGS, '--log-level', 'trace'])
    expect(lunette.stdout()).toContain('CHAP, initiators log in as "alice"; the target proves itself as "target"')
    const commandLine = process.platform === 'linux' ? readFileSync(`/proc/${lunette.pid}/cmdline`, 'utf8') : ''
    await stop(lunette)
    for (const secret of SECRETS) expect(lunette.stdout() + lunette.stderr() + commandLine).not.toContain(secret)
  })

  it('belong to several users, each with its own', async () => {
    using directory = temporaryDirectory()
    writeSecrets(directory, SECRETS)
    const users = ['--chap-user', 'alice', '--chap-user', 'bob', '--chap-secret-file', 'i', '--chap-secret-file', 't']
    const bound = ['--chap-initiator', 'bob=iqn.2026-11.example:bob']
    await using lunette = await serving(directory, [...users, ...bound])
    expect(lunette.stdout()).toContain('CHAP, initiators log in as "alice" or "bob"')
    await stop(lunette)
    expect(lunette.stderr()).not.toContain('the same CHAP secret')
  })

  it('[SEC-16] must differ between the two directions', async () => {
    using directory = temporaryDirectory()
    writeSecrets(directory, [SECRETS[0], SECRETS[0]])
    const result = await runLunette(directory.path, [...ANY_PORT, ...ARGS])
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toMatch(/^lunette: .*the two must differ\n$/)
    expect(result.stderr).not.toContain(SECRETS[0])
  })

  it('are not repeated when somebody puts one on the command line', async () => {
    using directory = temporaryDirectory()
    for (const args of [[`--chap-secret=${SECRETS[0]}`], ['--chap-secret', SECRETS[0]]]) {
      const result = await runLunette(directory.path, args)
      expect(result.exitCode).toBe(2)
      expect(result.stderr).toContain('--chap-secret')
      expect(result.stderr).not.toContain(SECRETS[0])
    }
  })

  it('allow listening for other machines; without them the log warns', async () => {
    using directory = temporaryDirectory()
    writeSecrets(directory, SECRETS)
    const result = await runLunette(directory.path, ['--listen', '192.0.2.1:0', ...ARGS])
    expect(result.stderr).toMatch(/^lunette: cannot listen on 192\.0\.2\.1:0: [^\n]*\n$/)
    const open = await runLunette(directory.path, ['--listen', '192.0.2.1:0', '--allow-unauthenticated'])
    expect(open.stderr).toContain('no authentication')
  })
})
