import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiClient } from '../../../../../src/cli/client/api-client.ts'
import { readEvents, type ServerEvent } from '../../../../../src/cli/client/event-stream.ts'
import { waitForJob } from '../../../../../src/cli/client/jobs.ts'
import type { Job } from '../../../../../src/cli/client/resources.ts'
import { locateServer, SERVER_DEFAULT } from '../../../../../src/cli/client/server-location.ts'
import { createOutput, printable } from '../../../../../src/cli/output.ts'
import { startFakeApi } from '../../../../support/fake-api.ts'
import { runCommand } from '../../../../support/run-command.ts'
import { temporaryDirectory } from '../../../../support/temporary-directory.ts'

describe('locateServer', () => {
  it('takes options before the environment, and the environment before the defaults', () => {
    using directory = temporaryDirectory()
    for (const name of ['api-token', 'other']) writeFileSync(directory.file(name), `lun_${name}\n`)
    const data = directory.path
    const environment = { LUNETTE_SERVER: 'https://san:1', LUNETTE_TOKEN_FILE: directory.file('other') }
    expect(locateServer({ data }, {})).toEqual({ origin: SERVER_DEFAULT, token: 'lun_api-token' })
    expect(locateServer({ data }, environment)).toEqual({ origin: 'https://san:1', token: 'lun_other' })
    const given = { server: 'http://[::1]:5', tokenFile: directory.file('api-token') }
    expect(locateServer(given, environment)).toEqual({ origin: 'http://[::1]:5', token: 'lun_api-token' })
  })

  it.each([
    ['http://san.example.com:3280', /would send the token over the network unencrypted/],
    ['san.example.com', /is not the address of a server/],
    ['ftp://127.0.0.1', /is not the address of a server/],
    ['http://127.0.0.1/path', /is not the address of a server/],
    ['http://user:secret@127.0.0.1', /is not the address of a server/],
  ])('refuses %s', (server, complaint) => {
    expect(() => locateServer({ server }, {})).toThrow(complaint)
  })

  it('says what is wrong with the token', () => {
    using directory = temporaryDirectory()
    expect(() => locateServer({ data: directory.path }, {})).toThrow(
      /cannot read the token in .*api-token: no such file/,
    )
    writeFileSync(directory.file('api-token'), 'two words\n')
    expect(() => locateServer({ data: directory.path }, {})).toThrow(/holds no token/)
  })
})

describe('ApiClient', () => {
  it('says when nobody answers, and when it is somebody else who does', async () => {
    const api = await startFakeApi({ 'GET /luns': { body: '<html>' } })
    const client = new ApiClient(() => ({ origin: api.url, token: api.token }))
    await expect(client.get('/luns')).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/is no JSON/),
    })
    await api[Symbol.asyncDispose]()
    await expect(client.get('/luns')).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/cannot reach the server at .*: no server listens there/),
    })
  })

  it.each([
    [500, {}, 1, 'the server answers with HTTP status 500'],
    [
      507,
      { detail: 'full', name: 'VDS_E_NOT_ENOUGH_SPACE', hresult: '0x8004240F' },
      5,
      'full (VDS_E_NOT_ENOUGH_SPACE 0x8004240F)',
    ],
    [412, { detail: 'changed' }, 5, 'changed'],
    [410, { detail: 'gone' }, 4, 'gone'],
    [403, { detail: 'no' }, 6, 'no'],
  ])('makes %d a failure', async (status, body, exitCode, message) => {
    await using api = await startFakeApi({ 'GET /luns': { status, body } })
    const client = new ApiClient(() => ({ origin: api.url, token: api.token }))
    await expect(client.get('/luns')).rejects.toMatchObject({ exitCode, message })
  })

  it('waits for jobs and shows how far they are', async () => {
    const job: Job = { id: 'j', outputType: 'createLun', percent: 10, isDone: false, hresult: '0x80042409' }
    const answers = [
      { ...job, percent: 50 },
      { ...job, percent: 100, isDone: true, hresult: '0x00000000' },
    ]
    await using api = await startFakeApi({ 'GET /jobs/j': () => ({ body: answers.shift() }) })
    const client = new ApiClient(() => ({ origin: api.url, token: api.token }))
    const shown: (number | string)[] = []
    const progress = { show: ({ percent }: Job) => void shown.push(percent), end: () => void shown.push('end') }
    expect(await waitForJob(client, job, progress)).toMatchObject({ percent: 100 })
    expect(shown).toEqual([10, 50, 'end'])
  })
})

describe('readEvents', () => {
  const TEXT = ': hello\n\nid: 1\nevent: LUN_ARRIVE\ndata: {"id":"ä"}\n\ndata: a\ndata: b\r\n\r\nid: 3\n\ndata: cut'
  const EVENTS: ServerEvent[] = [
    { id: '1', type: 'LUN_ARRIVE', data: '{"id":"ä"}' },
    { id: '1', type: 'message', data: 'a\nb' },
  ]

  it('reads the same events however the bytes are cut', async () => {
    const bytes = Buffer.from(TEXT)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), bytes.length]
        async function* chunks() {
          for (let at = 1; at < cuts.length; at++) yield bytes.subarray(cuts[at - 1], cuts[at])
        }
        const events: ServerEvent[] = []
        for await (const event of readEvents(chunks())) events.push(event)
        expect(events).toEqual(EVENTS)
      }),
    )
  })
})

describe('output', () => {
  it('lets no name steer a terminal', () => {
    expect(printable('a\u001b[2Jb\u202ec')).toBe('a\\u{1b}[2Jb\\u{202e}c')
    let text = ''
    createOutput((part) => {
      text += part
    }, false).list([{ name: '\u0007' }, { name: '' }], [['Name', ({ name }) => name]])
    expect(text).toBe('Name\n\\u{7}\n-\n')
  })
})

describe('the words around the nouns', () => {
  it.each(['bash', 'zsh', 'fish'])('complete in %s', async (shell) => {
    const lines: string[] = []
    const log = console.log
    console.log = (line: string) => void lines.push(line)
    try {
      expect(await runCommand(['completion', shell])).toMatchObject({ exitCode: 0 })
      await runCommand(['complete', '--', 'lun', 'ex'])
    } finally {
      console.log = log
    }
    expect(lines.join('\n')).toMatch(/lunette complete --[\s\S]*^extend\t/m)
  })

  it('are not taken for disks when they are mistyped', async () => {
    const { exitCode, stderr } = await runCommand(['luns', 'list'])
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/there is no command luns \(did you mean lun\?\)/)])
  })

  it('lead to their own help', async () => {
    const { exitCode, stderr } = await runCommand(['lun', 'create', '--size', 'x'])
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/\(see lunette lun create --help\)/)])
  })
})
