/** Who may log in where and finds what, as a configuration says. */

import { describe, expect, it } from 'vitest'
import type { PortalEndpoint } from '../../../../protocol/target-directory.ts'
import { AccessRules } from '../../../../src/data-plane/access-rules.ts'
import { ConfiguredDirectory } from '../../../../src/data-plane/configured-directory.ts'
import type { Configuration, LunRecord, TargetRecord } from '../../../../src/management/configuration.ts'
import { configurationOf, iscsiNameOf, lunRecord, portalRecord, targetRecord } from '../../../support/live-array.ts'

const ME = 'iqn.2026-01.test:me'
const OTHER = 'iqn.2026-01.test:other'
const [NEAR, FAR, LOOPBACK] = ['192.0.2.7', '198.51.100.7', '127.0.0.1']
const SECRET = Buffer.from('a secret of 16 B')

function rulesFor(lun: Partial<LunRecord>, subSystem: Partial<Configuration['subSystem']> = {}): AccessRules {
  return new AccessRules(
    configurationOf({
      luns: [lunRecord('a', lun)],
      targets: [targetRecord('t', { 1: ['p1'] }, { 0: 'a' })],
      portals: [portalRecord('p1')],
      subSystem,
    }),
  )
}

const unmask = (initiators: '*' | string[], networks: string[] = [], readOnlyInitiators: '*' | string[] = []) => ({
  unmask: { initiators, networks, readOnlyInitiators },
})

describe('access to a LUN', () => {
  it.each([
    ['for everybody', unmask('*'), ME, FAR, 'readWrite'],
    ['for nobody', unmask([]), ME, LOOPBACK, 'none'],
    ['for a name', unmask([ME]), ME, FAR, 'readWrite'],
    ['for another name', unmask([OTHER]), ME, FAR, 'none'],
    ['for a network', unmask('*', ['192.0.2.0/24']), ME, NEAR, 'readWrite'],
    ['for another network', unmask('*', ['192.0.2.0/24']), ME, FAR, 'none'],
    ['for one of two networks', unmask('*', ['10.0.0.0/8', '198.51.100.7']), ME, FAR, 'readWrite'],
    ['for what is no network', unmask('*', ['nonsense']), ME, NEAR, 'none'],
    ['for a name from a network', unmask([ME], ['192.0.2.0/24']), ME, FAR, 'none'],
    ['for readers', unmask('*', [], '*'), ME, FAR, 'readOnly'],
    ['for one reader', unmask('*', [], [ME]), ME, FAR, 'readOnly'],
    ['for another reader', unmask('*', [], [OTHER]), ME, FAR, 'readWrite'],
    ['for a reader that is masked', unmask([OTHER], [], [ME]), ME, FAR, 'none'],
    ['that is offline', { ...unmask('*'), status: 'offline' as const }, ME, FAR, 'none'],
  ])('%s', (_title, lun, name, address, access) => {
    expect(rulesFor(lun).accessTo('a', name, address)).toBe(access)
  })

  it('there is none to an unknown one, or while the array is offline', () => {
    expect(rulesFor({}).accessTo('b', ME, LOOPBACK)).toBe('none')
    expect(rulesFor({}, { status: 'offline' }).accessTo('a', ME, LOOPBACK)).toBe('none')
  })
})

function directoryFor(target: Partial<TargetRecord>, lun: Partial<LunRecord> = unmask([ME])) {
  const rules = new AccessRules(
    configurationOf({
      luns: [lunRecord('a', lun)],
      targets: [targetRecord('t', { 1: ['p1'], 7: ['p2', 'secure'] }, { 0: 'a' }, target)],
      portals: ['p1', 'p2', 'p3'].map((id) => portalRecord(id)).concat(portalRecord('secure', { hasTls: true })),
    }),
  )
  const addressOf = (id: string) => (id === 'p3' ? null : { host: '192.0.2.1', port: 3260 + id.length })
  return new ConfiguredDirectory({ rules, isServed: () => true, addressOf }, null)
}

function from(remoteAddress: string, portalId = 'p1'): PortalEndpoint {
  const tls = portalId === 'secure' ? { clientNames: null } : null
  return { localAddress: '192.0.2.1', localPort: 3260, remoteAddress, portalId, tls }
}

const lookUp = (directory: ConfiguredDirectory, name: string, endpoint: PortalEndpoint) =>
  directory.findTarget(iscsiNameOf('t'), name, endpoint).kind

describe('a target without CHAP', () => {
  it('is for who finds a LUN, and for who comes from this machine', () => {
    const directory = directoryFor({})
    expect(lookUp(directory, ME, from(FAR))).toBe('found')
    expect(lookUp(directory, OTHER, from(FAR))).toBe('forbidden')
    expect(lookUp(directory, OTHER, from(LOOPBACK))).toBe('found')
    expect(directory.discover(ME, from(FAR))).toHaveLength(1)
    expect(directory.discover(OTHER, from(FAR))).toEqual([])
    expect(directory.authentication(iscsiNameOf('t'), ME)).toEqual({ kind: 'none' })
  })

  it('is not there on a portal of none of its groups', () => {
    expect(lookUp(directoryFor({}), ME, from(FAR, 'p3'))).toBe('notFound')
    expect(directoryFor({}).findTarget('iqn.2026-01.test:unknown', ME, from(FAR))).toEqual({ kind: 'notFound' })
  })
})

