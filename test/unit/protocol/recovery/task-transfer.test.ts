/** A task that goes on on another connection, in every state that it may have been in. */

import { describe, expect, it } from 'vitest'
import { borrowDataIn, sendDataIn } from '../../../../protocol/connection/data-in.ts'
import { completeTask, taskAborted } from '../../../../protocol/connection/task-lifecycle.ts'
import { resumeTransfers, suspendTransfers } from '../../../../protocol/recovery/task-transfer.ts'
import type { ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { acknowledge, bring, collect, complete, runOf, SNACK, snack, taskOf } from '../../../support/recovery-steps.ts'
import { openSession, recoveringNode } from '../../../support/session-steps.ts'
import { NO_TAG, OPCODE } from '../../../support/wire-pdu.ts'
import { pattern } from '../../../support/wire-scsi.ts'

interface Pair {
  readonly node: NodeHarness
  /** Loses its task. */
  readonly first: ConnectionHarness
  /** Takes it over. */
  readonly second: ConnectionHarness
}

function openPair(): Pair {
  const node = recoveringNode()
  const [first, second] = openSession(node, 2)
  return { node, first: first!, second: second! }
}

/** What the second connection sent for the task, without what it says about the first one. */
function sentOn({ second }: Pair): ReturnType<ConnectionHarness['take']> {
  return second.take().filter(({ opcode }) => opcode !== OPCODE.ASYNC)
}

function expectNothingLeft({ node, first, second }: Pair): void {
  acknowledge(second)
  node.clock.settle()
  expect([first, second].map(({ connection }) => connection.inbound.bytes)).toEqual([0, 0])
  expect([first, second].map(({ connection }) => connection.outbound.retainedBytes)).toEqual([0, 0])
  expect(node.taken).toEqual([0, 0, 0])
}

describe('a read', () => {
  it('[ERL-17] [ERL-19] goes on with what is not acknowledged, in the segments of the other connection', () => {
    const pair = openPair()
    const { node, first, second } = pair
    const data = pattern(8192 * 3)
    first.command({ itt: 7, read: true, edtl: data.length })
    bring(node, 7, data.subarray(0, 16384), 0)
    const task = taskOf(node, 7)
    first.destroy()
    second.connection.setParameters({ ...second.connection.parameters, initiatorMaxRecvDataSegmentLength: 4096 })
    resumeTransfers(task, second.connection, 1)
    node.clock.settle()
    expect(sentOn(pair).map(runOf)).toEqual([
      [1, 8192, 4096],
      [2, 12288, 4096],
    ])
    bring(node, 7, data.subarray(16384), 16384, true)
    complete(node, 7, data.length)
    const rest = sentOn(pair)
    expect(rest.slice(0, 2).map(runOf)).toEqual([
      [3, 16384, 4096],
      [4, 20480, 4096],
    ])
    expect([rest[2]!.opcode, rest[2]!.word(36)]).toEqual([OPCODE.SCSI_RESPONSE, 5])
    expectNothingLeft(pair)
  })

  it.each([0, 3, 9])(
    '[ERL-17] is sent from its reference on when ExpDataSN is %i, which says nothing new',
    (expDataSN) => {
      const pair = openPair()
      const { node, first, second } = pair
      const data = pattern(16384)
      first.command({ itt: 7, read: true, edtl: 32768 })
      bring(node, 7, data, 0)
      const task = taskOf(node, 7)
      first.destroy()
      resumeTransfers(task, second.connection, expDataSN)
      node.clock.settle()
      expect(sentOn(pair).map(runOf)).toEqual([
        [0, 0, 8192],
        [1, 8192, 8192],
      ])
      complete(node, 7, 16384)
      expectNothingLeft(pair)
    },
  )

  it('[ERL-17] keeps what the SCSI layer brings in the meantime, its status included, and asks it for no more', () => {
    const pair = openPair()
    const { node, first, second } = pair
    const data = pattern(1024)
    first.command({ itt: 7, read: true, edtl: data.length })
    const task = taskOf(node, 7)
    const memory = borrowDataIn(task, 512)
    first.destroy()
    let isWanted = false
    data.copy(memory, 0, 0, 512)
    sendDataIn(task, memory, 0, false, () => {
      isWanted = true
    })
    expect(isWanted).toBe(false)
    sendDataIn(task, data.subarray(512), 512, true, null)
    complete(node, 7, data.length)
    expect(sentOn(pair)).toEqual([])
    resumeTransfers(task, second.connection, 0)
    node.clock.settle()
    const sent = sentOn(pair)
    expect(sent.map(({ opcode }) => opcode)).toEqual([OPCODE.DATA_IN, OPCODE.DATA_IN, OPCODE.SCSI_RESPONSE])
    expect(Buffer.concat(sent.slice(0, 2).map((pdu) => pdu.data)).equals(data)).toBe(true)
    expectNothingLeft(pair)
  })

  it('[ERL-17] [RSP-9] that was answered is answered again, with a StatSN of its own and no SNACK tag', () => {
    const pair = openPair()
    const { node, first, second } = pair
    const data = pattern(1024)
    first.command({ itt: 7, read: true, edtl: data.length })
    bring(node, 7, data, 0, true)
    complete(node, 7, data.length)
    snack(first, SNACK.rData, { itt: 7, tag: 0x55 })
    expect(first.take().at(-1)!.word(20)).toBe(0x55)
    const task = first.connection.statuses.ledger!.findTask(7)!
    first.destroy()
    const { expStatSN } = second
    resumeTransfers(task, second.connection, 0)
    node.clock.settle()
    const [dataIn, response] = sentOn(pair)
    expect(dataIn!.data.equals(data)).toBe(true)
    expect([response!.opcode, response!.word(20), response!.word(36)]).toEqual([OPCODE.SCSI_RESPONSE, 0, 1])
    expect((response!.statSN - expStatSN) >>> 0).toBeLessThanOrEqual(1)
    expectNothingLeft(pair)
  })
})

describe('a write', () => {
  it('[ERL-17] is asked for what is missing, under the number that its R2T had', () => {
    const pair = openPair()
    const { node, first, second } = pair
    const data = pattern(2048)
    first.command({ itt: 7, write: true, edtl: data.length })
    const into = collect(node, 7, data.length)
    const [r2t] = first.take()
    first.dataOut(7, r2t!.ttt, 0, 0, data.subarray(0, 512), false)
    first.dataOut(7, r2t!.ttt, 2, 1024, data.subarray(1024, 1536), false)
    const task = taskOf(node, 7)
    first.destroy()
    resumeTransfers(task, second.connection, 0)
    node.clock.settle()
    for (const run of [
      [0, 512, 512],
      [1, 1536, 512],
    ]) {
      const again = sentOn(pair).at(-1)!
      expect([again.opcode, ...runOf(again)]).toEqual([OPCODE.R2T, ...run])
      second.dataOut(7, again.ttt, 0, run[1]!, data.subarray(run[1], run[1]! + 512))
    }
    expect(into.equals(data)).toBe(true)
    complete(node, 7, data.length)
    expect(sentOn(pair).map(({ opcode }) => opcode)).toEqual([OPCODE.SCSI_RESPONSE])
    expectNothingLeft(pair)
  })

  it('[ERL-17] takes the next number when ExpDataSN says that the R2T had come', () => {
    const pair = openPair()
    const { node, first, second } = pair
    first.command({ itt: 7, write: true, edtl: 512 })
    collect(node, 7, 512)
    const task = taskOf(node, 7)
    first.destroy()
    resumeTransfers(task, second.connection, 1)
    node.clock.settle()
    const [again] = sentOn(pair)
    expect(runOf(again!)).toEqual([1, 0, 512])
    second.dataOut(7, again!.ttt, 0, 0, pattern(512))
    complete(node, 7, 512)
    expectNothingLeft(pair)
  })

  it('[ERL-17] is asked for unsolicited data that was on its way, and keeps what came early', () => {
    const node = recoveringNode()
    const first = node.connect()
    const second = node.connect()
    const keys = { ErrorRecoveryLevel: '2', MaxConnections: '2', InitialR2T: 'No', DefaultTime2Retain: '20' }
    first.login({ keys })
    second.join(first, 1)
    const pair = { node, first, second }
    for (const host of [first, second]) host.take()
    const data = pattern(4096)
    first.command({ itt: 7, write: true, final: false, edtl: data.length, data: data.subarray(0, 1024) })
    first.dataOut(7, NO_TAG, 1, 2048, data.subarray(2048, 3072), false)
    const task = taskOf(node, 7)
    first.destroy()
    const into = collect(node, 7, data.length)
    resumeTransfers(task, second.connection, 0)
    node.clock.settle()
    for (const run of [
      [0, 1024, 1024],
      [1, 3072, 1024],
    ]) {
      const r2t = sentOn(pair).at(-1)!
      expect(runOf(r2t)).toEqual(run)
      second.dataOut(7, r2t.ttt, 0, run[1]!, data.subarray(run[1], run[1]! + 1024))
    }
    expect(into.equals(data)).toBe(true)
    complete(node, 7, data.length)
    expectNothingLeft(pair)
  })

  it('answers with the sense of a transfer that had gone wrong', () => {
    const pair = openPair()
    const { node, first, second } = pair
    first.command({ itt: 7, write: true, edtl: 1024 })
    collect(node, 7, 1024)
    const [r2t] = first.take()
    first.dataOut(7, r2t!.ttt, 0, 512, Buffer.alloc(512), false)
    const task = taskOf(node, 7)
    first.destroy()
    node.scsi.rest()
    expect(task.phase).toBe('responding')
    resumeTransfers(task, second.connection, 0)
    node.clock.settle()
    const [response] = sentOn(pair)
    expect([response!.opcode, response!.byte(3), response!.data.readUInt16BE(14)]).toEqual([0x21, 2, 0x0c0d])
    expectNothingLeft(pair)
  })
})

describe('a suspended task', () => {
  it('is gone when the SCSI layer aborts it', () => {
    const pair = openPair()
    const { node, first } = pair
    first.command({ itt: 7, read: true, edtl: 1024 })
    bring(node, 7, pattern(512), 0)
    const task = taskOf(node, 7)
    suspendTransfers(task)
    node.scsi.ended(task)
    taskAborted(task)
    expectNothingLeft(pair)
  })

  it('moves a second time, and is answered once', () => {
    const pair = openPair()
    const { node, first, second } = pair
    const third = node.connect()
    third.join(first, 2)
    third.take()
    first.command({ itt: 7 })
    const task = taskOf(node, 7)
    first.destroy()
    resumeTransfers(task, second.connection, 0)
    second.destroy()
    node.scsi.ended(task)
    completeTask(task, 0, null, 0)
    resumeTransfers(task, third.connection, 0)
    node.clock.settle()
    expect(third.take().filter(({ opcode }) => opcode === OPCODE.SCSI_RESPONSE).length).toBe(1)
    acknowledge(third)
    expect(node.taken).toEqual([0, 0, 0])
  })
})
