import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  hasZone,
  isLinkLocalIpv4,
  isLinkLocalIpv6,
  isLoopback,
  isWildcard,
  parseIpAddress,
  unmapIpv4,
  withoutZone,
} from '../../../protocol/ip-addresses.ts'

describe('parseIpAddress', () => {
  it.each([
    ['192.0.2.5', '00000000000000000000ffffc0000205'],
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::', '20010db8000000000000000000000000'],
    ['2001:DB8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['::ffff:192.0.2.5', '00000000000000000000ffffc0000205'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
  ])('gives the 16 bytes of %s', (text, bytes) => {
    expect(parseIpAddress(text)?.toString('hex')).toBe(bytes)
  })

  it.each([
    ...['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', 'san.example.com', 'fe80::1%eth0', '1:2', ':::', '1::2::3'],
    ...[
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      '::1.2.3.4:5',
      '[::1]',
      '1.2.3.4::',
      '1.2.3.4::1',
      ':1:2:3:4:5:6:7',
    ],
  ])('does not take "%s" for an address', (text) => {
    expect(parseIpAddress(text)).toBe(null)
  })

  it('agrees with Node about what an address is', () => {
    const nearAddress = fc.array(fc.constantFrom('::', ':', '.', '0', '1', 'ff', 'abcd', '255', '12345', '1.2.3.4'), {
      maxLength: 16,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          nearAddress.map((parts) => parts.join('')),
          fc.ipV4(),
          fc.ipV6(),
        ),
        (text) => {
          expect(parseIpAddress(text) !== null).toBe(isIP(text) !== 0)
        },
      ),
    )
  })

  it('gives equal bytes for all spellings of an address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const { address } = new SocketAddress({ address: text, family: 'ipv6' })
        expect(parseIpAddress(text)).toEqual(parseIpAddress(address))
      }),
    )
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::1%lo', true],
  ['::ffff:127.0.0.1', true],
  ['LOCALHOST', true],
  ['0.0.0.0', false],
  ['::', false],
  ['128.0.0.1', false],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::127.0.0.1', false],
  ['127.0.0.1.example.com', false],
  ['', false],
  ['fe80::1', false],
  ['localhost.example.com', false],
])('isLoopback(%s) is %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})

it.each([
  ['0.0.0.0', true],
  ['::', true],
  ['127.0.0.1', false],
  ['::1', false],
])('isWildcard(%s) is %s', (host, expected) => {
  expect(isWildcard(host)).toBe(expected)
})

it.each([
  ['169.254.0.1', 'IPv4'],
  ['169.254.255.255', 'IPv4'],
  ['169.253.0.1', null],
  ['fe80::1', 'IPv6'],
  ['fe80::1%eth0', 'IPv6'],
  ['FEBF::1', 'IPv6'],
  ['fec0::1', null],
  ['fe8::1', null],
  ['2001:db8::1', null],
  ['fe80.example.com', null],
])('%s is link-local in %s', (host, family) => {
  expect([isLinkLocalIpv4(host), isLinkLocalIpv6(host)]).toEqual([family === 'IPv4', family === 'IPv6'])
})

it.each([
  ['fe80::1%eth0', true, 'fe80::1'],
  ['fe80::1', false, 'fe80::1'],
  ['san%1.example.com', true, 'san%1.example.com'],
])('the zone of %s', (host, expected, without) => {
  expect([hasZone(host), withoutZone(host)]).toEqual([expected, without])
})

it.each([
  ['::ffff:192.0.2.5', '192.0.2.5'],
  ['::FFFF:192.0.2.5', '192.0.2.5'],
  ['::ffff:5', '::ffff:5'],
  ['::fffe:192.0.2.5', '::fffe:192.0.2.5'],
  ['192.0.2.5', '192.0.2.5'],
  ['', ''],
])('unmapIpv4(%s) is %s', (address, plain) => {
  expect(unmapIpv4(address)).toBe(plain)
})

it('takes the loopback addresses that Node does for loopback', () => {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  const near = fc.constantFrom('::1', '::2', '0::1', '::ffff:127.1.2.3', '::ffff:7f00:1', '::127.0.0.1', '127.9.9.9')
  fc.assert(
    fc.property(fc.oneof(near, fc.ipV4(), fc.ipV6()), (text) => {
      expect(isLoopback(text)).toBe(loopback.check(text, isIPv6(text) ? 'ipv6' : 'ipv4'))
    }),
  )
})
