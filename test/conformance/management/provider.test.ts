/** IVdsProvider and its kin, IVdsAsync, and the notifications of IVdsAdviseSink. */

import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { AsyncProgress } from '../../../src/management/async.ts'
import { Management } from '../../../src/management/management.ts'
import type { ObjectType } from '../../../src/management/vds-types.ts'
import { FakeDataPlane, fakeSession } from '../../support/fake-data-plane.ts'
import { ADMINISTRATOR, startManagement } from '../../support/management-fixture.ts'
import { emptyConfiguration, MemoryConfigurationStore } from '../../support/memory-configuration-store.ts'
import { hresultOf, type PopulatedModel, populatedModel, UNKNOWN_ID } from '../../support/populated-model.ts'

describe('the provider', () => {
  it('VDS_E_INITIALIZE_NOT_CALLED before it was started, VDS_E_PROVIDER_EXITING after it was closed', async () => {
    const management = new Management({ store: new MemoryConfigurationStore(), dataPlane: new FakeDataPlane() })
    const provider = management.as(ADMINISTRATOR)
    const calls = [() => provider.querySubSystems(), () => provider.reenumerate(), () => provider.refresh()]
    for (const call of calls) expect(await hresultOf(call)).toBe('VDS_E_INITIALIZE_NOT_CALLED')
    await management.start()
    for (const call of calls) expect(await hresultOf(call)).toBe('S_OK')
    await management.close()
    for (const call of calls) expect(await hresultOf(call)).toBe('VDS_E_PROVIDER_EXITING')
  })

  it('says what it is: hardware, iSCSI, of VDS 1.1', async () => {
    const { provider } = await startManagement()
    expect(provider.getProperties()).toMatchObject({ name: 'Lunette', type: 2 })
    expect([provider.getVersionSupport() & 0x02, provider.getProviderType()]).toEqual([0x02, 3])
  })

  it('QuerySubSystems shows one, which masks LUNs and knows CHAP', async () => {
    const { provider } = await startManagement()
    expect(provider.querySubSystems()).toHaveLength(1)
    expect(provider.subSystem.getProperties()).toMatchObject({ flags: 0x000b0c81, status: 'online' })
    expect(provider.subSystem.getSupportedInterconnects()).toBe(4)
  })

  it('VDS_E_ANOTHER_CALL_IN_PROGRESS for Reenumerate and Refresh amid a change', async () => {
    const { provider, management } = await startManagement({ limits: { turnTimeoutMs: 1 } })
    await management.takeTurn('configuration', () => undefined)
    for (const call of [() => provider.reenumerate(), () => provider.refresh()]) {
      expect(await hresultOf(call)).toBe('VDS_E_ANOTHER_CALL_IN_PROGRESS')
    }
  })
})

describe('Reenumerate and Refresh', () => {
  it('take over what somebody else has stored, serve it and tell of it', async () => {
    const { provider, store, subSystem, dataPlane } = await startManagement()
    const other = await startManagement({}, new MemoryConfigurationStore(store.stored))
    await other.subSystem.createTarget('iqn.2000-01.org.example:elsewhere')
    store.stored = other.store.stored
    const names: string[] = []
    provider.advise((batch) => void names.push(...batch.map(({ name }) => name)))
    await provider.reenumerate()
    await provider.refresh()
    expect(subSystem.queryTargets()).toHaveLength(1)
    expect([dataPlane.configuration, names]).toEqual([store.stored, ['VDS_NF_TARGET_ARRIVE']])
  })

  it('VDS_E_PROVIDER_CACHE_CORRUPT for Refresh alone when the sub-system is another one', async () => {
    const { provider, store } = await startManagement()
    store.stored = emptyConfiguration()
    expect(await hresultOf(() => provider.refresh())).toBe('VDS_E_PROVIDER_CACHE_CORRUPT')
    await provider.reenumerate()
    await provider.refresh()
    expect(provider.subSystem.id).toBe(store.stored.subSystem.id)
  })
})

