/** IVdsSubSystem's LUNs, IVdsLun, IVdsLunIscsi, IVdsLunNaming, IVdsLunNumber. */

import { beforeEach, describe, expect, it } from 'vitest'
import type { Lun } from '../../../src/management/lun.ts'
import type { CreateLunRequest } from '../../../src/management/sub-system.ts'
import type { ObjectStatus } from '../../../src/management/vds-types.ts'
import { startManagement } from '../../support/management-fixture.ts'
import { hresultOf, INITIATOR, type PopulatedModel, populatedModel, UNKNOWN_ID } from '../../support/populated-model.ts'

const OTHER_INITIATOR = 'eui.0123456789abcdef'
const FREE_BYTES = 2 ** 40
const KNOWN = { id: UNKNOWN_ID, serialNumber: 'known', naa: '3123456789abcdef' }

let model: PopulatedModel
beforeEach(async () => {
  model = await populatedModel({ turnTimeoutMs: 1, lunsPerTargetMax: 4 })
  model.dataPlane.spaceBytes = FREE_BYTES
})

async function create(request: Partial<CreateLunRequest> = {}) {
  const job = await model.subSystem.createLun({ sizeBytes: 512, ...request })
  const { hresult, output } = await job.wait()
  return { job, hresult, lun: output! }
}

describe('CreateLun', () => {
  it('makes a LUN of at least the size, unmasked to nobody and behind no target', async () => {
    const { lun, job } = await create({ sizeBytes: 1000, friendlyName: 'data', blockLengthBytes: 4096 })
    expect(lun.getProperties()).toMatchObject({
      ...{
        hresult: 'S_OK',
        sizeBytes: 4096,
        friendlyName: 'data',
        type: 'simple',
        status: 'online',
        health: 'healthy',
      },
      ...{ unmaskingList: '', blockLengthBytes: 4096, physicalBlockBytes: 4096, transitionState: 'stable', number: 1 },
    })
    expect(lun.queryAssociatedTargets()).toEqual([])
    expect(job.origin.outputType).toBe('createLun')
    expect(model.dataPlane.storage.get(lun.id)).toBe(4096)
    expect(model.store.doomed.size).toBe(0)
  })

  it.each(['default', 'nonFaultTolerant', 'simple'] as const)('S_OK for the type %s', async (type) => {
    expect(await hresultOf(() => create({ type }))).toBe('S_OK')
  })

  it.each(['faultTolerant', 'span', 'stripe', 'mirror', 'parity', 'raid5', 'raid61'] as const)(
    'VDS_E_NOT_SUPPORTED for the type %s',
    async (type) => {
      expect(await hresultOf(() => create({ type }))).toBe('VDS_E_NOT_SUPPORTED')
      expect(await hresultOf(() => model.subSystem.queryMaxLunCreateSize(type))).toBe('VDS_E_NOT_SUPPORTED')
    },
  )

  it.each([
    ['a type that there is not', { type: 'nonsense' }],
    ['hints for a concrete type', { type: 'simple', hints: { hintMask: 1 } }],
    ['an empty list of drives', { driveIds: [] }],
    ['no bytes', { sizeBytes: 0 }],
    ['a broken number of bytes', { sizeBytes: 1.5 }],
    ['more bytes than can be addressed', { sizeBytes: Number.MAX_SAFE_INTEGER }],
    ['a block length that there is not', { blockLengthBytes: 1024 }],
    ['a physical block that is no multiple', { physicalBlockBytes: 1536 }],
    ['everyone among names', { unmaskingList: `*;${INITIATOR}` }],
    ['a name that is none', { unmaskingList: '0123456789ABCDEF' }],
    ['a control character in its name', { friendlyName: 'a\u0007' }],
  ] as [string, Partial<CreateLunRequest>][])('E_INVALIDARG for %s', async (_, request) => {
    expect(await hresultOf(() => create(request))).toBe('E_INVALIDARG')
    expect(model.dataPlane.storage.size).toBe(1)
  })

  it('VDS_E_OBJECT_NOT_FOUND for any drive', async () => {
    expect(await hresultOf(() => create({ driveIds: [UNKNOWN_ID] }))).toBe('VDS_E_OBJECT_NOT_FOUND')
    expect(await hresultOf(() => model.subSystem.queryMaxLunCreateSize('simple', [UNKNOWN_ID]))).toBe(
      'VDS_E_OBJECT_NOT_FOUND',
    )
  })

  it('VDS_E_NOT_ENOUGH_SPACE beyond what QueryMaxLunCreateSize says', async () => {
    const sizeBytes = await model.subSystem.queryMaxLunCreateSize()
    expect(sizeBytes).toBe(FREE_BYTES)
    expect(await hresultOf(() => create({ sizeBytes: sizeBytes + 1 }))).toBe('VDS_E_NOT_ENOUGH_SPACE')
    expect(await hresultOf(() => create({ sizeBytes }))).toBe('S_OK')
  })

  it('VDS_E_CONFIG_LIMIT', async () => {
    const { subSystem } = await startManagement({ limits: { lunsMax: 1 } })
    await (await subSystem.createLun({ sizeBytes: 1 })).wait()
    expect(await hresultOf(() => subSystem.createLun({ sizeBytes: 1 }))).toBe('VDS_E_CONFIG_LIMIT')
  })

  it('leaves no file when its commit fails', async () => {
    model.store.fault = new Error('disk full')
    expect((await create()).hresult).toBe('VDS_E_OBJECT_STATUS_FAILED')
    expect([model.dataPlane.storage.size, model.subSystem.queryLuns()]).toMatchObject([1, { length: 1 }])
  })

  it('can be cancelled until its commit, and leaves no file then', async () => {
    const gate = Promise.withResolvers<void>()
    model.dataPlane.gate = gate.promise
    const job = await model.subSystem.createLun({ sizeBytes: 512 })
    job.cancel()
    expect(await job.wait()).toMatchObject({ hresult: 'VDS_E_OPERATION_CANCELED', output: null })
    gate.resolve()
    await expect.poll(() => model.store.doomed.size).toBe(0)
    expect([model.dataPlane.storage.size, model.subSystem.queryLuns().length]).toEqual([1, 1])
  })
})

