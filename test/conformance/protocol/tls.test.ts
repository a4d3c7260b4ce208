/** Portals that speak TLS: iSCSI inside is as outside, and certificates decide who may log in as whom. */

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { type CertificateWishes, createAuthority } from '../../support/certificates.ts'
import { startTarget } from '../../support/target-server.ts'
import { PATIENCE_MS, WireConnection } from '../../support/wire-connection.ts'
import { useTarget, type WireFixture } from '../../support/wire-fixture.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import {
  clearUnitAttentions,
  execute,
  finishCommand,
  GOOD,
  pattern,
  read10,
  sendCommand,
  write10,
} from '../../support/wire-scsi.ts'
import { decodeTextPairs } from '../../support/wire-text.ts'

const MIB = 1024 * 1024
const authority = createAuthority()
const stranger = createAuthority('Somebody Else')
const served = authority.issue({ addresses: ['127.0.0.1'], usage: 'server' })

/** A client that trusts the authority and shows no certificate. */
const TRUSTING: ConnectionOptions = { ca: authority.certificate }
const INITIATOR = 'iqn.2026-01.test.lunette:wire'

function showing(wishes: CertificateWishes, issuer = authority): ConnectionOptions {
  const { certificate, key } = issuer.issue(wishes)
  return { ...TRUSTING, cert: certificate, key }
}

async function sendTargets(initiator: WireInitiator, value: string) {
  const response = await initiator.expect(OPCODE.TEXT_RESPONSE, await initiator.sendText({ SendTargets: value }))
  return decodeTextPairs(response.data)
}

/** Resolves when one of the target's warnings matches. */
async function warned({ target }: WireFixture, pattern: RegExp): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!target.warnings.some((line) => pattern.test(line))) {
    if (performance.now() > deadlineMs) throw new Error(`no warning matches ${pattern}:\n${target.warnings.join('\n')}`)
    await sleep(5)
  }
}

