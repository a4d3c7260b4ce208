import { isIP, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIpAddress } from '../../../../protocol/isns/ip-address.ts'

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
