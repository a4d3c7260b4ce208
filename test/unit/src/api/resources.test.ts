import { readdirSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiFixture, SOON, startApiFixture } from '../../../support/api-fixture.ts'
import { fakeSession } from '../../../support/fake-data-plane.ts'

const GIB = 2 ** 30
const INITIATOR = 'iqn.2026-01.org.example:host'
const NOBODY = '00000000-0000-4000-8000-000000000000'
const SECRET = 'a secret that nobody reads'

let api: ApiFixture
beforeAll(async () => {
  api = await startApiFixture()
})
afterAll(() => api.close())

let count = 0
async function makeLun(more: object = {}) {
  const body = { sizeBytes: GIB, friendlyName: `disk ${++count}`, ...more }
  return (await api.done(201, 'POST', '/luns', { body, headers: SOON })).output
}
async function makeTarget(more: object = {}) {
  const body = { friendlyName: `target ${++count}`, ...more }
  return (await api.done(201, 'POST', '/targets', { body, headers: SOON })).output
}
async function makePortal() {
  return api.done(201, 'POST', '/portals', { body: { host: `127.0.0.${++count}`, port: 0 } })
}

describe('/luns', () => {
  it('makes, shows, lists and deletes a LUN', async () => {
    const lun = await makeLun({ blockLengthBytes: 4096 })
    expect(lun).toMatchObject({
      sizeBytes: GIB,
      blockLengthBytes: 4096,
      status: 'online',
      origin: 'managed',
      mask: { initiators: [], networks: [], readOnlyInitiators: [] },
      targets: [],
    })
    expect(await api.done(200, 'GET', `/luns/${lun.id}`, { role: 'viewer' })).toEqual(lun)
    expect(await api.done(200, 'GET', '/luns')).toContainEqual(lun)
    await api.done(204, 'DELETE', `/luns/${lun.id}`)
    expect(await api.done(404, 'GET', `/luns/${lun.id}`)).toMatchObject({
      name: 'VDS_E_OBJECT_NOT_FOUND',
      hresult: '0x80042405',
    })
    expect(api.dataPlane.storage.has(lun.id)).toBe(false)
  })

  it('keeps the file with keepStorage', async () => {
    const lun = await makeLun()
    await api.done(204, 'DELETE', `/luns/${lun.id}?keepStorage=true`)
    expect(api.dataPlane.storage.has(lun.id)).toBe(true)
  })

  it('answers with the job when nobody waits, and with the LUN at its place when it was made', async () => {
    const begun = await api.call('POST', '/luns', { body: { sizeBytes: GIB } })
    expect(begun.status).toBe(202)
    expect(begun.headers.get('location')).toBe(`/api/v1/jobs/${begun.body.id}`)
    const made = await api.call('POST', '/luns', { body: { sizeBytes: GIB }, headers: SOON })
    expect(made.headers.get('location')).toBe(`/api/v1/luns/${made.body.output.id}`)
    expect(made.headers.get('preference-applied')).toBe('wait=10')
  })

  it('renames, takes offline and online', async () => {
    const { id } = await makeLun()
    expect(
      await api.done(200, 'PATCH', `/luns/${id}`, { body: { friendlyName: 'x', status: 'offline' } }),
    ).toMatchObject({ friendlyName: 'x', status: 'offline' })
    expect(await api.done(200, 'PUT', `/luns/${id}/status`, { body: { status: 'online' } })).toMatchObject({
      status: 'online',
    })
  })

  it('says when a name was cut', async () => {
    const { id } = await makeLun()
    const { headers } = await api.call('PATCH', `/luns/${id}`, { body: { friendlyName: 'n'.repeat(300) } })
    expect(headers.get('lunette-hresult')).toBe('VDS_S_NAME_TRUNCATED')
  })

  it('extends and shrinks', async () => {
    const { id } = await makeLun()
    await api.done(200, 'POST', `/luns/${id}/extend`, { body: { bytes: GIB }, headers: SOON })
    expect((await api.done(200, 'GET', `/luns/${id}`)).sizeBytes).toBe(2 * GIB)
    await api.done(200, 'POST', `/luns/${id}/shrink`, { body: { bytes: GIB, mayDiscardData: true }, headers: SOON })
    expect((await api.done(200, 'GET', `/luns/${id}`)).sizeBytes).toBe(GIB)
    expect(
      await api.done(400, 'POST', `/luns/${id}/shrink`, { body: { bytes: 2 * GIB }, headers: SOON }),
    ).toMatchObject({ name: 'VDS_E_INVALID_SHRINK_SIZE' })
  })

  it('replaces the whole mask', async () => {
    const { id } = await makeLun({ mask: { initiators: '*' } })
    const mask = { initiators: [INITIATOR], networks: ['10.0.0.0/8'], readOnlyInitiators: '*' }
    expect((await api.done(200, 'PUT', `/luns/${id}/mask`, { body: mask })).mask).toEqual(mask)
    expect((await api.done(200, 'PUT', `/luns/${id}/mask`, { body: { initiators: '*' } })).mask).toEqual({
      initiators: '*',
      networks: [],
      readOnlyInitiators: [],
    })
    expect(await api.done(400, 'PUT', `/luns/${id}/mask`, { body: { initiators: ['nonsense'] } })).toMatchObject({
      name: 'E_INVALIDARG',
    })
  })

  it('associates with targets, all or none', async () => {
    const [lun, one, other] = [await makeLun(), await makeTarget(), await makeTarget()]
    const put = (targetIds: string[], status = 200) =>
      api.done(status, 'PUT', `/luns/${lun.id}/targets`, { body: { targetIds } })
    expect(await put([one.id, other.id])).toEqual([
      { targetId: one.id, lun: 0 },
      { targetId: other.id, lun: 0 },
    ])
    expect(await put([one.id, NOBODY], 404)).toMatchObject({ name: 'VDS_E_OBJECT_NOT_FOUND' })
    expect(await api.done(200, 'GET', `/luns/${lun.id}/targets`)).toHaveLength(2)
    expect((await api.done(200, 'GET', `/targets/${one.id}/luns`)).map(({ id }: { id: string }) => id)).toEqual([
      lun.id,
    ])
    expect(await put([])).toEqual([])
  })

  it('tells what initiators recognise it by', async () => {
    const { id, serialNumber } = await makeLun()
    const identification = await api.done(200, 'GET', `/luns/${id}/identification`)
    expect(identification.serialNumber).toBe(serialNumber)
    expect(identification.deviceIdentifiers.length).toBeGreaterThan(0)
    expect(await api.done(200, 'GET', `/luns/${id}/plexes`)).toMatchObject([{ id, type: 'simple' }])
  })

  it('ejects and inserts the medium of a removable LUN only', async () => {
    const { id } = await makeLun({ isRemovable: true })
    expect(await api.done(200, 'POST', `/luns/${id}/eject`, { body: {} })).toMatchObject({ isEjected: true })
    expect(await api.done(200, 'POST', `/luns/${id}/insert`, { body: {} })).toMatchObject({ isEjected: false })
    api.dataPlane.removalPrevented.add(id)
    const refusal = { name: 'VDS_E_DEVICE_IN_USE' }
    expect(await api.done(409, 'POST', `/luns/${id}/eject`, { body: {} })).toMatchObject(refusal)
    expect(await api.done(200, 'POST', `/luns/${id}/eject`, { body: { force: true } })).toMatchObject({
      isEjected: true,
    })
    const fixed = await makeLun()
    expect(await api.done(422, 'POST', `/luns/${fixed.id}/eject`, { body: {} })).toMatchObject({
      name: 'VDS_E_NOT_SUPPORTED',
    })
  })

  it('wants either a size or a file', async () => {
    for (const body of [{}, { sizeBytes: GIB, path: '/x' }]) {
      expect((await api.done(400, 'POST', '/luns', { body })).fields).toEqual([
        { field: 'body', problem: 'needs one of two', allowed: expect.stringContaining('sizeBytes') },
      ])
    }
  })

  it.each([
    ['/luns', { path: '/etc/shadow' }],
    [`/luns/${NOBODY}/insert`, { path: '/etc/shadow' }],
  ])('lets operators name no files of the machine: POST %s', async (path, body) => {
    await api.done(403, 'POST', path, { role: 'operator', body })
  })

  it('says that there is no room', async () => {
    expect(await api.done(507, 'POST', '/luns', { body: { sizeBytes: 2 ** 52 }, headers: SOON })).toMatchObject({
      name: 'VDS_E_NOT_ENOUGH_SPACE',
    })
  })
})