describe('a portal with TLS', () => {
  const fixture = useTarget({ tls: { ...served, clientCa: null } })
  const open = (keys = {}) => fixture.open(keys, { tls: TRUSTING })

  it('serves a session as any other portal does', async () => {
    const initiator = await open({ HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' })
    const { data } = await initiator.ping({ data: Buffer.from('through TLS') })
    expect(data.toString()).toBe('through TLS')
    await initiator.logout()
  })

  it('brings back what was written, megabytes in both directions', async () => {
    const initiator = await open({ MaxRecvDataSegmentLength: '262144' })
    const writeData = pattern(4 * MIB)
    const request = { cdb: write10(0, writeData.length / 512), writeData, immediateBytes: 8192 }
    expect((await execute(initiator, request)).status).toBe(GOOD)
    const { status, data } = await execute(initiator, {
      cdb: read10(0, writeData.length / 512),
      readBytes: writeData.length,
    })
    expect(status).toBe(GOOD)
    expect(data.equals(writeData)).toBe(true)
  })

  it('waits for an initiator that stops reading, and then gives it everything', async () => {
    const initiator = await open({ MaxRecvDataSegmentLength: '262144' })
    const witness = await open()
    initiator.connection.pauseReading()
    const request = { cdb: read10(0, 16_384), readBytes: 8 * MIB }
    const tags = [await sendCommand(initiator, request), await sendCommand(initiator, request)]
    await witness.ping()
    initiator.connection.resumeReading()
    for (const itt of tags) {
      const { status, data } = await finishCommand(initiator, itt, request)
      expect([status, data.length]).toEqual([GOOD, 8 * MIB])
    }
  })

  it('[DISC-11] tells of the target without an address, which means that of this connection', async () => {
    const own = [['TargetName', fixture.target.targetName]]
    expect(await sendTargets(await fixture.discover({}, { tls: TRUSTING }), 'All')).toEqual(own)
    expect(await sendTargets(await open(), '')).toEqual(own)
  })

  it('is not among the addresses that others are told of', async () => {
    const { targetName, host, plainPort } = fixture.target
    const pairs = await sendTargets(await fixture.discover({}, { port: plainPort }), 'All')
    expect(pairs).toEqual([
      ['TargetName', targetName],
      ['TargetAddress', `${host}:${plainPort},2`],
    ])
  })

  it('keeps its sessions from those who come without TLS under the same name', async () => {
    const isid = Buffer.from('80000000beef', 'hex')
    const initiator = await fixture.open({}, { tls: TRUSTING, isid })
    const other = await fixture.open({}, { port: fixture.target.plainPort, isid })
    await other.ping()
    await initiator.ping()
  })

  it('keeps them even where a portal without TLS claims to be of the same group', async () => {
    const isid = Buffer.from('80000000beef', 'hex')
    const initiator = await fixture.open({ MaxConnections: '4' }, { tls: TRUSTING, isid })
    const port = await fixture.target.node.openPortal({ id: '1 without TLS', host: '127.0.0.1', port: 0 })
    const joining = await fixture.connect({ port, isid })
    expect(await joining.refusedLogin({ keys: joining.names(), tsih: initiator.tsih, cid: 1 })).toBe(0x0208)
    await (await fixture.open({}, { port, isid })).ping()
    await initiator.ping()
    await fixture.target.node.closePortal('1 without TLS', 0)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const tls = { ...TRUSTING, minVersion: version, maxVersion: version }
    await (await fixture.open({}, { tls })).ping()
  })

  it.each<[string, ConnectionOptions]>([
    ['an older version', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['a cipher without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['a cipher without authenticated encryption', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  ])('refuses %s', async (_what, tls) => {
    const { host, port } = fixture.target
    await expect(WireConnection.open(host, port, { ...TRUSTING, ...tls })).rejects.toThrow()
    await (await open()).ping()
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes no session of %s', async (version) => {
    const { host, port } = fixture.target
    const options = { ...TRUSTING, host, port, maxVersion: version }
    const first = connectTls(options)
    const sessions: Buffer[] = []
    first.on('session', (session: Buffer) => sessions.push(session))
    await once(first, 'secureConnect')
    first.write(Buffer.alloc(48))
    await once(first, 'close')
    const kept = sessions.at(-1) ?? first.getSession()
    expect(kept).toBeDefined()
    const second = connectTls({ ...options, session: kept! })
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).toBe(false)
    second.destroy()
  })

  it('does not negotiate again', async () => {
    const { host, port } = fixture.target
    const socket = connectTls({ ...TRUSTING, host, port, maxVersion: 'TLSv1.2' })
    await once(socket, 'secureConnect')
    const failed = once(socket, 'error')
    socket.renegotiate({}, () => {})
    expect(String((await failed)[0])).toContain('no renegotiation')
    socket.destroy()
  })

  it('tells initiators that speak no TLS apart, and closes', async () => {
    const initiator = await fixture.connect()
    await initiator.sendLogin({ keys: initiator.names() })
    await initiator.connection.drainUntilClosed()
    await warned(fixture, /a TLS handshake failed .*127\.0\.0\.1.*does not speak TLS/)
  })

  it('survives clients that go away in the middle of everything', async () => {
    const { host, port } = fixture.target
    for (const helloBytes of ['', '16', '1603010200', '16030102000100']) {
      const connection = await WireConnection.open(host, port)
      if (helloBytes !== '') await connection.write(Buffer.from(helloBytes, 'hex'))
      connection.reset()
    }
    const reader = await open({ MaxRecvDataSegmentLength: '262144' })
    await sendCommand(reader, { cdb: read10(0, 16_384), readBytes: 8 * MIB })
    reader.connection.destroy()
    const writer = await open()
    writer.connection.endWriting()
    await writer.connection.expectClosed()
    await (await open()).ping()
  })
})

describe('an orderly stop', () => {
  it('sends the answer of a command that has run to its end, however slowly the initiator reads', async () => {
    const target = await startTarget({ tls: { ...served, clientCa: null }, limits: { drainTimeoutMs: 2_000 } })
    const silent = await WireConnection.open(target.host, target.port)
    try {
      const initiator = await WireInitiator.connect({ ...target, tls: TRUSTING })
      await initiator.login({ MaxRecvDataSegmentLength: '262144' })
      await clearUnitAttentions(initiator)
      initiator.connection.pauseReading()
      const request = { cdb: read10(0, 16_384), readBytes: 8 * MIB }
      const itt = await sendCommand(initiator, request)
      await sleep(100)
      const closing = target.close()
      await sleep(100)
      initiator.connection.resumeReading()
      const { status, data } = await finishCommand(initiator, itt, request)
      expect([status, data.length]).toEqual([GOOD, request.readBytes])
      await closing
      await silent.expectClosed()
    } finally {
      silent.destroy()
      await target.close()
    }
  })
})

describe('a TLS handshake that does not end', () => {
  const identity = { ...served, clientCa: null }
  const hurried = useTarget({ tls: identity, limits: { loginTimeoutMs: 150 } })
  const few = useTarget({ tls: identity, limits: { connectionsMax: 2 } })

  it('[LOGIN-32] is dropped in time, however lively it stalls', async () => {
    const { host, port } = hurried.target
    const silent = await WireConnection.open(host, port)
    const lively = await WireConnection.open(host, port)
    const interval = setInterval(() => void lively.write(Buffer.from('16')), 20)
    await lively.write(Buffer.from('1603017000', 'hex'))
    await Promise.all([silent.drainUntilClosed(), lively.drainUntilClosed()])
    clearInterval(interval)
    for (const connection of [silent, lively]) connection.destroy()
    await warned(hurried, /dropped a TLS handshake .*no TLS within 150 ms/)
  })

  it('[LOGIN-32] is followed by a login that has its own time', async () => {
    const connection = await WireConnection.open(hurried.target.host, hurried.target.port, TRUSTING)
    await connection.drainUntilClosed()
    connection.destroy()
  })

  it('takes a place among those who have not logged in, and gives it up first', async () => {
    const { host, port } = few.target
    const witness = await few.open({}, { tls: TRUSTING })
    const idle = await WireConnection.open(host, port)
    const second = await few.open({}, { tls: TRUSTING })
    await idle.drainUntilClosed()
    for (const initiator of [witness, second]) await initiator.ping()
    idle.destroy()
  })
})

describe('a portal that demands certificates', () => {
  const fixture = useTarget({ tls: { ...served, clientCa: authority.certificate } })

  /** Status of the login by `initiatorName` with this certificate. */
  async function login(wishes: CertificateWishes, initiatorName = INITIATOR): Promise<number> {
    const initiator = await fixture.connect({ tls: showing(wishes), initiatorName })
    const response = await initiator.stepLogin({ keys: initiator.names() })
    return response.header.readUInt16BE(36)
  }

  it.each<[string, CertificateWishes]>([
    ['a URI', { uris: [`iscsi:${INITIATOR}`], usage: 'client' }],
    [
      'one of several URIs',
      { uris: ['https://example.com', 'iscsi:iqn.2026-01.test.lunette:a', `iscsi:${INITIATOR}`] },
    ],
    ['a URI in another spelling', { uris: [`ISCSI:${INITIATOR.toUpperCase()}`] }],
    ['its common name, when it has no such URI', { commonName: INITIATOR, dnsNames: ['host.example.com'] }],
  ])('lets an initiator in by %s', async (_what, wishes) => {
    expect(await login(wishes)).toBe(0)
  })

  it.each<[string, CertificateWishes, RegExp]>([
    ['another name', { uris: ['iscsi:iqn.2026-01.test.lunette:other'] }, /carries \\"iqn.2026-01.test.lunette:other/],
    ['no iSCSI name', { commonName: 'host.example.com', dnsNames: ['host.example.com'] }, /carries no iSCSI name/],
    ['the name in a URI of another kind', { uris: [`https:${INITIATOR}`, INITIATOR] }, /carries no iSCSI name/],
    [
      'the name only as common name beside a URI',
      { commonName: INITIATOR, uris: ['iscsi:iqn.2026-01.test.lunette:other'] },
      /is not in the client's certificate/,
    ],
    ['the name inside of another', { uris: [`x:a, URI:iscsi:${INITIATOR}`] }, /carries no iSCSI name/],
  ])('refuses a login by a certificate with %s: 0202', async (_what, wishes, reason) => {
    expect(await login(wishes)).toBe(0x0202)
    const { warnings } = fixture.target
    expect(warnings.at(-1)).toMatch(/^refused a login .*Authorization failure.*InitiatorName/)
    expect(warnings.at(-1)).toMatch(reason)
  })

  it('refuses discovery and unknown targets alike to who bears another name', async () => {
    const tls = showing({ uris: ['iscsi:iqn.2026-01.test.lunette:other'] })
    const absent = await fixture.connect({ tls, targetName: 'iqn.2026-01.test.lunette:absent' })
    expect(await absent.refusedLogin({ keys: absent.names() })).toBe(0x0202)
    const discovering = await fixture.connect({ tls })
    expect(await discovering.refusedLogin({ keys: discovering.names('Discovery') })).toBe(0x0202)
  })

  it.each<[string, ConnectionOptions, RegExp]>([
    ['none', TRUSTING, /it shows none/],
    ["somebody else's", showing({ uris: [`iscsi:${INITIATOR}`] }, stranger), /UNABLE_TO|SELF_SIGNED|LEAF_SIGNATURE/],
    ['one that has expired', showing({ uris: [`iscsi:${INITIATOR}`], validToDays: -0.5 }), /CERT_HAS_EXPIRED/],
    ['one from the future', showing({ uris: [`iscsi:${INITIATOR}`], validFromDays: 0.5 }), /CERT_NOT_YET_VALID/],
    ["a server's", showing({ uris: [`iscsi:${INITIATOR}`], usage: 'server' }), /INVALID_PURPOSE/],
  ])('does not talk to clients that show %s', async (_what, tls, reason) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const connecting = fixture.connect({ tls: { ...tls, maxVersion } })
      // The close may come before the client has seen the end of the handshake.
      const initiator = await connecting.catch(() => null)
      await initiator?.sendLogin({ keys: initiator.names() })
      await initiator?.connection.expectClosed()
    }
    await warned(fixture, /refused a TLS client for its certificate .*127\.0\.0\.1/)
    await warned(fixture, reason)
  })

  it('keeps the log short, however long the name of a stranger is', async () => {
    const tls = showing({ commonName: 'x'.repeat(20_000) }, stranger)
    await (
      await fixture.connect({ tls: { ...tls, maxVersion: 'TLSv1.2' } }).catch(() => null)
    )?.connection.expectClosed()
    await warned(fixture, /refused a TLS client for its certificate .*CN=xxx/)
    expect(Math.max(...fixture.target.warnings.map(({ length }) => length))).toBeLessThan(1_000)
  })
})

describe('a renewed certificate', () => {
  const fixture = useTarget({ tls: { ...served, clientCa: authority.certificate } })
  const tls = showing({ uris: [`iscsi:${INITIATOR}`] })

  it('is shown from then on, and connections that exist go on', async () => {
    const before = await fixture.open({}, { tls })
    const next = createAuthority('Next')
    const renewed = next.issue({ addresses: ['127.0.0.1'] })
    fixture.target.node.renewTls({ ...renewed, clientCa: authority.certificate })
    await (await fixture.open({}, { tls: { ...tls, ca: next.certificate } })).ping()
    await expect(fixture.connect({ tls })).rejects.toThrow()
    await before.ping()
  })

  it('that does not fit its key changes nothing', async () => {
    fixture.target.node.renewTls({ ...served, clientCa: authority.certificate })
    const { key } = authority.issue({})
    const identity = { certificate: served.certificate, key, clientCa: authority.certificate }
    expect(() => fixture.target.node.renewTls(identity)).toThrow(/key values mismatch/)
    await (await fixture.open({}, { tls })).ping()
  })

  it('cannot do away with the demand for certificates', () => {
    expect(() => fixture.target.node.renewTls({ ...served, clientCa: null })).toThrow(/cannot change/)
  })
})
