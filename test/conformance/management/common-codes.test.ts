/** What VDS says of all methods alike: which codes they return when their object, the store or the turn is not there. */

import { beforeEach, describe, expect, it } from 'vitest'
import { VIEWER } from '../../support/management-fixture.ts'
import { CHANGES, LONG_CHANGES, type MethodRow, QUERIES, REFUSALS } from '../../support/management-methods.ts'
import { emptyConfiguration } from '../../support/memory-configuration-store.ts'
import { hresultOf, type PopulatedModel, populatedModel } from '../../support/populated-model.ts'

const ALL = [...QUERIES, ...CHANGES, ...LONG_CHANGES]

let model: PopulatedModel
beforeEach(async () => {
  model = await populatedModel({ turnTimeoutMs: 1 })
})

/** The same handles, of which those that a change was to go to are those that are gone. */
async function withoutObject({ object }: MethodRow): Promise<PopulatedModel> {
  const { lun, target, group, portal, store, provider } = model
  switch (object) {
    case 'subSystem':
      store.stored = emptyConfiguration()
      await provider.reenumerate()
      return model
    case 'lun':
      await lun.delete()
      return model
    case 'target':
      await lun.associateTargets(null)
      await target.delete()
      return { ...model, freeTarget: target }
    case 'group':
      await group.removePortal(portal.id)
      await group.delete()
      return { ...model, emptyGroup: group }
    case 'portal':
      await portal.delete()
      return { ...model, freePortal: portal }
  }
}

describe.each(ALL)('$method', (row) => {
  it('S_OK', async () => {
    expect(await hresultOf(() => row.run(model))).toBe('S_OK')
  })

  it('VDS_E_OBJECT_DELETED', async () => {
    const without = await withoutObject(row)
    expect(await hresultOf(() => row.run(without))).toBe('VDS_E_OBJECT_DELETED')
  })

  it('VDS_E_PROVIDER_CACHE_CORRUPT until the provider was reenumerated and refreshed', async () => {
    const { store, provider } = model
    store.stored = { ...store.stored, generation: store.stored.generation + 1 }
    expect(await hresultOf(() => row.run(model))).toBe('VDS_E_PROVIDER_CACHE_CORRUPT')
    await provider.reenumerate()
    await provider.refresh()
    expect(await hresultOf(() => row.run(model))).toBe('S_OK')
  })
})

describe.each(CHANGES)('$method', (row) => {
  it('VDS_E_ANOTHER_CALL_IN_PROGRESS', async () => {
    const endTurn = await model.management.takeTurn('configuration', () => undefined)
    expect(await hresultOf(() => row.run(model))).toBe('VDS_E_ANOTHER_CALL_IN_PROGRESS')
    endTurn()
    expect(await hresultOf(() => row.run(model))).toBe('S_OK')
  })

  it('VDS_E_OBJECT_STATUS_FAILED while the store cannot be written, and nothing has changed', async () => {
    const { store, subSystem, management, dataPlane } = model
    const before = management.configuration
    store.fault = new Error('disk full')
    expect(await hresultOf(() => row.run(model))).toBe('VDS_E_OBJECT_STATUS_FAILED')
    expect(subSystem.getProperties()).toMatchObject({ status: 'failed', health: 'failed', reason: 'disk full' })
    expect([management.configuration, dataPlane.configuration]).toEqual([before, before])
    store.fault = null
    expect(await hresultOf(() => row.run(model))).toBe('S_OK')
    expect(management.storeFault).toBeNull()
  })

  it('is committed and served when it returns, and in the audit log', async () => {
    const { management, dataPlane, store, provider } = model
    const before = management.configuration
    await row.run(model)
    expect(management.configuration.generation).toBe(before.generation + 1)
    expect(dataPlane.configuration).toBe(management.configuration)
    expect(store.stored).toBe(management.configuration)
    expect(provider.auditLog({ limit: 1 })).toMatchObject([{ hresult: 'S_OK', message: null }])
  })
})

describe.each([...CHANGES, ...LONG_CHANGES])('$method', (row) => {
  it('VDS_E_ACCESS_DENIED for who may only look', async () => {
    const { management, provider } = model
    const before = management.configuration
    const asViewer = management.as(VIEWER)
    const viewed: PopulatedModel = {
      ...model,
      provider: asViewer,
      subSystem: asViewer.subSystem,
      lun: asViewer.getObject(model.lun.id, 'lun') as PopulatedModel['lun'],
      target: asViewer.getObject(model.target.id, 'target') as PopulatedModel['target'],
      group: asViewer.getObject(model.group.id, 'portalGroup') as PopulatedModel['group'],
      portal: asViewer.getObject(model.portal.id, 'portal') as PopulatedModel['portal'],
      freeTarget: asViewer.getObject(model.freeTarget.id, 'target') as PopulatedModel['target'],
      emptyGroup: asViewer.getObject(model.emptyGroup.id, 'portalGroup') as PopulatedModel['group'],
      freePortal: asViewer.getObject(model.freePortal.id, 'portal') as PopulatedModel['portal'],
    }
    expect(await hresultOf(() => row.run(viewed))).toBe('VDS_E_ACCESS_DENIED')
    expect(management.configuration).toBe(before)
    expect(provider.auditLog({ limit: 1 })).toMatchObject([{ actor: VIEWER, hresult: 'VDS_E_ACCESS_DENIED' }])
  })
})

it.each(REFUSALS)('$method $hresult', async ({ run, hresult }) => {
  expect(await hresultOf(() => run(model))).toBe(hresult)
})
