/** Logouts in sessions of several connections, and of connections that are gone: RFC 7143 11.14 and 11.15. */

import { describe, expect, it } from 'vitest'
import { completeTask } from '../../../protocol/connection/task-lifecycle.ts'
import type { ConnectionHarness, NodeHarness } from '../../support/connection-harness.ts'
import {
  LOGOUT,
  LOGOUT_ANSWER,
  logout,
  opcodesOf,
  openSession,
  ping,
  RETENTION_MS,
  recoveringNode,
  TIME2RETAIN_SECONDS,
  TIME2WAIT_SECONDS,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

/** The response code of the one PDU that came, which is a Logout Response. */
function answer(host: ConnectionHarness): number {
  const pdus = takeAnswers(host)
  expect(opcodesOf(pdus)).toEqual([OPCODE.LOGOUT_RESPONSE])
  return pdus[0]!.byte(2)
}

function tagsOf(node: NodeHarness): number[] {
  return node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)
}

function rest(node: NodeHarness): void {
  node.scsi.rest()
  node.clock.settle()
}

describe('closing the session', () => {
  it('[LOGOUT-1] [LOGOUT-3] [LOGOUT-5] [SESS-18] closes every connection, and answers when all is at rest', () => {
    const node = recoveringNode()
    const [one, two, three] = openSession(node, 2, 3)
    one!.command({ itt: 1 })
    two!.command({ itt: 2 })
    logout(one!, LOGOUT.closeSession)
    expect([one!.closed, two!.closed, three!.closed]).toEqual([null, 'end', 'end'])
    expect([two!.connection.state, three!.connection.state]).toEqual(['FREE', 'FREE'])
    expect(one!.take()).toEqual([])
    rest(node)
    expect(answer(one!)).toBe(LOGOUT_ANSWER.closed)
    expect([one!.closed, two!.take(), node.context.sessions.size]).toEqual(['end', [], 0])
    expect([node.taken, node.clock.timerCount]).toEqual([[0, 0, 0], 0])
  })

  it('[LOGOUT-8] takes connections with it that are lost, and their tasks', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    one!.destroy()
    node.clock.settle()
    two!.take()
    logout(two!, LOGOUT.closeSession)
    rest(node)
    expect(answer(two!)).toBe(LOGOUT_ANSWER.closed)
    expect([node.context.sessions.size, node.clock.timerCount, node.taken]).toEqual([0, 0, [0, 0, 0]])
  })
})

describe('closing one connection', () => {
  it('[LOGOUT-1] [LOGOUT-3] [LOGOUT-5] ends its tasks and leaves the others alone', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1, lun: 1 })
    two!.command({ itt: 2, lun: 2 })
    logout(one!, LOGOUT.closeConnection)
    expect(one!.take()).toEqual([])
    rest(node)
    expect(answer(one!)).toBe(LOGOUT_ANSWER.closed)
    expect([one!.closed, one!.connection.state, tagsOf(node)]).toEqual(['end', 'FREE', [2]])
    expect(node.scsi.terminatedLuns).toEqual(['0001000000000000'])
    ping(two!)
    expect(opcodesOf(takeAnswers(two!))).toEqual([OPCODE.NOP_IN])
  })

  it('[LOGOUT-3] drops commands that their CmdSN has not reached, and leaves the hole to the initiator', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 2, cmdSN: 2 })
    two!.command({ itt: 3, cmdSN: 3 })
    logout(one!, LOGOUT.closeConnection)
    expect(answer(one!)).toBe(LOGOUT_ANSWER.closed)
    two!.command({ itt: 1, cmdSN: 1 })
    expect(tagsOf(node)).toEqual([1])
    two!.command({ itt: 4, cmdSN: 2 })
    expect(tagsOf(node)).toEqual([1, 4, 3])
  })

  it('[LOGOUT-8] closes the session with the last one', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    logout(one!, LOGOUT.closeConnection)
    logout(two!, LOGOUT.closeConnection)
    rest(node)
    expect(answer(two!)).toBe(LOGOUT_ANSWER.closed)
    expect([node.context.sessions.size, node.scsi.openNexusCount, node.clock.timerCount]).toEqual([0, 0, 0])
  })

  it('does not close the session while another one waits for its cleanup', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.destroy()
    node.clock.settle()
    two!.take()
    logout(two!, LOGOUT.closeConnection)
    expect(answer(two!)).toBe(LOGOUT_ANSWER.closed)
    expect([...node.context.sessions.sessions()].map(({ state }) => state)).toEqual(['FAILED'])
    node.clock.advance(RETENTION_MS)
    rest(node)
    expect([node.context.sessions.size, node.clock.timerCount]).toEqual([0, 0])
  })

  it('frees its CID', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    logout(two!, LOGOUT.closeConnection)
    const again = node.connect()
    again.join(one!, 1)
    expect(again.take().at(-1)!.header.readUInt16BE(36)).toBe(0)
  })
})

