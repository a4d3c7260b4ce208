import { describe, expect, it } from 'vitest'
import type {
  Configuration,
  LunRecord,
  PortalRecord,
  TargetRecord,
} from '../../../../../src/management/configuration.ts'
import { UNMASKED } from '../../../../../src/management/operations/mask.ts'
import {
  type CommandLineObjects,
  mergeCommandLine,
} from '../../../../../src/management/operations/merge-command-line.ts'
import { mintDiskIdentity } from '../../../../../src/store/disk-identity.ts'
import { checkInvariants } from '../../../../support/configuration-invariants.ts'
import { ADMINISTRATOR, startManagement } from '../../../../support/management-fixture.ts'

const NAME = 'iqn.2000-01.org.example:command-line'
const USER = { user: 'anna', secret: Buffer.from('abcdefghijklmn'), initiatorNames: [] }

let minted = 0
const mintId = () => `00000000-0000-4000-8000-${String(++minted).padStart(12, '0')}`

interface Words {
  /** Ids of files. */
  readonly files?: readonly string[]
  readonly ports?: readonly number[]
  readonly tlsPorts?: readonly number[]
  readonly users?: readonly (typeof USER)[]
  readonly name?: string
}

/** As each start declares it, with new ids for everything but files. */
function commandLine({
  files = ['a'],
  ports = [3260],
  tlsPorts = [],
  users = [],
  name = NAME,
}: Words = {}): CommandLineObjects {
  const lunRecords = files.map((id, number): LunRecord => {
    const { serialNumber } = mintDiskIdentity()
    return {
      ...{ id, origin: 'commandLine', friendlyName: id, number, path: `${id}.img`, format: 'raw', deviceType: 'disk' },
      ...{ blockLengthBytes: 512, physicalBlockBytes: 512, isRemovable: false, isReadOnly: false, isEjected: false },
      ...{ serialNumber: id.padEnd(32, serialNumber[0]!), naa: '3'.repeat(16), status: 'online', unmask: UNMASKED },
    } as LunRecord
  })
  const portal = (port: number, hasTls: boolean): PortalRecord => ({
    ...{ id: mintId(), origin: 'commandLine', host: '127.0.0.1', port, hasTls, status: 'online' },
  })
  const plain = ports.map((port) => portal(port, false))
  const secured = tlsPorts.map((port) => portal(port, true))
  const groups = [plain, secured].map((members, index) => ({ tag: index + 1, portalIds: members.map(({ id }) => id) }))
  const target: TargetRecord = {
    ...{ id: mintId(), origin: 'commandLine', iscsiName: name, friendlyName: 'Lunette', sharedSecret: null },
    portalGroups: groups.filter(({ portalIds }) => portalIds.length > 0).map((group) => ({ id: mintId(), ...group })),
    luns: new Map(lunRecords.map(({ id, number }) => [id, number])),
    chapUsers: users,
    rememberedSecrets: new Map(),
  }
  return {
    subSystem: { discoveryUsers: users },
    luns: new Map(lunRecords.map((lun) => [lun.id, { ...lun, serialNumber: lun.id.padEnd(32, '0') }])),
    targets: new Map([[target.id, target]]),
    portals: new Map([...plain, ...secured].map((record) => [record.id, record])),
  }
}

/** A model that was started with these words; each further start is with others over the same store. */
async function started(words?: Words) {
  const world = await startManagement()
  const start = async (next?: Words): Promise<Configuration> => {
    const declared = commandLine(next)
    const work = (configuration: Configuration) => mergeCommandLine(configuration, declared)
    await world.management.change({ actor: ADMINISTRATOR, method: 'Test.start' }, work)
    checkInvariants(world.management.configuration)
    return world.management.configuration
  }
  await start(words)
  const target = world.subSystem.queryTargets().find((one) => one.getProperties().origin === 'commandLine')!
  return { ...world, start, target, lun: world.subSystem.queryLuns()[0]! }
}

