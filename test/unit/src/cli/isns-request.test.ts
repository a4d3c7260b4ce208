import { describe, expect, it } from 'vitest'
import { type IsnsWords, readIsns } from '../../../../src/cli/isns-request.ts'

describe('the options about iSNS', () => {
  it('are about none without --isns', () => {
    expect(readIsns({})).toBe(null)
  })

  it.each([
    ['isns.example.com', 'isns.example.com', 3205],
    ['192.0.2.1:3999', '192.0.2.1', 3999],
    ['[2001:db8::1]:3999', '2001:db8::1', 3999],
    ['2001:db8::1', '2001:db8::1', 3205],
  ])('take %s as the server', (isns, host, port) => {
    expect(readIsns({ isns })).toEqual({ host, port, notificationPort: 0, restrictsToDomains: false })
  })

  it('take discovery domains and the port for messages', () => {
    expect(readIsns({ isns: '::1', isnsDomains: true, isnsPort: '3206' })).toEqual({
      host: '::1',
      port: 3205,
      notificationPort: 3206,
      restrictsToDomains: true,
    })
  })

  it.each<[IsnsWords, string]>([
    [{ isnsDomains: true }, '--isns-domains needs --isns'],
    [{ isnsPort: '3206' }, '--isns-port needs --isns'],
    [{ isns: 'a b' }, '--isns a b is not an address'],
    [{ isns: '0.0.0.0' }, '--isns 0.0.0.0 leads nowhere: name one address'],
    [{ isns: 'isns.example.com:0' }, '--isns isns.example.com:0 has a port that is not a number from 1 to 65535'],
    [{ isns: '::1', isnsPort: '0' }, '--isns-port 0 is not a port: allowed is 1 to 65535'],
    [{ isns: '::1', isnsPort: '65536' }, '--isns-port 65536 is not a port'],
    [{ isns: '::1', isnsPort: 'x' }, '--isns-port x is not a port'],
  ])('refuse %o', (words, complaint) => {
    expect(() => readIsns(words)).toThrow(complaint)
  })
})
