import { describe, expect, it } from 'vitest'
import { ENTITY, HOST, isnsFixture, PORTAL, TARGET } from '../../support/isns-fixture.ts'
import { type WireAttribute, type WireMessage, wireAttribute, wireText } from '../../support/isns-wire.ts'
import {
  DEREG,
  ESI,
  messageKey,
  operatingAttributes,
  QUERY,
  REG,
  SCN,
  SCN_REG,
  sourceOf,
  TAG,
} from '../../support/mock-isns-server.ts'

const IPV4 = Buffer.from('00000000000000000000ffffc0000205', 'hex')
const IPV6 = Buffer.from('20010db8000000000000000000000007', 'hex')

const tags = (attributes: readonly WireAttribute[]) => attributes.map(({ tag }) => tag)
const numbers = (attributes: readonly WireAttribute[], tag: number) =>
  attributes.filter((attribute) => attribute.tag === tag).map(({ value }) => value.readUInt32BE())
const texts = (attributes: readonly WireAttribute[], tag: number) =>
  attributes.filter((attribute) => attribute.tag === tag).map(wireText)

/** What the client sends when it starts with `entity`. */
function firstRegistration(entity = ENTITY): WireMessage {
  const { server, stop } = isnsFixture(entity)
  const [registration] = server.take(REG)
  stop()
  return registration!
}

const inquiry = (entity: string) => [
  wireAttribute(TAG.TIMESTAMP, Buffer.from('000000006b00ed96', 'hex')),
  wireAttribute(TAG.EID, entity),
  wireAttribute(TAG.ADDRESS, IPV4),
  wireAttribute(TAG.PORT, PORTAL.port),
]

const stateChange = (destination: string) => [
  wireAttribute(TAG.NAME, destination),
  wireAttribute(TAG.TIMESTAMP, Buffer.from('000000006b00ed96', 'hex')),
  wireAttribute(TAG.SCN_BITMAP, 0x08),
  wireAttribute(TAG.NAME, HOST),
]

describe('iSNS messages', () => {
  it('[ISNS-1] are one PDU with version 1, the client flag, the first and last flags, and a transaction ID of their own', () => {
    const { server, stop } = isnsFixture()
    const [registration, replacement, ...others] = server.requests.map(({ headers }) => headers)
    const length = (header: Buffer) => header.readUInt16BE(4)
    expect(registration!.map((header) => header.toString('hex'))).toEqual([
      `00010001${length(registration![0]!).toString(16).padStart(4, '0')}8c0000010000`,
    ])
    expect(replacement![0]!.readUInt16BE(6)).toBe(0x9c00)
    expect(others.map(([header]) => header!.readUInt16BE(6))).toEqual(others.map(() => 0x8c00))
    const ids = server.requests.map(({ transactionId }) => transactionId)
    expect(new Set(ids).size).toBe(ids.length)
    stop()
  })

  it('[ISNS-1] that do not fit into one PDU go in several, numbered from zero', () => {
    const targets = Array.from({ length: 400 }, (_, index) => ({
      name: `iqn.2026-01.test:${'x'.repeat(190)}${index}`,
      alias: '',
    }))
    const { headers, attributes } = firstRegistration({ ...ENTITY, targets })
    expect(headers.length).toBeGreaterThan(1)
    expect(headers.map((header) => header.readUInt16BE(10))).toEqual(headers.map((_, index) => index))
    expect(headers.map((header) => header.readUInt16BE(6) & 0x0c00)).toEqual([
      0x0400,
      ...headers.slice(2).map(() => 0),
      0x0800,
    ])
    expect(texts(attributes.slice(1), TAG.NAME)).toHaveLength(400)
  })

  it.each([
    ['iqn.2026-01.t:abc', 17, 20],
    ['iqn.2026-01.te:abcd', 19, 20],
    ['iqn.2026-01.te:abcde', 20, 24],
  ])(
    '[ISNS-2] carry the name %s of %i bytes with a zero byte at its end, in %i bytes',
    (name, byteCount, lengthBytes) => {
      expect(Buffer.byteLength(name)).toBe(byteCount)
      const { attributes } = firstRegistration({ ...ENTITY, targets: [{ name, alias: '' }] })
      expect(attributes[0]).toEqual({
        tag: TAG.NAME,
        value: Buffer.concat([Buffer.from(name), Buffer.alloc(lengthBytes - byteCount)]),
      })
    },
  )

  it('[ISNS-3] name the source, the key, a delimiter of eight zero bytes, and then what they are about', () => {
    const { server, stop } = isnsFixture()
    for (const request of server.requests) expect(sourceOf(request)).toBe(TARGET)
    const keys = server.requests.map((request) => tags(messageKey(request)))
    expect(keys).toEqual([[], [TAG.EID], [TAG.NAME], [TAG.NAME], [TAG.NODE_TYPE]])
    for (const { attributes } of server.requests) {
      expect(attributes.filter(({ tag }) => tag === 0)).toEqual([{ tag: 0, value: Buffer.alloc(0) }])
    }
    stop()
  })
})

