import { describe, expect, it } from 'vitest'
import { completeTask, taskAborted } from '../../../../protocol/connection/task-lifecycle.ts'
import { type ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { NO_TAG, OPCODE } from '../../../support/wire-pdu.ts'

const WIDTH = 2
const PING_IDLE_MS = 10_000

/** A session whose window is `width` wide, with two commands under way. */
function start(width = WIDTH): { node: NodeHarness; host: ConnectionHarness } {
  const node = new NodeHarness({ commandWindow: width, pingIdleMs: PING_IDLE_MS, pingTimeoutMs: PING_IDLE_MS })
  const host = node.connect()
  host.login()
  host.command({ itt: 1 })
  host.command({ itt: 2 })
  host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 9, words: { 20: NO_TAG } })
  host.take()
  return { node, host }
}

/** The SCSI layer ends the oldest command for somebody else. */
function abortOldest(node: NodeHarness): void {
  const task = node.scsi.tasks[0]!
  node.scsi.ended(task)
  taskAborted(task)
  node.clock.settle()
}

const told = (host: ConnectionHarness) =>
  host.take().map(({ opcode, itt, ttt, maxCmdSN }) => [opcode, itt, ttt, maxCmdSN])

describe('room that no response tells of', () => {
  it('[SN-9] [NOP-5] is told at once when there was none', () => {
    const { node, host } = start()
    abortOldest(node)
    expect(told(host)).toEqual([[OPCODE.NOP_IN, NO_TAG, NO_TAG, WIDTH + 1]])
    abortOldest(node)
    expect(told(host)).toEqual([])
  })

  it('[SN-9] is told by the keepalive at the latest, also when pings are never answered', () => {
    const { node, host } = start(8)
    node.clock.advance(PING_IDLE_MS)
    const [ping] = host.take()
    expect(ping!.ttt).not.toBe(NO_TAG)
    abortOldest(node)
    expect(told(host)).toEqual([])
    node.clock.advance(PING_IDLE_MS)
    expect(told(host)).toEqual([[OPCODE.NOP_IN, NO_TAG, NO_TAG, 9]])
    node.clock.advance(PING_IDLE_MS)
    expect(told(host)).toEqual([])
  })

  it('[SN-9] is not told twice when a response does', () => {
    const { node, host } = start()
    const [first, second] = [...node.scsi.tasks]
    node.scsi.ended(first!)
    taskAborted(first!)
    node.scsi.ended(second!)
    completeTask(second!, 0, null, 0)
    node.clock.settle()
    expect(host.take().map(({ opcode, maxCmdSN }) => [opcode, maxCmdSN])).toEqual([[OPCODE.SCSI_RESPONSE, 2 * WIDTH]])
  })

  it('is of no interest to an initiator that logs out', () => {
    const { node, host } = start()
    host.request({ opcode: OPCODE.LOGOUT_REQUEST, immediate: true, byte1: 0x80, itt: 7, words: { 24: host.cmdSN } })
    node.scsi.rest()
    node.clock.settle()
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.LOGOUT_RESPONSE])
  })
})
