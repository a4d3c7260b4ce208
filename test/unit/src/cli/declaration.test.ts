import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type FakeAnswers, startFakeApi } from '../../../support/fake-api.ts'
import { commandsOf, runCommand } from '../../../support/run-command.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const SAN = `
luns:
  - name: data
    size: 10G
targets:
  - iscsiName: iqn.2024-01.org.example:web01
    chap:
      sharedSecret: {secretFile: web.secret}
      users: [{user: old, secret: unchanged}]
`
const DECLARATION = {
  luns: [{ name: 'data', size: '10G' }],
  targets: [
    {
      iscsiName: 'iqn.2024-01.org.example:web01',
      chap: { sharedSecret: { secret: 'abcdefghijklmn' }, users: [{ user: 'old', secret: 'unchanged' }] },
    },
  ],
}
const CHANGES = [
  {
    action: 'create',
    kind: 'target',
    name: 'iqn.2024-01.org.example:web01',
    properties: [{ name: 'friendlyName', before: null, after: 'web' }],
  },
  { action: 'change', kind: 'lun', name: 'data', properties: [{ name: 'size', before: '1024', after: '2048' }] },
  { action: 'delete', kind: 'lun', name: 'old', properties: [{ name: 'status', before: 'online', after: null }] },
]

const answers = (changes: unknown = CHANGES): FakeAnswers => ({
  'GET /configuration': { body: { luns: [{ name: 'data', size: '10G' }] } },
  'POST /configuration/plan': { body: { changes }, headers: { etag: '"5"' } },
  'POST /configuration/apply': { body: { changes, generation: 6 } },
})

type Run = ReturnType<typeof commandsOf>
type Api = Awaited<ReturnType<typeof startFakeApi>>

async function withSan<T>(
  text: string,
  work: (run: Run, api: Api, file: (name: string) => string) => Promise<T>,
  known: FakeAnswers = answers(),
): Promise<T> {
  await using api = await startFakeApi(known)
  using directory = temporaryDirectory()
  writeFileSync(directory.file('san.yaml'), text)
  writeFileSync(directory.file('web.secret'), 'abcdefghijklmn\n', { mode: 0o600 })
  return await work(commandsOf(api, directory), api, directory.file)
}

describe('lunette plan', () => {
  it('shows what would change, and sends the secrets of files', async () => {
    await withSan(SAN, async (run, api, file) => {
      const { exitCode, stdout } = await run('plan', '-f', file('san.yaml'), '--prune')
      expect(stdout).toBe(`+ create target iqn.2024-01.org.example:web01
    friendlyName: web
~ change lun data
    size: 1 KiB -> 2 KiB
- delete lun old, with what the array stored in it

1 to create, 1 to change, 1 to delete.
`)
      expect(exitCode).toBe(0)
      expect(api.requests).toEqual([
        { method: 'POST', path: '/configuration/plan', body: { declaration: DECLARATION, prune: true } },
      ])
    })
  })

  it.each([
    [CHANGES, 7],
    [[], 0],
  ])('with --check says so with its exit code', async (changes, code) => {
    const work = (run: Run, _api: Api, file: (name: string) => string) =>
      run('plan', '-f', file('san.yaml'), '--target', 'web01', '--check')
    expect(await withSan(SAN, work, answers(changes))).toMatchObject({ exitCode: code })
  })

  it.each([
    ['a: [', /is not YAML/],
    [
      'discoveryUsers: [{user: a, secret: abcdefghijklmn}]',
      /\/discoveryUsers\/0\/secret: a secret is not written into this file/,
    ],
    ['discoveryUsers: [{user: a, secretFile: none}]', /discoveryUsers\/0\/secretFile .*none: no such file/],
    ['discoveryUsers: [{user: a, secretFile: 5}]', /allowed is the name of one file/],
    ['discoveryUsers: [{user: a, secretFile: web.secret, secret: unchanged}]', /allowed is the name of one file/],
  ])('sends nothing for %s', async (text, complaint) => {
    await withSan(text, async (run, api, file) => {
      const { exitCode, stderr } = await run('plan', '-f', file('san.yaml'))
      expect(stderr).toMatch(complaint)
      expect(stderr).not.toContain('abcdefghijklmn')
      expect([exitCode, api.requests]).toEqual([1, []])
    })
  })
})

describe('lunette apply', () => {
  it('applies with --yes what it has shown, if nothing else has changed since', async () => {
    await withSan(SAN, async (run, api, file) => {
      const { exitCode, stdout } = await run('apply', '-f', file('san.yaml'), '--yes', '--target', 'web01')
      expect([exitCode, stdout.slice(-9)]).toEqual([0, 'Applied.\n'])
      expect(api.requests.at(-1)).toEqual({
        method: 'POST',
        path: '/configuration/apply',
        body: { declaration: DECLARATION, onlyTarget: 'web01' },
        ifMatch: '"5"',
      })
    })
  })

  it('applies nothing when nothing differs', async () => {
    const work = async (run: Run, api: Api, file: (name: string) => string) => {
      expect(await run('apply', '-f', file('san.yaml'), '--yes')).toMatchObject({
        exitCode: 0,
        stdout: 'Nothing differs.\n',
      })
      expect(api.requests).toHaveLength(1)
    }
    await withSan(SAN, work, answers([]))
  })

  it.each([
    [['apply', '-f', 'san.yaml', '--json'], /--yes does not ask/],
    [['apply', '-f', '-'], /--yes does not ask/],
    [['apply', '-f', 'san.yaml', '--yes', '--prune', '--target', 'a'], /--prune deletes what no target needs/],
    [['apply', '--yes'], /-f, --file <FILE>/],
  ])('%j is a usage error', async (args, complaint) => {
    await withSan(SAN, async (run) => {
      const { exitCode, stderr } = await run(...args)
      expect([exitCode, stderr]).toEqual([2, expect.stringMatching(complaint)])
    })
  })
})

describe('lunette export and schema', () => {
  it('write YAML that says what the server said', async () => {
    await withSan(SAN, async (run, _api, file) => {
      const { stdout } = await run('export')
      expect(parse(stdout)).toEqual({ luns: [{ name: 'data', size: '10G' }] })
      expect(await run('export', '-f', file('san.yaml'))).toMatchObject({ exitCode: 1 })
      expect(readFileSync(file('san.yaml'), 'utf8')).toBe(SAN)
      expect(await run('export', '-f', file('new.yaml'))).toMatchObject({ exitCode: 0 })
      expect(existsSync(file('new.yaml'))).toBe(true)
      expect(await run('export', '-f', file('new.yaml'), '--overwrite')).toMatchObject({ exitCode: 0 })
    })
  })

  it('print the schema without a server', async () => {
    const { exitCode, stdout } = await runCommand(['schema'])
    expect([exitCode, JSON.parse(stdout).title]).toEqual([0, 'san.yaml'])
    const published = new URL('../../../../docs/management/san.schema.json', import.meta.url)
    expect(JSON.parse(readFileSync(published, 'utf8'))).toEqual(JSON.parse(stdout))
  })
})
