import { describe, expect, it } from 'vitest'
import { formatAddress, formatPortalAddress, usablePortals } from '../../../../protocol/discovery/target-address.ts'
import { ENDPOINT } from '../../../support/login-steps.ts'

/** `hosts` as portals on one port, and what is told of them to who has reached `localAddress`. */
const told = (hosts: readonly string[], localAddress: string) =>
  usablePortals(
    hosts.map((host) => ({ host, port: 3260, portalGroupTag: 1 })),
    { ...ENDPOINT, localAddress },
  ).map(({ host }) => host)

it.each([
  ['192.0.2.1', 3260, '192.0.2.1:3260', '192.0.2.1:3260,7'],
  ['2001:db8::1', 860, '[2001:db8::1]:860', '[2001:db8::1]:860,7'],
  ['san.example', 3261, 'san.example:3261', 'san.example:3261,7'],
])('[KEY-8] [PORT-3] [PORT-4] writes %s port %i', (host, port, address, portal) => {
  expect(formatAddress({ host, port })).toBe(address)
  expect(formatPortalAddress({ host, port, portalGroupTag: 7 })).toBe(portal)
})

describe('[DISC-13] the portals that an initiator is told of', () => {
  it('on a wildcard have the address that it has reached', () => {
    expect(told(['0.0.0.0'], '192.0.2.9')).toEqual(['192.0.2.9'])
    expect(told(['::'], '192.0.2.9')).toEqual(['192.0.2.9'])
    expect(told(['::'], '2001:db8::9')).toEqual(['2001:db8::9'])
  })

  it('are not those that listen to IPv4 alone at an IPv6 address', () => {
    expect(told(['0.0.0.0', '2001:db8::9'], '2001:db8::9')).toEqual(['2001:db8::9'])
    expect(told(['0.0.0.0', '::1'], '::1')).toEqual(['::1'])
  })

  it('are told once', () => {
    expect(told(['0.0.0.0', '192.0.2.9', '::'], '192.0.2.9')).toEqual(['192.0.2.9'])
  })

  it('lead to this machine only from this machine', () => {
    const hosts = ['127.0.0.1', '::1', 'localhost', '192.0.2.1']
    expect(told(hosts, '127.0.0.1')).toEqual(hosts)
    expect(told(hosts, '::1')).toEqual(hosts)
    expect(told(hosts, '192.0.2.1')).toEqual(['192.0.2.1'])
    expect(told(['127.0.0.1'], '192.0.2.1')).toEqual([])
  })

  it('have no link-local addresses, whose zone means nothing elsewhere', () => {
    expect(told(['fe80::1', 'FEBF::1', 'fe80::1%eth0', 'fec0::1'], '192.0.2.1')).toEqual(['fec0::1'])
    expect(told(['::'], 'fe80::9')).toEqual([])
  })
})
