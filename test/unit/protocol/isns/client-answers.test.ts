import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ENTITY, HOST, isnsFixture, TARGET } from '../../../support/isns-fixture.ts'
import { serverHeader, serverMessage, wireAttribute } from '../../../support/isns-wire.ts'
import { ESI, QUERY, SCN, SCN_REG, TAG } from '../../../support/mock-isns-server.ts'

const OTHER = 'iqn.2026-01.test:other'

describe('what a client knows of discovery domains', () => {
  it('is nothing before the server has answered, and what it said last while it is away', () => {
    const { client, server, stop } = isnsFixture(null)
    server.isAway = true
    server.initiators.set(TARGET, [HOST])
    client.start(ENTITY)
    server.advance(5_000)
    expect(client.initiatorsOf(TARGET)).toBe(null)
    server.isAway = false
    server.advance(10_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    server.isAway = true
    server.initiators.set(TARGET, [])
    server.cut()
    server.advance(600_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    server.isAway = false
    server.advance(10_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set())
    stop()
  })

  it('changes at the next refresh without a notification', () => {
    const { client, server, stop } = isnsFixture()
    expect(client.initiatorsOf(TARGET)).toEqual(new Set())
    server.initiators.set(TARGET, [HOST])
    server.advance(60_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    stop()
  })

  it('is normalised, without nodes that are no initiators, and of each target by itself', () => {
    const targets = [TARGET, OTHER].map((name) => ({ name, alias: '' }))
    const { client, server, stop } = isnsFixture(null)
    server.initiators.set(TARGET, [HOST.toUpperCase(), '-iqn.2026-01.test:target', 'not a name'])
    client.start({ ...ENTITY, targets })
    server.settle()
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    expect(client.initiatorsOf(OTHER)).toEqual(new Set())
    client.update({ ...ENTITY, targets: [{ name: OTHER, alias: '' }] })
    expect(client.initiatorsOf(TARGET)).toBe(null)
    stop()
  })

  it('stays when the question is refused', () => {
    const { client, server, stop } = isnsFixture(null)
    server.initiators.set(TARGET, [HOST])
    client.start(ENTITY)
    server.settle()
    server.refusals.set(QUERY, [5, 5])
    server.initiators.set(TARGET, [])
    server.advance(60_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    stop()
  })

  it('is that of nobody when the server has no such initiators any more', () => {
    const { client, server, stop } = isnsFixture(null)
    server.showsSelf = false
    server.initiators.set(TARGET, [HOST])
    client.start(ENTITY)
    server.settle()
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    server.refusals.set(QUERY, [9, 9])
    server.take(QUERY)
    server.advance(60_000)
    expect(server.take(QUERY)).toHaveLength(2)
    expect([client.initiatorsOf(TARGET), server.connectCount]).toEqual([new Set(), 1])
    stop()
  })

  it('is asked for once, however many notifications come at once', () => {
    const { client, server, stop } = isnsFixture()
    server.advance(10_000)
    server.take(QUERY)
    for (let times = 0; times < 100; times++) server.notify(client, SCN, [wireAttribute(TAG.NAME, TARGET)])
    server.advance(5_000)
    expect(server.take(QUERY).length).toBeLessThanOrEqual(4)
    stop()
  })

  it('is not asked for because of a notification for somebody else', () => {
    const { client, server, stop } = isnsFixture()
    server.advance(10_000)
    server.take(QUERY)
    expect(server.notify(client, SCN, [wireAttribute(TAG.NAME, OTHER)])!.status).toBe(9)
    expect(server.notify(client, SCN, [])!.status).toBe(2)
    expect(server.take(QUERY)).toEqual([])
    stop()
  })
})

describe('a client whose server talks nonsense', () => {
  it.each([
    ['an iSNSP version of another kind', Buffer.from('000280020000 4c00 0001 0000'.replaceAll(' ', ''), 'hex')],
    [
      'a PDU length that is no multiple of four',
      serverHeader({ functionId: 0x8002, transactionId: 1, lengthBytes: 2 }),
    ],
    ['a response without a status', serverMessage(0x8002, 1, [])],
    [
      'an attribute that is longer than its message',
      Buffer.concat([
        serverHeader({ functionId: ESI, transactionId: 1, lengthBytes: 8 }),
        Buffer.from('0000000100000004', 'hex'),
      ]),
    ],
  ])('closes the connection after %s and makes a new one', (_what, bytes) => {
    const { server, stop } = isnsFixture()
    server.sendRaw(bytes)
    expect(server.connectionCount).toBe(0)
    server.advance(1_000)
    expect(server.connectionCount).toBe(1)
    stop()
  })

  it.each([
    ['none', []],
    ['an empty one', [wireAttribute(TAG.EID, Buffer.alloc(0))]],
    ['one that is too long to be sent back', [wireAttribute(TAG.EID, 'x'.repeat(300))]],
    ['one that is no text', [wireAttribute(TAG.EID, Buffer.from('ff000000', 'hex'))]],
  ])('does not register with an entity identifier when it is told %s', (_what, attributes) => {
    const { client, server, stop } = isnsFixture(null)
    server.surprises.push({ status: 0, attributes })
    client.start(ENTITY)
    server.settle()
    expect([server.requests.length, server.connectionCount]).toEqual([1, 0])
    server.advance(2_000)
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('survives whatever it answers', () => {
    const tag = fc.constantFrom(...Object.values(TAG), 999)
    const value = fc.oneof(
      fc.nat(0xffffffff),
      fc.constantFrom(TARGET, HOST, '', 'isns:1', 'x'.repeat(300)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3))),
    )
    const attributes = fc.array(
      fc.tuple(tag, value).map(([number, content]) => wireAttribute(number, content)),
      { maxLength: 6 },
    )
    const answer = fc.record({ status: fc.oneof(fc.constant(0), fc.nat(25)), attributes })
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 30 }), (answers) => {
        const { client, server } = isnsFixture(null)
        server.surprises.push(...answers)
        client.start(ENTITY)
        server.advance(30_000)
        expect(server.requests.length).toBeLessThan(60 + 2 * answers.length)
        server.surprises.splice(0)
        server.advance(150_000)
        expect(server.nodes).toEqual(new Set([TARGET]))
        client.stop(() => {})
        server.settle()
        expect([server.clock.timerCount, server.connectionCount]).toEqual([0, 0])
      }),
      { numRuns: 50 },
    )
  })

  it('waits on for the response to its own request when another comes', () => {
    const { server, stop } = isnsFixture()
    server.isSilent = true
    server.advance(60_000)
    server.sendRaw(serverMessage(0x8002, 0x7777, [], 0))
    expect(server.connectionCount).toBe(1)
    server.isSilent = false
    stop()
  })

  it('closes the connection after the response to another function', () => {
    const { client, server, stop } = isnsFixture(null)
    client.start(ENTITY)
    while (server.requests.at(-1)?.functionId !== SCN_REG) server.clock.settle()
    server.sendRaw(serverMessage(0x8004, server.requests.at(-1)!.transactionId, [], 0))
    expect(server.connectionCount).toBe(0)
    stop()
  })

  it('answers nothing any more once it has stopped', () => {
    const { client, server, stop } = isnsFixture()
    stop()
    expect(server.notify(client, ESI, [wireAttribute(TAG.EID, 'isns:1')])).toBe(null)
  })

  it('leaves out responses that it has not asked for, and requests that it does not know', () => {
    const { client, server, stop } = isnsFixture()
    server.sendRaw(serverMessage(0x8002, 0x7777, [], 0))
    server.sendRaw(serverMessage(0x000e, 1, []))
    expect(server.notify(client, 0x000e, [])).toBe(null)
    expect(server.connectionCount).toBe(1)
    stop()
  })

  it('answers its inquiries also on the connection that the client has opened', () => {
    const { server, stop } = isnsFixture()
    server.sendRaw(serverMessage(ESI, 5, [wireAttribute(TAG.EID, 'isns:1')]))
    expect(server.answers.map(({ functionId, status }) => [functionId, status])).toEqual([[0x800d, 0]])
    stop()
  })

  it('gives up an answer that is larger than it may be', () => {
    const { client, server, stop } = isnsFixture()
    server.initiators.set(
      TARGET,
      Array.from({ length: 600 }, (_, index) => `iqn.2026-01.test:${index}`),
    )
    server.advance(60_000)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set())
    stop()
  })
})
