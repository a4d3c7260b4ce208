/** What is kept of a connection that was lost, for how long, and how it is taken up again: RFC 7143 6.3.6, 7.1.4.3, 7.5. */

import { describe, expect, it } from 'vitest'
import { sendDataIn } from '../../../protocol/connection/data-in.ts'
import {
  ASYNC_EVENT,
  answer,
  asyncEvent,
  complete,
  LOGOUT,
  LOGOUT_ANSWER,
  logout,
  opcodesOf,
  openSession,
  ping,
  RETENTION_MS,
  reassign,
  recoveringKeys,
  recoveringNode,
  stateOf,
  TIME2RETAIN_SECONDS,
  TIME2WAIT_SECONDS,
  tagsOf,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

const REASSIGN_ANSWER = { complete: 0, noTask: 1, stillAllegiant: 3, notSupported: 4, rejected: 255 } as const
describe('a connection of several that is lost', () => {
  it.each([0, 1, 2])('[ASYNC-4] [ASYNC-8] [ERL-15] is reported on another one, at level %i', (level) => {
    const node = recoveringNode()
    const [one, two] = openSession(node, level)
    one!.destroy()
    node.clock.settle()
    const [message, ...others] = two!.take()
    expect(others).toEqual([])
    expect(message!.opcode).toBe(OPCODE.ASYNC)
    expect(asyncEvent(message!)).toEqual([ASYNC_EVENT.connectionDrop, 0, TIME2WAIT_SECONDS, TIME2RETAIN_SECONDS])
    expect(stateOf(node)).toEqual(['LOGGED_IN'])
  })

  it.each([0, 1])('[SESS-23] takes its tasks with it at level %i, and their logical units hear of it', (level) => {
    const node = recoveringNode()
    const [one, two] = openSession(node, level)
    one!.command({ itt: 1, lun: 1 })
    one!.command({ itt: 2, lun: 1 })
    two!.command({ itt: 3, lun: 2 })
    one!.destroy()
    expect(node.scsi.terminatedLuns).toEqual(['0001000000000000'])
    node.scsi.rest()
    expect(tagsOf(node)).toEqual([3])
    complete(node, 3)
    expect(opcodesOf(takeAnswers(two!))).toEqual([OPCODE.ASYNC, OPCODE.SCSI_RESPONSE])
  })

  it('[ERL-15] leaves its tasks where they are at level 2', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    one!.destroy()
    node.clock.advance(RETENTION_MS - 1)
    expect(tagsOf(node)).toEqual([1])
    expect(node.scsi.terminatedLuns).toEqual([])
    expect(two!.take().filter(({ opcode }) => opcode === OPCODE.SCSI_RESPONSE)).toEqual([])
  })

  it('[ERL-20] [SESS-20] [SESS-23] ends them when Time2Wait and Time2Retain are over (M1)', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1, lun: 5 })
    one!.destroy()
    node.clock.advance(RETENTION_MS)
    expect(node.scsi.terminatedLuns).toEqual(['0005000000000000'])
    node.scsi.rest()
    expect([tagsOf(node), one!.connection.state, stateOf(node)]).toEqual([[], 'FREE', ['LOGGED_IN']])
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    expect(two!.take().at(-1)!.byte(2)).toBe(LOGOUT_ANSWER.cidNotFound)
  })

  it('[SESS-24] takes its immediate commands with it at level 2 too', () => {
    const node = recoveringNode()
    const [one] = openSession(node, 2)
    one!.command({ itt: 1 })
    const words = { 20: 0, 24: one!.cmdSN }
    one!.request({ opcode: OPCODE.SCSI_COMMAND, immediate: true, byte1: 0x81, itt: 2, words })
    expect(tagsOf(node)).toEqual([1, 2])
    one!.destroy()
    node.scsi.rest()
    expect(tagsOf(node)).toEqual([1])
  })

  it('is given up first of all when too many are lost', () => {
    const node = recoveringNode({ lostConnectionsMax: 2 })
    const [one, two, three, four] = openSession(node, 2, 4)
    one!.command({ itt: 1 })
    for (const host of [one!, two!, three!]) host.destroy()
    node.scsi.rest()
    expect(tagsOf(node)).toEqual([])
    node.clock.settle()
    four!.take()
    logout(four!, LOGOUT.closeConnection, { cid: 0 })
    expect(answer(four!)).toBe(LOGOUT_ANSWER.cidNotFound)
    logout(four!, LOGOUT.closeConnection, { cid: 1 })
    expect(answer(four!)).toBe(LOGOUT_ANSWER.closed)
  })

  it('[KEY-18] keeps no task of a lost connection with DefaultTime2Retain=0, and tells of no time to reassign it', () => {
    const node = recoveringNode()
    const [one, two] = [node.connect(), node.connect()]
    one.login({ keys: { ...recoveringKeys(2), DefaultTime2Retain: '0' } })
    two.join(one, 1)
    two.take()
    one.command({ itt: 1 })
    one.destroy()
    node.clock.settle()
    const [message] = takeAnswers(two)
    expect(asyncEvent(message!)).toEqual([ASYNC_EVENT.connectionDrop, 0, TIME2WAIT_SECONDS, 0])
    node.scsi.rest()
    expect([tagsOf(node), node.scsi.terminatedLuns]).toEqual([[], ['0000000000000000']])
    node.clock.advance(0)
    logout(two, LOGOUT.removeForRecovery, { cid: 0 })
    expect(answer(two)).toBe(LOGOUT_ANSWER.cidNotFound)
  })

  it('is told only of so many losses on a connection that its initiator does not read', () => {
    const node = recoveringNode({ outboundBytesMax: 4096 })
    const [stalled] = openSession(node, 0, 1)
    stalled!.isStalled = true
    for (let round = 0; round < 100; round++) {
      const other = node.connect()
      other.join(stalled!, 1)
      other.destroy()
      node.clock.settle()
    }
    const messages = stalled!.take().filter(({ opcode }) => opcode === OPCODE.ASYNC)
    expect(messages.length).toBeGreaterThan(0)
    expect(messages.length).toBeLessThan(50)
    stalled!.unstall()
  })
})

