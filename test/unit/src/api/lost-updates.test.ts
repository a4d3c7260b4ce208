import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiFixture, SOON, startApiFixture } from '../../../support/api-fixture.ts'

const INITIATOR = 'iqn.2026-01.org.example:host'

let api: ApiFixture
let lunId: string
beforeAll(async () => {
  api = await startApiFixture({ management: { limits: { turnTimeoutMs: 20_000 } } })
  lunId = (await api.done(201, 'POST', '/luns', { body: { sizeBytes: 2 ** 30 }, headers: SOON })).output.id
})
afterAll(() => api.close())

const get = async (path: string) => {
  const { headers, body } = await api.call('GET', path)
  return { etag: headers.get('etag')!, body }
}

describe('If-Match', () => {
  it('lets a change through that knows what it changes, once', async () => {
    const path = `/luns/${lunId}`
    const { etag } = await get(path)
    const change = { body: { friendlyName: 'one' }, headers: { 'if-match': etag } }
    const { headers } = await api.call('PATCH', path, change)
    expect(headers.get('etag')).toBe((await get(path)).etag)
    expect(headers.get('etag')).not.toBe(etag)
    expect((await api.done(412, 'PATCH', path, { ...change, body: { friendlyName: 'two' } })).status).toBe(412)
    expect((await get(path)).body.friendlyName).toBe('one')
  })

  it('takes one of several tags, or any', async () => {
    const path = `/luns/${lunId}`
    const { etag } = await get(path)
    for (const tag of [`"x", ${etag}`, '*']) {
      await api.done(200, 'PATCH', path, { body: { friendlyName: 'three' }, headers: { 'if-match': tag } })
    }
    await api.done(412, 'PATCH', path, { body: { friendlyName: 'four' }, headers: { 'if-match': `W/${etag}` } })
    await api.done(400, 'PATCH', path, { body: { friendlyName: 'four' }, headers: { 'if-match': 'three' } })
  })

  it('holds for everything that a request changes', async () => {
    const { etag } = await get(`/luns/${lunId}`)
    const body = { friendlyName: 'five', status: 'online' }
    await api.done(200, 'PATCH', `/luns/${lunId}`, { body, headers: { 'if-match': etag } })
  })

  it.each([
    ['DELETE', '', undefined],
    ['POST', '/extend', { bytes: 4096 }],
    ['POST', '/shrink', { bytes: 4096 }],
    ['PUT', '/mask', { initiators: '*' }],
    ['PUT', '/targets', { targetIds: [] }],
    ['PUT', '/status', { status: 'offline' }],
  ])('stops %s %s', async (method, path, body) => {
    const before = await get(`/luns/${lunId}`)
    await api.done(412, method, `/luns/${lunId}${path}`, { body, headers: { 'if-match': '"old"' } })
    expect(await get(`/luns/${lunId}`)).toEqual(before)
  })

  it('notices that a secret was changed, without telling anything of it', async () => {
    const { output } = await api.done(201, 'POST', '/targets', { body: {}, headers: SOON })
    const path = `/targets/${output.id}`
    const tags = new Set([(await get(path)).etag])
    for (const secret of ['first secret of all', 'other secret of all']) {
      await api.done(204, 'PUT', `${path}/shared-secret`, { body: { secret } })
      tags.add((await get(path)).etag)
    }
    expect(tags.size).toBe(3)
    await using other = await startApiFixture()
    const [mine, theirs] = [await get('/subsystem'), await other.call('GET', '/subsystem')]
    expect(theirs.headers.get('etag')).not.toBe(mine.etag)
  })

  it('is known to portals, portal groups, the subsystem and import targets', async () => {
    const { id: portalId } = await api.done(201, 'POST', '/portals', { body: { host: '127.0.0.9', port: 0 } })
    const { output: target } = await api.done(201, 'POST', '/targets', { body: {}, headers: SOON })
    const { output: group } = await api.done(201, 'POST', `/targets/${target.id}/portal-groups`, { headers: SOON })
    const old = { 'if-match': '"old"' }
    await api.done(412, 'PATCH', `/portals/${portalId}`, { body: { status: 'offline' }, headers: old })
    await api.done(412, 'PUT', `/portal-groups/${group.id}/portals/${portalId}`, { headers: old })
    await api.done(412, 'PATCH', '/subsystem', { body: { friendlyName: 'x' }, headers: old })
    await api.done(412, 'PUT', '/import-targets/h', { body: { iscsiName: target.iscsiName }, headers: old })
    await api.done(412, 'DELETE', `/targets/${target.id}`, { headers: old })
  })
})

describe('concurrent writers', () => {
  it('that read, add and write back with If-Match lose no update', async () => {
    const path = `/luns/${lunId}`
    await api.done(200, 'PUT', `${path}/mask`, { body: { initiators: [] } })
    const names = [...Array(24).keys()].map((index) => `${INITIATOR}${index}`)
    let conflicts = 0
    const add = async (name: string): Promise<void> => {
      const { etag, body } = await get(path)
      const mask = { ...body.mask, initiators: [...body.mask.initiators, name] }
      const { status } = await api.call('PUT', `${path}/mask`, { body: mask, headers: { 'if-match': etag } })
      if (status === 200) return
      expect(status).toBe(412)
      conflicts++
      await add(name)
    }
    await Promise.all(names.map(add))
    expect((await get(path)).body.mask.initiators.toSorted()).toEqual(names.toSorted())
    expect(conflicts).toBeGreaterThan(0)
  })
})
