/** IVdsIscsiPortalGroup and IVdsIscsiPortal, and the portals that this array can be told to have. */

import { beforeEach, describe, expect, it } from 'vitest'
import type { ObjectStatus } from '../../../src/management/vds-types.ts'
import { startManagement } from '../../support/management-fixture.ts'
import { hresultOf, type PopulatedModel, populatedModel, UNKNOWN_ID } from '../../support/populated-model.ts'

let model: PopulatedModel
beforeEach(async () => {
  model = await populatedModel()
})

describe('AddPortal', () => {
  it('puts a portal into a group, which both sides show', async () => {
    const { group, emptyGroup, portal, freePortal } = model
    expect((await (await group.addPortal(freePortal.id)).wait()).hresult).toBe('S_OK')
    expect(group.queryAssociatedPortals().map(({ id }) => id)).toEqual([portal.id, freePortal.id])
    await emptyGroup.addPortal(portal.id)
    expect(portal.queryAssociatedPortalGroups().map(({ id }) => id)).toEqual([group.id, emptyGroup.id])
  })

  it('VDS_S_ALREADY_EXISTS when it is in this group', async () => {
    const job = await model.group.addPortal(model.portal.id)
    expect([job.hresult, (await job.wait()).hresult]).toEqual(['VDS_S_ALREADY_EXISTS', 'VDS_S_ALREADY_EXISTS'])
  })

  it('VDS_E_OBJECT_EXISTS when it is in another group of this target', async () => {
    const other = (await (await model.target.createPortalGroup()).wait()).output!
    expect(await hresultOf(() => other.addPortal(model.portal.id))).toBe('VDS_E_OBJECT_EXISTS')
  })

  it('VDS_E_OBJECT_NOT_FOUND', async () => {
    expect(await hresultOf(() => model.group.addPortal(UNKNOWN_ID))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })

  it('VDS_E_INVALID_OPERATION for portals with TLS among those without', async () => {
    const secured = await model.subSystem.createPortal({ host: '127.0.0.1', port: 3262, hasTls: true })
    expect(await hresultOf(() => model.group.addPortal(secured.id))).toBe('VDS_E_INVALID_OPERATION')
    await model.emptyGroup.addPortal(secured.id)
    expect(await hresultOf(() => model.emptyGroup.addPortal(model.portal.id))).toBe('VDS_E_INVALID_OPERATION')
  })
})

describe('RemovePortal', () => {
  it('takes it out', async () => {
    await (await model.group.removePortal(model.portal.id)).wait()
    expect(model.group.queryAssociatedPortals()).toEqual([])
  })

  it('VDS_E_OBJECT_NOT_FOUND for an unknown portal, and one that is not in the group', async () => {
    const { group, freePortal } = model
    for (const id of [UNKNOWN_ID, freePortal.id]) {
      expect(await hresultOf(() => group.removePortal(id))).toBe('VDS_E_OBJECT_NOT_FOUND')
    }
  })
})

it('Delete of a portal group: VDS_E_ASSOCIATED_PORTALS_EXIST until it is empty', async () => {
  const { group, portal, target } = model
  expect(await hresultOf(() => group.delete())).toBe('VDS_E_ASSOCIATED_PORTALS_EXIST')
  await group.removePortal(portal.id)
  await (await group.delete()).wait()
  expect(target.queryPortalGroups()).toEqual([])
})

it('GetTarget and GetSubSystem lead back', () => {
  const { group, target, portal, subSystem } = model
  expect([group.getTarget().id, target.getSubSystem().id, portal.getSubSystem().id]).toEqual([
    target.id,
    subSystem.id,
    subSystem.id,
  ])
})

describe('SetStatus of a portal', () => {
  it.each(['offline', 'online'] as const)('%s', async (status) => {
    const { portal, dataPlane } = model
    await portal.setStatus('offline')
    expect(await portal.setStatus(status)).toBe('S_OK')
    expect(dataPlane.configuration?.portals.get(portal.id)?.status).toBe(status)
    expect(portal.getProperties()).toMatchObject({ status, listeningPort: status === 'online' ? 3260 : null })
  })

  it.each(['unknown', 'notReady', 'failed', 'nonsense'])('E_INVALIDARG for %s', async (status) => {
    expect(await hresultOf(() => model.portal.setStatus(status as ObjectStatus))).toBe('E_INVALIDARG')
  })
})

it('GetProperties of a portal tells why it cannot listen', () => {
  model.dataPlane.failures.set(model.portal.id, 'another program does')
  expect(model.portal.getProperties()).toMatchObject({
    status: 'failed',
    reason: 'another program does',
    listeningPort: null,
  })
})

describe('a portal', () => {
  it('can be made and deleted, which takes it out of all groups', async () => {
    const { subSystem, group, portal } = model
    const made = await subSystem.createPortal({ host: 'FE80::1%eth0', port: 0 })
    expect(made.getProperties()).toMatchObject({
      address: { host: 'fe80::1%eth0', port: 0 },
      hasTls: false,
      status: 'online',
    })
    await portal.delete()
    expect(group.queryAssociatedPortals()).toEqual([])
    expect(subSystem.queryPortals().map(({ id }) => id)).not.toContain(portal.id)
  })

  it.each([
    ['', 1],
    ['a b', 1],
    ['300.1.1.1', 1],
    ['[::1]', 1],
    ['127.0.0.1', -1],
    ['127.0.0.1', 65_536],
    ['127.0.0.1', 1.5],
  ])('E_INVALIDARG for %j port %d', async (host, port) => {
    expect(await hresultOf(() => model.subSystem.createPortal({ host, port }))).toBe('E_INVALIDARG')
  })

  it('VDS_E_OBJECT_EXISTS for an address and port that another one has, unless the port is any', async () => {
    const { subSystem } = model
    expect(await hresultOf(() => subSystem.createPortal({ host: '127.0.0.1', port: 3260 }))).toBe('VDS_E_OBJECT_EXISTS')
    for (let i = 0; i < 2; i++) {
      expect(await hresultOf(() => subSystem.createPortal({ host: '127.0.0.1', port: 0 }))).toBe('S_OK')
    }
  })

  it('VDS_E_CONFIG_LIMIT', async () => {
    const { subSystem } = await startManagement({ limits: { portalsMax: 1 } })
    await subSystem.createPortal({ host: '::1', port: 0 })
    expect(await hresultOf(() => subSystem.createPortal({ host: '::1', port: 0 }))).toBe('VDS_E_CONFIG_LIMIT')
  })
})
