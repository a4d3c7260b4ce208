import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiFixture, SOON, startApiFixture } from '../../../support/api-fixture.ts'

let api: ApiFixture
beforeAll(async () => {
  api = await startApiFixture()
  await api.done(201, 'POST', '/targets', { body: { friendlyName: 'web' }, headers: SOON })
})
afterAll(() => api.close())

describe('/configuration', () => {
  it('is exported, and to apply what was exported changes nothing', async () => {
    const { headers, body: declaration } = await api.call('GET', '/configuration', { role: 'viewer' })
    const plan = await api.call('POST', '/configuration/plan', { body: { declaration } })
    expect([plan.status, plan.body]).toEqual([200, { changes: [] }])
    expect(plan.headers.get('etag')).toBe(headers.get('etag'))
    const { generation } = api.management.configuration
    expect(await api.done(200, 'POST', '/configuration/apply', { body: { declaration } })).toEqual({
      changes: [],
      generation,
    })
  })

  it('is applied only if nobody has changed anything since', async () => {
    const { headers, body: declaration } = await api.call('GET', '/configuration')
    await api.done(200, 'PATCH', '/subsystem', { body: { friendlyName: 'faster' } })
    const request = { body: { declaration }, headers: { 'if-match': headers.get('etag')! } }
    await api.done(412, 'POST', '/configuration/apply', request)
    expect(api.management.configuration.subSystem.friendlyName).toBe('faster')
  })

  it.each(['plan', 'apply'])('has secrets in it, so it is the administrators to %s it', async (verb) => {
    const { body: declaration } = await api.call('GET', '/configuration')
    await api.done(403, 'POST', `/configuration/${verb}`, { role: 'operator', body: { declaration } })
  })
})