describe('/targets', () => {
  it('makes, shows, renames, lists and deletes a target', async () => {
    const target = await makeTarget({ iscsiName: 'iqn.2026-01.org.example:web' })
    expect(target).toMatchObject({ iscsiName: 'iqn.2026-01.org.example:web', isChapEnabled: false, portalGroups: [] })
    expect(await api.done(200, 'GET', `/targets/${target.id}`)).toEqual(target)
    expect(await api.done(200, 'PATCH', `/targets/${target.id}`, { body: { friendlyName: 'other' } })).toMatchObject({
      friendlyName: 'other',
    })
    expect(await api.done(200, 'GET', '/targets')).toContainEqual({ ...target, friendlyName: 'other' })
    expect(
      await api.done(409, 'POST', '/targets', { body: { iscsiName: 'IQN.2026-01.ORG.EXAMPLE:WEB' } }),
    ).toMatchObject({ name: 'VDS_E_NAME_NOT_UNIQUE', hresult: '0x80042701' })
    await api.done(200, 'DELETE', `/targets/${target.id}`, { headers: SOON })
    await api.done(404, 'GET', `/targets/${target.id}`)
  })

  it('deletes none that a LUN is behind', async () => {
    const [lun, target] = [await makeLun(), await makeTarget()]
    await api.done(200, 'PUT', `/luns/${lun.id}/targets`, { body: { targetIds: [target.id] } })
    expect(await api.done(409, 'DELETE', `/targets/${target.id}`)).toMatchObject({
      name: 'VDS_E_ASSOCIATED_LUNS_EXIST',
    })
  })

  it('takes secrets in and never gives one out', async () => {
    const { id } = await makeTarget()
    const initiator = encodeURIComponent(INITIATOR)
    const secret = (n: number) => ({ secret: `${SECRET} ${n}` })
    await api.done(204, 'PUT', `/targets/${id}/shared-secret`, { body: secret(1) })
    await api.done(204, 'PUT', `/targets/${id}/shared-secrets/${initiator}`, { body: secret(2) })
    await api.done(204, 'PUT', `/targets/${id}/remembered-secrets/*`, { body: { ...secret(3), user: 'me' } })
    await api.done(204, 'PUT', `/targets/${id}/chap-users/alice`, {
      body: { ...secret(4), initiatorNames: [INITIATOR] },
    })
    const user = { user: 'alice', initiatorNames: [INITIATOR] }
    expect(await api.done(200, 'GET', `/targets/${id}`)).toMatchObject({
      isChapEnabled: true,
      chap: {
        hasSharedSecret: true,
        sharedSecretInitiators: [INITIATOR],
        users: [user],
        remembered: [{ initiatorName: '*', user: 'me' }],
      },
    })
    expect(await api.done(200, 'GET', `/targets/${id}/chap-users/alice`)).toEqual(user)
    await api.done(404, 'GET', `/targets/${id}/chap-users/bob`)
    expect(api.dataPlane.configuration?.targets.get(id)?.sharedSecret).toEqual(Buffer.from(`${SECRET} 1`))

    const everything = await Promise.all(
      [`/targets/${id}`, '/targets', '/audit-log', '/jobs', '/luns', '//metrics'].map((path) => api.call('GET', path)),
    )
    expect(JSON.stringify(everything.map(({ body }) => body))).not.toContain(SECRET)

    await api.done(204, 'DELETE', `/targets/${id}/shared-secret`)
    await api.done(204, 'DELETE', `/targets/${id}/shared-secrets/${initiator}`)
    await api.done(204, 'DELETE', `/targets/${id}/remembered-secrets/*`)
    await api.done(204, 'DELETE', `/targets/${id}/chap-users/alice`)
    expect(await api.done(200, 'GET', `/targets/${id}`)).toMatchObject({ isChapEnabled: false })
  })

  it('repeats no secret that it refuses', async () => {
    const { id } = await makeTarget()
    const refusals = [
      await api.call('PUT', `/targets/${id}/shared-secret`, { body: { secret: 'tooshort' } }),
      await api.call('PUT', `/targets/${id}/shared-secret`, { body: { secret: 'tooshort'.repeat(100) } }),
      await api.call('PUT', `/targets/${id}/shared-secret`, { body: { secret: ['tooshort'] } }),
    ]
    for (const { status, body } of refusals) {
      expect(status).toBe(400)
      expect(JSON.stringify(body)).not.toContain('tooshort')
    }
  })

  it('tells who is connected', async () => {
    const { id } = await makeTarget()
    api.dataPlane.sessionList = [fakeSession('1', INITIATOR, id), fakeSession('2', INITIATOR, id)]
    expect(await api.done(200, 'GET', `/targets/${id}/initiators`)).toEqual([INITIATOR])
    api.dataPlane.sessionList = []
  })
})

