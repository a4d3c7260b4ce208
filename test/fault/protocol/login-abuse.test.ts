/** Connections that never become sessions: they are bounded in number, time and memory, and others are served. */

import { describe, expect, it } from 'vitest'
import { chapAnswer, loginWithChap, requestChallenge } from '../../support/wire-chap.ts'
import { WireConnection } from '../../support/wire-connection.ts'
import { useTarget } from '../../support/wire-fixture.ts'
import { encodeText } from '../../support/wire-text.ts'

describe('connections that never log in', () => {
  const hurried = useTarget({ limits: { loginTimeoutMs: 1500 } })
  const COUNT = 1000

  it('[LOGIN-32] [SESS-16] are dropped by the login timeout, 1,000 of them, while others are served', async () => {
    const witness = await hurried.open()
    const { host, port } = hurried.target
    const idle = await Promise.all(Array.from({ length: COUNT }, () => WireConnection.open(host, port)))
    await witness.ping()
    await (await hurried.open()).ping()
    await Promise.all(idle.map((connection) => connection.expectClosed()))
    for (const connection of idle) connection.destroy()
    await witness.ping()
    await (await hurried.open()).ping()
  }, 30_000)
})

describe('a login that stalls', () => {
  const hurried = useTarget({ limits: { loginTimeoutMs: 150 } })

  it('[LOGIN-32] [SESS-16] is dropped after its first response', async () => {
    const initiator = await hurried.connect()
    await initiator.stepLogin({ keys: initiator.names(), isTransit: false })
    await initiator.connection.expectClosed()
  })

  it('[LOGIN-32] is dropped in the middle of a PDU', async () => {
    const initiator = await hurried.connect()
    await initiator.connection.write(Buffer.from('43870000', 'hex'))
    await initiator.connection.expectClosed()
  })

  it('[LOGIN-32] is dropped however lively it stalls', async () => {
    const initiator = await hurried.connect()
    const closed = initiator.connection.drainUntilClosed()
    await initiator.sendLogin({ keys: initiator.names(), isTransit: false })
    const interval = setInterval(() => void initiator.sendLogin({ isTransit: false }), 20)
    await closed
    clearInterval(interval)
  })

  it('[LOGIN-32] does not take sessions with it that are logged in', async () => {
    const initiator = await hurried.open()
    await initiator.connection.expectSilence(300)
    await initiator.ping()
  })
})

describe('more connections than the limit', () => {
  const few = useTarget({ limits: { connectionsMax: 3 } })

  it('take the place of the oldest that has not logged in, never of one that has', async () => {
    const witness = await few.open()
    const first = await few.connect()
    const second = await few.connect()
    const third = await few.connect()
    await first.connection.expectClosed()
    await third.login()
    await second.login()
    for (const initiator of [witness, second, third]) await initiator.ping()
    await Promise.all([witness, second, third].map((initiator) => initiator.logout()))
  })

  it('are closed when all have logged in, and there is room again when others end', async () => {
    const witness = await few.open()
    const first = await few.open()
    const second = await few.open()
    const excess = await few.connect()
    await excess.connection.expectClosed()
    await second.logout()
    for (const initiator of [witness, first, await few.open()]) await initiator.ping()
  })

  it('keep no initiator out, however many of them idle', async () => {
    const { host, port } = few.target
    const idle = await Promise.all(Array.from({ length: 50 }, () => WireConnection.open(host, port)))
    const initiator = await few.open()
    await initiator.ping()
    for (const connection of idle) connection.destroy()
  })
})

describe('more connections that have not logged in than the limit', () => {
  const few = useTarget({ limits: { pendingLoginsMax: 2 } })

  it('take the place of the oldest of them, while sessions may be more', async () => {
    const sessions = [await few.open(), await few.open(), await few.open()]
    const first = await few.connect()
    const second = await few.connect()
    const third = await few.connect()
    await first.connection.expectClosed()
    await third.login()
    await second.login()
    for (const initiator of [...sessions, second, third]) await initiator.ping()
  })

  it('take none from those who come from elsewhere', async () => {
    const { host, port } = few.target
    const elsewhere = await few.connect({ localAddress: '127.0.0.7' })
    const crowd = await Promise.all(Array.from({ length: 20 }, () => WireConnection.open(host, port)))
    await elsewhere.login()
    await elsewhere.ping()
    for (const connection of crowd) connection.destroy()
  })
})

describe('logins that do not authenticate', () => {
  const CHAP = { user: 'initiator', secret: 'a secret of sixteen' }
  const guarded = useTarget({ chap: CHAP, limits: { sessionsMax: 1 } })

  it('take up no session, however far they come', async () => {
    for (let login = 0; login < 5; login++) {
      await requestChallenge(await guarded.connect())
      const failing = await guarded.connect()
      const keys = chapAnswer(await requestChallenge(failing), CHAP.user, 'not the secret')
      expect(await failing.refusedLogin({ keys, currentStage: 0, nextStage: 1 })).toBe(0x0201)
    }
    expect(guarded.target.node.context.sessions.size).toBe(0)
    const honest = await guarded.connect()
    await loginWithChap(honest, CHAP)
    await honest.ping()
  })
})

