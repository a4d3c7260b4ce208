import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyDeclaration, planDeclaration } from '../../../../../src/management/declaration/apply.ts'
import { exportDeclaration } from '../../../../../src/management/declaration/export.ts'
import { type Declaration, fileSchema, readDeclaration } from '../../../../../src/management/declaration/schema.ts'
import { VdsError } from '../../../../../src/management/hresult.ts'
import {
  ADMINISTRATOR,
  type ManagementFixture,
  startManagement,
  VIEWER,
} from '../../../../support/management-fixture.ts'

const IQN = 'iqn.2024-01.org.example:web01'
const INITIATOR = 'iqn.1991-05.com.microsoft:web01'

/** Everything that a declaration can say. */
const WHOLE: Declaration = {
  subsystem: { friendlyName: 'san' },
  discoveryUsers: [{ user: 'ask', secret: 'discovery-secret' }],
  portals: [
    { host: '192.168.1.5', port: 3260 },
    { host: '192.168.2.5', port: 3260, status: 'offline' },
  ],
  luns: [
    { name: 'data', size: '10G', mask: { initiators: [INITIATOR], networks: ['10.0.0.0/8'] } },
    { name: 'logs', size: 1024 ** 2, blockLengthBytes: 4096 },
    { name: 'image', path: '/srv/image.img', isReadOnly: true },
  ],
  targets: [
    {
      iscsiName: IQN,
      friendlyName: 'web01',
      portalGroups: [
        { tag: 2, portals: ['192.168.1.5:3260'] },
        { tag: 7, portals: ['192.168.2.5:3260'] },
      ],
      luns: [{ name: 'logs', number: 5 }, { name: 'data' }],
      chap: {
        sharedSecret: { secret: 'shared-secret-1' },
        users: [{ user: 'web', initiators: [INITIATOR], secret: 'base64:AAECAwQFBgcICQoL' }],
        remembered: [{ initiator: '*', user: 'san', secret: 'remembered-secret' }],
      },
    },
  ],
  importTargets: [{ host: 'Computer-2', iscsiName: IQN }],
}

async function start(): Promise<ManagementFixture> {
  const fixture = await startManagement()
  const file = { path: '/srv/image.img', sizeBytes: 4096, isCdImage: false, known: null }
  fixture.store.files.set(file.path, file)
  return fixture
}

const apply = ({ management }: ManagementFixture, declaration: Declaration, options = {}) =>
  applyDeclaration(management, { actor: ADMINISTRATOR }, declaration, options)

const exported = ({ management, dataPlane }: ManagementFixture) =>
  exportDeclaration(management.read(), (id) => dataPlane.lunState(id).sizeBytes)

