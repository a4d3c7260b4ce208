/** The files behind LUNs: made, deleted, taken into service and let go, and what happens when that fails. */

import { existsSync, linkSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { acquireExclusiveLock } from '../../../src/store/exclusive-lock.ts'
import { LiveArray, lunRecord, targetRecord } from '../../support/live-array.ts'
import { clearUnitAttentions, execute, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const MIB = 2 ** 20
const oneLun = () =>
  LiveArray.start({ luns: [lunRecord('a')], targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' })] })

describe('storage', () => {
  it('is made thin, for nobody else to read, and never in the place of a file', async () => {
    await using array = await LiveArray.start({})
    const { dataPlane, directory } = array
    await dataPlane.createStorage(lunRecord('a'), 64 * MIB)
    const { size, blocks, mode } = statSync(directory.file('luns/a.img'))
    expect([size, blocks, mode & 0o777]).toEqual([64 * MIB, 0, 0o600])
    await expect(dataPlane.createStorage(lunRecord('a'), MIB)).rejects.toMatchObject({ kind: 'exists' })
    expect(statSync(directory.file('luns/a.img')).size).toBe(64 * MIB)
    for (const sizeBytes of [0, 1000, -512, 2 ** 53]) {
      await expect(dataPlane.createStorage(lunRecord('b'), sizeBytes)).rejects.toMatchObject({ kind: 'invalid' })
    }
    expect(await dataPlane.freeBytes()).toBeGreaterThan(0)
  })

  it('that was left unfinished by a killed process is made anew', async () => {
    await using array = await oneLun()
    writeFileSync(array.directory.file('luns/.b.img.lunette-new'), 'half')
    await array.dataPlane.createStorage(lunRecord('b'), MIB)
    expect(existsSync(array.directory.file('luns/.b.img.lunette-new'))).toBe(false)
  })

  it('is deleted only when no LUN has it any more', async () => {
    await using array = await oneLun()
    const [lun] = array.objects.luns
    await expect(array.dataPlane.deleteStorage(lun!)).rejects.toMatchObject({ kind: 'inUse' })
    await array.apply({ luns: [], targets: [] })
    await array.dataPlane.deleteStorage(lun!)
    expect(existsSync(array.directory.file('luns/a.img'))).toBe(false)
    await array.dataPlane.deleteStorage(lun!)
  })
})

describe('a file that cannot be served', () => {
  const failed = (array: LiveArray, id: string) => array.dataPlane.lunState(id)

  it.each<[string, (path: string) => void, RegExp]>([
    ['is not there', (path) => renameSync(path, `${path}.away`), /no such file/],
    ['is empty', (path) => truncateSync(path, 0), /is empty/],
    ['holds half a block', (path) => truncateSync(path, 1000), /no multiple of the block size 512/],
    ['has two names', (path) => linkSync(path, `${path}.too`), /2 names/],
  ])('since it %s fails its LUN alone, and is tried again', async (_title, spoil, reason) => {
    await using array = await LiveArray.start({ luns: [lunRecord('good')] })
    await array.dataPlane.createStorage(lunRecord('a'), MIB)
    const path = array.directory.file('luns/a.img')
    spoil(path)
    await array.apply({
      luns: [lunRecord('good'), lunRecord('a')],
      targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'good', 1: 'a' })],
    })
    expect(failed(array, 'a')).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) })
    expect(failed(array, 'good').status).toBe('online')
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator)
    expect((await execute(initiator, { cdb: testUnitReady(), lun: 1 })).sense).toEqual({ key: 5, code: 0x2500 })
    await array.changeLun('a', { path: 'luns/another.img' })
    await array.dataPlane.createStorage(array.objects.luns[1]!, MIB)
    await array.apply({})
    expect(failed(array, 'a').status).toBe('online')
    expect((await execute(initiator, { cdb: testUnitReady() })).sense?.code).toBe(0x3f0e)
  })

  it('is one that another server has', async () => {
    await using array = await oneLun()
    await array.changeLun('a', { status: 'offline' })
    const lock = acquireExclusiveLock(array.directory.file('luns/.a.img.lunette-lock'), 'the test')
    await array.changeLun('a', { status: 'online' })
    expect(failed(array, 'a')).toMatchObject({ status: 'failed', reason: expect.stringMatching(/in use by process/) })
    lock.release()
    await array.apply({})
    expect(failed(array, 'a').status).toBe('online')
    expect(() => acquireExclusiveLock(array.directory.file('luns/.a.img.lunette-lock'), 'it')).toThrow('in use')
  })
})