describe('registration with an iSNS server', () => {
  it('[ISNS-4] lists the entity, its portals, and its targets, each with its key first', () => {
    const registration = firstRegistration({ ...ENTITY, targets: [{ name: TARGET, alias: 'a disk' }] })
    const attributes = operatingAttributes(registration)
    expect(tags(attributes)).toEqual([
      ...[TAG.EID, TAG.PROTOCOL, TAG.PERIOD],
      ...[TAG.ADDRESS, TAG.PORT, TAG.ESI_INTERVAL, TAG.ESI_PORT, TAG.SCN_PORT],
      ...[TAG.NAME, TAG.NODE_TYPE, TAG.ALIAS, TAG.PG_TAG, TAG.PG_ADDRESS, TAG.PG_PORT],
    ])
    expect(numbers(attributes, TAG.PROTOCOL)).toEqual([2])
    expect(numbers(attributes, TAG.NODE_TYPE)).toEqual([1])
    expect(texts(attributes, TAG.ALIAS)).toEqual(['a disk'])
  })

  it('[ISNS-5] makes one entity with a node and a portal at least, and waits while there is no target', () => {
    const entities = tags(operatingAttributes(firstRegistration())).filter((tag) => tag === TAG.EID)
    expect(entities).toHaveLength(1)
    const { client, server, stop } = isnsFixture({ targets: [], portals: [PORTAL] })
    server.advance(600_000)
    expect(server.requests).toEqual([])
    client.update(ENTITY)
    server.settle()
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('[ISNS-6] leaves the entity identifier to the server and uses the one it got ever after', () => {
    const { server, stop } = isnsFixture()
    const [first, second] = server.take(REG)
    expect(operatingAttributes(first!)[0]).toEqual({ tag: TAG.EID, value: Buffer.alloc(0) })
    expect(texts(messageKey(second!), TAG.EID)).toEqual(['isns:1'])
    server.cut()
    server.advance(1_000)
    const [again] = server.take(REG)
    expect(texts(messageKey(again!), TAG.EID)).toEqual(['isns:1'])
    expect(texts(operatingAttributes(again!), TAG.EID)).toEqual(['isns:1'])
    stop()
  })

  it('[ISNS-7] writes IPv4 addresses as IPv6-mapped ones, and TCP ports without the bit for UDP', () => {
    const portals = [PORTAL, { ...PORTAL, address: '2001:db8::7', port: 0xfffe }]
    const attributes = operatingAttributes(firstRegistration({ ...ENTITY, portals }))
    const values = (tag: number) => attributes.filter((attribute) => attribute.tag === tag).map(({ value }) => value)
    expect(values(TAG.ADDRESS)).toEqual([IPV4, IPV6])
    expect(values(TAG.PORT).map((value) => value.toString('hex'))).toEqual(['00000cbc', '0000fffe'])
    expect(values(TAG.ESI_PORT)[0]!.toString('hex')).toBe('00000c86')
  })

  it('[ISNS-8] names the portal group tag after each target, with the portals that have it', () => {
    const portals = [
      { ...PORTAL, portalGroupTag: 2 },
      { ...PORTAL, address: '2001:db8::7', portalGroupTag: 7 },
      { ...PORTAL, port: 3261, portalGroupTag: 2 },
    ]
    const targets = [TARGET, `${TARGET}2`].map((name) => ({ name, alias: '' }))
    const attributes = operatingAttributes(firstRegistration({ targets, portals }))
    const first = attributes.findIndex(({ tag }) => tag === TAG.NAME) + 2
    const groups = [
      wireAttribute(TAG.PG_TAG, 2),
      ...[wireAttribute(TAG.PG_ADDRESS, IPV4), wireAttribute(TAG.PG_PORT, 3260)],
      ...[wireAttribute(TAG.PG_ADDRESS, IPV4), wireAttribute(TAG.PG_PORT, 3261)],
      wireAttribute(TAG.PG_TAG, 7),
      ...[wireAttribute(TAG.PG_ADDRESS, IPV6), wireAttribute(TAG.PG_PORT, 3260)],
    ]
    expect(attributes.slice(first, first + groups.length)).toEqual(groups)
    expect(attributes.slice(first + groups.length + 2)).toEqual(groups)
  })

  it('[ISNS-9] replaces what is there when portals change, and leaves no old ones', () => {
    const { client, server, stop } = isnsFixture()
    server.take(REG)
    client.update({ ...ENTITY, portals: [{ ...PORTAL, address: '2001:db8::7' }] })
    server.settle()
    const [replacement] = server.take(REG)
    expect(replacement!.flags & 0x1000).toBe(0x1000)
    expect(texts(messageKey(replacement!), TAG.EID)).toEqual(['isns:1'])
    expect([...server.portals]).toEqual([`${IPV6.toString('hex')} 00000cbc`])
    stop()
  })

  it('[ISNS-9] replaces at the start what an earlier life of the server has left there', () => {
    const { server, stop } = isnsFixture()
    expect(server.take(REG).map(({ flags }) => flags & 0x1000)).toEqual([0, 0x1000])
    stop()
  })

  it.each([30, 3])('[ISNS-10] asks something well within a registration period of %i s', (periodSeconds) => {
    const { client, server, stop } = isnsFixture(null)
    server.periodSeconds = periodSeconds
    client.start(ENTITY)
    server.settle()
    server.take(QUERY)
    for (let round = 0; round < 5; round++) {
      server.advance((periodSeconds * 1000) / 2)
      expect(server.take(QUERY)).not.toEqual([])
    }
    stop()
  })

  it('[ISNS-13] ends with the deregistration of the entity', () => {
    const { server, stop } = isnsFixture()
    expect(stop()).toBe(true)
    const [deregistration] = server.take(DEREG)
    expect(sourceOf(deregistration!)).toBe(TARGET)
    expect(messageKey(deregistration!)).toEqual([])
    expect(operatingAttributes(deregistration!)).toEqual([wireAttribute(TAG.EID, 'isns:1')])
    expect([server.entity, server.nodes.size, server.portals.size, server.connectionCount]).toEqual([null, 0, 0, 0])
    expect(server.clock.timerCount).toBe(0)
  })

  it('[ISNS-13] deregisters a target that is removed, and the entity with the last one', () => {
    const targets = [TARGET, `${TARGET}2`].map((name) => ({ name, alias: '' }))
    const { client, server, stop } = isnsFixture({ ...ENTITY, targets })
    client.update(ENTITY)
    server.settle()
    expect(operatingAttributes(server.take(DEREG)[0]!)).toEqual([wireAttribute(TAG.NAME, `${TARGET}2`)])
    expect(server.nodes).toEqual(new Set([TARGET]))
    client.update({ ...ENTITY, targets: [] })
    server.settle()
    expect(operatingAttributes(server.take(DEREG)[0]!)).toEqual([wireAttribute(TAG.EID, 'isns:1')])
    expect(server.nodes.size).toBe(0)
    stop()
  })

  it('[ISNS-14] takes a status other than zero for the refusal of the whole request, and tries again later', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [12, 12])
    client.start(ENTITY)
    server.settle()
    expect([server.take(REG).length, server.take(SCN_REG).length]).toEqual([1, 0])
    server.advance(10_000)
    expect(server.take(REG)).toHaveLength(3)
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('[ISNS-14] does without ESI when the server has none (status 21)', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [21])
    client.start(ENTITY)
    server.settle()
    const [refused, accepted] = server.take(REG)
    expect(tags(refused!.attributes)).toContain(TAG.ESI_PORT)
    expect(tags(accepted!.attributes)).not.toContain(TAG.ESI_PORT)
    expect(tags(accepted!.attributes)).not.toContain(TAG.ESI_INTERVAL)
    expect(tags(accepted!.attributes)).toContain(TAG.SCN_PORT)
    stop()
  })

  it('[ISNS-14] does without portal groups when the server has none (status 23)', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [23])
    client.start(ENTITY)
    server.settle()
    const [refused, accepted] = server.take(REG)
    expect(tags(refused!.attributes)).toContain(TAG.PG_TAG)
    expect(tags(accepted!.attributes)).not.toContain(TAG.PG_TAG)
    stop()
  })

  it.each([6, 9])('[ISNS-14] registers anew when the server does not know it any more (status %i)', (status) => {
    const { server, stop } = isnsFixture()
    server.forget()
    server.refusals.set(QUERY, [status])
    server.advance(70_000)
    expect(server.entity).toBe('isns:2')
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('[ISNS-14] removes objects that an earlier life has left, when they are in the way (status 3)', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [3])
    client.start(ENTITY)
    server.settle()
    const [removal] = server.requests.filter(({ functionId }) => functionId === DEREG)
    expect(tags(operatingAttributes(removal!))).toEqual([TAG.ADDRESS, TAG.PORT, TAG.NAME])
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('[ISNS-16] sends names normalised', () => {
    const { attributes } = firstRegistration({ ...ENTITY, targets: [{ name: 'IQN.2026-01.Test:DISK', alias: '' }] })
    expect(texts(attributes, TAG.NAME)).toEqual([TARGET, TARGET])
  })
})