describe('/portals and /portal-groups', () => {
  it('makes, shows, changes, lists and deletes a portal', async () => {
    const portal = await makePortal()
    expect(portal).toMatchObject({ port: 0, status: 'online', hasTls: false, portalGroupIds: [] })
    expect(await api.done(200, 'GET', `/portals/${portal.id}`)).toEqual(portal)
    expect(await api.done(200, 'PATCH', `/portals/${portal.id}`, { body: { status: 'offline' } })).toMatchObject({
      status: 'offline',
      listeningPort: null,
    })
    expect(await api.done(200, 'GET', '/portals')).toHaveLength(1)
    await api.done(204, 'DELETE', `/portals/${portal.id}`)
    expect(await api.done(200, 'GET', '/portals')).toEqual([])
  })

  it('puts portals into groups and takes them out', async () => {
    const [target, portal] = [await makeTarget(), await makePortal()]
    const { output: group } = await api.done(201, 'POST', `/targets/${target.id}/portal-groups`, { headers: SOON })
    expect(group).toMatchObject({ targetId: target.id, tag: 1, portalIds: [] })
    const place = `/portal-groups/${group.id}/portals/${portal.id}`
    await api.done(200, 'PUT', place, { headers: SOON })
    expect(await api.done(200, 'PUT', place, { headers: SOON })).toMatchObject({ name: 'VDS_S_ALREADY_EXISTS' })
    expect((await api.done(200, 'GET', `/portal-groups/${group.id}`)).portalIds).toEqual([portal.id])
    expect((await api.done(200, 'GET', `/portals/${portal.id}`)).portalGroupIds).toEqual([group.id])
    expect(await api.done(200, 'GET', `/targets/${target.id}/portal-groups`)).toHaveLength(1)
    expect(await api.done(409, 'DELETE', `/portal-groups/${group.id}`)).toMatchObject({
      name: 'VDS_E_ASSOCIATED_PORTALS_EXIST',
    })
    await api.done(200, 'DELETE', place, { headers: SOON })
    await api.done(200, 'DELETE', `/portal-groups/${group.id}`, { headers: SOON })
    await api.done(404, 'GET', `/portal-groups/${group.id}`)
  })

  it('answers 200 with the oldest group at the limit', async () => {
    await using small = await startApiFixture({ management: { limits: { portalGroupsPerTargetMax: 1 } } })
    const { output: target } = await small.done(201, 'POST', '/targets', { body: {}, headers: SOON })
    const first = await small.done(201, 'POST', `/targets/${target.id}/portal-groups`, { headers: SOON })
    const second = await small.done(200, 'POST', `/targets/${target.id}/portal-groups`, { headers: SOON })
    expect(second).toMatchObject({
      name: 'VDS_S_ALREADY_EXISTS',
      hresult: '0x00042714',
      output: { id: first.output.id },
    })
  })
})