describe('GetObject', () => {
  const IDS: readonly (readonly [ObjectType, (model: PopulatedModel) => string])[] = [
    ['provider', ({ provider }) => provider.id],
    ['subSystem', ({ subSystem }) => subSystem.id],
    ['lun', ({ lun }) => lun.id],
    ['target', ({ target }) => target.id],
    ['portal', ({ portal }) => portal.id],
    ['portalGroup', ({ group }) => group.id],
  ]

  it.each(IDS)('finds a %s by its id', async (type, idOf) => {
    const model = await populatedModel()
    expect(model.provider.getObject(idOf(model).toUpperCase(), type).id).toBe(idOf(model))
  })

  it.each(IDS)(
    'VDS_E_OBJECT_NOT_FOUND for a %s with an id that is unknown or of something else',
    async (type, idOf) => {
      const model = await populatedModel()
      expect(await hresultOf(() => model.provider.getObject(UNKNOWN_ID, type))).toBe('VDS_E_OBJECT_NOT_FOUND')
      for (const [otherType] of [...IDS, ['drive'] as const].filter(([other]) => other !== type)) {
        expect(await hresultOf(() => model.provider.getObject(idOf(model), otherType))).toBe('VDS_E_OBJECT_NOT_FOUND')
      }
    },
  )

  it('VDS_E_INVALID_OBJECT_TYPE', async () => {
    const { provider } = await startManagement()
    expect(await hresultOf(() => provider.getObject(UNKNOWN_ID, 'nonsense' as ObjectType))).toBe(
      'VDS_E_INVALID_OBJECT_TYPE',
    )
  })
})

describe('IVdsAsync', () => {
  async function pending() {
    const model = await populatedModel()
    const gate = Promise.withResolvers<void>()
    model.dataPlane.gate = gate.promise
    return { ...model, job: await model.subSystem.createLun({ sizeBytes: 512 }), gate }
  }

  it('Wait blocks until it is done, and repeats its answer', async () => {
    const { job, gate } = await pending()
    const waiting = [job.wait(), job.wait()]
    expect(job.isSignalled).toBe(false)
    gate.resolve()
    const [first, second] = await Promise.all(waiting)
    expect(first).toMatchObject({ hresult: 'S_OK', message: null })
    expect([second, await job.wait(0)]).toEqual([first, first])
    expect(first!.output!.getProperties().sizeBytes).toBe(512)
  })

  it('VDS_E_TIMEOUT from Wait leaves it going on', async () => {
    const { job, gate } = await pending()
    expect(await hresultOf(() => job.wait(1))).toBe('VDS_E_TIMEOUT')
    gate.resolve()
    expect((await job.wait()).hresult).toBe('S_OK')
  })

  it('QueryStatus: VDS_E_OPERATION_PENDING, then the result with 100 percent', async () => {
    const { job, gate } = await pending()
    expect(job.queryStatus()).toEqual({ hresult: 'VDS_E_OPERATION_PENDING', percent: 0 })
    gate.resolve()
    await job.wait()
    expect(job.queryStatus()).toEqual({ hresult: 'S_OK', percent: 100 })
  })

  it('QueryStatus of a failure: its reason with 0 percent, and no output', async () => {
    const { job, gate, dataPlane } = await pending()
    dataPlane.spaceBytes = 0
    gate.resolve()
    expect(await job.wait()).toMatchObject({ hresult: 'VDS_E_NOT_ENOUGH_SPACE', output: null })
    expect(job.queryStatus()).toEqual({ hresult: 'VDS_E_NOT_ENOUGH_SPACE', percent: 0 })
  })

  it('percent never falls, and reaches 100 at the end only', async () => {
    const { management } = await startManagement()
    const gate = Promise.withResolvers<null>()
    const progress = Promise.withResolvers<AsyncProgress>()
    const call = { actor: ADMINISTRATOR, method: 'Test.run' }
    const job = management.begin(call, 'extendLun', 'S_OK', (given) => {
      progress.resolve(given)
      return gate.promise
    })
    const { report } = await progress.promise
    const seen = [10, 70.5, 30, 1000].map((percent) => {
      report(percent)
      return job.queryStatus().percent
    })
    expect(seen).toEqual([10, 70, 70, 99])
    gate.resolve(null)
    await job.wait()
    expect(job.queryStatus().percent).toBe(100)
  })

  it('Cancel: S_OK and VDS_E_OPERATION_CANCELED for the operation, then VDS_E_OPERATION_CANCELED for Cancel', async () => {
    const { job, gate } = await pending()
    expect(await hresultOf(() => job.cancel())).toBe('S_OK')
    expect(job.queryStatus()).toEqual({ hresult: 'VDS_E_OPERATION_CANCELED', percent: 0 })
    expect(await hresultOf(() => job.cancel())).toBe('VDS_E_OPERATION_CANCELED')
    gate.resolve()
  })

  it('VDS_E_CANCEL_TOO_LATE when it is done', async () => {
    const { job, gate } = await pending()
    gate.resolve()
    await job.wait()
    expect(await hresultOf(() => job.cancel())).toBe('VDS_E_CANCEL_TOO_LATE')
  })

  it('is found by its id while it is kept, the last ones longest', async () => {
    const { provider, subSystem } = await startManagement({ limits: { finishedJobsMax: 2 } })
    const jobs: { readonly id: string }[] = []
    for (let count = 0; count < 4; count++) {
      const job = await subSystem.createTarget(null)
      await job.wait()
      jobs.push(job)
    }
    expect(provider.queryAsyncs().map(({ id }) => id)).toEqual(jobs.slice(2).map(({ id }) => id))
    expect(provider.getAsync(jobs[3]!.id)).toBe(jobs[3])
    expect(await hresultOf(() => provider.getAsync(jobs[0]!.id))).toBe('VDS_E_OBJECT_NOT_FOUND')
  })
})

