import { describe, expect, it } from 'vitest'
import { ENTITY, isnsFixture, PORTAL, TARGET } from '../../../support/isns-fixture.ts'
import { wireAttribute } from '../../../support/isns-wire.ts'
import { DEREG, ESI, QUERY, REG, SCN, SCN_REG, TAG } from '../../../support/mock-isns-server.ts'

const OTHER = 'iqn.2026-01.test:other'
const tagsOf = (request: { attributes: readonly { tag: number }[] } | undefined) =>
  request!.attributes.map(({ tag }) => tag)

describe('a client whose server is away', () => {
  it('tries again after delays that double up to a bound, and registers when it is back', () => {
    const { client, server, stop } = isnsFixture(null)
    server.isAway = true
    client.start(ENTITY)
    server.settle()
    const attempts = [1_000, 2_000, 4_000, 8_000, 8_000].map((ms) => {
      server.advance(ms - 500)
      const before = server.connectCount
      server.advance(500)
      return [before, server.connectCount]
    })
    expect(attempts).toEqual([1, 2, 3, 4, 5].map((count) => [count, count + 1]))
    server.isAway = false
    server.advance(8_000)
    expect(server.nodes).toEqual(new Set([TARGET]))
    expect(stop()).toBe(true)
  })

  it('begins with the shortest delay again after a time that went well', () => {
    const { client, server, stop } = isnsFixture(null)
    server.isAway = true
    client.start(ENTITY)
    server.advance(20_000)
    server.isAway = false
    server.advance(8_000)
    const before = server.connectCount
    server.cut()
    server.advance(1_000)
    expect(server.connectCount).toBe(before + 1)
    stop()
  })

  it('registers again on each new connection, without taking anything away in between', () => {
    const { server, stop } = isnsFixture()
    server.forget()
    server.entity = 'isns:1'
    server.take(REG)
    server.cut()
    server.advance(1_000)
    expect(server.take(REG).map(({ flags }) => flags & 0x1000)).toEqual([0])
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('registers as new when the server has lost everything', () => {
    const { server, log, stop } = isnsFixture()
    server.cut()
    server.forget()
    server.advance(5_000)
    expect(server.entity).toBe('isns:2')
    expect(log.filter((line) => line.startsWith('warn'))).not.toEqual([])
    stop()
  })

  it('gives a connection up that is not opened, and a request that is not answered', () => {
    const { client, server, stop } = isnsFixture(null)
    server.isSilent = true
    client.start(ENTITY)
    server.advance(12_000)
    expect(server.connectCount).toBe(2)
    server.isSilent = false
    server.advance(20_000)
    server.isSilent = true
    server.advance(60_000)
    expect(server.take(QUERY)).not.toEqual([])
    const before = server.connectCount
    server.isSilent = false
    server.advance(30_000)
    expect(server.connectCount).toBeGreaterThan(before)
    expect(server.connectionCount).toBe(1)
    stop()
  })

  it('stops at once, in whatever state it is', () => {
    const { client, server, clock, stop } = isnsFixture(null)
    expect(stop()).toBe(true)
    client.start(ENTITY)
    expect(stop()).toBe(true)
    server.isAway = true
    client.start(ENTITY)
    server.advance(500)
    expect(stop()).toBe(true)
    expect([clock.timerCount, server.connectionCount]).toEqual([0, 0])
  })

  it('stops after a while when the server is silent', () => {
    const { client, server, clock } = isnsFixture()
    server.isSilent = true
    let hasStopped = false
    client.stop(() => {
      hasStopped = true
    })
    server.advance(1_500)
    expect(hasStopped).toBe(false)
    server.advance(1_000)
    expect(hasStopped).toBe(true)
    expect([clock.timerCount, server.connectionCount]).toEqual([0, 0])
  })

  it('stops when the connection breaks while it deregisters, and when the answer is a refusal', () => {
    for (const end of ['cut', 'refusal'] as const) {
      const { server, clock, stop } = isnsFixture()
      if (end === 'cut') server.isSilent = true
      else server.refusals.set(DEREG, [8])
      const hasStopped = stop()
      expect(hasStopped).toBe(end === 'refusal')
      server.cut()
      expect([clock.timerCount, server.connectionCount]).toEqual([0, 0])
    }
  })

  it('waits for what it has asked before it deregisters', () => {
    const { client, server } = isnsFixture(null)
    client.start(ENTITY)
    server.clock.settle()
    let hasStopped = false
    client.stop(() => {
      hasStopped = true
    })
    server.settle()
    expect(hasStopped).toBe(true)
    expect(server.entity).toBe(null)
  })
})

describe('a client that is refused', () => {
  it.each([2, 8, 10])('asks only seldom when an administrator has to act (status %i)', (status) => {
    const { client, server, log, stop } = isnsFixture(null)
    server.refusals.set(REG, [status])
    client.start(ENTITY)
    server.advance(7_000)
    expect(server.take(REG)).toHaveLength(1)
    expect(log).toContain('warn the iSNS server is of no use at the moment')
    server.advance(2_000)
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('never asks without a pause, whatever is refused', () => {
    for (const status of Array.from({ length: 25 }, (_, index) => index + 1)) {
      for (const functionId of [REG, QUERY, SCN_REG, DEREG]) {
        const { client, server } = isnsFixture(null)
        server.refusals.set(functionId, Array<number>(1_000).fill(status))
        const targets = [TARGET, OTHER].map((name) => ({ name, alias: '' }))
        client.start({ ...ENTITY, targets })
        server.advance(1_000)
        client.update(ENTITY)
        server.advance(10_000)
        expect(server.requests.length, `status ${status} to function ${functionId}`).toBeLessThan(80)
        server.refusals.clear()
        server.advance(100_000)
        expect(server.nodes, `status ${status} to function ${functionId}`).toEqual(new Set([TARGET]))
        client.stop(() => {})
        server.settle()
        expect(server.clock.timerCount).toBe(0)
      }
    }
  })

  it('goes on without notifications when they are refused (status 17)', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(SCN_REG, [17])
    client.start(ENTITY)
    server.settle()
    server.cut()
    server.advance(1_000)
    expect(server.connectionCount).toBe(1)
    expect(server.take(SCN_REG)).toHaveLength(1)
    stop()
  })

  it('keeps a registration that the server does not replace', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [])
    client.start(ENTITY)
    server.clock.settle()
    server.clock.settle()
    server.refusals.set(REG, [14])
    server.settle()
    expect(server.take(REG)).toHaveLength(2)
    expect(server.connectionCount).toBe(1)
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('registers without ESI after a registration that was lost although no inquiry ever came', () => {
    const { server, stop } = isnsFixture()
    server.take(REG)
    server.advance(50_000)
    server.forget()
    server.advance(30_000)
    expect(tagsOf(server.take(REG)[0])).not.toContain(TAG.ESI_PORT)
    stop()
  })

  it('registers with ESI again when inquiries came', () => {
    const { client, server, stop } = isnsFixture()
    server.notify(client, ESI, [wireAttribute(TAG.EID, 'isns:1')])
    server.take(REG)
    server.advance(50_000)
    server.forget()
    server.advance(30_000)
    expect(tagsOf(server.take(REG)[0])).toContain(TAG.ESI_PORT)
    stop()
  })

  it('registers with ESI again when there was no time for an inquiry yet', () => {
    const { client, server, stop } = isnsFixture()
    server.take(REG)
    server.advance(5_000)
    server.forget()
    server.notify(client, SCN, [wireAttribute(TAG.NAME, TARGET)])
    server.advance(5_000)
    expect(tagsOf(server.take(REG)[0])).toContain(TAG.ESI_PORT)
    stop()
  })

  it('removes old objects again with each attempt', () => {
    const { client, server, stop } = isnsFixture(null)
    server.refusals.set(REG, [3, 3, 3])
    client.start(ENTITY)
    server.advance(7_500)
    expect(server.requests.map(({ functionId }) => functionId)).toEqual([REG, DEREG, REG])
    server.advance(1_000)
    expect(server.take(DEREG)).toHaveLength(2)
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })

  it('does not take a target for gone that the server never shows to itself', () => {
    const { client, server, stop } = isnsFixture(null)
    server.showsSelf = false
    client.start(ENTITY)
    server.advance(300_000)
    expect(server.take(REG)).toHaveLength(2)
    stop()
  })

  it('takes a target for gone that the server once showed to itself', () => {
    const { server, stop } = isnsFixture()
    server.take(REG)
    server.showsSelf = false
    server.advance(70_000)
    expect(server.take(REG)).not.toEqual([])
    stop()
  })
})

describe('a client whose targets change', () => {
  it('while the server is away registers what is wanted then', () => {
    const { client, server, stop } = isnsFixture()
    server.cut()
    client.update({ targets: [{ name: OTHER, alias: '' }], portals: [{ ...PORTAL, port: 3261 }] })
    server.advance(2_000)
    expect(server.nodes).toEqual(new Set([OTHER]))
    expect([...server.portals].map((key) => key.slice(-4))).toEqual(['0cbd'])
    stop()
  })

  it('with every request under way ends with what was wanted last', () => {
    const { client, server, stop } = isnsFixture(null)
    client.start(ENTITY)
    for (const port of [1, 2, 3, 4, 5, 6, 7, 8]) {
      server.clock.settle()
      client.update({ targets: [{ name: port % 2 === 0 ? TARGET : OTHER, alias: '' }], portals: [{ ...PORTAL, port }] })
    }
    server.settle()
    expect(server.nodes).toEqual(new Set([TARGET]))
    expect([...server.portals].map((key) => key.slice(-4))).toEqual(['0008'])
    stop()
  })

  it('is never refused because of a target that has just been removed', () => {
    const targets = [TARGET, OTHER].map((name) => ({ name, alias: '' }))
    for (let turns = 0; turns < 20; turns++) {
      const { client, server, stop } = isnsFixture(null)
      client.start({ ...ENTITY, targets })
      for (let turn = 0; turn < turns; turn++) server.clock.settle()
      client.update(ENTITY)
      server.settle()
      expect([server.connectionCount, [...server.nodes]]).toEqual([1, [TARGET]])
      stop()
    }
  })

  it('may lose its last target while a registration is being refused or a question answered', () => {
    for (let turns = 0; turns < 12; turns++) {
      const { client, server, stop } = isnsFixture(null)
      server.refusals.set(REG, turns % 2 === 0 ? [3] : [])
      client.start(ENTITY)
      for (let turn = 0; turn < turns; turn++) server.clock.settle()
      client.update({ ...ENTITY, targets: [] })
      server.settle()
      expect([server.nodes.size, client.initiatorsOf(TARGET)]).toEqual([0, null])
      expect(stop()).toBe(true)
    }
  })

  it('makes no request for an update that changes nothing', () => {
    const { client, server, stop } = isnsFixture()
    const before = server.requests.length
    client.update({ targets: [{ alias: '', name: TARGET.toUpperCase() }], portals: [{ ...PORTAL }] })
    server.settle()
    expect(server.requests).toHaveLength(before)
    stop()
  })

  it('registers no port for messages where there is none, and asks for none', () => {
    const { server, stop } = isnsFixture({ ...ENTITY, portals: [{ ...PORTAL, notificationPort: null }] })
    expect(server.requests.map(({ functionId }) => functionId)).not.toContain(SCN_REG)
    expect(tagsOf(server.take(REG)[0])).not.toContain(TAG.SCN_PORT)
    stop()
  })

  it.each([
    [{ ...ENTITY, targets: [{ name: 'a b', alias: '' }] }, /a b cannot be registered/],
    [{ ...ENTITY, targets: [{ name: TARGET, alias: 'x'.repeat(256) }] }, /more than 255 bytes/],
    [{ ...ENTITY, portals: [{ ...PORTAL, address: 'san.example.com' }] }, /san.example.com is not an IP address/],
  ])('throws for what cannot be registered, and keeps what was', (entity, problem) => {
    const { client, server, stop } = isnsFixture()
    expect(() => client.update(entity)).toThrow(problem)
    server.settle()
    expect(server.nodes).toEqual(new Set([TARGET]))
    stop()
  })
})
