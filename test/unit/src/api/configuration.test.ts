import { describe, expect, it } from 'vitest'
import { startApiFixture } from '../../../support/api-fixture.ts'

const DECLARATION = {
  luns: [{ name: 'data', size: '1G', mask: { initiators: '*' } }],
  targets: [
    {
      iscsiName: 'iqn.2024-01.org.example:web01',
      luns: [{ name: 'data' }],
      chap: { sharedSecret: { secret: 'abcdefghijklmn' } },
    },
  ],
}

describe('/configuration', () => {
  it('plans, applies and exports', async () => {
    await using api = await startApiFixture()
    const plan = await api.done(200, 'POST', '/configuration/plan', { body: { declaration: DECLARATION } })
    expect(plan.changes.map(({ action, kind }: { action: string; kind: string }) => `${action} ${kind}`)).toEqual([
      'create lun',
      'create target',
    ])
    expect(JSON.stringify(plan)).not.toContain('abcdefghijklmn')
    const applied = await api.done(200, 'POST', '/configuration/apply', { body: { declaration: DECLARATION } })
    expect(applied).toEqual({ ...plan, generation: api.management.configuration.generation })
    const exported = await api.done(200, 'GET', '/configuration', { role: 'viewer' })
    expect(exported.targets[0].chap.sharedSecret).toEqual({ secret: 'unchanged' })
    const again = await api.done(200, 'POST', '/configuration/apply', { body: { declaration: exported, prune: true } })
    expect(again.changes).toEqual([])
  })

  it('applies only what was looked at, with If-Match', async () => {
    await using api = await startApiFixture()
    const body = { declaration: DECLARATION }
    const etag = (await api.call('POST', '/configuration/plan', { body })).headers.get('etag')!
    await api.subSystem.setFriendlyName('meanwhile')
    await api.done(412, 'POST', '/configuration/apply', { body, headers: { 'if-match': etag } })
    expect([api.management.configuration.luns.size, api.dataPlane.storage.size]).toEqual([0, 0])
    const now = (await api.call('GET', '/configuration')).headers.get('etag')!
    await api.done(200, 'POST', '/configuration/apply', { body, headers: { 'if-match': now } })
  })

  it('answers with the ETag of what it made, not of what somebody else made of that meanwhile', async () => {
    await using api = await startApiFixture()
    const gate = Promise.withResolvers<void>()
    api.dataPlane.applyGate = gate.promise
    const applying = api.call('POST', '/configuration/apply', { body: { declaration: DECLARATION } })
    await expect.poll(() => api.management.configuration.luns.size).toBe(1)
    const naming = api.subSystem.setFriendlyName('meanwhile')
    await expect.poll(() => api.management.configuration.subSystem.friendlyName).toBe('meanwhile')
    gate.resolve()
    await naming
    const { headers } = await applying
    const body = { declaration: { subsystem: { friendlyName: 'mine' } } }
    await api.done(412, 'POST', '/configuration/apply', { body, headers: { 'if-match': headers.get('etag')! } })
  })

  it('loses none of the applies of concurrent writers', async () => {
    await using api = await startApiFixture()
    const writers = Array.from({ length: 8 }, async (_, index) => {
      const body = { declaration: { luns: [{ name: `lun-${index}`, size: 4096 }] } }
      for (;;) {
        const { status } = await api.call('POST', '/configuration/apply', { body })
        if (status === 200) return
        expect(status).toBe(503)
      }
    })
    await Promise.all(writers)
    expect([api.management.configuration.luns.size, api.dataPlane.storage.size, api.store.doomed.size]).toEqual([
      8, 8, 0,
    ])
  })

  it.each([
    ['a viewer', { role: 'viewer', body: { declaration: {} } }, 403, /takes the role/],
    ['an operator', { role: 'operator', body: { declaration: {} } }, 403, /takes the role administrator/],
    [
      'a wrong size',
      { body: { declaration: { luns: [{ name: 'a', size: 'big' }] } } },
      400,
      /LUN a: the size big is not a size/,
    ],
    ['an unknown name', { body: { declaration: { lun: [] } } }, 400, /body\/declaration\/lun is unknown/],
    ['an unknown target', { body: { declaration: {}, onlyTarget: 'none' } }, 404, /none/],
  ] as const)('refuses %s', async (_who, request, status, detail) => {
    await using api = await startApiFixture()
    for (const path of ['/configuration/plan', '/configuration/apply']) {
      expect((await api.done(status, 'POST', path, request)).detail).toMatch(detail)
    }
  })

  it('takes 200 targets and 1,000 LUNs', async () => {
    await using api = await startApiFixture()
    const luns = Array.from({ length: 1000 }, (_, index) => ({ name: `lun-${index}`, size: '1G' }))
    const targets = Array.from({ length: 200 }, (_, index) => ({
      iscsiName: `iqn.2024-01.org.example:t${index}`,
      luns: luns.slice(index * 5, index * 5 + 5).map(({ name }) => ({ name })),
    }))
    const body = { declaration: { luns, targets } }
    const applied = await api.done(200, 'POST', '/configuration/apply', { body })
    expect(applied.changes).toHaveLength(1200)
    expect((await api.done(200, 'POST', '/configuration/apply', { body })).changes).toEqual([])
  })
})