describe('a file that exists', () => {
  const FILE = { path: 'old.img', sizeBytes: 8192, isCdImage: false, known: null }

  it('becomes a LUN, and stays when the LUN is deleted', async () => {
    const { subSystem, store } = model
    store.files.set('old.img', FILE)
    const { output: lun } = await (await subSystem.importLun({ path: 'old.img' })).wait()
    expect(lun!.getProperties()).toMatchObject({ path: 'old.img', deviceType: 'disk', blockLengthBytes: 512 })
    expect(await hresultOf(() => subSystem.importLun({ path: 'old.img' }))).toBe('VDS_E_OBJECT_EXISTS')
    await lun!.delete()
    expect(store.doomed.size).toBe(0)
  })

  it('has the identity and the block length that it was known by', async () => {
    const known = { ...KNOWN, blockLengthBytes: 4096 } as const
    model.store.files.set('old.img', { ...FILE, known })
    expect(await hresultOf(() => model.subSystem.importLun({ path: 'old.img', blockLengthBytes: 512 }))).toBe(
      'E_INVALIDARG',
    )
    const { output: lun } = await (await model.subSystem.importLun({ path: 'old.img' })).wait()
    expect(lun!.getProperties()).toMatchObject({ id: UNKNOWN_ID, identification: 'known', blockLengthBytes: 4096 })
  })

  it('is a CD when it is the image of one', async () => {
    model.store.files.set('a.iso', { ...FILE, path: 'a.iso', isCdImage: true })
    const { output: lun } = await (await model.subSystem.importLun({ path: 'a.iso' })).wait()
    expect(lun!.getProperties()).toMatchObject({
      deviceType: 'cdDvd',
      isRemovable: true,
      isReadOnly: true,
      blockLengthBytes: 2048,
    })
    expect(await hresultOf(() => lun!.extend(2048))).toBe('VDS_E_NOT_SUPPORTED')
  })

  it('E_INVALIDARG when there is none, or of no whole blocks', async () => {
    model.store.files.set('odd.img', { ...FILE, path: 'odd.img', sizeBytes: 1000 })
    for (const path of ['none.img', 'odd.img']) {
      expect(await hresultOf(() => model.subSystem.importLun({ path }))).toBe('E_INVALIDARG')
    }
  })

  it('VDS_E_ACCESS_DENIED for operators beyond the data directory', async () => {
    model.store.files.set('/etc/shadow', { ...FILE, path: '/etc/shadow' })
    model.store.files.set('old.img', FILE)
    const { subSystem } = model.management.as({ name: 'operator', role: 'operator' })
    for (const path of ['/etc/shadow', '/etc/none', '../none']) {
      expect(await hresultOf(() => subSystem.importLun({ path }))).toBe('VDS_E_ACCESS_DENIED')
    }
    expect(await hresultOf(() => subSystem.importLun({ path: 'none.img' }))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => subSystem.importLun({ path: 'old.img' }))).toBe('S_OK')
  })
})

