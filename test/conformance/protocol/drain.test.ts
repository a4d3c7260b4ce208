/** The orderly end of sessions by the target: RFC 7143 11.9.1, 4.2.6, 8.1 (T10 to T12, T16, T18). */

import { describe, expect, it } from 'vitest'
import { completeTask } from '../../../protocol/connection/task-lifecycle.ts'
import { drainSession } from '../../../protocol/session/session-drain.ts'
import type { NodeHarness } from '../../support/connection-harness.ts'
import {
  ASYNC_EVENT,
  asyncEvent,
  LOGOUT,
  LOGOUT_ANSWER,
  loginStatus,
  logout,
  opcodesOf,
  openSession,
  recoveringNode,
  TIME2RETAIN_SECONDS,
  TIME2WAIT_SECONDS,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

const LOGOUT_MS = 3000
const WAITING_FOR_LOGOUT = 0x0c

/** Begin to end every session; gives how many have ended. */
function drain(node: NodeHarness, logoutMs = LOGOUT_MS): () => number {
  let endedCount = 0
  node.context.sessions.close()
  for (const session of [...node.context.sessions.sessions()]) {
    drainSession(node.context, session, logoutMs, () => endedCount++)
  }
  node.clock.settle()
  return () => endedCount
}

function completeAll(node: NodeHarness): void {
  for (const task of node.scsi.tasks.splice(0)) completeTask(task, 0, null, 0)
  node.clock.settle()
}

describe('a target that wants a session to end', () => {
  it('[ASYNC-3] [SESS-17] asks for a logout on every connection and says within which time (T11)', () => {
    const node = recoveringNode()
    const hosts = openSession(node, 2)
    drain(node)
    for (const host of hosts) {
      const [message] = host.take()
      expect([message!.opcode, ...asyncEvent(message!)]).toEqual([OPCODE.ASYNC, ASYNC_EVENT.logoutRequest, 0, 0, 3])
      expect(host.connection.state).toBe('LOGOUT_REQUESTED')
    }
  })

  it('[ASYNC-3] [LOGOUT-11] [SESS-17] answers the logout that it asked for (T10)', () => {
    for (const reason of [LOGOUT.closeSession, LOGOUT.closeConnection]) {
      const node = recoveringNode()
      const [host] = openSession(node, 2, 1)
      const endedCount = drain(node)
      host!.take()
      logout(host!, reason)
      node.scsi.rest()
      node.clock.settle()
      expect(host!.take().map((pdu) => [pdu.opcode, pdu.byte(2)])).toEqual([
        [OPCODE.LOGOUT_RESPONSE, LOGOUT_ANSWER.closed],
      ])
      expect([endedCount(), host!.closed, node.clock.timerCount]).toEqual([1, 'end', 0])
    }
  })

  it('asks again when it is told to again (T12)', () => {
    const [host] = openSession(recoveringNode(), 0, 1)
    host!.connection.requestLogout(10)
    host!.connection.requestLogout(5)
    expect(host!.connection.state).toBe('LOGOUT_REQUESTED')
  })

  it('serves commands while the time runs, then rejects new ones and answers those that run', () => {
    const node = recoveringNode()
    const [host] = openSession(node, 0, 1)
    const endedCount = drain(node)
    host!.take()
    host!.command({ itt: 1 })
    completeAll(node)
    expect(opcodesOf(takeAnswers(host!))).toEqual([OPCODE.SCSI_RESPONSE])
    host!.command({ itt: 2 })
    node.clock.advance(LOGOUT_MS)
    host!.command({ itt: 3 })
    const [reject] = host!.take()
    expect([reject!.opcode, reject!.byte(2)]).toEqual([OPCODE.REJECT, WAITING_FOR_LOGOUT])
    expect([endedCount(), host!.closed]).toEqual([0, null])
    completeAll(node)
    node.scsi.rest()
    expect(opcodesOf(takeAnswers(host!))).toEqual([OPCODE.SCSI_RESPONSE, OPCODE.ASYNC])
    expect([endedCount(), host!.closed]).toEqual([1, 'end'])
  })

  it('[ASYNC-3] answers a logout in CmdSN order behind commands that it rejected', () => {
    const node = recoveringNode()
    const [host] = openSession(node, 0, 1)
    const endedCount = drain(node)
    host!.command({ itt: 1 })
    node.clock.advance(LOGOUT_MS)
    host!.take()
    for (const itt of [2, 3]) host!.command({ itt })
    logout(host!, LOGOUT.closeSession, { immediate: false })
    node.scsi.rest()
    node.clock.settle()
    expect(opcodesOf(takeAnswers(host!))).toEqual([OPCODE.REJECT, OPCODE.REJECT, OPCODE.LOGOUT_RESPONSE])
    expect([endedCount(), node.clock.timerCount, node.taken]).toEqual([1, 0, [0, 0, 0]])
  })

  it('waits for what is in flight of sessions that have ended already', () => {
    const node = recoveringNode()
    const [host] = openSession(node, 0, 1)
    host!.command({ itt: 1 })
    logout(host!, LOGOUT.closeSession)
    const { sessions } = node.context
    let isOver = false
    for (const session of sessions.endingSessions()) {
      drainSession(node.context, session, LOGOUT_MS, () => {
        isOver = true
      })
    }
    expect([sessions.size, isOver, node.clock.timerCount]).toEqual([0, false, 2])
    node.scsi.rest()
    expect([isOver, [...sessions.endingSessions()]]).toEqual([true, []])
  })

  it('[ASYNC-3] [ASYNC-5] [SESS-27] announces the end to who does not log out in time, and closes (T18)', () => {
    const node = recoveringNode()
    const hosts = openSession(node, 2)
    const endedCount = drain(node)
    for (const host of hosts) host.take()
    node.clock.advance(LOGOUT_MS)
    node.scsi.rest()
    for (const host of hosts) {
      const [message, ...others] = host.take()
      expect(others).toEqual([])
      expect(asyncEvent(message!)).toEqual([ASYNC_EVENT.sessionDrop, 0, TIME2WAIT_SECONDS, TIME2RETAIN_SECONDS])
      expect([host.closed, host.connection.state]).toEqual(['end', 'FREE'])
    }
    expect([endedCount(), node.clock.timerCount]).toEqual([1, 0])
  })

  it('takes the loss of a connection that it asked for a logout as a loss (T16)', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    drain(node)
    one!.destroy()
    expect(one!.connection.state).toBe('CLEANUP_WAIT')
    node.clock.settle()
    expect(asyncEvent(two!.take().at(-1)!)[0]).toBe(ASYNC_EVENT.connectionDrop)
    node.clock.advance(LOGOUT_MS)
    node.scsi.rest()
    expect([node.context.sessions.size, node.clock.timerCount, node.taken]).toEqual([0, 0, [0, 0, 0]])
  })

  it('does not wait for tasks of connections that are lost', () => {
    const node = recoveringNode()
    const [one] = openSession(node, 2, 1)
    one!.command({ itt: 1 })
    one!.destroy()
    const endedCount = drain(node)
    node.scsi.rest()
    expect([endedCount(), node.context.sessions.size, node.taken]).toEqual([1, 0, [0, 0, 0]])
  })

  it('ends once when the last thing that it waited for is lost with its connection', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    for (const itt of [1, 2, 3]) one!.command({ itt, write: true, edtl: 512, data: Buffer.alloc(512) })
    const endedCount = drain(node, 0)
    expect(endedCount()).toBe(0)
    one!.destroy()
    node.clock.settle()
    node.scsi.rest()
    node.clock.settle()
    expect([endedCount(), two!.closed, one!.connection.state]).toEqual([1, 'end', 'FREE'])
    expect([node.context.sessions.size, node.clock.timerCount, node.taken]).toEqual([0, 0, [0, 0, 0]])
  })

  it('asks nobody when there is no time', () => {
    const node = recoveringNode()
    const [host] = openSession(node, 0, 1)
    drain(node, 0)
    expect(asyncEvent(host!.take()[0]!)[0]).toBe(ASYNC_EVENT.sessionDrop)
  })

  it('[ASYNC-9] says nothing to discovery sessions', () => {
    const node = recoveringNode()
    const host = node.connect()
    host.login({ discovery: true })
    host.take()
    drain(node)
    expect([host.take(), host.closed, node.context.sessions.size]).toEqual([[], 'end', 0])
  })

  it('lets nobody log in any more, neither to a new session nor to one that exists', () => {
    const node = recoveringNode()
    const [leading] = openSession(node, 2, 1)
    drain(node)
    const [fresh, joining] = [node.connect(), node.connect()]
    fresh.login({ isid: 5 })
    joining.join(leading!, 1)
    expect([loginStatus(fresh), loginStatus(joining)]).toEqual([0x0301, 0x0301])
  })
})

