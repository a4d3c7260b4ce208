import { describe, expect, it } from 'vitest'
import type { PortalEndpoint, TargetLookup } from '../../../protocol/target-directory.ts'
import { DiscoveryDomainDirectory } from '../../../src/discovery-domain-directory.ts'
import { directoryWith } from '../../support/login-steps.ts'

const [TARGET, OTHER] = ['iqn.2026-01.test:disk', 'iqn.2026-01.test:other']
const [MEMBER, STRANGER] = ['iqn.2026-01.test:member', 'iqn.2026-01.test:stranger']
const ENDPOINT: PortalEndpoint = {
  localAddress: '127.0.0.1',
  localPort: 3260,
  remoteAddress: '127.0.0.2',
  portalId: '1',
  tls: null,
}
const target = { name: TARGET, alias: '' }
const portalGroupTag = 1
const redirection = { addresses: [{ host: '192.0.2.1', port: 3260 }], isPermanent: false, isForEverybody: true }

/** What members of `TARGET` only may see; null when nothing is known. */
function guarded(members: readonly string[] | null, lookup: TargetLookup = { kind: 'found', target, portalGroupTag }) {
  const inner = {
    ...directoryWith({ kind: 'none' }),
    findTarget: () => lookup,
    discover: () => [TARGET, OTHER].map((name) => ({ name, addresses: [] })),
  }
  const initiatorsOf = (name: string) => (name === TARGET && members !== null ? new Set(members) : null)
  return new DiscoveryDomainDirectory(inner, { initiatorsOf })
}

describe('a directory behind discovery domains', () => {
  it('lets members find what there is', () => {
    expect(guarded([MEMBER]).findTarget(TARGET, MEMBER, ENDPOINT)).toEqual({ kind: 'found', target, portalGroupTag })
    const moved: TargetLookup = { kind: 'moved', target, portalGroupTag, redirection }
    expect(guarded([MEMBER], moved).findTarget(TARGET, MEMBER, ENDPOINT)).toBe(moved)
  })

  it.each<TargetLookup>([
    { kind: 'found', target, portalGroupTag },
    { kind: 'moved', target, portalGroupTag, redirection },
  ])('refuses others what is $kind, and everybody while nothing is known', (lookup) => {
    expect(guarded([MEMBER], lookup).findTarget(TARGET, STRANGER, ENDPOINT)).toEqual({ kind: 'forbidden' })
    expect(guarded([], lookup).findTarget(TARGET, MEMBER, ENDPOINT)).toEqual({ kind: 'forbidden' })
    expect(guarded(null, lookup).findTarget(TARGET, MEMBER, ENDPOINT)).toEqual({ kind: 'forbidden' })
  })

  it.each<TargetLookup>([{ kind: 'notFound' }, { kind: 'removed' }, { kind: 'forbidden' }])(
    'says of what is $kind the same as before',
    (lookup) => {
      expect(guarded([MEMBER], lookup).findTarget(TARGET, STRANGER, ENDPOINT)).toBe(lookup)
    },
  )

  it('shows each initiator the targets that it is a member with', () => {
    const names = (initiator: string, members: readonly string[] | null = [MEMBER]) =>
      guarded(members)
        .discover(initiator, ENDPOINT)
        .map(({ name }) => name)
    expect([names(MEMBER), names(STRANGER), names(MEMBER, null)]).toEqual([[TARGET], [], []])
  })

  it('demands the same proof as before', () => {
    expect(guarded(null).authentication(null, STRANGER, ENDPOINT)).toEqual({ kind: 'none' })
  })
})