describe('TASK REASSIGN', () => {
  it('[ERL-17] [TMF-23] takes a command over after a recovery logout on another connection', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    one!.destroy()
    node.clock.settle()
    two!.take()
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    expect(answer(two!)).toBe(LOGOUT_ANSWER.closed)
    reassign(two!, 1)
    expect(answer(two!)).toBe(REASSIGN_ANSWER.complete)
    complete(node, 1)
    const [response] = two!.take()
    expect([response!.opcode, response!.itt]).toEqual([OPCODE.SCSI_RESPONSE, 1])
  })

  it('[TMF-23] answers before the new allegiance takes effect, with the status of a command that has ended behind', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    one!.destroy()
    complete(node, 1)
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    two!.take()
    reassign(two!, 1)
    expect(two!.take().map(({ opcode, itt }) => [opcode, itt])).toEqual([
      [OPCODE.TASK_MANAGEMENT_RESPONSE, 0x800],
      [OPCODE.SCSI_RESPONSE, 1],
    ])
  })

  it('[TMF-23] [ERL-17] takes over a command whose status went out and was not acknowledged', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    complete(node, 1)
    expect(opcodesOf(one!.take())).toEqual([OPCODE.SCSI_RESPONSE])
    one!.destroy()
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    two!.take()
    const due = two!.expStatSN
    reassign(two!, 1)
    const [, response] = two!.take()
    expect([response!.opcode, response!.itt, response!.statSN]).toEqual([OPCODE.SCSI_RESPONSE, 1, due + 1])
  })

  it('[TMF-23] says that a task is still allegiant before its connection has been logged out', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    reassign(two!, 1)
    expect(answer(two!)).toBe(REASSIGN_ANSWER.stillAllegiant)
    one!.destroy()
    node.clock.settle()
    two!.take()
    reassign(two!, 1)
    expect(answer(two!)).toBe(REASSIGN_ANSWER.stillAllegiant)
  })

  it('[TMF-23] finds no task that was acknowledged, or never was', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    complete(node, 1)
    one!.take()
    ping(one!)
    one!.destroy()
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    two!.take()
    for (const tag of [1, 99]) {
      reassign(two!, tag)
      expect(answer(two!)).toBe(REASSIGN_ANSWER.noTask)
    }
  })

  it('[TMF-22] is rejected when it is not immediate, and not supported below level 2', () => {
    const recovering = openSession(recoveringNode(), 2)
    reassign(recovering[1]!, 1, { immediate: false })
    expect(answer(recovering[1]!)).toBe(REASSIGN_ANSWER.rejected)
    for (const level of [0, 1]) {
      const [, two] = openSession(recoveringNode(), level)
      reassign(two!, 1)
      expect(answer(two!)).toBe(REASSIGN_ANSWER.notSupported)
    }
  })

  it('[TMF-23] is rejected for task management, text negotiations and logouts', () => {
    const node = recoveringNode()
    const [one, two, three] = openSession(node, 2, 3)
    one!.command({ itt: 1, lun: 0 })
    const words = { 20: 0xffff_ffff, 24: one!.cmdSN, 32: 0 }
    one!.request({ opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x82, itt: 2, words })
    one!.request({
      opcode: OPCODE.TEXT_REQUEST,
      immediate: true,
      byte1: 0,
      itt: 3,
      words,
      data: Buffer.from('X-a=b\0'),
    })
    two!.command({ itt: 4 })
    logout(two!, LOGOUT.closeConnection, { itt: 5 })
    three!.take()
    for (const tag of [2, 3, 5]) {
      reassign(three!, tag)
      expect(answer(three!)).toBe(REASSIGN_ANSWER.rejected)
    }
    node.scsi.rest()
  })

  it('[SESS-24] [TMF-23] finds no immediate command, nor one whose time is over, once they are at rest', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    const words = { 20: 0, 24: one!.cmdSN }
    one!.request({ opcode: OPCODE.SCSI_COMMAND, immediate: true, byte1: 0x81, itt: 2, words })
    logout(one!, LOGOUT.removeForRecovery)
    reassign(two!, 2)
    expect(takeAnswers(two!)).toEqual([])
    node.scsi.rest()
    node.clock.settle()
    expect(answer(two!)).toBe(REASSIGN_ANSWER.noTask)
    node.clock.advance(RETENTION_MS)
    two!.take()
    reassign(two!, 1)
    expect(takeAnswers(two!)).toEqual([])
    node.scsi.rest()
    node.clock.settle()
    expect([answer(two!), tagsOf(node)]).toEqual([REASSIGN_ANSWER.noTask, []])
  })

  it('[ERL-18] sends Data-In from ExpDataSN on, and ignores a value that cannot be', () => {
    for (const [expDataSN, resent] of [
      [0, [0, 1, 2, 3]],
      [2, [2, 3]],
      [4, []],
      [5, [0, 1, 2, 3]],
    ] as const) {
      const node = recoveringNode()
      const [one] = openSession(node, 2, 1)
      const two = node.connect()
      two.join(one!, 1, { keys: { MaxRecvDataSegmentLength: '512' } })
      two.command({ itt: 1, read: true, edtl: 2048 })
      const [task] = node.scsi.tasks
      two.take()
      sendDataIn(task!, Buffer.alloc(2048, 0xab), 0, true, null)
      complete(node, 1)
      expect(opcodesOf(two.take()).slice(0, 4)).toEqual(Array(4).fill(OPCODE.DATA_IN))
      two.destroy()
      const three = node.connect()
      three.join(one!, 1, { keys: { MaxRecvDataSegmentLength: '512' } })
      three.take()
      reassign(three, 1, { expDataSN })
      const [first, ...others] = takeAnswers(three)
      expect([first!.opcode, first!.byte(2)]).toEqual([OPCODE.TASK_MANAGEMENT_RESPONSE, REASSIGN_ANSWER.complete])
      const dataIns = others.filter(({ opcode }) => opcode === OPCODE.DATA_IN)
      expect(dataIns.map((pdu) => pdu.word(36))).toEqual(resent)
      expect(dataIns.map((pdu) => pdu.word(40))).toEqual(resent.map((dataSN) => dataSN * 512))
      expect(opcodesOf(others).at(-1)).toBe(OPCODE.SCSI_RESPONSE)
    }
  })

  it('[ERL-16] works at both edges of the time, and not after it', () => {
    for (const [waitedMs, expected] of [
      [0, REASSIGN_ANSWER.complete],
      [RETENTION_MS - 1, REASSIGN_ANSWER.complete],
      [RETENTION_MS, REASSIGN_ANSWER.noTask],
    ] as const) {
      const node = recoveringNode()
      const [one, two] = openSession(node, 2)
      one!.command({ itt: 1 })
      one!.destroy()
      logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
      node.clock.advance(waitedMs)
      node.scsi.rest()
      two!.take()
      reassign(two!, 1)
      expect(answer(two!)).toBe(expected)
    }
  })

  it('[ERL-20] ends what nobody reassigned after a recovery logout', () => {
    const node = recoveringNode()
    const [one] = openSession(node, 2)
    one!.command({ itt: 1, lun: 1 })
    logout(one!, LOGOUT.removeForRecovery)
    expect([answer(one!), one!.closed, one!.connection.state]).toEqual([LOGOUT_ANSWER.closed, 'end', 'FREE'])
    node.clock.advance(RETENTION_MS)
    node.scsi.rest()
    expect([tagsOf(node), node.scsi.terminatedLuns]).toEqual([[], ['0001000000000000']])
  })

  it('[SESS-6] [ERL-17] works after a login that took the CID', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 2, 1)
    old!.command({ itt: 1 })
    old!.destroy()
    const fresh = node.connect()
    fresh.join(old!, 0)
    fresh.take()
    reassign(fresh, 1)
    expect(answer(fresh)).toBe(REASSIGN_ANSWER.complete)
    complete(node, 1)
    expect(fresh.take().map(({ itt }) => itt)).toEqual([1])
  })
})
