/** Sessions of several connections, RFC 7143 4.2.1, 4.2.2.1, 4.2.5.1, 6.3.1 and 6.3.4. */

import { describe, expect, it } from 'vitest'
import { completeTask } from '../../../protocol/connection/task-lifecycle.ts'
import { type ConnectionHarness, type NodeHarness, TARGET_NAME } from '../../support/connection-harness.ts'
import {
  LOGOUT,
  loginStatus,
  logout,
  opcodesOf,
  openSession,
  ping,
  RETENTION_MS,
  recoveringKeys,
  recoveringNode,
  tagsOf,
  takeAnswers,
} from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'

/** Let the SCSI layer complete the oldest task with GOOD. */
function completeOldest(node: NodeHarness): void {
  const [task] = node.scsi.tasks
  node.scsi.ended(task!)
  completeTask(task!, 0, null, 0)
  node.clock.settle()
}

function answered(host: ConnectionHarness): number[] {
  return takeAnswers(host).map(({ itt }) => itt)
}

describe('joining a session', () => {
  it('lets the last of several logins with the same CID stay, also when one of them is given up', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    const logins = [1, 2, 3].map(() => node.connect())
    const [givenUp, second, third] = logins
    for (const login of logins) {
      login.join(old!, 0)
      if (login === second) givenUp!.destroy()
    }
    expect(logins.map((login) => login.take())).toEqual([[], [], []])
    node.scsi.rest()
    for (let turn = 0; turn < 3; turn++) node.clock.settle()
    const [session] = [...node.context.sessions.sessions()]
    expect(session!.connections.size).toBe(1)
    expect([second, third].filter((login) => login!.closed === null)).toHaveLength(1)
    for (const login of logins) login.destroy()
    node.clock.advance(RETENTION_MS)
    node.scsi.rest()
    expect([node.context.sessions.size, node.clock.timerCount, node.taken]).toEqual([0, 0, [0, 0, 0]])
  })

  it('[SESS-5] adds connections up to MaxConnections, and refuses the next', () => {
    const node = recoveringNode()
    const [leading, third] = [node.connect(), node.connect()]
    leading.login({ keys: recoveringKeys(0, 2) })
    const second = node.connect()
    second.join(leading, 1)
    expect(loginStatus(second)).toBe(0)
    third.join(leading, 2)
    expect(loginStatus(third)).toBe(0x0206)
    expect([leading.closed, second.closed, third.closed]).toEqual([null, null, 'end'])
  })

  it('[SESS-5] grants one connection where MaxConnections was not negotiated', () => {
    const node = recoveringNode()
    const [leading, second] = [node.connect(), node.connect()]
    leading.login()
    second.join(leading, 1)
    expect(loginStatus(second)).toBe(0x0206)
  })

  it('[SESS-2] [LOGIN-27] finds no session for another name or another ISID', () => {
    const node = recoveringNode()
    const [leading] = openSession(node, 0, 1)
    for (const other of [{ isid: 2 }, { initiator: 'iqn.2026-11.example:other' }]) {
      const stranger = node.connect()
      stranger.join(leading!, 1, other)
      expect(loginStatus(stranger)).toBe(0x020a)
    }
    const unknown = node.connect()
    unknown.login({ tsih: leading!.tsih + 1, cid: 1 })
    expect(loginStatus(unknown)).toBe(0x020a)
  })

  it('[SESS-9] refuses a connection that came in through another portal group', () => {
    const node = recoveringNode()
    const [leading] = openSession(node, 0, 1)
    const other = node.connect(2)
    other.join(leading!, 1)
    expect(loginStatus(other)).toBe(0x0208)
    ping(leading!)
    expect(opcodesOf(leading!.take())).toEqual([OPCODE.NOP_IN])
  })

  it('refuses a second connection of a discovery session', () => {
    const node = recoveringNode()
    const [leading, second] = [node.connect(), node.connect()]
    leading.login({ discovery: true, keys: { TargetName: TARGET_NAME } })
    second.join(leading, 1)
    expect(loginStatus(second)).toBe(0x0208)
    expect(leading.closed).toBeNull()
  })

  it('[LOGIN-37] refuses keys of the leading connection on a later one', () => {
    const node = recoveringNode()
    const [leading] = openSession(node, 0, 1)
    const second = node.connect()
    second.join(leading!, 1, { keys: { MaxBurstLength: '4096' } })
    expect(loginStatus(second)).toBe(0x0200)
    expect(leading!.closed).toBeNull()
  })

  it('keeps the parameters of the session and negotiates those of the connection', () => {
    const node = recoveringNode()
    const leading = node.connect()
    leading.login({ keys: { ...recoveringKeys(0), MaxBurstLength: '4096', InitialR2T: 'Yes' } })
    const second = node.connect()
    second.join(leading, 1, { keys: { MaxRecvDataSegmentLength: '512' } })
    second.take()
    second.command({ itt: 1, write: true, edtl: 8192 })
    const [task] = node.scsi.tasks
    expect(task!.connection.session.parameters.maxBurstLength).toBe(4096)
    expect(task!.connection.parameters.initiatorMaxRecvDataSegmentLength).toBe(512)
  })

  it('[SESS-11] tells every connection the same TSIH', () => {
    const [first, second, third] = openSession(recoveringNode(), 0, 3)
    expect(first!.tsih).not.toBe(0)
    expect([second!.tsih, third!.tsih]).toEqual([first!.tsih, first!.tsih])
  })
})