describe('logging another connection out', () => {
  it.each([0, 1, 2])('[LOGOUT-6] is only a logical close when it is dead, at level %i', (level) => {
    const node = recoveringNode()
    const [one, two] = openSession(node, level)
    one!.command({ itt: 1 })
    one!.destroy()
    rest(node)
    two!.take()
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    rest(node)
    expect([answer(two!), one!.connection.state, tagsOf(node)]).toEqual([LOGOUT_ANSWER.closed, 'FREE', []])
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    expect(answer(two!)).toBe(LOGOUT_ANSWER.cidNotFound)
  })

  it.each([LOGOUT.closeConnection, LOGOUT.removeForRecovery])(
    '[LOGOUT-6] closes it when it is alive, for reason %i, and does not report that as a loss',
    (reason) => {
      const node = recoveringNode()
      const [one, two] = openSession(node, 2)
      one!.command({ itt: 1 })
      logout(two!, reason, { cid: 0 })
      rest(node)
      expect([one!.closed, answer(two!)]).toEqual(['destroy', LOGOUT_ANSWER.closed])
      expect(tagsOf(node)).toEqual(reason === LOGOUT.removeForRecovery ? [1] : [])
    },
  )

  it.each([LOGOUT.closeConnection, LOGOUT.removeForRecovery])(
    '[LOGOUT-6] waits for what a logout of its own was ending when it was lost, for reason %i',
    (reason) => {
      const node = recoveringNode()
      const [one, two] = openSession(node, 2)
      one!.command({ itt: 1 })
      logout(one!, LOGOUT.closeConnection)
      one!.destroy()
      node.clock.settle()
      two!.take()
      logout(two!, reason, { cid: 0 })
      expect(takeAnswers(two!)).toEqual([])
      rest(node)
      expect([answer(two!), tagsOf(node)]).toEqual([LOGOUT_ANSWER.closed, []])
    },
  )

  it('[LOGOUT-2] does not find a CID that nobody has, and nobody is harmed', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    for (const reason of [LOGOUT.closeConnection, LOGOUT.removeForRecovery]) {
      logout(two!, reason, { cid: 7 })
      expect(answer(two!)).toBe(LOGOUT_ANSWER.cidNotFound)
    }
    for (const host of [one!, two!]) {
      ping(host)
      expect(opcodesOf(host.take())).toEqual([OPCODE.NOP_IN])
    }
  })

  it('[LOGOUT-2] [SESS-20] fails when the tasks do not come to rest (M3), and may be tried again', () => {
    const node = recoveringNode({ logoutTimeoutMs: 5000 })
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 1 })
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    expect(one!.connection.state).toBe('IN_CLEANUP')
    logout(two!, LOGOUT.closeConnection, { cid: 0, itt: 0x901 })
    expect(answer(two!)).toBe(LOGOUT_ANSWER.cleanupFailed)
    node.clock.advance(5000)
    expect([answer(two!), one!.connection.state]).toEqual([LOGOUT_ANSWER.cleanupFailed, 'CLEANUP_WAIT'])
    rest(node)
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    expect([answer(two!), one!.connection.state]).toEqual([LOGOUT_ANSWER.closed, 'FREE'])
  })

  it('[LOGOUT-2] [SESS-19] fails on the connection itself too (T17), whose state is then kept', () => {
    const node = recoveringNode({ logoutTimeoutMs: 5000 })
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 1 })
    logout(one!, LOGOUT.closeConnection)
    node.clock.advance(5000)
    expect([answer(one!), one!.closed]).toEqual([LOGOUT_ANSWER.cleanupFailed, 'end'])
    expect(one!.connection.state).toBe('CLEANUP_WAIT')
    rest(node)
    two!.take()
    logout(two!, LOGOUT.closeConnection, { cid: 0 })
    expect(answer(two!)).toBe(LOGOUT_ANSWER.closed)
  })
})

