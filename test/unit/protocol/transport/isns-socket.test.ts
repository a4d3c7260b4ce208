import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  isnsConnector,
  NotificationListener,
  type NotificationListenerOptions,
} from '../../../../protocol/transport/isns-socket.ts'
import { PATIENCE_MS } from '../../../support/wire-connection.ts'

const HOST = '127.0.0.1'
const MIB = 1024 * 1024

/** Waits until a number has stayed the same for many turns. */
async function untilSteady(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); await sleep(200)) before = count()
}

/** A server that keeps its sockets, on a port that the system picks. */
async function startPlainServer() {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})))
  server.listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The events of a link as a list. */
function recordingEvents() {
  const events: string[] = []
  return {
    events,
    handlers: {
      opened: () => void events.push('opened'),
      received: (chunk: Buffer) => void events.push(`received ${chunk}`),
      closed: (reason: string) => void events.push(`closed ${reason}`),
    },
  }
}

describe('a connection to an iSNS server', () => {
  it('[ISNS-15] is TCP: bytes go both ways, and its end is told', async () => {
    await using server = await startPlainServer()
    const { events, handlers } = recordingEvents()
    const link = isnsConnector(HOST, server.port)(handlers)
    await expect.poll(() => server.sockets.length).toBe(1)
    link.send(Buffer.from('question'))
    const [question] = await once(server.sockets[0]!, 'data')
    expect(String(question)).toBe('question')
    server.sockets[0]!.end('answer')
    await expect.poll(() => events).toEqual(['opened', 'received answer', 'closed it closed the connection'])
  })

  it('tells why it could not be opened', async () => {
    const { port, ...server } = await startPlainServer()
    await server[Symbol.asyncDispose]()
    const { events, handlers } = recordingEvents()
    isnsConnector(HOST, port)(handlers)
    await expect.poll(() => events).toEqual([`closed connect ECONNREFUSED ${HOST}:${port}`])
  })
})

describe('a port for messages of an iSNS server', () => {
  async function startListener(options: Partial<NotificationListenerOptions> = {}) {
    const listener = new NotificationListener({
      connectionsMax: 4,
      idleTimeoutMs: 60_000,
      accept: (link) => ({ received: (chunk) => link.send(Buffer.from(String(chunk).toUpperCase())) }),
      failed: () => {},
      ...options,
    })
    return { listener, port: await listener.listen(HOST, 0) }
  }

  async function connected(port: number, localAddress = HOST): Promise<Socket> {
    const socket = connect({ port, host: HOST, localAddress }).on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  it('gives each connection to the client and takes its answers', async () => {
    const { listener, port } = await startListener()
    const socket = await connected(port)
    socket.write('inquiry')
    expect(String((await once(socket, 'data'))[0])).toBe('INQUIRY')
    listener.close()
    await once(socket, 'close')
  })

  it('closes the oldest connection for one too many', async () => {
    const { listener, port } = await startListener({ connectionsMax: 2 })
    const [oldest, second] = [await connected(port), await connected(port)]
    const third = await connected(port)
    await once(oldest, 'close')
    for (const socket of [second, third]) {
      socket.write('x')
      expect(String((await once(socket, 'data'))[0])).toBe('X')
    }
    listener.close()
    await Promise.all([second, third].map((socket) => once(socket, 'close')))
  })

  it('lets nobody who opens many connections take the place of another', async () => {
    const { listener, port } = await startListener({ connectionsMax: 3 })
    const server = await connected(port)
    const ends: Promise<unknown>[] = []
    for (let count = 0; count < 10; count++) ends.push(once((await connected(port, '127.0.0.2')).resume(), 'close'))
    await Promise.all(ends.slice(0, -2))
    server.write('inquiry')
    expect(String((await once(server, 'data'))[0])).toBe('INQUIRY')
    listener.close()
    await Promise.all([...ends, once(server, 'close')])
  })

  it('closes a connection that is silent', async () => {
    const { listener, port } = await startListener({ idleTimeoutMs: 20 })
    const socket = await connected(port)
    await once(socket.resume(), 'close')
    listener.close()
  })

  it('takes nothing more from who does not read the answers, and loses none of them', async () => {
    let receivedBytes = 0
    const { listener, port } = await startListener({
      accept: (link) => ({
        received: (chunk) => {
          receivedBytes += chunk.length
          link.send(Buffer.from(chunk))
        },
      }),
    })
    const socket = await connected(port)
    const sent = Buffer.alloc(64 * MIB, 'question')
    socket.write(sent)
    await untilSteady(() => receivedBytes)
    expect(receivedBytes).toBeLessThan(sent.length / 2)
    let answeredBytes = 0
    socket.on('data', (chunk) => {
      answeredBytes += chunk.length
    })
    await expect.poll(() => answeredBytes, { timeout: PATIENCE_MS }).toBe(sent.length)
    listener.close()
    await once(socket, 'close')
  })

  it('refuses a port that is taken', async () => {
    const { listener, port } = await startListener()
    const second = new NotificationListener({
      connectionsMax: 1,
      idleTimeoutMs: 1,
      accept: () => ({ received: () => {} }),
      failed: () => {},
    })
    await expect(second.listen(HOST, port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    listener.close()
  })
})
