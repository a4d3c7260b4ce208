/** IVdsSubSystemIscsi and IVdsSubSystemImportTarget: targets are made, portals found, import targets set. */

import { beforeEach, describe, expect, it } from 'vitest'
import { prepareOwnName } from '../../../protocol/names.ts'
import { startManagement } from '../../support/management-fixture.ts'
import { emptyConfiguration, MemoryConfigurationStore } from '../../support/memory-configuration-store.ts'
import {
  hresultOf,
  type PopulatedModel,
  populatedModel,
  TARGET_NAME,
  UNKNOWN_ID,
} from '../../support/populated-model.ts'

let model: PopulatedModel
beforeEach(async () => {
  model = await populatedModel({ turnTimeoutMs: 1 })
})

async function create(iscsiName: string | null, friendlyName = '') {
  const job = await model.subSystem.createTarget(iscsiName, friendlyName)
  return { job, target: (await job.wait()).output! }
}

describe('CreateTarget', () => {
  it.each([null, ''])('generates a name, another one each time, when it is %j', async (iscsiName) => {
    const names = [await create(iscsiName), await create(iscsiName)].map(
      ({ target }) => target.getProperties().iscsiName,
    )
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(prepareOwnName(name)).toBe(name)
  })

  it('normalises the name, and takes the friendly name for the iSCSI alias', async () => {
    const { target, job } = await create('IQN.2024-01.Org.Example:Web01', 'Web 01')
    expect(target.getProperties()).toEqual({
      id: target.id,
      origin: 'managed',
      iscsiName: 'iqn.2024-01.org.example:web01',
      friendlyName: 'Web 01',
      isChapEnabled: false,
    })
    expect(job.origin.outputType).toBe('createTarget')
    expect(model.dataPlane.configuration?.targets.get(target.id)?.friendlyName).toBe('Web 01')
  })

  it('makes it without portal groups, LUNs and secrets', async () => {
    const { target } = await create(null)
    expect([target.queryPortalGroups(), target.queryAssociatedLuns()]).toEqual([[], []])
    expect(target.queryChapSettings()).toEqual({
      hasSharedSecret: false,
      sharedSecretInitiators: [],
      users: [],
      remembered: [],
    })
  })

  it.each([TARGET_NAME, TARGET_NAME.toUpperCase()])('VDS_E_NAME_NOT_UNIQUE for %s', async (name) => {
    expect(await hresultOf(() => create(name))).toBe('VDS_E_NAME_NOT_UNIQUE')
  })

  it('takes the name of a target that was deleted', async () => {
    const { target } = await create('iqn.2024-01.org.example:gone')
    await target.delete()
    expect(await hresultOf(() => create('iqn.2024-01.org.example:gone'))).toBe('S_OK')
  })

  it.each([
    'x',
    'iqn.2024-13.org.example:a',
    'iqn.2024-01.org.example:a b',
    `iqn.2024-01.org.example:${'a'.repeat(223)}`,
  ])('E_INVALIDARG for the name %s', async (name) => {
    expect(await hresultOf(() => create(name))).toBe('E_INVALIDARG')
  })

  it('VDS_E_NOT_SUPPORTED with simple target configuration', async () => {
    const store = new MemoryConfigurationStore(emptyConfiguration({ hasSimpleTargetConfig: true }))
    const { subSystem } = await startManagement({}, store)
    expect(await hresultOf(() => subSystem.createTarget(null))).toBe('VDS_E_NOT_SUPPORTED')
    expect(subSystem.getProperties().flags & 0x40000).toBe(0x40000)
  })

  it('VDS_S_NAME_TRUNCATED for a friendly name of more than 255 bytes, cut between characters', async () => {
    const { job, target } = await create(null, 'ü'.repeat(200))
    expect([job.hresult, (await job.wait()).hresult]).toEqual(['VDS_S_NAME_TRUNCATED', 'VDS_S_NAME_TRUNCATED'])
    expect(target.getProperties().friendlyName).toBe('ü'.repeat(127))
  })

  it('VDS_E_CONFIG_LIMIT', async () => {
    const { subSystem } = await startManagement({ limits: { targetsMax: 1 } })
    await subSystem.createTarget(null)
    expect(await hresultOf(() => subSystem.createTarget(null))).toBe('VDS_E_CONFIG_LIMIT')
  })

  it('checks arguments before it waits for its turn, and what is taken only in its turn', async () => {
    const endTurn = await model.management.takeTurn('configuration', () => undefined)
    expect(await hresultOf(() => create('x'))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => create(TARGET_NAME))).toBe('VDS_E_ANOTHER_CALL_IN_PROGRESS')
    endTurn()
  })
})