describe('the objects of the command line', () => {
  it('stay the same ones at the next start with the same words, and nothing is written', async () => {
    const words = { ports: [0, 0, 3260], tlsPorts: [3261], users: [USER] }
    const { start, management } = await started(words)
    const first = management.configuration
    expect(await start(words)).toBe(first)
  })

  it('keep what an administrator has set', async () => {
    const { start, lun, target, subSystem } = await started()
    await lun.setMask('iqn.2000-01.a:b')
    await lun.setFriendlyName('disk of b')
    await lun.setStatus('offline')
    await target.setFriendlyName('alias')
    await subSystem.setImportTarget(NAME)
    await start()
    expect(lun.getProperties()).toMatchObject({
      unmaskingList: 'iqn.2000-01.a:b',
      friendlyName: 'disk of b',
      status: 'offline',
    })
    expect(target.getProperties().friendlyName).toBe('alias')
    expect(subSystem.getImportTarget()).toBe(NAME)
  })

  it('go with what they had when the command line has them no more', async () => {
    const { start, lun, target, subSystem } = await started({ files: ['a', 'b'], ports: [3260, 3262] })
    const managed = (await (await subSystem.createTarget(null)).wait()).output!
    await lun.associateTargets([target.id, managed.id])
    const group = (await (await managed.createPortalGroup()).wait()).output!
    for (const portal of subSystem.queryPortals()) await group.addPortal(portal.id)
    await start({ files: ['b'], ports: [3262] })
    expect(() => lun.getProperties()).toThrow(expect.objectContaining({ name: 'VDS_E_OBJECT_DELETED' }))
    expect(managed.queryAssociatedLuns()).toEqual([])
    expect(group.queryAssociatedPortals().map((portal) => portal.getProperties().address.port)).toEqual([3262])
    expect(target.queryLunNumbers().map(({ number, lun: { id } }) => [number, id])).toEqual([[0, 'b']])
    await start({ files: ['b'], ports: [3262], name: `${NAME}-2` })
    expect(() => target.getProperties()).toThrow(expect.objectContaining({ name: 'VDS_E_OBJECT_DELETED' }))
  })

  it('say alone who logs in to their target, and revoke by saying it no longer', async () => {
    const bert = { ...USER, user: 'bert' }
    const { start, target, subSystem } = await started({ users: [USER, bert] })
    await subSystem.setDiscoveryUser('finder', USER.secret)
    await start({ users: [bert] })
    expect(target.queryChapSettings().users.map(({ user }) => user)).toEqual(['bert'])
    expect(subSystem.queryDiscoveryUsers().map(({ user }) => user)).toEqual(['bert', 'finder'])
    await start()
    expect(target.getProperties().isChapEnabled).toBe(false)
    expect(subSystem.queryDiscoveryUsers().map(({ user }) => user)).toEqual(['finder'])
    await expect(target.setSharedSecret(USER.secret)).rejects.toMatchObject({ name: 'VDS_E_OPERATION_DENIED' })
  })

  it('leave managed LUNs and portals on their target, which make way with their numbers', async () => {
    const { start, target, subSystem } = await started()
    const portal = await subSystem.createPortal({ host: '127.0.0.1', port: 3270 })
    await (await target.queryPortalGroups()[0]!.addPortal(portal.id)).wait()
    const managed = (await (await subSystem.createLun({ sizeBytes: 512 })).wait()).output!
    await managed.associateTargets([target.id])
    await start({ files: ['a', 'b'] })
    expect(target.queryLunNumbers().map(({ number, lun: { id } }) => [number, id])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, managed.id],
    ])
    expect(target.queryPortalGroups()[0]!.queryAssociatedPortals()).toHaveLength(2)
    expect(new Set(subSystem.queryLuns().map((lun) => lun.getLunNumber())).size).toBe(3)
  })

  it('are refused where they would be managed ones', async () => {
    const { start, subSystem, management } = await started()
    await (await subSystem.createTarget(`${NAME}-2`)).wait()
    const lun = (await (await subSystem.createLun({ sizeBytes: 512 })).wait()).output!
    const before = management.configuration
    await expect(start({ name: `${NAME}-2` })).rejects.toMatchObject({ name: 'VDS_E_NAME_NOT_UNIQUE' })
    await expect(start({ files: [lun.id] })).rejects.toMatchObject({ name: 'VDS_E_OBJECT_EXISTS' })
    expect(management.configuration).toBe(before)
  })

  it('cannot be deleted', async () => {
    const { lun, target, subSystem } = await started()
    const [portal] = subSystem.queryPortals()
    for (const object of [lun, target, portal!]) {
      await expect(object.delete()).rejects.toMatchObject({ name: 'VDS_E_OPERATION_DENIED' })
    }
  })
})