describe('the array as a whole', () => {
  it('has a provider, which can be refreshed', async () => {
    expect(await api.done(200, 'GET', '/provider')).toMatchObject({ name: 'Lunette', type: 2 })
    await api.done(204, 'POST', '/provider/reenumerate')
    await api.done(204, 'POST', '/provider/refresh')
  })

  it('has a subsystem with a name and a status', async () => {
    expect(
      await api.done(200, 'PATCH', '/subsystem', { body: { friendlyName: 'array', status: 'online' } }),
    ).toMatchObject({ friendlyName: 'array', status: 'online' })
    expect(await api.done(200, 'GET', '/subsystem/max-lun-size')).toEqual({ sizeBytes: api.dataPlane.spaceBytes })
    await api.done(422, 'GET', '/subsystem/max-lun-size?type=raid5')
    await api.done(400, 'GET', '/subsystem/max-lun-size?type=heap')
  })

  it('has import targets by computer', async () => {
    const { iscsiName } = await makeTarget()
    expect(await api.done(404, 'GET', '/import-targets/Host1')).toMatchObject({ name: 'VDS_E_NO_IMPORT_TARGET' })
    await api.done(200, 'PUT', '/import-targets/Host1', { body: { iscsiName } })
    expect(await api.done(200, 'GET', '/import-targets/host1')).toEqual({ host: 'host1', iscsiName })
    expect(await api.done(200, 'GET', '/import-targets')).toEqual([{ host: 'host1', iscsiName }])
    await api.done(404, 'PUT', '/import-targets/host1', { body: { iscsiName: 'iqn.2026-01.org.example:none' } })
    await api.done(204, 'DELETE', '/import-targets/host1')
    expect(await api.done(200, 'GET', '/import-targets')).toEqual([])
  })

  it('has users that may ask for targets', async () => {
    await api.done(204, 'PUT', '/discovery-users/eve', { body: { secret: SECRET } })
    expect(await api.done(200, 'GET', '/discovery-users')).toEqual([{ user: 'eve', initiatorNames: [] }])
    expect(await api.done(200, 'GET', '/discovery-users/eve')).toEqual({ user: 'eve', initiatorNames: [] })
    await api.done(204, 'DELETE', '/discovery-users/eve')
    await api.done(404, 'DELETE', '/discovery-users/eve')
    await api.done(404, 'GET', '/discovery-users/eve')
  })
})