describe('removing a connection for recovery', () => {
  it('[LOGOUT-1] [LOGOUT-4] [LOGOUT-7] keeps its tasks, says for how long, and drops what was not acknowledged', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1, cmdSN: 1 })
    one!.command({ itt: 3, cmdSN: 3 })
    logout(one!, LOGOUT.removeForRecovery)
    const [response] = one!.take()
    expect(response!.byte(2)).toBe(LOGOUT_ANSWER.closed)
    expect([response!.header.readUInt16BE(40), response!.header.readUInt16BE(42)]).toEqual([
      TIME2WAIT_SECONDS,
      TIME2RETAIN_SECONDS,
    ])
    expect(one!.closed).toBe('end')
    two!.command({ itt: 2, cmdSN: 2 })
    expect(tagsOf(node)).toEqual([1, 2])
    two!.command({ itt: 4, cmdSN: 3 })
    expect(tagsOf(node)).toEqual([1, 2, 4])
  })

  it('[LOGOUT-4] sends nothing for its tasks any more', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    const [task] = node.scsi.tasks
    node.scsi.ended(task!)
    completeTask(task!, 0, null, 0)
    node.clock.settle()
    expect([opcodesOf(one!.take()), opcodesOf(takeAnswers(two!))]).toEqual([[], [OPCODE.LOGOUT_RESPONSE]])
  })

  it('is the failure of the session when it was the last one, which a new login ends', () => {
    const node = recoveringNode()
    const [one] = openSession(node, 2, 1)
    one!.command({ itt: 1 })
    logout(one!, LOGOUT.removeForRecovery)
    const [session] = [...node.context.sessions.sessions()]
    expect(session!.state).toBe('FAILED')
    const fresh = node.connect()
    fresh.join(one!, 0)
    expect([session!.state, tagsOf(node)]).toEqual(['LOGGED_IN', [1]])
  })

  it.each([0, 1])('[LOGOUT-2] is not supported at level %i', (level) => {
    const node = recoveringNode()
    const [one, two] = openSession(node, level)
    logout(two!, LOGOUT.removeForRecovery, { cid: 0 })
    logout(two!, LOGOUT.removeForRecovery, { itt: 0x901 })
    expect(two!.take().map((pdu) => pdu.byte(2))).toEqual([
      LOGOUT_ANSWER.recoveryNotSupported,
      LOGOUT_ANSWER.recoveryNotSupported,
    ])
    expect([one!.closed, two!.closed]).toEqual([null, null])
  })
})

describe('a format error', () => {
  it('[REJ-7] closes all connections of the session at once', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 2)
    one!.command({ itt: 1 })
    const words = { 20: 512, 24: two!.cmdSN }
    two!.request({ opcode: OPCODE.SCSI_COMMAND, byte1: 0x80, itt: 2, words })
    expect([one!.closed, two!.closed]).toEqual(['end', 'end'])
    rest(node)
    expect([node.context.sessions.size, node.taken, node.clock.timerCount]).toEqual([0, [0, 0, 0], 0])
  })
})