describe('the medium of a removable LUN', () => {
  it('leaves and another one comes, while its drive stays', async () => {
    const drive = lunRecord('a', { isRemovable: true })
    await using array = await LiveArray.start({
      luns: [drive],
      targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' })],
    })
    await array.dataPlane.createStorage(lunRecord('b'), 2 * MIB)
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator)
    await execute(initiator, { cdb: write10(0, 1), writeData: Buffer.alloc(512, 1) })
    await array.changeLun('a', { isEjected: true })
    expect((await execute(initiator, { cdb: testUnitReady() })).sense).toEqual({ key: 2, code: 0x3a02 })
    expect(readFileSync(array.directory.file('luns/a.img'))[0]).toBe(1)
    await array.changeLun('a', { isEjected: false, path: 'luns/b.img' })
    expect((await execute(initiator, { cdb: testUnitReady() })).sense).toEqual({ key: 6, code: 0x2800 })
    expect((await execute(initiator, { cdb: read10(4095, 1), readBytes: 512 })).status).toBe(0)
    await array.changeLun('a', { path: 'luns/a.img' })
    await clearUnitAttentions(initiator)
    expect((await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).data[0]).toBe(1)
    expect(array.dataPlane.lunState('a')).toMatchObject({ status: 'online', sizeBytes: MIB })
  })

  it('stays while an initiator prevents its removal, which then hears of the wish', async () => {
    const drive = lunRecord('a', { isRemovable: true })
    await using array = await LiveArray.start({
      luns: [drive],
      targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' })],
    })
    expect(array.dataPlane.mayEject('a')).toBe(true)
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator)
    const preventRemoval = (prevent: 0 | 1) => execute(initiator, { cdb: Buffer.from([0x1e, 0, 0, 0, prevent, 0]) })
    await preventRemoval(1)
    expect(array.dataPlane.mayEject('a')).toBe(false)
    expect((await execute(initiator, { cdb: testUnitReady() })).sense).toEqual({ key: 6, code: 0x5a01 })
    await preventRemoval(0)
    expect(array.dataPlane.mayEject('a')).toBe(true)
  })

  it('may be out when the server starts', async () => {
    const drive = lunRecord('a', { isRemovable: true, isEjected: true })
    await using array = await LiveArray.start({
      luns: [drive],
      targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' })],
    })
    const initiator = await array.login('t')
    await execute(initiator, { cdb: testUnitReady() })
    expect((await execute(initiator, { cdb: testUnitReady() })).sense?.key).toBe(2)
    await array.changeLun('a', { isEjected: false })
    await clearUnitAttentions(initiator)
    expect((await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })).status).toBe(0)
  })
})

describe('changes', () => {
  it('are carried out one after the other, and the same again changes nothing', async () => {
    await using array = await oneLun()
    const initiator = await array.login('t')
    await clearUnitAttentions(initiator)
    const { luns } = array.objects
    const first = array.apply({ luns: [] })
    await setImmediate()
    const overtaken = array.apply({ luns: [] })
    const last = array.apply({ luns })
    await Promise.all([first, overtaken, last])
    expect(array.dataPlane.lunState('a').status).toBe('online')
    await clearUnitAttentions(initiator)
    await array.apply({})
    expect((await execute(initiator, { cdb: testUnitReady() })).status).toBe(0)
  })

  it('of a thousand LUNs and two hundred targets are served', async () => {
    await using array = await LiveArray.start({})
    const luns = Array.from({ length: 1000 }, (_, index) => lunRecord(`l${index}`))
    await Promise.all(luns.map((lun) => array.dataPlane.createStorage(lun, MIB)))
    const numbers = [0, 1, 2, 3, 4]
    const targets = Array.from({ length: 200 }, (_, index) =>
      targetRecord(`t${index}`, { 1: ['p1'] }, Object.fromEntries(numbers.map((n) => [n, `l${5 * index + n}`]))),
    )
    await array.apply({ luns, targets })
    expect(luns.filter(({ id }) => array.dataPlane.lunState(id).status !== 'online')).toEqual([])
    const initiator = await array.login('t199')
    await clearUnitAttentions(initiator, 4)
    expect(array.dataPlane.sessions()[0]!.luns.get(4)).toBe('l999')
    await array.apply({ luns: [], targets: [] })
    await initiator.readUntilClosed()
  })
})