const summary = (changes: readonly { action: string; kind: string; name: string }[]) =>
  changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`)

const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(VdsError)
  const { name, message } = error as VdsError
  return `${name}: ${message}`
}

describe('applyDeclaration', () => {
  it('makes everything that is declared in one commit', async () => {
    const fixture = await start()
    const { management, store, dataPlane } = fixture
    const before = management.configuration.generation
    const { changes, configuration } = await apply(fixture, WHOLE)
    expect(configuration.generation).toBe(before + 1)
    expect(summary(changes)).toEqual([
      'change subsystem san',
      'create portal 192.168.1.5:3260',
      'create portal 192.168.2.5:3260',
      'create lun data',
      'create lun logs',
      'create lun image',
      `create target ${IQN}`,
    ])
    const { luns, targets, portals, importTargets, subSystem } = management.configuration
    const [data, logs, image] = [...luns.values()]
    expect(data).toMatchObject({ friendlyName: 'data', blockLengthBytes: 512, unmask: { networks: ['10.0.0.0/8'] } })
    expect(dataPlane.storage).toEqual(
      new Map([
        [data!.id, 10 * 1024 ** 3],
        [logs!.id, 1024 ** 2],
      ]),
    )
    expect(image).toMatchObject({ path: '/srv/image.img', isReadOnly: true })
    const [target] = [...targets.values()]
    const [first, second] = [...portals.keys()]
    expect(target!.luns).toEqual(
      new Map([
        [logs!.id, 5],
        [data!.id, 0],
      ]),
    )
    expect(target!.portalGroups.map(({ tag, portalIds }) => [tag, portalIds])).toEqual([
      [2, [first]],
      [7, [second]],
    ])
    expect(target!.sharedSecret).toEqual(Buffer.from('shared-secret-1'))
    expect(target!.chapUsers[0]!.secret).toEqual(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))
    expect(target!.rememberedSecrets.get('*')).toMatchObject({ user: 'san' })
    expect(importTargets).toEqual(new Map([['computer-2', target!.id]]))
    expect(subSystem).toMatchObject({ friendlyName: 'san', discoveryUsers: [{ user: 'ask' }] })
    expect([store.doomed.size, dataPlane.configuration]).toEqual([0, management.configuration])
  })

  it('changes nothing the second time', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const { configuration } = fixture.management
    expect(await apply(fixture, WHOLE)).toEqual({ changes: [], configuration })
    expect(fixture.management.configuration).toBe(configuration)
  })

  it('shows what changes, and never a secret', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const target = WHOLE.targets![0]!
    const changed: Declaration = {
      portals: [{ host: '192.168.2.5', port: 3260, status: 'online' }],
      luns: [{ name: 'data', size: '20G', mask: { initiators: '*' }, status: 'offline' }],
      targets: [
        {
          ...target,
          friendlyName: 'web',
          portalGroups: [{ tag: 2, portals: ['192.168.2.5:3260', '192.168.1.5:3260'] }],
          luns: [{ name: 'data', number: 5 }],
          chap: { sharedSecret: { secret: 'shared-secret-2' }, users: [], remembered: target.chap!.remembered! },
        },
      ],
      importTargets: [],
    }
    const plan = planDeclaration(fixture.management, changed)
    expect(JSON.stringify(plan)).not.toContain('secret-')
    expect(plan.map(({ name, properties }) => [name, properties.map((row) => Object.values(row).join(' | '))])).toEqual(
      [
        ['san', ['import target of computer-2 | iqn.2024-01.org.example:web01 | ']],
        ['192.168.2.5:3260', ['status | offline | online']],
        [
          'data',
          [
            'size | 10737418240 | 21474836480',
            'status | online | offline',
            `initiators | ${INITIATOR} | *`,
            'networks | 10.0.0.0/8 | any',
          ],
        ],
        [
          IQN,
          [
            'friendlyName | web01 | web',
            'portal group 2 | 192.168.1.5:3260 | 192.168.1.5:3260 192.168.2.5:3260',
            'portal group 7 | 192.168.2.5:3260 | ',
            'LUN 5 | logs | data',
            'LUN 0 | data | ',
            'shared secret | (secret) | (secret)',
            `user web | (secret) ${INITIATOR} | `,
          ],
        ],
      ],
    )
    expect((await apply(fixture, changed)).changes).toEqual(plan)
    const [data] = [...fixture.management.configuration.luns.keys()]
    expect(fixture.dataPlane.storage.get(data!)).toBe(20 * 1024 ** 3)
    expect(planDeclaration(fixture.management, changed)).toEqual([])
  })

  it('exports what makes the same on another array, but for secrets', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const declaration = exported(fixture)
    expect(JSON.stringify(declaration)).not.toMatch(/-secret|AAECAw/)
    expect(planDeclaration(fixture.management, readDeclaration(declaration), { prune: true })).toEqual([])
    const other = await start()
    expect(await refusal(apply(other, declaration))).toMatch(
      /discoveryUsers: the user ask is "unchanged", but there is none yet/,
    )
    const secrets = JSON.stringify(declaration).replaceAll('"unchanged"', () => `"another-secret-${Math.random()}"`)
    await apply(other, readDeclaration(JSON.parse(secrets)))
    expect(exported(other)).toEqual(declaration)
  })

  it('deletes only with prune what is not declared, with the files that the array made', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const some: Declaration = { portals: [WHOLE.portals![0]!], luns: [WHOLE.luns![1]!], targets: [] }
    expect(planDeclaration(fixture.management, some)).toEqual([])
    const { changes } = await apply(fixture, some, { prune: true })
    expect(summary(changes)).toEqual([
      `change subsystem san`,
      'delete portal 192.168.2.5:3260',
      'delete lun data',
      'delete lun image',
      `delete target ${IQN}`,
    ])
    expect([...fixture.dataPlane.storage.values()]).toEqual([1024 ** 2])
    expect(fixture.store.doomed.size).toBe(0)
  })

  it('changes one target alone, with the LUNs and portals that it names', async () => {
    const fixture = await start()
    const other = { iscsiName: 'iqn.2024-01.org.example:other', luns: [{ name: 'image' }] }
    const both = { ...WHOLE, targets: [...WHOLE.targets!, other] }
    const { changes } = await apply(fixture, both, { onlyTarget: other.iscsiName, prune: true })
    expect(summary(changes)).toEqual(['create lun image', `create target ${other.iscsiName}`])
    expect(await refusal(apply(fixture, both, { onlyTarget: 'none' }))).toMatch(/VDS_E_OBJECT_NOT_FOUND: .*none/)
  })

  it.each<[string, Declaration, RegExp]>([
    [
      'two LUNs of one name',
      {
        luns: [
          { name: 'a', size: 512 },
          { name: 'a', size: 512 },
        ],
      },
      /E_INVALIDARG: the LUN a is declared twice/,
    ],
    ['a LUN without size and path', { luns: [{ name: 'a' }] }, /LUN a: a new LUN is made with a size or/],
    ['a size that is none', { luns: [{ name: 'a', size: 'much' }] }, /LUN a: the size much is not a size/],
    [
      'a LUN that shrinks',
      { luns: [{ name: 'data', size: '1G' }] },
      /VDS_E_NOT_SUPPORTED: LUN data: it has 10737418240 bytes/,
    ],
    [
      'another block length',
      { luns: [{ name: 'data', blockLengthBytes: 4096 }] },
      /LUN data: blockLengthBytes is 512 and stays so/,
    ],
    ['a file that is not there', { luns: [{ name: 'a', path: '/none' }] }, /LUN a: \/none does not exist/],
    [
      'an unknown portal',
      { targets: [{ iscsiName: IQN, portalGroups: [{ tag: 1, portals: ['1.1.1.1:1'] }] }] },
      /target iqn.*: there is no portal 1\.1\.1\.1:1/,
    ],
    ['an unknown LUN', { targets: [{ iscsiName: IQN, luns: [{ name: 'none' }] }] }, /there is no LUN none/],
    [
      'a taken number',
      {
        targets: [
          {
            iscsiName: IQN,
            luns: [
              { name: 'data', number: 1 },
              { name: 'logs', number: 1 },
            ],
          },
        ],
      },
      /VDS_E_OBJECT_EXISTS/,
    ],
    ['a target that is no name', { targets: [{ iscsiName: 'web' }] }, /target web: the target name "web"/],
    [
      'a short secret',
      { targets: [{ iscsiName: IQN, chap: { sharedSecret: { secret: 'short' } } }] },
      /a CHAP secret has 12 to 255 bytes/,
    ],
    ['no room', { luns: [{ name: 'a', size: '7P' }] }, /VDS_E_NOT_ENOUGH_SPACE/],
    [
      'an unknown import target',
      { importTargets: [{ host: 'h', iscsiName: 'iqn.2024-01.org.example:none' }] },
      /import target of h: there is no target/,
    ],
  ])('refuses %s and changes nothing', async (_what, declaration, complaint) => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const { configuration } = fixture.management
    const storage = new Map(fixture.dataPlane.storage)
    const first = { luns: [{ name: 'first', size: 4096 }, ...(declaration.luns ?? [])] }
    expect(await refusal(apply(fixture, { ...declaration, ...first }))).toMatch(complaint)
    expect(fixture.management.configuration).toBe(configuration)
    expect(fixture.dataPlane.storage).toEqual(storage)
  })

  it('takes its files and sizes back when the commit fails', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const storage = new Map(fixture.dataPlane.storage)
    const grown: Declaration = {
      luns: [
        { name: 'data', size: '20G' },
        { name: 'new', size: '1G' },
      ],
    }
    const open = Promise.withResolvers<void>()
    fixture.dataPlane.gate = open.promise
    const applied = refusal(apply(fixture, grown))
    await fixture.subSystem.setFriendlyName('meanwhile')
    open.resolve()
    expect(await applied).toMatch(/VDS_E_ANOTHER_CALL_IN_PROGRESS: .*nothing was applied/)
    expect(fixture.dataPlane.storage).toEqual(storage)
    expect(fixture.store.doomed.size).toBe(0)
  })

  it('grows no LUN whose size somebody else is changing', async () => {
    const fixture = await startManagement({ limits: { turnTimeoutMs: 1 } })
    const { dataPlane, subSystem } = fixture
    await apply(fixture, { luns: [{ name: 'data', size: '10G' }] })
    const [lun] = subSystem.queryLuns()
    const open = Promise.withResolvers<void>()
    dataPlane.gate = open.promise
    const shrinking = await lun!.shrink(2 ** 30, { mayDiscardData: true })
    const applied = refusal(apply(fixture, { luns: [{ name: 'data', size: '20G' }] }))
    expect(await Promise.race([applied, shrinking.wait(100).catch(() => 'still waiting')])).toMatch(
      /VDS_E_ANOTHER_CALL_IN_PROGRESS/,
    )
    open.resolve()
    await shrinking.wait()
    expect(dataPlane.storage.get(lun!.id)).toBe(9 * 2 ** 30)
    await apply(fixture, { luns: [{ name: 'data', size: '20G' }] })
    expect(dataPlane.storage.get(lun!.id)).toBe(20 * 2 ** 30)
  })

  it('leaves the names of files behind that were being made when the process ended', async () => {
    const fixture = await start()
    fixture.dataPlane.gate = new Promise(() => undefined)
    void apply(fixture, { luns: [{ name: 'new', size: '1G' }] })
    await expect.poll(() => fixture.store.doomed.size).toBe(1)
    expect(fixture.store.stored.luns.size).toBe(0)
  })

  it('is refused to viewers and recorded', async () => {
    const fixture = await start()
    const work = applyDeclaration(fixture.management, { actor: VIEWER }, { subsystem: { friendlyName: 'mine' } })
    expect(await refusal(work)).toMatch(/VDS_E_ACCESS_DENIED/)
    const [entry] = fixture.store.auditLog({ limit: 1 })
    expect(entry).toMatchObject({ method: 'Configuration.apply', hresult: 'VDS_E_ACCESS_DENIED', actor: VIEWER })
  })

  it('leaves what the command line declares alone', async () => {
    const fixture = await start()
    await apply(fixture, WHOLE)
    const { management } = fixture
    await management.change({ actor: ADMINISTRATOR, method: 'test' }, (configuration) => {
      const [target] = [...configuration.targets.values()]
      const targets = new Map([[target!.id, { ...target!, origin: 'commandLine' as const }]])
      return { configuration: { ...configuration, targets }, result: undefined, hresult: 'S_OK' }
    })
    expect(exported(fixture).targets).toEqual([])
    expect(planDeclaration(management, exported(fixture), { prune: true })).toEqual([])
  })
})

describe('declarations of any kind', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 6 })
  const declarations = names.chain((lunNames) =>
    fc.record({
      portals: fc.uniqueArray(
        fc.integer({ min: 1, max: 9 }).map((port) => ({ host: '10.0.0.1', port })),
        {
          maxLength: 3,
          selector: ({ port }) => port,
        },
      ),
      luns: fc.constant(lunNames.map((name) => ({ name, size: 4096 }))),
      targets: fc.uniqueArray(
        fc.record({
          iscsiName: fc.constantFrom('a', 'b', 'c', 'd').map((tail) => `iqn.2024-01.org.example:${tail}`),
          friendlyName: fc.string({ maxLength: 5, unit: 'grapheme-ascii' }),
          luns: fc.subarray(lunNames).map((some) => some.map((name) => ({ name }))),
        }),
        { selector: ({ iscsiName }) => iscsiName },
      ),
    }),
  )

  it('give a state whose export is an empty plan and makes the same state', async () => {
    await fc.assert(
      fc.asyncProperty(declarations, declarations, async (first, second) => {
        const fixture = await start()
        await apply(fixture, first)
        await apply(fixture, second, { prune: true })
        expect(planDeclaration(fixture.management, second, { prune: true })).toEqual([])
        const declaration = exported(fixture)
        expect(planDeclaration(fixture.management, declaration, { prune: true })).toEqual([])
        const other = await start()
        await apply(other, declaration)
        expect(exported(other)).toEqual(declaration)
      }),
      { numRuns: 30 },
    )
  })

  it('are not slow when they are large', async () => {
    const fixture = await start()
    const luns = Array.from({ length: 1000 }, (_, index) => ({ name: `lun-${index}`, size: '1G' }))
    const targets = Array.from({ length: 200 }, (_, index) => ({
      iscsiName: `iqn.2024-01.org.example:t${index}`,
      luns: luns.slice(index * 5, index * 5 + 5).map(({ name }) => ({ name })),
      chap: { users: [{ user: `u${index}`, secret: `secret-number-${index}` }] },
    }))
    const { changes } = await apply(fixture, { luns, targets })
    expect(changes).toHaveLength(1200)
    expect((await apply(fixture, { luns, targets })).changes).toEqual([])
  })
})

describe('the schema', () => {
  it.each([
    [{ luns: [{ size: 1 }] }, /\/luns\/0 .*name/],
    [{ lun: [] }, /additional/],
    [{ targets: [{ iscsiName: IQN, chap: { users: [{ user: 'a' }] } }] }, /\/targets\/0\/chap\/users\/0 .*secret/],
    ['text', /must be object/],
  ])('refuses %j', (given, complaint) => {
    expect(() => readDeclaration(given)).toThrow(complaint)
  })

  it('takes secrets in files by the names of files', () => {
    const schema = JSON.stringify(fileSchema())
    expect(schema.match(/"secretFile":\{"type":"string"/g)).toHaveLength(4)
    expect(schema).not.toContain('a CHAP secret as text')
  })
})
