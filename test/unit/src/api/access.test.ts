import { connect } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningApi, startApi } from '../../../../src/api/api.ts'
import { ROLES } from '../../../../src/api/roles.ts'
import { Tokens } from '../../../../src/api/tokens.ts'
import { type ApiFixture, MemoryTokenStore, startApiFixture } from '../../../support/api-fixture.ts'
import { createAuthority } from '../../../support/certificates.ts'

const ID = 'd5d23b6d-5a55-4492-9889-397a3c2d2dbc'
const NEEDS_NO_TOKEN = ['GET /healthz', 'GET /readyz']

let api: ApiFixture
let routes: { method: string; path: string; access: string; hasBody: boolean }[]

beforeAll(async () => {
  api = await startApiFixture()
  const { paths } = await api.done(200, 'GET', '//openapi.json')
  routes = Object.entries<Record<string, { 'x-access': string; requestBody?: object }>>(paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{[^}]*\}/g, ID),
        access: operation['x-access'],
        hasBody: operation.requestBody !== undefined,
      })),
  )
})
afterAll(() => api.close())

describe('every route', () => {
  it('says who may call it', () => {
    expect(routes.length).toBeGreaterThan(60)
    expect(
      routes.filter(({ access }) => access === 'everybody').map(({ method, path }) => `${method} ${path}`),
    ).toEqual(NEEDS_NO_TOKEN)
    const others = routes.filter(({ access }) => access !== 'everybody')
    expect(others.filter(({ access }) => !(ROLES as readonly string[]).includes(access))).toEqual([])
  })

  it('that changes something is not for viewers', () => {
    expect(routes.filter(({ method, access }) => method !== 'GET' && access === 'viewer')).toEqual([])
  })

  it('refuses who has no token, a wrong one or too small a role, before it looks at anything else', async () => {
    for (const { method, path, access } of routes.filter((route) => route.access !== 'everybody')) {
      const ask = (request: object) => api.call(method, `/${path}`, { body: '{', ...request })
      const send = method === 'GET' ? { body: undefined } : {}
      const nobody = await ask({ role: null, ...send })
      expect([path, nobody.status]).toEqual([path, 401])
      expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer/)
      const wrong = { authorization: `Bearer lun_${'A'.repeat(43)}` }
      expect([path, (await ask({ role: null, headers: wrong, ...send })).status]).toEqual([path, 401])
      for (const role of ROLES.slice(0, ROLES.indexOf(access as 'viewer'))) {
        const refused = await ask({ role, ...send })
        expect([method, path, role, refused.status]).toEqual([method, path, role, 403])
        expect(refused.body.detail).toContain(access)
      }
    }
  })

  it('lets in who has the role', async () => {
    for (const { method, path, access, hasBody } of routes.filter((route) => route.access !== 'everybody')) {
      if (path.endsWith('/events')) continue
      const body = hasBody ? '{' : undefined
      const { status } = await api.call(method, `/${path}`, { role: access as 'viewer', body })
      expect([method, path, [401, 403].includes(status)]).toEqual([method, path, false])
    }
  })
})