describe('/sessions and /login-refusals', () => {
  it('lists sessions, some of them, and ends one', async () => {
    const { id } = await makeTarget()
    const lunId = NOBODY.replace('4', '5')
    const session = { ...fakeSession('17', INITIATOR, id), luns: new Map([[3, lunId]]) }
    api.dataPlane.sessionList = [session, fakeSession('18', 'iqn.2026-01.org.example:b', null)]
    const ids = async (query: string) =>
      (await api.done(200, 'GET', `/sessions${query}`)).map((each: { id: string }) => each.id)
    expect(await ids('')).toEqual(['17', '18'])
    expect(await ids(`?targetId=${id}`)).toEqual(['17'])
    expect(await ids('?initiator=iqn.2026-01.org.example:b')).toEqual(['18'])
    expect(await ids(`?lunId=${lunId}`)).toEqual(['17'])
    expect(await api.done(200, 'GET', '/sessions/17')).toMatchObject({ luns: [{ lun: 3, lunId }], targetId: id })
    await api.done(204, 'DELETE', '/sessions/17', { role: 'operator' })
    expect(await api.done(404, 'DELETE', '/sessions/17')).toMatchObject({ name: 'VDS_E_ISCSI_SESSION_NOT_FOUND' })
    await api.done(404, 'GET', '/sessions/17')
  })

  it('tells why a login was refused', async () => {
    const refusal = {
      initiatorName: null,
      targetName: null,
      remoteAddress: '10.0.0.1',
      status: 0x0202,
      reason: 'masked',
    }
    api.dataPlane.refusals = [{ at: new Date(0), ...refusal }]
    expect(await api.done(200, 'GET', '/login-refusals')).toEqual([{ at: '1970-01-01T00:00:00.000Z', ...refusal }])
  })
})

