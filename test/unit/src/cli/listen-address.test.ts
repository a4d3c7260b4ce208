import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatEndpoint, parseListenAddress, parsePortalAddress } from '../../../../src/cli/listen-address.ts'

describe('parseListenAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 3260],
    ['192.168.1.5:3261', '192.168.1.5', 3261],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['::1', '::1', 3260],
    ['::', '::', 3260],
    ['[::1]', '::1', 3260],
    ['0:0:0:0:0:0:0:0', '::', 3260],
    ['[FD00:0:0::0005]:1', 'fd00::5', 1],
    ['[fd00::5]:65535', 'fd00::5', 65535],
    ['::ffff:0.0.0.0', '0.0.0.0', 3260],
    ['[::ffff:7f00:1]:1', '127.0.0.1', 1],
    ['[fe80::1%eth0]:3260', 'fe80::1%eth0', 3260],
    ['localhost', 'localhost', 3260],
    ['san-1.example.com:860', 'san-1.example.com', 860],
    ['3com.example', '3com.example', 3260],
  ])('reads %s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ kind: 'endpoint', endpoint: { host, port } })
  })

  it.each([
    ['', '0.0.0.0 or [::]'],
    [':3260', '0.0.0.0 or [::]'],
    ['*', '0.0.0.0 or [::]'],
    ['*:3260', '0.0.0.0 or [::]'],
    ['127.0.0.1:', 'port'],
    ['127.0.0.1:65536', 'port'],
    ['127.0.0.1:-1', 'port'],
    ['127.0.0.1:iscsi', 'port'],
    ['127.0.0.1:3260:1', 'port'],
    ['192.168.1.500', 'allowed is'],
    ['3260', 'allowed is'],
    ['-x.example', 'allowed is'],
    ['a b', 'allowed is'],
    ['fd00::zz', 'port'],
    ['[127.0.0.1]:3260', 'IPv6'],
    ['[::1', 'allowed is'],
    ['[::1]3260', 'allowed is'],
    ['http://127.0.0.1', 'port'],
    [`${'a'.repeat(64)}.example`, 'allowed is'],
  ])('refuses "%s" and says why', (text, reason) => {
    expect(parseListenAddress(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })

  it('reads back what formatEndpoint writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (name, port) => {
        const parsed = parseListenAddress(formatEndpoint({ host: name, port }))
        if (parsed.kind === 'invalid') throw new Error(parsed.reason)
        expect(parsed.endpoint.port).toBe(port)
        expect(isIP(parsed.endpoint.host)).toBe(isIP(name))
        expect(parseListenAddress(formatEndpoint(parsed.endpoint))).toEqual(parsed)
      }),
    )
  })
})

describe('parsePortalAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 3260, 1],
    ['[::1],0', '::1', 3260, 0],
    ['::1,2', '::1', 3260, 2],
    ['192.168.1.5:3261,65535', '192.168.1.5', 3261, 65_535],
  ])('reads %s', (text, host, port, portalGroupTag) => {
    expect(parsePortalAddress(text)).toEqual({ kind: 'portal', portal: { host, port, portalGroupTag } })
  })

  it('takes another port and another tag where none is named', () => {
    expect(parsePortalAddress('localhost,3', 3261)).toMatchObject({ portal: { port: 3261, portalGroupTag: 3 } })
    expect(parsePortalAddress('::1', 3261, 2)).toMatchObject({ portal: { port: 3261, portalGroupTag: 2 } })
    expect(parsePortalAddress('[::1]:1,4', 3261, 2)).toMatchObject({ portal: { port: 1, portalGroupTag: 4 } })
  })

  it.each([
    ['127.0.0.1,', 'portal group tag'],
    ['127.0.0.1,65536', 'portal group tag'],
    ['127.0.0.1,-1', 'portal group tag'],
    ['127.0.0.1,1,2', 'portal group tag'],
    ['127.0.0.1:x,1', 'port'],
    [',1', '0.0.0.0 or [::]'],
  ])('refuses "%s" and says why', (text, reason) => {
    expect(parsePortalAddress(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })
})
