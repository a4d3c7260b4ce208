import { describe, expect, it } from 'vitest'
import { type AddressSources, hasChangingAddresses, registrableAddresses } from '../../../src/isns-portals.ts'

const [IPV4, IPV6, LINK_LOCAL] = ['192.0.2.5', '2001:db8::5', 'fe80::5']

type InterfaceAddress = ReturnType<AddressSources['interfaceAddresses']>[number]
const address = (text: string, internal = false): InterfaceAddress => ({
  address: text,
  family: text.includes(':') ? 'IPv6' : 'IPv4',
  internal,
})
const LOOPBACK = [address('127.0.0.1', true), address('::1', true)]

function sources(addresses: readonly InterfaceAddress[] = []): AddressSources {
  const resolve = async (name: string) => {
    if (name !== 'san.example.com') throw new Error('not found')
    return IPV4
  }
  return { resolve, interfaceAddresses: () => [...LOOPBACK, ...addresses] }
}

describe('registrableAddresses', () => {
  it.each([IPV4, IPV6, '127.0.0.1', '::1'])('of a portal on %s is that', async (host) => {
    expect(await registrableAddresses(host, sources())).toEqual([host])
  })

  it('of a portal on all addresses are those that others reach, of its families', async () => {
    const machine = sources([
      address(IPV4),
      address('169.254.1.1'),
      address(IPV6),
      address(LINK_LOCAL),
      address('febf::1'),
    ])
    expect(await registrableAddresses('0.0.0.0', machine)).toEqual([IPV4])
    expect(await registrableAddresses('::', machine)).toEqual([IPV4, IPV6])
  })

  it('of a machine without a network are its own', async () => {
    expect(await registrableAddresses('0.0.0.0', sources())).toEqual(['127.0.0.1'])
    expect(await registrableAddresses('::', sources([address(LINK_LOCAL)]))).toEqual(['127.0.0.1', '::1'])
  })

  it('of a name is what it leads to; there is none for an unknown name and for one link only', async () => {
    expect(await registrableAddresses('san.example.com', sources())).toEqual([IPV4])
    expect(await registrableAddresses('nobody.example.com', sources())).toEqual([])
    expect(await registrableAddresses('fe80::5%eth0', sources())).toEqual([])
  })

  it('may change for portals on all addresses', () => {
    const changes = (host: string) => hasChangingAddresses({ host, port: 3260, portalGroupTag: 1 })
    expect(['0.0.0.0', '::', IPV4, 'san.example.com'].map(changes)).toEqual([true, true, false, false])
  })
})
