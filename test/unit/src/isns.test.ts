import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { connect, createServer } from 'node:net'
import os from 'node:os'
import { describe, expect, it, vi } from 'vitest'
import { IsnsService } from '../../../src/isns.ts'
import type { IsnsOptions } from '../../../src/server-options.ts'
import { parseWireMessages, serverMessage, type WireMessage, wireAttribute } from '../../support/isns-wire.ts'
import { directoryWith } from '../../support/login-steps.ts'
import { DEREG, ESI, operatingAttributes, REG, TAG } from '../../support/mock-isns-server.ts'

const TARGET = { name: 'iqn.2026-01.test:disk', alias: 'a disk' }
const PORTAL = { host: '127.0.0.1', port: 3260, portalGroupTag: 1 }

/** An iSNS server on a real port that agrees to everything and remembers what it was asked. */
async function startAgreeableServer() {
  const requests: WireMessage[] = []
  const server = createServer((socket) => {
    let unread = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const { messages, byteCount } = parseWireMessages(Buffer.concat([unread, Buffer.from(chunk)]))
      unread = Buffer.concat([unread, Buffer.from(chunk)]).subarray(byteCount)
      for (const request of messages) {
        requests.push(request)
        const { functionId, transactionId } = request
        socket.write(serverMessage(functionId | 0x8000, transactionId, [wireAttribute(TAG.EID, 'isns:1')], 0))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    requests,
    of: (functionId: number) => requests.filter((request) => request.functionId === functionId),
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

function service(options: Partial<IsnsOptions>) {
  const log: string[] = []
  const line = (_fields: object, message: string) => void log.push(message)
  const all = { host: '127.0.0.1', port: 1, notificationPort: 0, restrictsToDomains: false, ...options }
  const logs = { debug: line, info: line, warn: line, error: line }
  return { service: new IsnsService(all, logs), log }
}

const portIn = (request: WireMessage, tag: number) =>
  operatingAttributes(request)
    .find((attribute) => attribute.tag === tag)
    ?.value.readUInt32BE()

describe('the iSNS service', () => {
  it('registers what listens, answers where it says, and deregisters at the end', async () => {
    await using server = await startAgreeableServer()
    const { service: isns } = service({ port: server.port })
    await isns.publish([{ ...TARGET, portals: [PORTAL] }])
    await expect.poll(() => server.of(REG).length).toBe(2)
    const registration = server.of(REG)[1]!
    expect(portIn(registration, TAG.PORT)).toBe(PORTAL.port)
    const socket = connect(portIn(registration, TAG.ESI_PORT)!, PORTAL.host)
    socket.write(serverMessage(ESI, 5, [wireAttribute(TAG.EID, 'isns:1')]))
    const [answer] = await once(socket, 'data')
    expect(parseWireMessages(answer).messages).toMatchObject([{ functionId: 0x800d, transactionId: 5, status: 0 }])
    await Promise.all([isns.stop(), once(socket, 'close')])
    expect(server.of(DEREG)).toHaveLength(1)
  })

  it('does without a port for messages when that is taken', async () => {
    await using server = await startAgreeableServer()
    const { service: isns, log } = service({ port: server.port, notificationPort: server.port })
    await isns.publish([{ ...TARGET, portals: [PORTAL] }])
    await expect.poll(() => server.of(REG).length).toBe(2)
    expect(portIn(server.of(REG)[0]!, TAG.SCN_PORT)).toBe(undefined)
    expect(log).toContain('no port for messages of the iSNS server: changes are noticed later')
    await isns.stop()
  })

  it('starts and stops without a server, on a portal that has no address to register', async () => {
    const { service: isns, log } = service({})
    const hosts = ['0.0.0.0', 'fe80::1%none0']
    await isns.publish([{ ...TARGET, portals: hosts.map((host) => ({ ...PORTAL, host })) }])
    expect(log).toContain('a portal has no address to register with the iSNS server')
    await expect.poll(() => log).toContain('the iSNS server is of no use at the moment')
    await isns.stop()
  })

  it('goes on when the addresses of this machine cannot be told for a while', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { networkInterfaces } = os
    const { service: isns, log } = service({})
    try {
      await isns.publish([{ ...TARGET, portals: [{ ...PORTAL, host: '0.0.0.0' }] }])
      os.networkInterfaces = () => {
        throw new Error('uv_interface_addresses returned Unknown system error 13')
      }
      syncBuiltinESMExports()
      vi.advanceTimersByTime(60_000)
      await expect.poll(() => log).toContain('the addresses of this machine cannot be told')
      await isns.stop()
    } finally {
      os.networkInterfaces = networkInterfaces
      syncBuiltinESMExports()
      vi.useRealTimers()
    }
  })

  it('follows the targets: each with its own groups, and none when there are none', async () => {
    await using server = await startAgreeableServer()
    const { service: isns } = service({ port: server.port })
    const other = { name: 'iqn.2026-01.test:other', alias: '' }
    await isns.publish([])
    expect(server.requests).toEqual([])
    await isns.publish([
      { ...TARGET, portals: [PORTAL] },
      { ...other, portals: [{ ...PORTAL, portalGroupTag: 7 }] },
    ])
    await expect.poll(() => server.of(REG).length).toBe(2)
    const tags = operatingAttributes(server.of(REG)[1]!).filter(({ tag }) => tag === TAG.PG_TAG)
    expect(tags.map(({ value }) => value.readUInt32BE())).toEqual([1, 7])
    await isns.publish([])
    expect(server.of(DEREG)).toHaveLength(1)
    await isns.publish([{ ...TARGET, portals: [PORTAL] }])
    await expect.poll(() => server.of(REG).length).toBe(4)
    await isns.stop()
    expect(server.of(DEREG)).toHaveLength(2)
  })

  it('guards a directory only when it is to restrict it', () => {
    const directory = directoryWith({ kind: 'none' })
    expect(service({}).service.guard(directory)).toBe(directory)
    expect(service({ restrictsToDomains: true }).service.guard(directory)).not.toBe(directory)
  })
})