describe('Extend and Shrink', () => {
  it('change the size by whole blocks, never adding less nor removing more', async () => {
    const { lun, provider } = model
    const names: string[] = []
    provider.advise((batch) => void names.push(...batch.map(({ name }) => name)))
    expect((await (await lun.extend(1)).wait()).hresult).toBe('S_OK')
    expect(lun.getProperties().sizeBytes).toBe(2 ** 20 + 512)
    await (await lun.shrink(1023)).wait()
    expect(lun.getProperties().sizeBytes).toBe(2 ** 20 - 0)
    expect(names).toEqual(['VDS_NF_LUN_MODIFY', 'VDS_NF_LUN_MODIFY'])
    expect(provider.auditLog({ limit: 1 })).toMatchObject([
      { method: 'Lun.shrink', arguments: { bytesToRemove: 1023 } },
    ])
  })

  it.each([0, -1, 1.5])('E_INVALIDARG for %d bytes', async (bytes) => {
    expect(await hresultOf(() => model.lun.extend(bytes))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => model.lun.shrink(bytes))).toBe('E_INVALIDARG')
  })

  it('VDS_E_INVALID_SHRINK_SIZE when nothing would be left', async () => {
    expect(await hresultOf(() => model.lun.shrink(2 ** 20))).toBe('VDS_E_INVALID_SHRINK_SIZE')
  })

  it('VDS_E_NOT_ENOUGH_SPACE beyond what QueryMaxLunExtendSize says', async () => {
    const bytes = await model.lun.queryMaxLunExtendSize()
    expect(await hresultOf(() => model.lun.extend(bytes + 1))).toBe('VDS_E_NOT_ENOUGH_SPACE')
  })

  it('VDS_E_OBJECT_NOT_FOUND for any drive', async () => {
    expect(await hresultOf(() => model.lun.extend(512, [UNKNOWN_ID]))).toBe('VDS_E_OBJECT_NOT_FOUND')
    expect(await hresultOf(() => model.lun.queryMaxLunExtendSize([UNKNOWN_ID]))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })

  it('VDS_E_NOT_SUPPORTED for a LUN that can only be read', async () => {
    const { lun } = await create({ isReadOnly: true })
    expect(await hresultOf(() => lun.extend(512))).toBe('VDS_E_NOT_SUPPORTED')
  })

  it('VDS_E_LUN_OFFLINE, VDS_E_OBJECT_STATUS_FAILED', async () => {
    const { lun, dataPlane } = model
    await lun.setStatus('offline')
    expect(await hresultOf(() => lun.extend(512))).toBe('VDS_E_LUN_OFFLINE')
    dataPlane.failures.set(lun.id, 'its file is gone')
    for (const run of [() => lun.extend(512), () => lun.shrink(512), () => lun.queryMaxLunExtendSize()]) {
      expect(await hresultOf(run)).toBe('VDS_E_OBJECT_STATUS_FAILED')
    }
  })

  it('VDS_E_ANOTHER_CALL_IN_PROGRESS while its size changes, for others of its size and its end', async () => {
    const { lun, dataPlane } = model
    const gate = Promise.withResolvers<void>()
    dataPlane.gate = gate.promise
    const job = await lun.extend(512)
    expect(job.queryStatus().hresult).toBe('VDS_E_OPERATION_PENDING')
    for (const run of [() => lun.extend(512), () => lun.shrink(512), () => lun.delete()]) {
      expect(await hresultOf(run)).toBe('VDS_E_ANOTHER_CALL_IN_PROGRESS')
    }
    expect(await hresultOf(() => lun.setMask('*'))).toBe('S_OK')
    gate.resolve()
    await job.wait()
    expect(await hresultOf(() => lun.delete())).toBe('S_OK')
  })
})

