/**
 * What each event clears and what it leaves (RFC 7143 appendix E.1), a row of the table a test: incomplete TTTs, immediate
 * commands, tasks of the connection and of the session, commands that wait for their CmdSN, and the sequence numbers.
 */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness, NodeHarness } from '../../support/connection-harness.ts'
import {
  LOGOUT,
  logout,
  openSession,
  ping,
  RETENTION_MS,
  recoveringNode,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

/** Initiator Task Tags of what the first connection has under way; `other` is a task of the second connection. */
const TAG = { write: 1, other: 2, held: 4, immediate: 5 } as const

interface Scene {
  readonly node: NodeHarness
  readonly one: ConnectionHarness
  readonly two: ConnectionHarness
}

/** A write with an open R2T, an immediate command and a command that waits for CmdSN 3, and a task on another connection. */
function scene(errorRecoveryLevel: number): Scene {
  const node = recoveringNode()
  const [one, two] = openSession(node, errorRecoveryLevel)
  one!.command({ itt: TAG.write, write: true, edtl: 1024 })
  two!.command({ itt: TAG.other })
  one!.command({ itt: TAG.held, cmdSN: 4 })
  const words = { 20: 0, 24: one!.cmdSN }
  one!.request({ opcode: OPCODE.SCSI_COMMAND, immediate: true, byte1: 0x81, itt: TAG.immediate, words })
  return { node, one: one!, two: two! }
}

/** Tasks that the SCSI layer still has, when what was aborted is at rest. */
function tasksLeft({ node }: Scene): number[] {
  node.scsi.rest()
  node.clock.settle()
  return node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)
}

/** Fill the hole in front of the command that waits; true when that one then runs. */
function isHeldKept({ node }: Scene, host: ConnectionHarness): boolean {
  host.command({ itt: 3, cmdSN: 3 })
  return node.scsi.tasks.some(({ initiatorTaskTag }) => initiatorTaskTag === TAG.held)
}

/** ExpCmdSN as `host` is told it. */
function expCmdSN(host: ConnectionHarness): number {
  host.take()
  ping(host)
  return takeAnswers(host)[0]!.expCmdSN
}

describe('connection failure', () => {
  it('[ERL-23] clears immediate commands; tasks, held commands and CmdSN stay', () => {
    const here = scene(2)
    here.one.destroy()
    expect(tasksLeft(here)).toEqual([TAG.write, TAG.other])
    expect(expCmdSN(here.two)).toBe(3)
    expect(isHeldKept(here, here.two)).toBe(true)
  })

  it('[ERL-23] clears TTTs: data for one of them is nothing that the new connection knows', () => {
    const here = scene(2)
    const { readyToTransfers } = here.one.connection
    here.one.destroy()
    expect(readyToTransfers.size).toBe(0)
  })
})

describe('connection state time-out', () => {
  it('[ERL-23] clears tasks of the connection and held commands; tasks of others and CmdSN stay', () => {
    const here = scene(2)
    here.one.destroy()
    here.node.clock.advance(RETENTION_MS)
    expect(tasksLeft(here)).toEqual([TAG.other])
    expect(expCmdSN(here.two)).toBe(3)
    expect(isHeldKept(here, here.two)).toBe(false)
  })
})

describe('logout of a connection', () => {
  it('[ERL-23] clears its tasks, immediate and held commands; tasks of others and CmdSN stay', () => {
    const here = scene(2)
    logout(here.one, LOGOUT.closeConnection)
    expect(tasksLeft(here)).toEqual([TAG.other])
    expect(expCmdSN(here.two)).toBe(3)
    expect(isHeldKept(here, here.two)).toBe(false)
  })

  it('[ERL-23] for recovery clears immediate and held commands; tasks and CmdSN stay', () => {
    const here = scene(2)
    logout(here.two, LOGOUT.removeForRecovery, { cid: 0 })
    expect(tasksLeft(here)).toEqual([TAG.write, TAG.other])
    expect(expCmdSN(here.two)).toBe(3)
    expect(isHeldKept(here, here.two)).toBe(false)
  })
})

describe('session failure and continuation', () => {
  it('[ERL-23] clear immediate commands; tasks, held commands and CmdSN stay', () => {
    const here = scene(2)
    here.one.destroy()
    here.two.destroy()
    const fresh = here.node.connect()
    fresh.join(here.one, 7)
    expect(tasksLeft(here)).toEqual([TAG.write, TAG.other])
    expect(fresh.take()[0]!.expCmdSN).toBe(3)
    expect(isHeldKept(here, fresh)).toBe(true)
  })

  it('[ERL-23] clear held commands when the connection is reinstated, at level 2', () => {
    const here = scene(2)
    const fresh = here.node.connect()
    fresh.join(here.one, 0)
    expect(tasksLeft(here)).toEqual([TAG.write, TAG.other])
    expect(isHeldKept(here, fresh)).toBe(false)
  })

  it.each([0, 1])('[ERL-23] clear the tasks as well when it is reinstated at level %i', (level) => {
    const here = scene(level)
    const fresh = here.node.connect()
    fresh.join(here.one, 0)
    expect(tasksLeft(here)).toEqual([TAG.other])
    expect(isHeldKept(here, fresh)).toBe(false)
  })

  it('[ERL-23] begin a new count of StatSNs on the new connection', () => {
    const here = scene(2)
    for (let round = 0; round < 5; round++) ping(here.one)
    const fresh = here.node.connect()
    fresh.join(here.one, 0)
    tasksLeft(here)
    const [response] = fresh.take()
    ping(fresh)
    expect(takeAnswers(fresh)[0]!.statSN).toBe(response!.statSN + 1)
  })
})

describe('closure, time-out and reinstatement of a session', () => {
  const endings: Record<string, (here: Scene) => void> = {
    closure: ({ one }) => logout(one, LOGOUT.closeSession),
    'time-out': ({ node, one, two }) => {
      one.destroy()
      two.destroy()
      node.clock.advance(RETENTION_MS)
    },
    reinstatement: ({ node }) => node.connect().login({ keys: { DefaultTime2Retain: '0' } }),
  }

  it.each(Object.keys(endings))('[ERL-23] clears everything: %s', (name) => {
    const here = scene(2)
    endings[name]!(here)
    expect(tasksLeft(here)).toEqual([])
    here.node.scsi.rest()
    here.node.clock.settle()
    expect(here.node.taken[2]).toBe(0)
  })

  it('[ERL-23] counts CmdSNs anew from the leading login', () => {
    const here = scene(2)
    const fresh = here.node.connect()
    fresh.cmdSN = 500
    fresh.login()
    tasksLeft(here)
    expect(fresh.take()[0]!.expCmdSN).toBe(500)
  })
})

describe('target cold reset', () => {
  it('[ERL-23] [TMF-21] clears everything of every session', () => {
    const here = scene(2)
    const other = here.node.connect()
    other.login({ isid: 9 })
    other.command({ itt: 77, cmdSN: 1 })
    const words = { 20: 0xffff_ffff, 24: here.two.cmdSN }
    here.two.request({ opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x87, itt: 6, words })
    tasksLeft(here)
    // The response passes the Response Fence when everything before it is acknowledged.
    for (const host of [here.one, here.two]) ping(host)
    expect([here.one.closed, here.two.closed, other.closed]).toEqual(['end', 'end', 'end'])
    here.node.scsi.rest()
    expect([here.node.context.sessions.size, here.node.taken[2], here.node.clock.timerCount]).toEqual([0, 0, 0])
  })
})
