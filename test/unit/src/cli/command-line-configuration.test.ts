import { pino } from 'pino'
import { expect, it } from 'vitest'
import { commandLineConfiguration } from '../../../../src/cli/command-line-configuration.ts'
import type { ServerOptions } from '../../../../src/server-options.ts'

const OPTIONS: ServerOptions = {
  dataDirectory: '/data',
  store: {
    savedStateOf: () => neverCalled(),
    configurationStore: () => neverCalled(),
    apiTokens: () => neverCalled(),
  },
  api: null,
  version: '0.0.0',
  listen: [
    { host: '127.0.0.1', port: 3260, portalGroupTag: 1 },
    { host: '::1', port: 3260, portalGroupTag: 4 },
    { host: '127.0.0.2', port: 0, portalGroupTag: 1 },
  ],
  target: { name: 'iqn.2026-01.test:disk', alias: 'Lunette' },
  luns: ['a', 'b'].map((id, lun) => ({
    id,
    lun,
    path: `/disks/${id}.img`,
    blockLengthBytes: 4096,
    physicalBlockBytes: 4096,
    readOnly: lun === 1,
    identity: { vendor: 'V', product: 'P', revision: '1', serialNumber: `S-${id}`, naa: Buffer.alloc(8, 0x30) },
  })),
  authentication: { kind: 'none' },
  log: pino({ level: 'silent' }),
}

function neverCalled(): never {
  throw new Error('what is declared depends on the options alone')
}

function declared(changes: Partial<ServerOptions> = {}) {
  let minted = 0
  const configuration = commandLineConfiguration({ ...OPTIONS, ...changes }, () => `id-${++minted}`)
  const [target] = [...configuration.targets.values()]
  return { configuration, target: target! }
}

it('the disks are LUNs of one target, for everybody who may log in', () => {
  const { configuration, target } = declared()
  expect(target).toMatchObject({ origin: 'commandLine', iscsiName: 'iqn.2026-01.test:disk', friendlyName: 'Lunette' })
  expect([...target.luns]).toEqual([
    ['a', 0],
    ['b', 1],
  ])
  expect(configuration.luns.get('b')).toMatchObject({
    origin: 'commandLine',
    path: '/disks/b.img',
    friendlyName: '/disks/b.img',
    blockLengthBytes: 4096,
    isReadOnly: true,
    isRemovable: false,
    serialNumber: 'S-b',
    naa: '30'.repeat(8),
    unmask: { initiators: '*', networks: [], readOnlyInitiators: [] },
  })
  expect([target.chapUsers, target.rememberedSecrets.size, configuration.subSystem.discoveryUsers]).toEqual([[], 0, []])
})

it('the addresses are portals in groups by their tags, those with TLS in groups of their own', () => {
  const identity = { certificate: '', key: '', clientCa: null }
  const listen = [{ host: '127.0.0.1', port: 3261, portalGroupTag: 2 }]
  const { configuration, target } = declared({ tls: { listen, identity } })
  const portals = target.portalGroups.map(({ tag, portalIds }) => [
    tag,
    portalIds.map((id) => configuration.portals.get(id)),
  ])
  expect(portals).toMatchObject([
    [
      1,
      [
        { host: '127.0.0.1', port: 3260 },
        { host: '127.0.0.2', port: 0 },
      ],
    ],
    [4, [{ host: '::1', hasTls: false }]],
    [2, [{ port: 3261, hasTls: true }]],
  ])
})

it('CHAP holds for the target and for discovery', () => {
  const [secret, own] = [Buffer.from('one of 16 bytes.'), Buffer.from('two of 16 bytes.')]
  const initiators = [
    { user: 'all', secret },
    { user: 'one', secret, initiatorNames: ['iqn.2026-01.test:one'] },
  ]
  const { configuration, target } = declared({
    authentication: { kind: 'chap', initiators, target: { user: 'array', secret: own } },
  })
  const users = [
    { user: 'all', secret, initiatorNames: [] },
    { user: 'one', secret, initiatorNames: ['iqn.2026-01.test:one'] },
  ]
  expect([target.chapUsers, configuration.subSystem.discoveryUsers]).toEqual([users, users])
  expect(target.rememberedSecrets).toEqual(new Map([['*', { user: 'array', secret: own }]]))
})