describe('SetMask', () => {
  it.each([
    ['*', '*'],
    ['', ''],
    [' ; ', ''],
    [`${INITIATOR.toUpperCase()} ;${OTHER_INITIATOR};${INITIATOR}`, `${INITIATOR};${OTHER_INITIATOR}`],
  ])('takes %j', async (given, shown) => {
    await model.lun.setMask(given)
    expect(model.lun.getProperties().unmaskingList).toBe(shown)
  })

  it('replaces the list', async () => {
    await model.lun.setMask(INITIATOR)
    await model.lun.setMask(OTHER_INITIATOR)
    expect(model.lun.getProperties().unmaskingList).toBe(OTHER_INITIATOR)
  })

  it.each([`*;${INITIATOR}`, 'web01', '5001405000000001', 'iqn.a,b'])('E_INVALIDARG for %s', async (given) => {
    expect(await hresultOf(() => model.lun.setMask(given))).toBe('E_INVALIDARG')
    expect(model.lun.getProperties().unmaskingList).toBe('')
  })

  it('leaves networks and read-only initiators, which setAccess replaces too', async () => {
    const { lun } = model
    await lun.setAccess({
      initiators: [INITIATOR],
      networks: ['10.0.0.0/8', '::FFFF:192.168.1.5', 'FD00::/8'],
      readOnlyInitiators: [INITIATOR],
    })
    await lun.setMask('*')
    expect(lun.getProperties().unmask).toEqual({
      initiators: '*',
      networks: ['10.0.0.0/8', '192.168.1.5', 'fd00::/8'],
      readOnlyInitiators: [INITIATOR],
    })
  })

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    'fd00::1/64',
    '10.0.0.0/8/8',
    'host',
    '10.0.0.0/',
    '::ffff:10.0.0.0/104',
    'fe80::1%eth0',
  ])('E_INVALIDARG for the network %s', async (network) => {
    const unmask = { initiators: '*', networks: [network], readOnlyInitiators: [] } as const
    expect(await hresultOf(() => model.lun.setAccess(unmask))).toBe('E_INVALIDARG')
  })
})