describe('/tokens, /audit-log and /backup', () => {
  it('makes a token that works until it is deleted', async () => {
    const made = await api.done(201, 'POST', '/tokens', { body: { name: 'robot', role: 'viewer' } })
    const headers = { authorization: `Bearer ${made.token}` }
    await api.done(200, 'GET', '/luns', { role: null, headers })
    const { token: _, ...listed } = made
    expect(await api.done(200, 'GET', '/tokens')).toContainEqual({ ...listed, lastUsedAt: expect.any(String) })
    await api.done(409, 'POST', '/tokens', { body: { name: 'robot', role: 'viewer' } })
    await api.done(204, 'DELETE', `/tokens/${made.id}`)
    await api.done(401, 'GET', '/luns', { role: null, headers })
    await api.done(404, 'DELETE', `/tokens/${made.id}`)
  })

  it('knows who did what, failures too, a page at a time', async () => {
    const { id } = await makeLun()
    await api.done(204, 'DELETE', `/luns/${id}`, { role: 'operator' })
    await api.done(400, 'POST', '/targets', { role: 'operator', body: { iscsiName: 'nonsense' } })
    const [failed, deleted] = await api.done(200, 'GET', '/audit-log?limit=2')
    expect(failed).toMatchObject({ actor: 'operator', method: 'SubSystem.createTarget', result: 'E_INVALIDARG' })
    expect(deleted).toMatchObject({ method: 'Lun.delete', objectId: id, result: 'S_OK', hresult: '0x00000000' })
    expect(await api.done(200, 'GET', `/audit-log?limit=1&before=${failed.id}`)).toEqual([deleted])
  })

  it('sends a copy of the store and leaves none behind', async () => {
    const paths: string[] = []
    Object.assign(api.store, {
      backup: async (path: string) => {
        paths.push(path)
        writeFileSync(path, 'the copy')
      },
    })
    const { status, headers, body } = await api.call('POST', '/backup')
    expect([status, headers.get('content-type'), body]).toEqual([200, 'application/vnd.sqlite3', 'the copy'])
    const scratch = paths[0]!.replace(/\/\.backup-[^/]*\/.*$/, '')
    await expect.poll(() => readdirSync(scratch)).toEqual([])
  })
})

describe('/jobs', () => {
  it('shows a job that runs, and cancels it', async () => {
    const gate = Promise.withResolvers<void>()
    api.dataPlane.gate = gate.promise
    const { id } = await api.done(202, 'POST', '/luns', { body: { sizeBytes: GIB } })
    expect(await api.done(200, 'GET', `/jobs/${id}`)).toMatchObject({
      isDone: false,
      name: 'VDS_E_OPERATION_PENDING',
      hresult: '0x80042409',
      outputType: 'createLun',
      actor: 'administrator',
    })
    expect(await api.done(200, 'POST', `/jobs/${id}/cancel`, { role: 'operator' })).toMatchObject({
      isDone: true,
      name: 'VDS_E_OPERATION_CANCELED',
      output: null,
    })
    expect(await api.done(409, 'POST', `/jobs/${id}/cancel`)).toMatchObject({ name: 'VDS_E_OPERATION_CANCELED' })
    gate.resolve()
    api.dataPlane.gate = Promise.resolve()
    expect((await api.done(200, 'GET', '/jobs')).map((job: { id: string }) => job.id)).toContain(id)
    await api.done(404, 'GET', `/jobs/${NOBODY}`)
  })

  it('says after the time that the caller would wait that it still runs', async () => {
    const gate = Promise.withResolvers<void>()
    api.dataPlane.gate = gate.promise
    const answer = await api.call('POST', '/luns', { body: { sizeBytes: GIB }, headers: { prefer: 'wait=1' } })
    expect(answer.status).toBe(202)
    gate.resolve()
    api.dataPlane.gate = Promise.resolve()
    await expect.poll(async () => (await api.done(200, 'GET', `/jobs/${answer.body.id}`)).percent).toBe(100)
  })

  it.each(['wait=soon', 'return=minimal', 'wait'])('does not wait for Prefer: %s', async (prefer) => {
    expect(
      (await api.call('POST', '/targets', { body: {}, headers: { prefer } })).headers.get('preference-applied'),
    ).toBe(null)
  })
})