describe('commands over several connections', () => {
  it('[SN-2] [SN-3] [SESS-15] are handed on in CmdSN order, whichever connection brings them', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 3, cmdSN: 3 })
    two!.command({ itt: 2, cmdSN: 2 })
    expect(node.scsi.tasks).toHaveLength(0)
    ping(one!)
    expect(one!.take()[0]!.expCmdSN).toBe(1)
    two!.command({ itt: 1, cmdSN: 1 })
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([1, 2, 3])
    ping(two!)
    expect(two!.take()[0]!.expCmdSN).toBe(4)
  })

  it('[SN-1] cross the end of the number range together', () => {
    const node = recoveringNode()
    const leading = node.connect()
    leading.cmdSN = 0xffff_fffe
    leading.login({ keys: recoveringKeys(0) })
    const second = node.connect()
    second.join(leading, 1)
    second.command({ itt: 3, cmdSN: 0 })
    leading.command({ itt: 2, cmdSN: 0xffff_ffff })
    second.command({ itt: 1, cmdSN: 0xffff_fffe })
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([1, 2, 3])
  })

  it('[SESS-14] [SN-10] are answered where they came, and acknowledged by then', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 1 })
    two!.command({ itt: 2 })
    one!.command({ itt: 3 })
    completeOldest(node)
    completeOldest(node)
    completeOldest(node)
    const [first, third] = one!.take()
    const [second] = two!.take()
    expect([first!.itt, second!.itt, third!.itt]).toEqual([1, 2, 3])
    for (const pdu of [first!, second!, third!]) expect(pdu.expCmdSN).toBe(4)
  })

  it('[SESS-14] ask for their data where they came', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    two!.command({ itt: 1, write: true, edtl: 1024, final: true })
    expect(opcodesOf(one!.take())).toEqual([])
    const [task] = node.scsi.tasks
    expect(task!.connection).toBe(two!.connection)
  })

  it('[SESS-15] share the Initiator Task Tags: a tag in use names one task', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 7 })
    two!.command({ itt: 7 })
    const [reject] = two!.take()
    expect([reject!.opcode, reject!.byte(2)]).toEqual([OPCODE.REJECT, 0x07])
    expect(node.scsi.tasks).toHaveLength(1)
  })

  it('[SN-7] [SN-8] may be immediate on every connection while the window is closed', () => {
    const node = recoveringNode({ commandWindow: 1 })
    const [one, two] = openSession(node, 0)
    one!.command({ itt: 1 })
    for (const host of [one!, two!]) {
      ping(host, 0x10)
      host.request({
        opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
        immediate: true,
        byte1: 0x81,
        itt: 0x20 + host.cid,
        words: { 20: 0x999, 24: host.cmdSN, 32: 0 },
      })
      expect(opcodesOf(host.take())).toEqual([OPCODE.NOP_IN, OPCODE.TASK_MANAGEMENT_RESPONSE])
    }
  })

  it('[SN-1] number their answers on each connection alone', () => {
    const node = recoveringNode()
    const [one, two] = openSession(node, 0)
    const before = [one!.expStatSN, two!.expStatSN]
    for (let round = 0; round < 3; round++) ping(one!)
    ping(two!)
    expect(one!.take().map(({ statSN }) => statSN - before[0]!)).toEqual([0, 1, 2])
    expect(two!.take().map(({ statSN }) => statSN - before[1]!)).toEqual([0])
  })

  it('are not held up by a connection whose initiator does not read', () => {
    const node = recoveringNode({ outboundBytesMax: 4096 })
    const [deaf, other] = openSession(node, 0)
    deaf!.isStalled = true
    for (let round = 0; round < 16; round++) ping(deaf!)
    expect(deaf!.connection.isCongested).toBe(true)
    deaf!.command({ itt: 1 })
    other!.command({ itt: 2 })
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([1, 2])
    completeOldest(node)
    completeOldest(node)
    expect(answered(other!)).toEqual([2])
    deaf!.unstall()
  })

  it('[SESS-15] see the same logical units: one nexus', () => {
    const node = recoveringNode()
    openSession(node, 0, 4)
    expect(node.scsi.openNexusCount).toBe(1)
  })
})

