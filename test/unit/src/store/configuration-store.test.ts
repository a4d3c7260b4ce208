import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type AuditEntry, StaleConfigurationError } from '../../../../src/management/configuration-store.ts'
import { openDatabase } from '../../../../src/store/database.ts'
import { MIGRATIONS } from '../../../../src/store/migrations.ts'
import { Store } from '../../../../src/store/store.ts'
import { ADMINISTRATOR } from '../../../support/management-fixture.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const ENTRY: AuditEntry = {
  at: new Date(1_000),
  actor: ADMINISTRATOR,
  method: 'Test.call',
  objectId: null,
  arguments: { list: ['a', null] },
  hresult: 'S_OK',
  message: null,
}

function openStore(path: string, auditRowsMax = 10) {
  const store = new Store(path)
  return { configurationStore: store.configurationStore(auditRowsMax), [Symbol.dispose]: () => store.close() }
}

describe('the configuration in the store', () => {
  it('is there after a restart, with all that belongs to it', async () => {
    using directory = temporaryDirectory()
    let before: unknown
    {
      await using world = await openStoredManagement(directory.path)
      const { subSystem } = world
      const portal = await subSystem.createPortal({ host: '::1', port: 3261, hasTls: true })
      const target = (await (await subSystem.createTarget(null, 'alias')).wait()).output!
      const group = (await (await target.createPortalGroup()).wait()).output!
      await group.addPortal(portal.id)
      await target.setSharedSecret(Buffer.from('secret of everyone'))
      await target.setChapUser('anna', Buffer.from('secret of anna'), ['iqn.2000-01.a:b', 'eui.0123456789abcdef'])
      await target.rememberInitiatorSharedSecret(null, Buffer.from('secret of the target'), 'me')
      await subSystem.setDiscoveryUser('finder', Buffer.from('secret of finder'))
      const lun = (await (await subSystem.createLun({ sizeBytes: 1, isRemovable: true })).wait()).output!
      await lun.ejectMedium()
      await lun.setAccess({ initiators: ['iqn.2000-01.a:b'], networks: ['10.0.0.0/8'], readOnlyInitiators: '*' })
      await lun.associateTargets([target.id])
      await subSystem.setImportTarget(target.id)
      before = world.management.configuration
    }
    using reopened = openStore(directory.path)
    expect(reopened.configurationStore.load()).toEqual(before)
  })

  it('keeps the generated name and the disks of a store that had no configuration yet', () => {
    using directory = temporaryDirectory()
    const old = openDatabase(directory.file('lunette.db'), MIGRATIONS.slice(0, 2))
    old.exec(`INSERT INTO target (id, name) VALUES (1, 'iqn.2026-11.internal.lunette:old');
      INSERT INTO disk VALUES ('a-guid', 'disk-0.img', 'a-serial', x'3000000000000001', 4096);
      INSERT INTO disk_state VALUES ('a-guid', 'reservations', x'01')`)
    old.close()
    const store = new Store(directory.path)
    const disk = store.findDisk(directory.file('disk-0.img'))!
    expect(store.targetName()).toBe('iqn.2026-11.internal.lunette:old')
    expect(disk).toMatchObject({ guid: 'a-guid', serialNumber: 'a-serial', blockLengthBytes: 4096 })
    expect(store.savedStateOf(disk).read('reservations')).toEqual(Buffer.from([1]))
    expect(store.configurationStore(1).load()).toMatchObject({ generation: 0, subSystem: { status: 'online' } })
    store.close()
  })

  it('is not overwritten by who holds an older one', () => {
    using directory = temporaryDirectory()
    using opened = openStore(directory.path)
    const store = opened.configurationStore
    const first = store.load()
    const second = store.commit(first, { ...first, importTargets: new Map() }, ENTRY)
    expect(second.generation).toBe(first.generation + 1)
    expect(() => store.commit(first, { ...first, importTargets: new Map() }, ENTRY)).toThrow(StaleConfigurationError)
    expect(store.auditLog({ limit: 9 })).toHaveLength(1)
  })

  it('notices what others write, also when they forget the generation', () => {
    using directory = temporaryDirectory()
    using opened = openStore(directory.path)
    const store = opened.configurationStore
    const loaded = store.load()
    const other = new DatabaseSync(directory.file('lunette.db'))
    other.exec("INSERT INTO generated_name VALUES (1, 'iqn.x')")
    expect(store.agreesWith(loaded)).toBe(true)
    other.exec("UPDATE sub_system SET friendly_name = 'other'")
    other.close()
    expect(store.agreesWith(loaded)).toBe(false)
    const after = { ...loaded, importTargets: new Map() }
    expect(() => store.commit(loaded, after, ENTRY)).toThrow(StaleConfigurationError)
    expect(store.agreesWith(store.load())).toBe(true)
  })

  it('refuses what would break its promises, and then holds what it held', async () => {
    using directory = temporaryDirectory()
    await using world = await openStoredManagement(directory.path)
    const { output: target } = await (await world.subSystem.createTarget(null)).wait()
    const before = world.management.configuration
    const { id: _, ...record } = before.targets.get(target!.id)!
    const twin = { ...record, id: 'another' }
    const after = { ...before, targets: new Map(before.targets).set(twin.id, twin) }
    expect(() => world.configurationStore.commit(before, after, ENTRY)).toThrow('UNIQUE')
    expect(world.configurationStore.load()).toEqual(before)
  })

  it('lets media change places', async () => {
    using directory = temporaryDirectory()
    await using world = await openStoredManagement(directory.path)
    for (const name of ['a.iso', 'b.iso']) {
      writeFileSync(directory.file(name), `${' '.repeat(16 * 2048 + 1)}CD001`.padEnd(20 * 2048))
      await (await world.subSystem.importLun({ path: name })).wait()
    }
    const before = world.management.configuration
    const [a, b] = [...before.luns.values()]
    const swapped = {
      ...before,
      luns: new Map([a!, b!].map((lun, i) => [lun.id, { ...lun, path: [b!, a!][i]!.path }])),
    }
    const after = world.configurationStore.commit(before, swapped, ENTRY)
    expect(world.configurationStore.load()).toEqual(after)
  })
})