describe('a group with portals with TLS and without it', () => {
  it('leads to the target through TLS only', () => {
    const directory = directoryFor({})
    expect(directory.findTarget(iscsiNameOf('t'), ME, from(FAR, 'secure'))).toMatchObject({ portalGroupTag: 7 })
    expect(lookUp(directory, ME, from(FAR, 'p2'))).toBe('notFound')
    const [discovered] = directory.discover(ME, from(FAR))
    expect(discovered?.addresses).toEqual([{ host: '192.0.2.1', port: 3262, portalGroupTag: 1 }])
  })
})

describe('a target with CHAP', () => {
  const user = (name: string, initiatorNames: string[] = []) => ({ user: name, secret: SECRET, initiatorNames })

  it('is for those who can authenticate, whatever they find', () => {
    const directory = directoryFor({ chapUsers: [user('mine', [ME])] }, unmask([]))
    expect(lookUp(directory, ME, from(FAR))).toBe('found')
    expect(lookUp(directory, OTHER, from(LOOPBACK))).toBe('forbidden')
    expect(directory.discover(OTHER, from(LOOPBACK))).toEqual([])
    expect(directory.authentication(iscsiNameOf('t'), ME)).toEqual({
      kind: 'chap',
      initiators: [{ user: 'mine', secret: SECRET }],
      target: null,
    })
  })

  it('takes the shared secret from every initiator under its own name', () => {
    const directory = directoryFor({ sharedSecret: SECRET, chapUsers: [user('all')] })
    expect(directory.authentication(iscsiNameOf('t'), OTHER)).toMatchObject({
      initiators: [
        { user: 'all', secret: SECRET },
        { user: OTHER, secret: SECRET },
      ],
    })
  })

  it('takes from an initiator with a secret of its own that one and not the shared one', () => {
    const own = Buffer.from('its own 16 bytes')
    const chapUsers = [{ user: ME, secret: own, initiatorNames: [ME] }]
    const directory = directoryFor({ sharedSecret: SECRET, chapUsers })
    const policyFor = (name: string) => directory.authentication(iscsiNameOf('t'), name)
    expect(policyFor(ME)).toMatchObject({ initiators: [{ user: ME, secret: own }] })
    expect(policyFor(OTHER)).toMatchObject({ initiators: [{ user: OTHER, secret: SECRET }] })
  })

  it('proves itself with what it remembers of the initiator, or of all', () => {
    const [mine, anybodys] = [Buffer.from('one of 16 bytes.'), Buffer.from('two of 16 bytes.')]
    const rememberedSecrets = new Map([
      [ME, { user: null, secret: mine }],
      ['*', { user: 'array', secret: anybodys }],
    ])
    const directory = directoryFor({ chapUsers: [user('all')], rememberedSecrets })
    const proof = (name: string) => directory.authentication(iscsiNameOf('t'), name)
    expect(proof(ME)).toMatchObject({ target: { user: iscsiNameOf('t'), secret: mine } })
    expect(proof(OTHER)).toMatchObject({ target: { user: 'array', secret: anybodys } })
  })
})

describe('a discovery without a target', () => {
  const discoveryUsers = [{ user: 'scout', secret: SECRET, initiatorNames: [ME] }]
  const mutual = (text: string) => ({
    rememberedSecrets: new Map([['*', { user: 'array', secret: Buffer.from(text) }]]),
  })
  const directoryWith = (secrets: readonly string[], users = discoveryUsers) => {
    const targets = secrets.map((secret, index) => targetRecord(`t${index}`, {}, {}, mutual(secret)))
    const rules = new AccessRules(configurationOf({ targets, subSystem: { discoveryUsers: users } }))
    return new ConfiguredDirectory({ rules, isServed: () => true, addressOf: () => null }, null)
  }

  it('is open without discovery users, and otherwise for them', () => {
    expect(directoryWith([], []).authentication(null, OTHER)).toEqual({ kind: 'none' })
    expect(directoryWith([]).authentication(null, ME)).toMatchObject({ initiators: [{ user: 'scout' }], target: null })
    expect(directoryWith([]).authentication(null, OTHER)).toMatchObject({ kind: 'chap', initiators: [] })
  })

  it('takes the secrets of all targets from who proves one without being asked', () => {
    const [first, second] = [Buffer.from('one of 16 bytes.'), Buffer.from('two of 16 bytes.')]
    const targets = [
      targetRecord(
        't1',
        {},
        {},
        { chapUsers: [{ user: ME, secret: first, initiatorNames: [ME] }], sharedSecret: SECRET },
      ),
      targetRecord('t2', {}, {}, { sharedSecret: second }),
    ]
    const rules = new AccessRules(configurationOf({ targets }))
    expect(rules.discoveryAuthentication(ME)).toEqual({
      kind: 'chap',
      initiators: [first, second].map((secret) => ({ user: ME, secret })),
      target: null,
      isOptional: true,
    })
  })

  it('gets the proof that all targets give alike, and otherwise none', () => {
    expect(directoryWith(['one', 'one']).authentication(null, ME)).toMatchObject({ target: { user: 'array' } })
    expect(directoryWith(['one', 'two']).authentication(null, ME)).toMatchObject({ target: null })
  })
})
