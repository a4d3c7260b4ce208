/** The bounds of what is kept for sending again, and what happens to initiators that acknowledge nothing. */

import { describe, expect, it } from 'vitest'
import { borrowDataIn, sendDataIn } from '../../../../protocol/connection/data-in.ts'
import {
  acknowledge,
  bring,
  complete,
  openRecovering,
  type RecoveringHost,
  read,
  SNACK,
  snack,
  taskOf,
} from '../../../support/recovery-steps.ts'
import { openSession, recoveringNode } from '../../../support/session-steps.ts'
import { NO_TAG, OPCODE } from '../../../support/wire-pdu.ts'
import { pattern } from '../../../support/wire-scsi.ts'

const SMALL = { MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024' }

/** Bring a piece of Data-In and say whether the next one is wanted already. */
function bringAndAsk({ node }: RecoveringHost, itt: number, offset: number): { isWanted: boolean } {
  const state = { isWanted: false }
  const task = taskOf(node, itt)
  sendDataIn(task, borrowDataIn(task, 512).fill(1), offset, false, () => {
    state.isWanted = true
  })
  node.clock.settle()
  return state
}

describe('kept Data-In', () => {
  it('lets a task go on until it has asked for an acknowledgement, and then wait for it', () => {
    const session = openRecovering(SMALL, { retainedDataInBytesMax: 100 })
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 4096 })
    expect(bringAndAsk(session, 7, 0).isWanted).toBe(true)
    const second = bringAndAsk(session, 7, 512)
    expect(second.isWanted).toBe(false)
    snack(host, SNACK.dataAck, { tag: host.take()[1]!.ttt, begRun: 2 })
    expect(second.isWanted).toBe(true)
    expect(bringAndAsk(session, 7, 1024).isWanted).toBe(true)
    complete(node, 7, 1536)
    acknowledge(host)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('holds back commands that have not begun, and asks for the acknowledgement that lets them go on', () => {
    const session = openRecovering(SMALL, { retainedDataInBytesMax: 700 })
    const { node, host } = session
    read(session, 1, pattern(512))
    read(session, 2, pattern(512))
    host.command({ itt: 3, read: true, edtl: 512 })
    expect(node.scsi.tasks).toEqual([])
    const last = host.take().filter(({ opcode }) => opcode === OPCODE.DATA_IN)[1]!
    expect([last.byte(1), last.ttt === NO_TAG]).toEqual([0xc0, false])
    snack(host, SNACK.dataAck, { tag: last.ttt, begRun: 1 })
    expect(node.scsi.tasks.length).toBe(1)
    bring(node, 3, pattern(512), 0, true)
    complete(node, 3, 512)
    acknowledge(host)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('lets a task go on when other acknowledgements have made room, whether or not its own comes', () => {
    const session = openRecovering(SMALL, { retainedDataInBytesMax: 1200 })
    const { node, host } = session
    read(session, 1, pattern(512))
    host.command({ itt: 7, read: true, edtl: 4096 })
    bringAndAsk(session, 7, 0)
    const second = bringAndAsk(session, 7, 512)
    expect(second.isWanted).toBe(false)
    acknowledge(host)
    expect(second.isWanted).toBe(true)
    complete(node, 7, 1024)
    acknowledge(host)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('is asked about at once when it holds back commands of an initiator that acknowledges with its next request', () => {
    const session = openRecovering(SMALL, { retainedDataInBytesMax: 700 })
    const { node, host } = session
    read(session, 1, pattern(512))
    read(session, 2, pattern(512))
    host.command({ itt: 3, read: true, edtl: 512 })
    const pings = host.take().filter(({ opcode, ttt }) => opcode === OPCODE.NOP_IN && ttt !== NO_TAG)
    expect([pings.length, node.scsi.tasks.length]).toEqual([1, 0])
    acknowledge(host)
    expect(node.scsi.tasks.length).toBe(1)
    complete(node, 3, 0)
    acknowledge(host)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('is bounded in a session of several connections too, whose initiator acknowledges none of its answers', () => {
    const limits = { retainedDataInBytesMax: 700, acknowledgementTimeoutMs: 1000, statusReminderMs: 100 }
    const node = recoveringNode(limits)
    const [one, two] = openSession(node, 2)
    for (let itt = 1; itt <= 10; itt++) two!.command({ itt, read: true, edtl: 512 })
    for (const itt of [1, 2]) {
      bring(node, itt, pattern(512), 0, true)
      complete(node, itt, 512)
    }
    one!.command({ itt: 11 })
    two!.command({ itt: 12, read: true, edtl: 512 })
    one!.command({ itt: 13 })
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11])
    node.clock.advance(2500)
    expect([one!.closed, two!.closed]).toEqual([null, 'destroy'])
    expect(node.scsi.tasks.at(-1)!.initiatorTaskTag).toBe(13)
  })

  it('ends the connection of an initiator that does not acknowledge while somebody waits', () => {
    const limits = { retainedDataInBytesMax: 100, acknowledgementTimeoutMs: 1000, statusReminderMs: 100 }
    const session = openRecovering(SMALL, limits)
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 4096 })
    bringAndAsk(session, 7, 0)
    bringAndAsk(session, 7, 512)
    node.clock.advance(2500)
    expect(host.closed).toBe('destroy')
    node.scsi.rest()
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('keeps memory that is asked for again until it has left', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    read(session, 7, pattern(512))
    host.take()
    host.isStalled = true
    snack(host, SNACK.data, { itt: 7 })
    acknowledge(host)
    expect(node.taken[1]).toBe(1)
    host.unstall()
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('goes with its connection, whatever was acknowledged', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    read(session, 1, pattern(2048))
    host.command({ itt: 2, read: true, edtl: 2048 })
    bring(node, 2, pattern(1024), 0)
    borrowDataIn(taskOf(node, 2), 512)
    host.destroy()
    node.scsi.rest()
    node.clock.settle()
    expect([node.taken, node.clock.timerCount]).toEqual([[0, 0, 0], 0])
  })

  it('is not sent again without end to an initiator that does not read', () => {
    const session = openRecovering(SMALL, { outboundBytesMax: 8192 })
    const { node, host } = session
    read(session, 7, pattern(4096))
    host.isStalled = true
    for (let count = 0; count < 50 && host.closed === null; count++) snack(host, SNACK.data, { itt: 7 })
    expect(host.closed).toBe('destroy')
    host.unstall()
    expect(node.taken).toEqual([0, 0, 0])
  })
})

describe('kept statuses', () => {
  it('[ERL-13] [SN-12] are brought to mind by a NOP-In with the next StatSN when they stay unacknowledged', () => {
    const session = openRecovering({}, { statusReminderMs: 1000 })
    const { node, host } = session
    host.command({ itt: 1 })
    complete(node, 1, 0)
    const [answer] = host.take()
    node.clock.advance(9500)
    const reminders = host.take()
    expect(reminders.map(({ opcode, itt, statSN }) => [opcode, itt, statSN])).toEqual([
      [OPCODE.NOP_IN, NO_TAG, (answer!.statSN + 1) >>> 0],
    ])
    acknowledge(host)
    node.clock.advance(2500)
    expect(host.take()).toEqual([])
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('end the connection of an initiator that never acknowledges any', () => {
    const { node, host } = openRecovering({}, { retainedStatusBytesMax: 10_000 })
    const ping = { opcode: OPCODE.NOP_OUT, immediate: true, itt: 5, words: { 20: NO_TAG }, data: Buffer.alloc(512) }
    for (let count = 0; count < 100 && host.closed === null; count++) host.request(ping)
    expect(host.closed).toBe('destroy')
    expect(node.taken).toEqual([0, 0, 0])
  })
})