describe('a request', () => {
  it.each([
    ['Basic YTpi', 401],
    ['Bearer', 401],
    ['Bearer lun_', 401],
    ['Bearer lun_a b', 401],
  ])('with Authorization: %s is answered with %i', async (authorization, status) => {
    await api.done(status, 'GET', '/luns', { role: null, headers: { authorization } })
  })

  it('that is refused for its token or role is in the log, without the token, and no flood of them', async () => {
    await using own = await startApiFixture()
    const authorization = `Bearer lun_${'B'.repeat(43)}`
    for (let count = 0; count < 50; count++)
      await own.done(401, 'GET', '/luns', { role: null, headers: { authorization } })
    expect(own.log.length).toBeGreaterThan(0)
    expect(own.log.length).toBeLessThan(20)
    expect(JSON.parse(own.log[0]!)).toMatchObject({ remoteAddress: '127.0.0.1', path: '/api/v1/luns', name: null })
    expect(own.log.join()).not.toContain('BBBB')
    await using other = await startApiFixture()
    await other.done(403, 'DELETE', `/tokens/${ID}`, { role: 'operator' })
    expect(JSON.parse(other.log[0]!)).toMatchObject({ name: 'operator', method: 'DELETE' })
  })

  it('for a host that this server is not known as is refused, because of DNS rebinding', async () => {
    expect(await rawRequest('evil.example:3280')).toContain('HTTP/1.1 421')
    expect(await rawRequest('localhost:3280')).toContain('HTTP/1.1 200')
    expect(await rawRequest('[::1]:3280')).toContain('HTTP/1.1 200')
    expect(await rawRequest('127.0.0.1@evil.example')).toContain('HTTP/1.1 421')
  })

  it('from a page of another origin is refused, and no preflight is answered', async () => {
    await api.done(403, 'GET', '/luns', { headers: { origin: 'http://evil.example' } })
    await api.done(403, 'GET', '/luns', { headers: { origin: 'null' } })
    await api.done(200, 'GET', '/luns', { headers: { origin: api.url } })
    const preflight = await api.call('OPTIONS', '/luns', {
      role: null,
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'GET' },
    })
    expect(preflight.status).toBe(403)
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('is answered with headers for programs, refused or not', async () => {
    for (const path of ['/luns', '/nothing']) {
      const { headers } = await api.call('GET', path)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('server')).toBe(null)
    }
  })

  it('may not be larger than 1 MiB', async () => {
    const body = { friendlyName: 'x'.repeat(2 ** 20) }
    expect((await api.done(413, 'POST', '/targets', { body })).detail).toContain('1048576')
  })

  it.each([
    ['{', 'application/json', 400],
    ['{"__proto__": {"role": "administrator"}}', 'application/json', 400],
    ['<x/>', 'text/xml', 415],
    ['{}', 'text/plain', 415],
  ])('with the body %s as %s is answered with %i', async (body, type, status) => {
    const problem = await api.done(status, 'POST', '/targets', { body, headers: { 'content-type': type } })
    expect(problem).toMatchObject({ type: 'about:blank', status, instance: '/api/v1/targets' })
  })

  it('for what is not there is answered as a problem', async () => {
    const { headers, body } = await api.call('GET', '/nothing?secret=1')
    expect(headers.get('content-type')).toContain('application/problem+json')
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'there is no GET /api/v1/nothing',
      instance: '/api/v1/nothing',
    })
    await api.done(404, 'DELETE', '/luns')
  })

  it('that runs into an error of ours is told nothing about it, and the log all', async () => {
    const inner = 'the inner secret'
    const freeBytes = api.dataPlane.freeBytes
    api.dataPlane.freeBytes = () => Promise.reject(new Error(inner))
    const problem = await api.done(500, 'GET', '/subsystem/max-lun-size')
    api.dataPlane.freeBytes = freeBytes
    expect(JSON.stringify(problem)).not.toContain(inner)
    expect(api.log.join()).toContain(inner)
  })

  it('that is wrong hears of every field what is wrong and what is allowed', async () => {
    const body = { sizeBytes: '1', blockLengthBytes: 513, mask: { initiators: [7] }, colour: 'red' }
    expect((await api.done(400, 'POST', '/luns', { body })).fields).toEqual(
      expect.arrayContaining([
        { field: 'body/sizeBytes', problem: 'is not valid', allowed: 'an integer from 1 to 9007199254740991' },
        { field: 'body/blockLengthBytes', problem: 'is not valid', allowed: '512, 2048, 4096' },
        { field: 'body/colour', problem: 'is unknown', allowed: expect.stringContaining('sizeBytes') },
      ]),
    )
    expect((await api.done(400, 'GET', '/luns/7')).fields).toEqual([
      { field: 'path/id', problem: 'is not valid', allowed: expect.stringContaining('GUID') },
    ])
    expect((await api.done(400, 'GET', '/audit-log?limit=many')).fields).toMatchObject([{ field: 'query/limit' }])
    expect((await api.done(400, 'PUT', `/luns/${ID}/mask`, { body: {} })).fields).toMatchObject([
      { field: 'body/initiators', problem: 'is missing', allowed: expect.stringContaining('"*"') },
    ])
    await api.done(400, 'PATCH', `/luns/${ID}`, { body: {} })
  })
})

describe('listening', () => {
  it('beyond this machine needs TLS, or that somebody accepts the risk', async () => {
    await expect(start({ listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('give it a certificate')
  })

  it('with TLS speaks nothing else', async () => {
    const authority = createAuthority()
    const { certificate, key } = authority.issue({ addresses: ['127.0.0.1'] })
    const running = await start({ tls: { certificate, key } })
    try {
      expect(running.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
      await expect(fetch(running.url.replace('https', 'http'))).rejects.toThrow()
    } finally {
      await running.close()
    }
  })
})

function start(options: object): Promise<RunningApi> {
  return startApi({
    management: api.management,
    metricsSource: { logicalUnits: () => [], targets: () => [] },
    listen: { host: '127.0.0.1', port: 0 },
    tls: null,
    mayBeUnencrypted: false,
    hostNames: [],
    tokens: new Tokens(new MemoryTokenStore()),
    log: pino({ level: 'silent' }),
    version: '1',
    scratchDirectory: '/',
    ...options,
  })
}

/** The answer to GET /api/v1/luns with this Host header, which fetch does not let anybody choose. */
async function rawRequest(host: string): Promise<string> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  const token = api.tokenOf('viewer')
  socket.end(
    `GET /api/v1/luns HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
  )
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
