/** What sessions hear when the server stops, RFC 7143 4.2.6 and 11.9. */

import { afterEach, describe, expect, it } from 'vitest'
import { type RunningTarget, startTarget } from '../../support/target-server.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { clearUnitAttentions } from '../../support/wire-scsi.ts'

const running: RunningTarget[] = []

afterEach(async () => {
  for (const target of running.splice(0)) await target.close()
})

async function start(): Promise<RunningTarget> {
  const target = await startTarget({})
  running.push(target)
  return target
}

describe('a server that stops', () => {
  it('[SESS-27] announces at most that the connection or session ends, and closes', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    await initiator.login()
    await clearUnitAttentions(initiator)
    const closing = target.close()
    running.length = 0
    const announced = await initiator.readUntilClosed()
    expect(announced.length).toBeGreaterThan(0)
    for (const pdu of announced) {
      expect(pdu.opcode).toBe(OPCODE.ASYNC)
      expect(pdu.byte(36)).toBeOneOf([1, 2, 3])
    }
    initiator.destroy()
    await closing
  })

  it('[ASYNC-1] says so in messages that are laid out as the standard has it', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    const { final } = await initiator.login()
    const closing = target.close()
    running.length = 0
    const announced = await initiator.readUntilClosed()
    expect(announced.length).toBeGreaterThan(0)
    for (const [index, { header, data }] of announced.entries()) {
      expect(header.subarray(0, 4).toString('hex')).toBe('32800000')
      expect(header.readUInt32BE(4)).toBe(0)
      expect(header.subarray(8, 16).toString('hex')).toBe('0000000000000000')
      expect(header.subarray(16, 24).toString('hex')).toBe('ffffffff00000000')
      expect(header.readUInt32BE(24)).toBe((final.statSN + 1 + index) >>> 0)
      expect([header[36], header[37]]).toEqual([expect.toBeOneOf([1, 2, 3]), 0])
      expect(header.readUInt32BE(44)).toBe(0)
      expect(data.length).toBe(0)
    }
    initiator.destroy()
    await closing
  })

  it('[ASYNC-5] announces the drop of the session with the times that were negotiated', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    const { keys } = await initiator.login({ DefaultTime2Wait: '7', DefaultTime2Retain: '5' })
    const closing = target.close()
    running.length = 0
    const drops = (await initiator.readUntilClosed()).filter((pdu) => pdu.byte(36) === 3)
    const [wait, retain] = [Number(keys.DefaultTime2Wait), Number(keys.DefaultTime2Retain)]
    expect(drops.map(({ header }) => [38, 40, 42].map((at) => header.readUInt16BE(at)))).toEqual([[0, wait, retain]])
    expect(wait).toBe(7)
    initiator.destroy()
    await closing
  })

  it('[ASYNC-9] tells discovery sessions nothing', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    await initiator.login({ SessionType: 'Discovery' })
    const closing = target.close()
    running.length = 0
    await initiator.connection.expectClosed()
    initiator.destroy()
    await closing
  })
})