describe('notifications', () => {
  /** What each call told, as names with the numbers and objects. */
  async function told(model: PopulatedModel, call: () => Promise<unknown>): Promise<string[]> {
    const events: string[] = []
    const cookie = model.provider.advise((batch) => {
      for (const event of batch)
        if (event.kind === 'object') events.push(`${event.event} ${event.name} ${event.objectType}`)
    })
    await call()
    await model.management.jobs.settle()
    await setImmediate()
    model.provider.unadvise(cookie)
    return events
  }

  const CALLS: readonly (readonly [string, (model: PopulatedModel) => Promise<unknown>, readonly string[]])[] = [
    ['CreateTarget', ({ subSystem }) => subSystem.createTarget(null), ['126 VDS_NF_TARGET_ARRIVE 37']],
    [
      'Target.Delete',
      ({ freeTarget }) => freeTarget.delete(),
      ['127 VDS_NF_TARGET_DEPART 37', '130 VDS_NF_PORTAL_GROUP_DEPART 38'],
    ],
    ['Target.SetFriendlyName', ({ target }) => target.setFriendlyName('new'), ['128 VDS_NF_TARGET_MODIFY 37']],
    [
      'SetSharedSecret',
      ({ target }) => target.setSharedSecret(Buffer.from('abcdefghijklmn')),
      ['128 VDS_NF_TARGET_MODIFY 37'],
    ],
    ['CreatePortalGroup', ({ target }) => target.createPortalGroup(), ['129 VDS_NF_PORTAL_GROUP_ARRIVE 38']],
    ['PortalGroup.Delete', ({ emptyGroup }) => emptyGroup.delete(), ['130 VDS_NF_PORTAL_GROUP_DEPART 38']],
    ['AddPortal', ({ group, freePortal }) => group.addPortal(freePortal.id), ['131 VDS_NF_PORTAL_GROUP_MODIFY 38']],
    [
      'createPortal',
      ({ subSystem }) => subSystem.createPortal({ host: '::1', port: 0 }),
      ['123 VDS_NF_PORTAL_ARRIVE 36'],
    ],
    ['deletePortal', ({ freePortal }) => freePortal.delete(), ['124 VDS_NF_PORTAL_DEPART 36']],
    ['Portal.SetStatus', ({ portal }) => portal.setStatus('offline'), ['125 VDS_NF_PORTAL_MODIFY 36']],
    ['CreateLun', ({ subSystem }) => subSystem.createLun({ sizeBytes: 1 }), ['108 VDS_NF_LUN_ARRIVE 33']],
    ['Lun.Delete', ({ lun }) => lun.delete(), ['109 VDS_NF_LUN_DEPART 33', '128 VDS_NF_TARGET_MODIFY 37']],
    ['SetMask', ({ lun }) => lun.setMask('*'), ['110 VDS_NF_LUN_MODIFY 33']],
    ['Extend', ({ lun }) => lun.extend(512), ['110 VDS_NF_LUN_MODIFY 33']],
    [
      'AssociateTargets',
      ({ lun, freeTarget }) => lun.associateTargets([freeTarget.id]),
      ['128 VDS_NF_TARGET_MODIFY 37', '128 VDS_NF_TARGET_MODIFY 37', '110 VDS_NF_LUN_MODIFY 33'],
    ],
    [
      'SubSystem.SetFriendlyName',
      ({ subSystem }) => subSystem.setFriendlyName('new'),
      ['151 VDS_NF_SUB_SYSTEM_MODIFY 30'],
    ],
    ['a call that changes nothing', ({ lun, target }) => lun.associateTargets([target.id]), []],
  ]

  it.each(CALLS)('of %s', async (_, call, events) => {
    const model = await populatedModel()
    expect(await told(model, () => call(model))).toEqual(events)
  })

  it('tell of states that change by themselves', async () => {
    const model = await populatedModel()
    const { lun, portal, dataPlane } = model
    const events = await told(model, async () => {
      dataPlane.emit({ kind: 'lunState', id: lun.id })
      dataPlane.emit({ kind: 'portalState', id: portal.id })
      dataPlane.emit({ kind: 'sessionBegan', session: fakeSession('1', 'iqn.a', null) })
    })
    expect(events).toEqual(['110 VDS_NF_LUN_MODIFY 33', '125 VDS_NF_PORTAL_MODIFY 36'])
  })

  it('come in batches of at most 100, in order, one after the other', async () => {
    const { management } = await startManagement()
    const batches: number[][] = []
    management.notifications.advise(async (batch) => {
      await setImmediate()
      batches.push(batch.map(({ sequence }) => sequence))
    })
    management.notify(Array.from({ length: 250 }, () => ({ object: 'lun', change: 'modify', id: UNKNOWN_ID }) as const))
    await expect.poll(() => batches.length).toBe(3)
    expect(batches.map(({ length }) => length)).toEqual([100, 100, 50])
    expect(batches.flat()).toEqual(Array.from({ length: 250 }, (_, index) => index + 1))
  })

  it('become one that says refresh for who does not keep up, and nobody else', async () => {
    const { management } = await startManagement({ limits: { notificationQueueMax: 3 } })
    const gate = Promise.withResolvers<void>()
    const slow: number[] = []
    const fast: number[] = []
    management.notifications.advise(async (batch) => {
      slow.push(...batch.map(({ event }) => event))
      await gate.promise
    })
    management.notifications.advise((batch) => void fast.push(...batch.map(({ event }) => event)))
    for (let count = 0; count < 6; count++) {
      management.notify([{ object: 'lun', change: 'modify', id: UNKNOWN_ID }])
      await setImmediate()
    }
    gate.resolve()
    await expect.poll(() => slow.at(-1)).toBe(110)
    expect(slow).toContain(301)
    expect(fast).toEqual(Array(6).fill(110))
  })

  it('go on after a sink has thrown, and end with Unadvise; VDS_E_BAD_COOKIE', async () => {
    const { provider, subSystem } = await startManagement()
    let batches = 0
    const cookie = provider.advise(() => {
      batches++
      throw new Error('S_FALSE')
    })
    await subSystem.setFriendlyName('a')
    await subSystem.setFriendlyName('b')
    provider.unadvise(cookie)
    await subSystem.setFriendlyName('c')
    expect(batches).toBe(2)
    expect(await hresultOf(() => provider.unadvise(cookie))).toBe('VDS_E_BAD_COOKIE')
  })
})

describe('sessions', () => {
  it('are ended by their ids; VDS_E_ISCSI_SESSION_NOT_FOUND', async () => {
    const { provider, dataPlane } = await startManagement()
    dataPlane.sessionList = [fakeSession('7', 'iqn.a', null)]
    expect(await hresultOf(() => provider.endSession('7'))).toBe('S_OK')
    expect(await hresultOf(() => provider.endSession('7'))).toBe('VDS_E_ISCSI_SESSION_NOT_FOUND')
    expect(provider.dataPlane.sessions()).toEqual([])
  })
})