describe('limits that are set', () => {
  const strict = useTarget({ limits: { loginExchangesMax: 6, textBytesMax: 8192, textKeysMax: 64, ahsBytesMax: 8 } })

  it('[LOGIN-32] allow six requests and no seventh', async () => {
    const initiator = await strict.connect()
    for (let request = 0; request < 6; request++) {
      const keys = request === 0 ? initiator.names() : {}
      expect((await initiator.stepLogin({ keys, isTransit: false })).byte(36)).toBe(0)
    }
    expect(await initiator.refusedLogin()).toBe(0x0200)
  })

  it.each([0, 1])('[LOGIN-36] allow 8192 bytes of text in two requests, and not %i more', async (excess) => {
    const initiator = await strict.connect()
    const begin = Buffer.concat([encodeText(initiator.names()), Buffer.from('X-com.example.long=')])
    const rest = Buffer.alloc(8192 + excess - begin.length, 'a')
    rest[rest.length - 1] = 0
    await initiator.stepLogin({ text: begin, isTransit: false, isContinued: true })
    const response = await initiator.stepLogin({ text: rest, isTransit: false })
    expect(response.header.readUInt16BE(36)).toBe(excess === 0 ? 0 : 0x0200)
  })

  it.each([64, 65])('allow 64 keys, of %i that are sent, in login and in full feature phase', async (count) => {
    const initiator = await strict.connect()
    const unknown = Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-com.example.${index}`, '']))
    const names = initiator.names()
    const own = Object.entries(unknown).slice(Object.keys(names).length)
    const response = await initiator.stepLogin({ keys: [...Object.entries(names), ...own] })
    expect(response.header.readUInt16BE(36)).toBe(count > 64 ? 0x0200 : 0)
    const session = await strict.open()
    await session.sendText(unknown, { immediate: true })
    const answer = await session.read()
    expect(answer.opcode).toBe(count > 64 ? 0x3f : 0x24)
  })

  it.each([8, 12])(
    'are kept by additional header segments before anybody has logged in: %i bytes',
    async (byteCount) => {
      const initiator = await strict.connect()
      const ahs = Buffer.alloc(byteCount)
      ahs.writeUInt16BE(byteCount - 3, 0)
      const data = encodeText(initiator.names())
      await initiator.send({ opcode: 0x03, immediate: true, byte1: 0x87, itt: 1, ahs, data })
      if (byteCount > 8) expect(await initiator.connection.closesSilently()).toBe(true)
      else expect((await initiator.read()).header.readUInt16BE(36)).toBe(0)
    },
  )
})

describe('a flood of login text', () => {
  const fixture = useTarget()

  it('[LOGIN-36] is cut off at a bound, however it goes on', async () => {
    const initiator = await fixture.connect()
    const part = Buffer.alloc(8000, 0x61)
    const begin = Buffer.concat([
      encodeText(initiator.names()),
      Buffer.from('X-com.example.flood='),
      Buffer.alloc(4000, 0x61),
    ])
    let response = await initiator.stepLogin({ text: begin, isTransit: false, isContinued: true })
    for (let sentBytes = begin.length; response.byte(36) === 0; sentBytes += part.length) {
      expect(sentBytes).toBeLessThan(10_000_000)
      response = await initiator.stepLogin({ text: part, isTransit: false, isContinued: true })
    }
    expect(response.byte(36)).toBeOneOf([2, 3])
    await initiator.connection.expectClosed()
  })

  it('in full feature phase is cut off at a bound', async () => {
    const initiator = await fixture.open()
    const part = Buffer.alloc(8000, 0x61)
    const itt = await initiator.sendText(
      {},
      { byte1: 0x40, immediate: true, data: Buffer.from('X-com.example.flood=a') },
    )
    let response = await initiator.read()
    for (let sentBytes = 0; response.opcode === 0x24; sentBytes += part.length) {
      expect(sentBytes).toBeLessThan(10_000_000)
      const fields = { itt, byte1: 0x40, immediate: true, data: part, words: { 20: response.ttt } }
      await initiator.sendText({}, fields)
      if (await initiator.connection.closesSilently()) break
      response = await initiator.read()
    }
    await (await fixture.open()).ping()
  })

  it('of exchanges is cut off at a bound', async () => {
    const initiator = await fixture.connect()
    let response = await initiator.stepLogin({ keys: initiator.names(), isTransit: false })
    for (let exchange = 0; response.byte(36) === 0; exchange++) {
      expect(exchange).toBeLessThan(10_000)
      response = await initiator.stepLogin({ isTransit: false })
    }
    await initiator.connection.expectClosed()
  })

  it('of keys in one request is answered or refused', async () => {
    const initiator = await fixture.connect()
    const many = Array.from({ length: 1500 }, (_, index) => [`K${index}`, ''] as const)
    const text = Buffer.concat([encodeText(initiator.names()), encodeText(many)]).subarray(0, 8192)
    await initiator.sendLogin({ text, isTransit: false })
    if (!(await initiator.connection.closesSilently())) await initiator.read()
    await (await fixture.open()).ping()
  })
})