describe('the audit log', () => {
  it('has the newest first, page by page, and forgets the oldest', () => {
    using directory = temporaryDirectory()
    using opened = openStore(directory.path, 3)
    const store = opened.configurationStore
    for (let at = 1; at <= 5; at++) store.recordAudit({ ...ENTRY, at: new Date(at) })
    store.recordAudit({ ...ENTRY, objectId: 'id', hresult: 'VDS_E_NOT_SUPPORTED', message: 'no' })
    const page = store.auditLog({ limit: 2 })
    expect(page[0]).toEqual({ ...ENTRY, sequence: 6, objectId: 'id', hresult: 'VDS_E_NOT_SUPPORTED', message: 'no' })
    expect(store.auditLog({ limit: 9, before: page[1]!.sequence }).map(({ sequence }) => sequence)).toEqual([4])
  })

  it('says of what is too long how long it is', () => {
    using directory = temporaryDirectory()
    using opened = openStore(directory.path)
    const store = opened.configurationStore
    const given = { unmaskingList: 'a'.repeat(1_000_000), path: null }
    store.recordAudit({ ...ENTRY, arguments: given, hresult: 'E_INVALIDARG', message: 'b'.repeat(1_000_000) })
    const [record] = store.auditLog({ limit: 1 })
    expect(record?.arguments).toEqual({ omittedCharacters: { unmaskingList: 1_000_002, path: 4 } })
    expect(record?.message).toBe('b'.repeat(1024))
  })

  it('never has a secret in it, and neither has the database', async () => {
    using directory = temporaryDirectory()
    await using world = await openStoredManagement(directory.path)
    const secret = Buffer.from('never-to-be-seen')
    const { output: target } = await (await world.subSystem.createTarget(null)).wait()
    await target!.setSharedSecret(secret)
    await target!.rememberInitiatorSharedSecret('iqn.2000-01.a:b', Buffer.from('never-to-be-told'))
    await world.subSystem.setDiscoveryUser('finder', secret)
    const text = JSON.stringify(world.provider.auditLog({ limit: 99 }))
    expect(text).toContain('"hasSecret":true')
    expect(text).not.toContain('never')
    await world.provider.backup(directory.file('copy.db'))
    for (const name of readdirSync(directory.path)) {
      expect(readFileSync(directory.file(name)).includes('never-to-be')).toBe(false)
      expect([name, statSync(directory.file(name)).mode & 0o077]).toEqual([name, 0])
    }
  })
})
