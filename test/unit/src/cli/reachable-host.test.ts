import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { reachableHost } from '../../../../src/cli/reachable-host.ts'

const address = (text: string, internal = false) =>
  ({ address: text, family: text.includes(':') ? 'IPv6' : 'IPv4', internal }) as NetworkInterfaceInfo

const LOOPBACK = [address('127.0.0.1', true), address('::1', true)]
const LINK_LOCAL = address('fe80::1')

it.each([
  ['192.168.1.5', [], '192.168.1.5'],
  ['san.example', [], 'san.example'],
  ['0.0.0.0', [...LOOPBACK, address('10.0.0.7'), address('10.0.0.8')], '10.0.0.7'],
  ['0.0.0.0', LOOPBACK, '127.0.0.1'],
  ['::', [...LOOPBACK, LINK_LOCAL, address('10.0.0.7'), address('fd00::7')], 'fd00::7'],
  ['::', [...LOOPBACK, LINK_LOCAL, address('10.0.0.7')], '10.0.0.7'],
  ['::', [...LOOPBACK, LINK_LOCAL], '::1'],
])('leads initiators that should reach %s to a usable address', (host, interfaces, expected) => {
  expect(reachableHost(host, interfaces)).toBe(expected)
})