describe('messages of an iSNS server', () => {
  it('[ISNS-11] that inquire the status are answered with status 0, their attributes and their transaction ID', () => {
    const { client, server, stop } = isnsFixture()
    const registration = operatingAttributes(server.take(REG)[0]!)
    expect(numbers(registration, TAG.ESI_INTERVAL)).toEqual([20])
    expect(numbers(registration, TAG.ESI_PORT)).toEqual([PORTAL.notificationPort])
    const answer = server.notify(client, ESI, inquiry('isns:1'))
    expect(answer).toMatchObject({ functionId: 0x800d, transactionId: 0x1234, status: 0, flags: 0x8c00 })
    expect(answer!.attributes).toEqual(inquiry('isns:1'))
    stop()
  })

  it('[ISNS-11] that inquire about the entity of an earlier life are not confirmed', () => {
    const { client, server, stop } = isnsFixture()
    expect(server.notify(client, ESI, inquiry('isns:99'))!.status).toBe(9)
    expect(server.notify(client, ESI, inquiry('isns:1').slice(0, 1))!.status).toBe(2)
    stop()
  })

  it('[ISNS-12] about changes are registered for with the port of each portal, and then a bitmap without bit 26', () => {
    const { server, stop } = isnsFixture()
    const [registration] = server.requests
    expect(numbers(operatingAttributes(registration!), TAG.SCN_PORT)).toEqual([PORTAL.notificationPort])
    const [scnRegistration] = server.take(SCN_REG)
    expect(texts(messageKey(scnRegistration!), TAG.NAME)).toEqual([TARGET])
    expect(operatingAttributes(scnRegistration!)).toEqual([wireAttribute(TAG.SCN_BITMAP, 0x9c)])
    stop()
  })

  it('[ISNS-12] about changes are answered with the name of the target, and lead to questions', () => {
    const { client, server, stop } = isnsFixture()
    server.advance(5_000)
    server.take(QUERY)
    server.initiators.set(TARGET, [HOST])
    const answer = server.notify(client, SCN, stateChange(TARGET))
    expect(answer).toMatchObject({ functionId: 0x8008, transactionId: 0x1234, status: 0 })
    expect(answer!.attributes).toEqual([wireAttribute(TAG.NAME, TARGET)])
    expect(server.take(QUERY)).toHaveLength(2)
    expect(client.initiatorsOf(TARGET)).toEqual(new Set([HOST]))
    stop()
  })
})