describe('a target that ends all sessions of a target name', () => {
  it('[ASYNC-5] announces it, those that have failed included', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    const failed = node.connect()
    failed.login({ isid: 2, keys: { DefaultTime2Retain: '20' } })
    failed.destroy()
    node.context.sessions.dropSessionsOf('iqn.2026-11.example:other')
    expect([one!.closed, node.context.sessions.size]).toEqual([null, 2])
    node.context.sessions.dropSessionsOf(leadingTarget(node))
    node.scsi.rest()
    expect([one!.closed, two!.closed, node.context.sessions.size]).toEqual(['end', 'end', 0])
    expect(asyncEvent(two!.take()[0]!)[0]).toBe(ASYNC_EVENT.sessionDrop)
  })
})

function leadingTarget(node: NodeHarness): string {
  return [...node.context.sessions.sessions()][0]!.identity.target!.name
}

describe('a discovery session', () => {
  it('[DISC-3] is ended when it asks for nothing any more', () => {
    const node = recoveringNode({ discoveryIdleMs: 60_000 })
    const host = node.connect()
    host.login({ discovery: true })
    host.take()
    node.clock.advance(50_000)
    host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 1, words: { 20: 0xffff_ffff, 24: host.cmdSN } })
    host.take()
    node.clock.advance(59_999)
    expect(host.closed).toBeNull()
    node.clock.advance(1)
    expect([host.closed, host.take(), node.context.sessions.size, node.clock.timerCount]).toEqual(['end', [], 0, 0])
  })
})
