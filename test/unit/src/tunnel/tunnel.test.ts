import { once } from 'node:events'
import { connect, createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProtocolLog } from '../../../../protocol/node-context.ts'
import { Tunnel, type TunnelOptions } from '../../../../src/tunnel/tunnel.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { PATIENCE_MS, WireConnection } from '../../../support/wire-connection.ts'
import { pattern } from '../../../support/wire-scsi.ts'

const MIB = 1024 * 1024
const HOST = '127.0.0.1'
const authority = createAuthority()
const served = authority.issue({ addresses: [HOST], dnsNames: ['san.example'], usage: 'server' })
const client = authority.issue({ usage: 'client' })

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

/** A TLS server; `accept` gets each connection, which may be half open. */
async function serve(accept: (socket: TLSSocket) => void, options: TlsOptions = {}): Promise<number> {
  const sockets = new Set<Socket>()
  const identity = { cert: served.certificate, key: served.key, allowHalfOpen: true }
  const server = createServer({ ...identity, ...options }, (socket) => {
    socket.on('error', () => {})
    accept(socket)
  })
  server.on('connection', (socket) => sockets.add(socket))
  return await listening(server, sockets)
}

async function listening(server: Server, sockets: ReadonlySet<Socket>): Promise<number> {
  server.listen(0, HOST)
  await once(server, 'listening')
  open.push({
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return (server.address() as { port: number }).port
}

interface OpenTunnel {
  readonly port: number
  readonly tunnel: Tunnel
  readonly lines: readonly string[]
}

async function tunnelTo(serverPort: number, options: Partial<TunnelOptions> = {}): Promise<OpenTunnel> {
  const lines: string[] = []
  const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log: ProtocolLog = { debug: () => {}, info: keep, warn: keep, error: keep }
  const tunnel = new Tunnel({
    listen: { host: HOST, port: 0 },
    server: { host: HOST, port: serverPort },
    serverName: HOST,
    credentials: () => ({ ca: authority.certificate, client: null }),
    log,
    connectionsMax: 100,
    connectTimeoutMs: PATIENCE_MS,
    closeTimeoutMs: 500,
    ...options,
  })
  open.push({ close: () => tunnel.drain() })
  return { port: await tunnel.listen(), tunnel, lines }
}

async function through(port: number): Promise<WireConnection> {
  const connection = await WireConnection.open(HOST, port)
  open.push({ close: () => connection.destroy() })
  return connection
}

/** The tunnel's lines, when one of them is there. */
async function firstLine({ lines }: OpenTunnel): Promise<string> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (lines.length === 0 && performance.now() < deadlineMs) await sleep(5)
  return lines.join('\n')
}

async function untilIdle({ tunnel }: OpenTunnel): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (tunnel.connectionCount > 0 && performance.now() < deadlineMs) await sleep(5)
  expect(tunnel.connectionCount).toBe(0)
}

const echo = (socket: TLSSocket) => void socket.pipe(socket)

describe('bytes through the tunnel', () => {
  it('arrive as they were sent, both ways at once, on many connections', async () => {
    const open = await tunnelTo(await serve(echo))
    const sent = Array.from({ length: 20 }, (_, seed) => pattern(300_000 + seed, seed + 1))
    await Promise.all(
      sent.map(async (bytes) => {
        const connection = await through(open.port)
        await connection.write(bytes, 10_007)
        expect((await connection.take(bytes.length)).equals(bytes)).toBe(true)
        connection.endWriting()
        await connection.expectClosed()
      }),
    )
    await untilIdle(open)
    expect(open.lines).toEqual([])
  })

  it('wait for a server that does not read, and none is lost', async () => {
    let server: TLSSocket | null = null
    const { port } = await tunnelTo(
      await serve((socket) => {
        server = socket
      }),
    )
    const connection = await through(port)
    const piece = Buffer.alloc(MIB, 7)
    let sentBytes = 0
    for (let isTaken = true; isTaken && sentBytes < 256 * MIB; ) {
      const written = connection.write(piece).then(() => true)
      sentBytes += piece.length
      isTaken = await Promise.race([written, sleep(300, false)])
    }
    expect(sentBytes).toBeLessThan(64 * MIB)
    connection.endWriting()
    let arrivedBytes = 0
    server!.on('data', (chunk: Buffer) => {
      arrivedBytes += chunk.length
    })
    await once(server!, 'end')
    expect(arrivedBytes).toBe(sentBytes)
  })

  it('go on in one direction when the other has ended', async () => {
    const { port } = await tunnelTo(
      await serve((socket) => {
        socket.resume()
        socket.once('end', () => socket.end('said after your end'))
      }),
    )
    const connection = await through(port)
    await connection.write(Buffer.from('a question'))
    connection.endWriting()
    expect((await connection.take(19)).toString()).toBe('said after your end')
    await connection.expectClosed()
  })

  it('that came before the server broke off still arrive, and then the connection ends', async () => {
    const open = await tunnelTo(
      await serve((socket) => {
        socket.write(Buffer.alloc(100_000, 5), () => socket.destroy())
      }),
    )
    const connection = await through(open.port)
    expect((await connection.take(100_000)).equals(Buffer.alloc(100_000, 5))).toBe(true)
    await connection.expectClosed()
    connection.destroy()
    await untilIdle(open)
  })
})

