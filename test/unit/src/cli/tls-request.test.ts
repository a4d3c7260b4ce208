import { describe, expect, it } from 'vitest'
import { readTls, type TlsWords } from '../../../../src/cli/tls-request.ts'
import { readTunnelRequest, type TunnelWords } from '../../../../src/cli/tunnel-request.ts'

const PLAIN = [{ host: '127.0.0.1', port: 3260, portalGroupTag: 1 }]
const FILES = { tlsCertificate: 'server.crt', tlsKey: 'server.key' }

describe('readTls', () => {
  it('is null when no portal speaks TLS', () => {
    expect(readTls({}, PLAIN)).toBeNull()
  })

  it('takes portals with a port and a group of their own by default', () => {
    const words = { ...FILES, tlsListen: ['192.168.1.5', '[::1]:4000,7', 'san.example'], tlsClientCa: 'ca.crt' }
    expect(readTls(words, PLAIN)).toEqual({
      listen: [
        { host: '192.168.1.5', port: 3261, portalGroupTag: 2 },
        { host: '::1', port: 4000, portalGroupTag: 7 },
        { host: 'san.example', port: 3261, portalGroupTag: 2 },
      ],
      certificateFile: 'server.crt',
      keyFile: 'server.key',
      clientCaFile: 'ca.crt',
    })
    expect(readTls({ ...FILES, tlsListen: ['::1'] }, PLAIN)).toMatchObject({ clientCaFile: null })
  })

  it.each<[TlsWords, string]>([
    [{ tlsCertificate: 'x' }, '--tls-certificate needs --tls-listen'],
    [{ tlsKey: 'x' }, '--tls-key needs --tls-listen'],
    [{ tlsClientCa: 'x' }, '--tls-client-ca needs --tls-listen'],
    [{ tlsListen: ['::1'], tlsKey: 'x' }, '--tls-listen needs --tls-certificate'],
    [{ tlsListen: ['::1'], tlsCertificate: 'x' }, '--tls-listen needs --tls-key'],
    [{ ...FILES, tlsListen: ['::1'], tlsClientCa: '' }, '--tls-client-ca is empty'],
    [{ ...FILES, tlsListen: ['nowhere:x'] }, '--tls-listen nowhere:x has a port that is not a number'],
    [{ ...FILES, tlsListen: ['::1,65536'] }, 'has a portal group tag that is not a number from 0 to 65535'],
    [{ ...FILES, tlsListen: ['127.0.0.1:3260'] }, '127.0.0.1:3260 is given twice'],
    [{ ...FILES, tlsListen: ['::1', '[::1]:3261'] }, '[::1]:3261 is given twice'],
    [{ ...FILES, tlsListen: ['::1,1'] }, 'is in portal group 1, as a portal without TLS is: give it another tag'],
  ])('refuses %j and says why', (words, message) => {
    expect(() => readTls(words, PLAIN)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(() => readTls(words, PLAIN)).toThrow(message)
  })
})

const readTunnel = (words: Partial<TunnelWords>) =>
  readTunnelRequest({ connect: 'san.example', logLevel: 'info', ...words })

describe('readTunnelRequest', () => {
  it('listens on loopback, connects to the port of TLS and verifies the name that it connects to', () => {
    expect(readTunnel({})).toEqual({
      listen: { host: '127.0.0.1', port: 3260 },
      server: { host: 'san.example', port: 3261 },
      serverName: 'san.example',
      caFile: null,
      client: null,
      logLevel: 'info',
    })
  })

  it('takes every option', () => {
    const words = {
      listen: '[::1]:4001',
      connect: '192.168.1.5:4000',
      ca: 'ca.crt',
      certificate: 'host.crt',
      key: 'host.key',
      serverName: 'san.example',
      logLevel: 'debug',
    }
    expect(readTunnel(words)).toEqual({
      listen: { host: '::1', port: 4001 },
      server: { host: '192.168.1.5', port: 4000 },
      serverName: 'san.example',
      caFile: 'ca.crt',
      client: { certificateFile: 'host.crt', keyFile: 'host.key' },
      logLevel: 'debug',
    })
    expect(readTunnel({ listen: '0.0.0.0', allowOthers: true }).listen).toEqual({ host: '0.0.0.0', port: 3260 })
  })

  it.each<[Partial<TunnelWords>, string]>([
    [{ connect: '' }, '--connect  names no address: allowed is ADDRESS'],
    [{ connect: 'san.example:0' }, '--connect san.example:0 has a port that is not a number from 1 to 65535'],
    [{ connect: '[::]' }, '--connect [::] leads nowhere: name one address'],
    [{ listen: '10.0.0.1' }, '--listen 10.0.0.1:3260 would let everybody who reaches this machine through the tunnel'],
    [{ listen: 'x:y' }, '--listen x:y has a port'],
    [{ certificate: 'x' }, '--certificate needs --key'],
    [{ key: 'x' }, '--key needs --certificate'],
    [{ ca: '' }, '--ca is empty'],
    [{ serverName: '' }, '--server-name is empty'],
    [{ logLevel: 'loud' }, 'allowed are fatal'],
  ])('refuses %j and says why', (words, message) => {
    expect(() => readTunnel(words)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(() => readTunnel(words)).toThrow(message)
  })
})