describe('AssociateTargets', () => {
  it('takes the complete new list, which both sides show', async () => {
    const { lun, target, freeTarget } = model
    await lun.associateTargets([freeTarget.id, freeTarget.id])
    expect(lun.queryAssociatedTargets().map(({ id }) => id)).toEqual([freeTarget.id])
    expect([target.queryAssociatedLuns(), freeTarget.queryAssociatedLuns().map(({ id }) => id)]).toEqual([[], [lun.id]])
    await lun.associateTargets(null)
    expect(freeTarget.queryAssociatedLuns()).toEqual([])
  })

  it('gives the lowest free number on each target, and leaves it to who has it', async () => {
    const { lun, target } = model
    const luns = [lun, (await create()).lun, (await create()).lun]
    for (const one of luns) await one.associateTargets([target.id])
    await luns[1]!.associateTargets([])
    const fourth = (await create()).lun
    await fourth.associateTargets([target.id])
    await luns[0]!.associateTargets([target.id])
    expect(target.queryLunNumbers().map(({ number, lun: { id } }) => [number, id])).toEqual([
      [0, luns[0]!.id],
      [1, fourth.id],
      [2, luns[2]!.id],
    ])
  })

  it('VDS_E_OBJECT_NOT_FOUND changes nothing', async () => {
    const { lun, target, freeTarget } = model
    expect(await hresultOf(() => lun.associateTargets([freeTarget.id, UNKNOWN_ID]))).toBe('VDS_E_OBJECT_NOT_FOUND')
    expect(lun.queryAssociatedTargets().map(({ id }) => id)).toEqual([target.id])
  })

  it('VDS_E_CONFIG_LIMIT changes nothing', async () => {
    const { freeTarget } = model
    for (let count = 0; count < 4; count++) await (await create()).lun.associateTargets([freeTarget.id])
    expect(await hresultOf(() => model.lun.associateTargets([freeTarget.id]))).toBe('VDS_E_CONFIG_LIMIT')
    expect(model.lun.queryAssociatedTargets().map(({ id }) => id)).toEqual([model.target.id])
  })

  it('has a way to choose the number', async () => {
    const { lun, freeTarget } = model
    expect(await freeTarget.associateLun(lun.id, 3)).toBe('S_OK')
    expect(freeTarget.queryLunNumbers()[0]?.number).toBe(3)
    const other = (await create()).lun
    expect(await hresultOf(() => freeTarget.associateLun(other.id, 3))).toBe('VDS_E_OBJECT_EXISTS')
    expect(await hresultOf(() => freeTarget.associateLun(other.id, 4))).toBe('E_INVALIDARG')
    expect(await hresultOf(() => freeTarget.associateLun(UNKNOWN_ID, 1))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })
})

describe('Delete', () => {
  it('drops associations and the file', async () => {
    const { lun, target, dataPlane, store } = model
    await lun.delete()
    expect([target.queryAssociatedLuns(), dataPlane.storage.size, store.doomed.size]).toEqual([[], 0, 0])
  })

  it('keeps the file when asked to, and deletes an imported one when asked to', async () => {
    const { lun, dataPlane, store, subSystem } = model
    store.files.set('old.img', { path: 'old.img', sizeBytes: 512, isCdImage: false, known: null })
    const imported = (await (await subSystem.importLun({ path: 'old.img' })).wait()).output!
    dataPlane.storage.set(imported.id, 512)
    await lun.delete({ keepStorage: true })
    await imported.delete({ keepStorage: false })
    expect([...dataPlane.storage.keys()]).toEqual([lun.id])
  })

  it('VDS_E_ACCESS_DENIED for operators who would delete a file beyond the data directory', async () => {
    const { store, dataPlane, subSystem, management } = model
    store.files.set('/srv/old.img', { path: '/srv/old.img', sizeBytes: 512, isCdImage: false, known: null })
    const { id } = (await (await subSystem.importLun({ path: '/srv/old.img' })).wait()).output!
    dataPlane.storage.set(id, 512)
    const lun = management.as({ name: 'operator', role: 'operator' }).getObject(id, 'lun') as Lun
    expect(await hresultOf(() => lun.delete({ keepStorage: false }))).toBe('VDS_E_ACCESS_DENIED')
    expect(await hresultOf(() => lun.delete())).toBe('S_OK')
    expect([...dataPlane.storage.keys()]).toContain(id)
  })
})

describe('SetStatus', () => {
  it.each([
    ['unknown', 'E_INVALIDARG'],
    ['notReady', 'VDS_E_NOT_SUPPORTED'],
    ['failed', 'VDS_E_NOT_SUPPORTED'],
    ['offline', 'S_OK'],
    ['online', 'S_OK'],
  ] as [ObjectStatus, string][])('%s: %s', async (status, hresult) => {
    expect(await hresultOf(() => model.lun.setStatus(status))).toBe(hresult)
    expect(await hresultOf(() => model.subSystem.setStatus(status))).toBe(hresult)
  })

  it('VDS_E_OBJECT_STATUS_FAILED when its file cannot be served', async () => {
    model.dataPlane.failures.set(model.lun.id, 'its file is gone')
    expect(await hresultOf(() => model.lun.setStatus('online'))).toBe('VDS_E_OBJECT_STATUS_FAILED')
    expect(model.lun.getProperties()).toMatchObject({ status: 'failed', health: 'failed', reason: 'its file is gone' })
  })
})

describe('GetProperties', () => {
  it('VDS_S_PROPERTIES_INCOMPLETE while its size is not known', () => {
    model.dataPlane.storage.clear()
    expect(model.lun.getProperties()).toMatchObject({ hresult: 'VDS_S_PROPERTIES_INCOMPLETE', sizeBytes: null })
  })
})

it('GetIdentificationData has what INQUIRY and the VPD pages 80h and 83h say', () => {
  const { lun } = model
  const { identification, naa } = lun.getProperties()
  expect(lun.getIdentificationData()).toMatchObject({
    ...{
      version: 1,
      deviceType: 0,
      busType: 9,
      vendorId: 'LUNETTE',
      productId: 'VIRTUAL-DISK',
      serialNumber: identification,
    },
    deviceIdentifiers: [
      { codeSet: 1, type: 3, identifier: Buffer.from(naa, 'hex') },
      { codeSet: 2, type: 1, identifier: Buffer.from(`LUNETTE VIRTUAL-DISK    ${identification}`) },
    ],
  })
})

it('QueryPlexes shows one, of the whole LUN', () => {
  expect(model.lun.queryPlexes()).toMatchObject([{ type: 'simple', sizeBytes: 2 ** 20, status: 'online' }])
})

it('GetLunNumber is unique in the array and its own for good', async () => {
  const { lun } = await create()
  expect([model.lun.getLunNumber(), lun.getLunNumber()]).toEqual([0, 1])
  await model.lun.delete()
  expect([lun.getLunNumber(), (await create()).lun.getLunNumber()]).toEqual([1, 0])
})

describe('the medium of a removable LUN', () => {
  it('goes out and another one in', async () => {
    const { lun } = await create({ isRemovable: true })
    model.store.files.set('other.img', { path: 'other.img', sizeBytes: 512, isCdImage: false, known: null })
    expect(await hresultOf(() => lun.insertMedium())).toBe('VDS_E_INVALID_STATE')
    await lun.ejectMedium()
    expect(lun.getProperties().isEjected).toBe(true)
    expect(await hresultOf(() => lun.ejectMedium())).toBe('VDS_E_INVALID_STATE')
    await lun.insertMedium('other.img')
    expect(lun.getProperties()).toMatchObject({ isEjected: false, path: 'other.img' })
  })

  it('VDS_E_DEVICE_IN_USE while an initiator prevents that, unless it is forced', async () => {
    const { lun } = await create({ isRemovable: true })
    model.dataPlane.removalPrevented.add(lun.id)
    expect(await hresultOf(() => lun.ejectMedium())).toBe('VDS_E_DEVICE_IN_USE')
    expect(lun.getProperties().isEjected).toBe(false)
    expect(await lun.ejectMedium({ isForced: true })).toBe('S_OK')
    expect(lun.getProperties().isEjected).toBe(true)
  })

  it.each([
    ['was written with other blocks', { sizeBytes: 8192, known: { ...KNOWN, blockLengthBytes: 4096 } }],
    ['is not of whole blocks', { sizeBytes: 513, known: null }],
  ] as const)('E_INVALIDARG for a file that %s', async (_, file) => {
    const { lun } = await create({ isRemovable: true })
    model.store.files.set('other.img', { path: 'other.img', isCdImage: false, ...file })
    await lun.ejectMedium()
    expect(await hresultOf(() => lun.insertMedium('other.img'))).toBe('E_INVALIDARG')
    expect(lun.getProperties().isEjected).toBe(true)
  })

  it('VDS_E_NOT_SUPPORTED for any other LUN', async () => {
    for (const run of [() => model.lun.ejectMedium(), () => model.lun.insertMedium()]) {
      expect(await hresultOf(run)).toBe('VDS_E_NOT_SUPPORTED')
    }
  })
})