describe('connection reinstatement', () => {
  it.each([0, 1, 2])('[SESS-6] [SESS-8] takes the place of a connection that is half-open, at level %i', (level) => {
    const node = recoveringNode()
    const [old] = openSession(node, level, 1)
    const fresh = node.connect()
    fresh.join(old!, 0)
    expect(loginStatus(fresh)).toBe(0)
    expect(old!.closed).not.toBeNull()
    ping(fresh)
    expect(opcodesOf(takeAnswers(fresh))).toEqual([OPCODE.NOP_IN])
    expect([node.context.sessions.size, node.scsi.openNexusCount]).toEqual([1, 1])
  })

  it('[SESS-4] [SESS-6] does not happen before the login is complete', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    const fresh = node.connect()
    fresh.join(old!, 0, { keys: { MaxBurstLength: '4096' } })
    expect(loginStatus(fresh)).toBe(0x0200)
    ping(old!)
    expect(opcodesOf(old!.take())).toEqual([OPCODE.NOP_IN])
  })

  it.each([0, 1])('[SESS-7] [SESS-23] ends the tasks of the old connection without a word at level %i', (level) => {
    const node = recoveringNode()
    const [old, other] = openSession(node, level)
    old!.command({ itt: 1, lun: 3 })
    other!.command({ itt: 2 })
    const fresh = node.connect()
    fresh.join(old!, 0)
    expect(fresh.take()).toEqual([])
    node.scsi.rest()
    node.clock.settle()
    expect(opcodesOf(takeAnswers(fresh))).toEqual([OPCODE.LOGIN_RESPONSE])
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([2])
    expect(node.scsi.terminatedLuns).toEqual(['0003000000000000'])
    completeOldest(node)
    expect(answered(other!)).toEqual([2])
    expect([answered(old!), answered(fresh)]).toEqual([[], []])
  })

  it.each([0, 1, 2])(
    '[SESS-6] waits for what a logout was ending when its connection was lost, at level %i',
    (level) => {
      const node = recoveringNode()
      const [old] = openSession(node, level)
      old!.command({ itt: 1, lun: 3 })
      logout(old!, LOGOUT.closeConnection)
      old!.destroy()
      const fresh = node.connect()
      fresh.join(old!, 0)
      expect(fresh.take()).toEqual([])
      node.scsi.rest()
      node.clock.settle()
      expect(opcodesOf(takeAnswers(fresh))).toEqual([OPCODE.LOGIN_RESPONSE])
      expect([tagsOf(node), node.scsi.terminatedLuns]).toEqual([[], ['0003000000000000']])
    },
  )

  it('[SESS-23] drops what waits for its CmdSN, and leaves the hole to the initiator', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 2, cmdSN: 2 })
    const fresh = node.connect()
    fresh.join(old!, 0)
    fresh.take()
    fresh.command({ itt: 1, cmdSN: 1 })
    expect(node.scsi.tasks.map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([1])
    ping(fresh)
    const [nopIn] = fresh.take()
    expect([nopIn!.expCmdSN, nopIn!.maxCmdSN]).toEqual([2, node.context.limits.commandWindow])
  })

  it('lets the later of two logins for the same CID win', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    const [second, third] = [node.connect(), node.connect()]
    second.join(old!, 0)
    third.join(old!, 0)
    node.scsi.rest()
    node.clock.settle()
    expect(opcodesOf(takeAnswers(second))).toEqual([OPCODE.LOGIN_RESPONSE])
    expect(opcodesOf(takeAnswers(third))).toEqual([OPCODE.LOGIN_RESPONSE])
    expect([second.closed, third.closed]).toEqual(['destroy', null])
    ping(third)
    expect(opcodesOf(third.take())).toEqual([OPCODE.NOP_IN])
  })

  it('frees the session when the login is given up while the old tasks come to rest', () => {
    const node = recoveringNode()
    const [old] = openSession(node, 0, 1)
    old!.command({ itt: 1 })
    const fresh = node.connect()
    fresh.join(old!, 0)
    fresh.destroy()
    node.scsi.rest()
    node.clock.advance(22_000)
    expect([node.context.sessions.size, node.scsi.openNexusCount, node.clock.timerCount]).toEqual([0, 0, 0])
    expect(node.taken).toEqual([0, 0, 0])
  })
})