describe('a connection of the tunnel', () => {
  it('ends at the server when the initiator breaks off', async () => {
    const closed = Promise.withResolvers<void>()
    const open = await tunnelTo(
      await serve((socket) => {
        socket.write('hello')
        socket.resume()
        socket.once('close', () => closed.resolve())
        socket.once('end', () => socket.end())
      }),
    )
    const connection = await through(open.port)
    await connection.take(5)
    connection.reset()
    await closed.promise
    await untilIdle(open)
  })

  it('that breaks does not touch the others, and the next one works', async () => {
    const sockets: TLSSocket[] = []
    const { port } = await tunnelTo(
      await serve((socket) => {
        sockets.push(socket)
        echo(socket)
      }),
    )
    const [first, second] = [await through(port), await through(port)]
    for (const connection of [first, second]) {
      await connection.write(Buffer.from('x'))
      await connection.take(1)
    }
    sockets[0]!.destroy()
    await first.expectClosed()
    await second.write(Buffer.from('still here'))
    expect((await second.take(10)).toString()).toBe('still here')
    const third = await through(port)
    await third.write(Buffer.from('y'))
    await third.take(1)
  })

  it('beyond the limit is closed, and there is room again when another ends', async () => {
    const open = await tunnelTo(await serve(echo), { connectionsMax: 1 })
    const first = await through(open.port)
    await first.write(Buffer.from('x'))
    await first.take(1)
    await (await through(open.port)).drainUntilClosed()
    expect(await firstLine(open)).toContain('above 1')
    first.endWriting()
    await first.expectClosed()
    await untilIdle(open)
    const next = await through(open.port)
    await next.write(Buffer.from('y'))
    await next.take(1)
  })

  it('is given up when the server does not shake hands in time', async () => {
    const sockets = new Set<Socket>()
    const silent = createPlainServer((socket) => void sockets.add(socket))
    const open = await tunnelTo(await listening(silent, sockets), { connectTimeoutMs: 100 })
    await (await through(open.port)).expectClosed()
    expect(await firstLine(open)).toContain('no TLS within 100 ms')
    await untilIdle(open)
  })
})

describe('an orderly stop', () => {
  it('sends on what has come, closes every connection, and accepts no more', async () => {
    const received: Buffer[] = []
    const ended = Promise.withResolvers<void>()
    const open = await tunnelTo(
      await serve((socket) => {
        socket.write('ready')
        socket.on('data', (chunk: Buffer) => received.push(chunk))
        socket.once('close', () => ended.resolve())
        socket.once('end', () => socket.end())
      }),
    )
    const connection = await through(open.port)
    await connection.take(5)
    await connection.write(Buffer.from('last words'))
    while (received.length === 0) await sleep(1)
    await open.tunnel.drain()
    await connection.expectClosed()
    await ended.promise
    expect(Buffer.concat(received).toString()).toBe('last words')
    await expect(WireConnection.open(HOST, open.port)).rejects.toThrow(/ECONNREFUSED/)
  })

  it('does not wait for a handshake', async () => {
    const sockets = new Set<Socket>()
    const silent = createPlainServer((socket) => void sockets.add(socket))
    const open = await tunnelTo(await listening(silent, sockets))
    const connection = await through(open.port)
    while (open.tunnel.connectionCount === 0) await sleep(1)
    await open.tunnel.drain()
    await connection.expectClosed()
  })

  it('does not wait for a peer that reads nothing', async () => {
    const open = await tunnelTo(
      await serve((socket) => {
        socket.write(Buffer.alloc(32 * MIB))
      }),
    )
    const connection = connect(open.port, HOST).pause()
    connection.on('error', () => {})
    await once(connection, 'connect')
    await sleep(200)
    await open.tunnel.drain()
    connection.destroy()
  })
})