it('QueryTargets and QueryPortals show all of them, in the order of their making', () => {
  const { subSystem, target, freeTarget, portal, freePortal } = model
  expect(subSystem.queryTargets().map(({ id }) => id)).toEqual([target.id, freeTarget.id])
  expect(subSystem.queryPortals().map(({ id }) => id)).toEqual([portal.id, freePortal.id])
})

describe('GetImportTarget and SetImportTarget', () => {
  it('VDS_E_NO_IMPORT_TARGET when none is set', async () => {
    expect(await hresultOf(() => model.subSystem.getImportTarget())).toBe('VDS_E_NO_IMPORT_TARGET')
  })

  it.each([
    ['its name', () => TARGET_NAME.toUpperCase()],
    ['its id', () => model.target.id],
    ['its id in braces', () => `{${model.target.id.toUpperCase()}}`],
  ])('take a target by %s, and give its name', async (_, given) => {
    expect(await model.subSystem.setImportTarget(given())).toBe('S_OK')
    expect(model.subSystem.getImportTarget()).toBe(TARGET_NAME)
  })

  it.each([null, '', '00000000-0000-0000-0000-000000000000', '{00000000-0000-0000-0000-000000000000}'])(
    'clear it with %j',
    async (given) => {
      await model.subSystem.setImportTarget(TARGET_NAME)
      expect(await model.subSystem.setImportTarget(given)).toBe('S_OK')
      expect(await hresultOf(() => model.subSystem.getImportTarget())).toBe('VDS_E_NO_IMPORT_TARGET')
    },
  )

  it('keep one for each computer', async () => {
    const { subSystem, freeTarget } = model
    await subSystem.setImportTarget(TARGET_NAME)
    await subSystem.setImportTarget(freeTarget.id, 'Other')
    expect(subSystem.getImportTarget('COMPUTER-1')).toBe(TARGET_NAME)
    expect(subSystem.getImportTarget('other')).toBe(freeTarget.getProperties().iscsiName)
    expect([...subSystem.queryImportTargets().keys()]).toEqual(['computer-1', 'other'])
  })

  it.each([UNKNOWN_ID, 'iqn.2024-01.org.example:unknown'])('VDS_E_OBJECT_NOT_FOUND for %s', async (given) => {
    expect(await hresultOf(() => model.subSystem.setImportTarget(given))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })

  it('E_INVALIDARG for what is no name', async () => {
    expect(await hresultOf(() => model.subSystem.setImportTarget('a b'))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => model.subSystem.setImportTarget(TARGET_NAME, ''))).toBe('E_INVALIDARG')
  })

  it('have none when its target was deleted, and say so', async () => {
    const { subSystem, freeTarget, provider } = model
    await subSystem.setImportTarget(freeTarget.id)
    const names: string[] = []
    provider.advise((batch) => void names.push(...batch.map(({ name }) => name)))
    await (await freeTarget.delete()).wait()
    expect(await hresultOf(() => subSystem.getImportTarget())).toBe('VDS_E_NO_IMPORT_TARGET')
    expect(names).toContain('VDS_NF_SUB_SYSTEM_MODIFY')
  })
})
