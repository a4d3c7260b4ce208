import { describe, expect, it } from 'vitest'
import { DataPlaneError } from '../../../../src/management/data-plane.ts'
import { applyDeclaration } from '../../../../src/management/declaration/apply.ts'
import { Management } from '../../../../src/management/management.ts'
import { FakeDataPlane } from '../../../support/fake-data-plane.ts'
import { ADMINISTRATOR, startManagement } from '../../../support/management-fixture.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const NEVER = Promise.withResolvers<void>().promise

describe('the file of a LUN', () => {
  it('that was made by a process which ended before the commit is deleted by the next one', async () => {
    using directory = temporaryDirectory()
    const dataPlane = new FakeDataPlane()
    const world = await openStoredManagement(directory.path, {}, dataPlane)
    dataPlane.gate = NEVER
    await world.subSystem.createLun({ sizeBytes: 512 })
    const [file] = world.configurationStore.doomedFiles()
    expect(file?.path).toBe(`luns/${file?.id}.img`)
    world.store.close()

    const next = new FakeDataPlane()
    next.storage.set(file!.id, 512)
    await using restarted = await openStoredManagement(directory.path, {}, next)
    expect([next.storage.size, restarted.configurationStore.doomedFiles()]).toEqual([0, []])
  })

  it('of a LUN that was deleted is deleted by the next process when this one ended before', async () => {
    using directory = temporaryDirectory()
    const dataPlane = new FakeDataPlane()
    const world = await openStoredManagement(directory.path, {}, dataPlane)
    const { output: lun } = await (await world.subSystem.createLun({ sizeBytes: 512 })).wait()
    expect(world.configurationStore.doomedFiles()).toEqual([])
    dataPlane.gate = NEVER
    void lun!.delete()
    await expect.poll(() => world.configurationStore.doomedFiles()).toMatchObject([{ id: lun!.id }])
    world.store.close()

    const next = new FakeDataPlane()
    next.storage.set(lun!.id, 512)
    await using _ = await openStoredManagement(directory.path, {}, next)
    expect(next.storage.size).toBe(0)
  })

  it('that cannot be deleted stays noted, and one that is gone does not', async () => {
    const { management, store, dataPlane } = await startManagement()
    const refused = { id: 'refused', path: 'luns/refused.img' }
    for (const file of [refused, { id: 'gone', path: 'luns/gone.img' }]) store.doomFiles([file])
    dataPlane.deleteStorage = ({ id }) => Promise.reject(new DataPlaneError(id === 'gone' ? 'notFound' : 'io', 'no'))
    await management.storage.discardAll()
    expect(store.doomedFiles()).toEqual([refused])
  })
})

describe('the file of a LUN that was deleted', () => {
  it('is served with all that it keeps until it is gone, and then nothing is known of it', async () => {
    using directory = temporaryDirectory()
    await using world = await openStoredManagement(directory.path)
    const { output: lun } = await (await world.subSystem.createLun({ sizeBytes: 512 })).wait()
    const gate = Promise.withResolvers<void>()
    world.dataPlane.applyGate = gate.promise
    const deleted = lun!.delete()
    await expect.poll(() => world.configurationStore.doomedFiles().length).toBe(1)
    const identity = { guid: lun!.id, serialNumber: '', naa: Buffer.alloc(8) }
    world.store.savedStateOf(identity).write('key', Buffer.from([1]))
    gate.resolve()
    await deleted
    expect(world.store.savedStateOf(identity).read('key')).toBeNull()
    expect(world.store.findDisk(directory.file(`luns/${lun!.id}.img`))).toBeNull()
  })

  it('is left alone when it has become a LUN again meanwhile', async () => {
    const { management, dataPlane } = await startManagement()
    dataPlane.storage.set('used', 512)
    await management.storage.discard({ id: 'used', path: 'used.img' })
    expect(dataPlane.storage.has('used')).toBe(true)
  })
})

describe('the start', () => {
  it('serves what is stored before anything else', async () => {
    const { store, subSystem } = await startManagement()
    await subSystem.createTarget(null)
    const dataPlane = new FakeDataPlane()
    const management = new Management({ store, dataPlane })
    await management.start()
    expect(dataPlane.applied).toEqual([store.stored])
  })
})

describe('a LUN that grows with an apply', () => {
  async function startWithLuns(directory: string, dataPlane: FakeDataPlane) {
    const world = await openStoredManagement(directory, {}, dataPlane)
    for (const friendlyName of ['a', 'b']) {
      await (await world.subSystem.createLun({ sizeBytes: 512, friendlyName })).wait()
    }
    return world
  }
  const sizes = ({ storage }: FakeDataPlane) => [...storage.values()]
  const grown = (friendlyName: string) => ({
    subsystem: { friendlyName },
    luns: ['a', 'b'].map((name) => ({ name, size: 1024 })),
  })
  const applicant = { actor: ADMINISTRATOR }

  it('is as it was when the process ends before the commit', async () => {
    using directory = temporaryDirectory()
    const dataPlane = new FakeDataPlane()
    const world = await startWithLuns(directory.path, dataPlane)
    const halted = Promise.withResolvers<void>()
    let resizes = 0
    const resize = dataPlane.resize.bind(dataPlane)
    dataPlane.resize = (id, sizeBytes) => {
      if (++resizes === 1) return resize(id, sizeBytes)
      halted.resolve()
      return NEVER
    }
    void applyDeclaration(world.management, applicant, grown('new'))
    await halted.promise
    expect(sizes(dataPlane)).toEqual([1024, 512])
    world.store.close()

    const next = new FakeDataPlane()
    for (const [id, sizeBytes] of dataPlane.storage) next.storage.set(id, sizeBytes)
    await using restarted = await openStoredManagement(directory.path, {}, next)
    expect(sizes(next)).toEqual([512, 512])
    expect(restarted.subSystem.getProperties().friendlyName).not.toBe('new')
    expect(restarted.configurationStore.unfinishedGrowths()).toEqual([])
  })

  it.each(['', 'new'])('stays as it has become after the commit, also of nothing else (%j)', async (friendlyName) => {
    using directory = temporaryDirectory()
    const dataPlane = new FakeDataPlane()
    const world = await startWithLuns(directory.path, dataPlane)
    await applyDeclaration(world.management, applicant, grown(friendlyName))
    world.store.close()
    const next = new FakeDataPlane()
    for (const [id, sizeBytes] of dataPlane.storage) next.storage.set(id, sizeBytes)
    await using restarted = await openStoredManagement(directory.path, {}, next)
    expect(sizes(next)).toEqual([1024, 1024])
    expect(restarted.configurationStore.unfinishedGrowths()).toEqual([])
  })
})