describe('the server', () => {
  const stranger = createAuthority('Somebody Else')
  const expired = authority.issue({ addresses: [HOST], validToDays: -0.5 })
  const selfMade = stranger.issue({ addresses: [HOST] })
  const forClients = authority.issue({ addresses: [HOST], usage: 'client' })
  const identity = ({ certificate, key }: { certificate: string; key: string }): TlsOptions => ({
    cert: certificate,
    key,
  })

  it.each<[string, TlsOptions, Partial<TunnelOptions>, RegExp]>([
    ['another name', {}, { serverName: 'other.example' }, /not for other\.example: .*--server-name/],
    ['another address', {}, { serverName: '127.0.0.2' }, /not for 127\.0\.0\.2/],
    ['an unknown authority', identity(selfMade), {}, /no authority that is trusted here: .*--ca/],
    ['an authority that only the system would know', {}, { credentials: () => ({ ca: null, client: null }) }, /--ca/],
    ['a certificate that has expired', identity(expired), {}, /has expired/],
    ["a client's certificate", identity(forClients), {}, /not meant for servers/],
  ])('with %s is not talked to', async (_what, options, tunnelOptions, reason) => {
    let receivedBytes = 0
    const port = await serve((socket) => {
      socket.on('data', (chunk: Buffer) => {
        receivedBytes += chunk.length
      })
    }, options)
    const open = await tunnelTo(port, tunnelOptions)
    const connection = await through(open.port)
    await connection.write(Buffer.from('a secret'))
    await connection.drainUntilClosed()
    expect(await firstLine(open)).toMatch(reason)
    await untilIdle(open)
    expect(receivedBytes).toBe(0)
  })

  it('is verified whatever the environment says', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const open = await tunnelTo(await serve(echo, identity(selfMade)))
      await (await through(open.port)).expectClosed()
      expect(await firstLine(open)).toContain('no authority')
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
  })

  it('may be named otherwise than it is reached', async () => {
    const names: (string | false | null)[] = []
    const port = await serve((socket) => {
      names.push(socket.servername)
      echo(socket)
    })
    const { port: near } = await tunnelTo(port, { serverName: 'san.example' })
    const connection = await through(near)
    await connection.write(Buffer.from('x'))
    await connection.take(1)
    expect(names).toEqual(['san.example'])
  })

  it('that does not speak TLS, or is not there, is told of', async () => {
    const sockets = new Set<Socket>()
    const plain = createPlainServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('data', () => socket.write('HTTP/1.0 400 what?\r\n\r\n'))
    })
    const open = await tunnelTo(await listening(plain, sockets))
    await (await through(open.port)).expectClosed()
    expect(await firstLine(open)).toMatch(/does not speak TLS/)
    const nobody = createPlainServer()
    const gonePort = await listening(nobody, new Set())
    nobody.close()
    const astray = await tunnelTo(gonePort)
    await (await through(astray.port)).expectClosed()
    expect(await firstLine(astray)).toMatch(/nobody listens there/)
  })

  it('may demand a certificate', async () => {
    const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate }
    const port = await serve(echo, mutual)
    const shown = await tunnelTo(port, { credentials: () => ({ ca: authority.certificate, client }) })
    const connection = await through(shown.port)
    await connection.write(Buffer.from('x'))
    expect((await connection.take(1)).toString()).toBe('x')
    const bare = await tunnelTo(port)
    await (await through(bare.port)).expectClosed()
    expect(await firstLine(bare)).toMatch(/demands a certificate: .*--certificate/)
  })

  it('that turns us away without a word is told of', async () => {
    const open = await tunnelTo(await serve((socket) => void socket.destroy()))
    await (await through(open.port)).expectClosed()
    expect(await firstLine(open)).toMatch(/before it said anything: does it demand a certificate/)
  })
})

describe('credentials', () => {
  it('are asked for with each connection, and one without them is closed', async () => {
    let isThere = false
    const open = await tunnelTo(await serve(echo), {
      credentials: () => {
        if (!isThere) throw new Error('--ca ca.crt: no such file or directory')
        return { ca: authority.certificate, client: null }
      },
    })
    await (await through(open.port)).expectClosed()
    expect(await firstLine(open)).toContain('--ca ca.crt: no such file or directory')
    isThere = true
    const connection = await through(open.port)
    await connection.write(Buffer.from('x'))
    await connection.take(1)
  })

  it('that OpenSSL does not accept are told of, and the tunnel goes on', async () => {
    const weak = authority.issue({ usage: 'client', isWeak: true })
    let shown = weak
    const open = await tunnelTo(await serve(echo), {
      credentials: () => ({ ca: authority.certificate, client: shown }),
    })
    await (await through(open.port)).expectClosed()
    expect(await firstLine(open)).toContain('ee key too small')
    await untilIdle(open)
    shown = client
    const connection = await through(open.port)
    await connection.write(Buffer.from('x'))
    await connection.take(1)
  })
})
