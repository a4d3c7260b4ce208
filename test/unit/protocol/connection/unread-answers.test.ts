import { describe, expect, it } from 'vitest'
import { ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { NO_TAG, OPCODE } from '../../../support/wire-pdu.ts'

const PING = { opcode: OPCODE.NOP_OUT, immediate: true, words: { 20: NO_TAG } } as const

describe('an initiator that does not read', () => {
  const outboundBytesMax = 100_000

  it.each([
    ['pings with data', { ...PING, data: Buffer.alloc(8000) }, 8048],
    ['pings without data, each of which costs more than its bytes', PING, 304],
    ['rejected requests', { opcode: OPCODE.SNACK, byte1: 0x8f }, 608],
  ])('is not listened to while the answers to its %s pile up', (_case, fields, costBytes) => {
    const host = new NodeHarness({ outboundBytesMax }).connect()
    host.login()
    host.isStalled = true
    let sent = 0
    for (; !host.isPaused && sent < 10_000; sent++) host.request({ ...fields, itt: sent })
    expect(sent * costBytes).toBeGreaterThan(outboundBytesMax)
    expect(sent * costBytes).toBeLessThan(3 * outboundBytesMax)
    host.unstall()
    expect(host.isPaused).toBe(false)
    host.take()
    host.request({ ...PING, itt: 1 })
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.NOP_IN])
  })

  it('is listened to while only the data that it asked for waits', () => {
    const host = new NodeHarness({ outboundBytesMax }).connect()
    host.login()
    host.isStalled = true
    for (let itt = 0; itt < 12; itt++) host.request({ ...PING, itt, data: Buffer.alloc(8192) })
    host.command({ itt: 100, read: true, edtl: 4096 })
    expect(host.isPaused).toBe(false)
  })
})

it('answers a ping with no more memory than the answer takes', () => {
  const kept: number[] = []
  class Witness extends ConnectionHarness {
    override send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void {
      kept.push(...buffers.map((buffer) => buffer.buffer.byteLength))
      super.send(buffers, byteCount, sent)
    }
  }
  const host = new Witness(new NodeHarness())
  host.login({ keys: { MaxRecvDataSegmentLength: '512' } })
  for (const byteCount of [4, 200_000]) host.request({ ...PING, itt: byteCount, data: Buffer.alloc(byteCount) })
  expect(Math.max(...kept)).toBeLessThan(70_000)
})

describe('task management that waits', () => {
  const ABORT_TASK_SET = 0x82

  it('is bounded', () => {
    const host = new NodeHarness({ managementRequestsMax: 3 }).connect()
    host.login()
    host.take()
    const words = { 20: NO_TAG, 24: host.cmdSN + 5 }
    const opcode = OPCODE.TASK_MANAGEMENT_REQUEST
    for (let itt = 0; itt < 5; itt++) host.request({ opcode, immediate: true, byte1: ABORT_TASK_SET, itt, words })
    const rejects = host.take()
    expect(rejects.map((reject) => [reject.opcode, reject.byte(2)])).toEqual([
      [OPCODE.REJECT, 0x06],
      [OPCODE.REJECT, 0x06],
    ])
  })

  it('is not taken twice under one Initiator Task Tag', () => {
    const host = new NodeHarness().connect()
    host.login()
    host.take()
    const words = { 20: NO_TAG, 24: host.cmdSN + 5 }
    const opcode = OPCODE.TASK_MANAGEMENT_REQUEST
    for (let time = 0; time < 2; time++) host.request({ opcode, immediate: true, byte1: ABORT_TASK_SET, itt: 9, words })
    expect(host.take().map((reject) => [reject.opcode, reject.byte(2)])).toEqual([[OPCODE.REJECT, 0x07]])
  })
})
