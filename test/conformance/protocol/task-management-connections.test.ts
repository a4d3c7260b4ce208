/** Task management over several connections and in the order of CmdSN, RFC 7143 4.2.3.2, 4.2.3.3 and 11.5.1. */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import { acknowledge, manage, openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import type { TestStore } from '../../support/scsi-store.ts'
import { LOGOUT, logout } from '../../support/session-steps.ts'
import { FUNCTION, OPCODE } from '../../support/wire-pdu.ts'
import { pattern, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const LEVEL_2 = { iSCSIProtocolLevel: '2' }
const MANY = [FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET] as const

function hold(connectionCount = 2, diskCount = 1) {
  const bench = scsiNode({ diskCount })
  const luns = Array.from({ length: diskCount }, (_, lun) => lun)
  const hosts = openScsiSession(bench, { keys: { TaskReporting: 'RFC3720' }, connectionCount, luns })
  for (const store of bench.stores) store.isManual = true
  return { ...bench, hosts, one: hosts[0]!, two: hosts[1]!, store: bench.stores[0]! }
}

/** All that came on both connections but pings, in the order of the session's acknowledgements. */
function settled({ hosts }: { readonly hosts: ReturnType<typeof openScsiSession> }): string[] {
  const all: string[] = []
  for (let turn = 0; turn < 4; turn++) {
    for (const host of hosts) {
      acknowledge(host)
      all.push(...seen(host).filter((pdu) => pdu !== 'ping'))
    }
  }
  return all
}

describe('ABORT TASK', () => {
  it('[TMF-3] ends a command of another connection', () => {
    const bench = hold()
    const { one, two, store } = bench
    const refCmdSN = sendCdb(two, 1, { cdb: read10(0, 1), readBytes: 512 })
    manage(one, FUNCTION.ABORT_TASK, { referencedTaskTag: 1, refCmdSN })
    expect(seen(one)).toEqual([])
    store.release()
    expect(settled(bench)).toEqual(['function 7000 0'])
    expect(bench.node.taken).toEqual([0, 0, 0])
  })

  it('[TMF-4] takes a command as received that is still on its way on another connection', () => {
    const bench = hold()
    const refCmdSN = bench.two.cmdSN++
    manage(bench.one, FUNCTION.ABORT_TASK, { referencedTaskTag: 1, refCmdSN })
    expect(seen(bench.one)).toEqual(['function 7000 0'])
    sendCdb(bench.two, 1, { cdb: testUnitReady(), fields: { words: { 24: refCmdSN } } })
    expect(settled(bench)).toEqual([])
  })
})

describe('functions over many tasks', () => {
  it.each(MANY)('[TMF-8] [TMF-9] function %i ends the commands of every connection', (code) => {
    const bench = hold()
    const { one, two, store } = bench
    sendCdb(one, 1, { cdb: read10(0, 1), readBytes: 512 })
    sendCdb(two, 2, { cdb: read10(0, 1), readBytes: 512 })
    manage(one, code)
    expect(settled(bench)).toEqual([])
    store.release()
    expect(settled(bench)).toEqual(['function 7000 0'])
    expect(bench.node.taken).toEqual([0, 0, 0])
  })

  it.each([FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET])(
    '[TMF-10] function %i leaves later commands alone that overtook it on another connection',
    (code) => {
      const bench = hold()
      const { one, two, store } = bench
      sendCdb(one, 1, { cdb: read10(0, 1), readBytes: 512 })
      const cmdSN = one.cmdSN
      sendCdb(two, 2, { cdb: read10(0, 1), readBytes: 512 })
      manage(one, code, { cmdSN })
      store.release()
      expect(settled(bench).sort()).toEqual(['data 02', 'function 7000 0'])
    },
  )

  it.each(MANY)('[TMF-10] function %i waits for a command that another connection brings', (code) => {
    const bench = hold()
    const { one, two } = bench
    const missing = two.cmdSN++
    manage(one, code)
    expect(settled(bench)).toEqual([])
    sendCdb(two, 1, { cdb: read10(0, 1), readBytes: 512, fields: { words: { 24: missing } } })
    bench.store.release()
    // It ran before the function's turn, which then ended it.
    expect(settled(bench)).toEqual(['function 7000 0'])
  })

  it('[TMF-11] target resets take missing commands as received', () => {
    const bench = hold()
    const { one, two } = bench
    const missing = two.cmdSN++
    sendCdb(one, 1, { cdb: testUnitReady() })
    manage(one, FUNCTION.TARGET_WARM_RESET)
    expect(settled(bench)).toEqual(['status 01 00', 'function 7000 0'])
    sendCdb(two, 2, { cdb: testUnitReady(), fields: { words: { 24: missing } } })
    expect(settled(bench)).toEqual([])
    sendCdb(two, 3, { cdb: testUnitReady() })
    expect(settled(bench)).toEqual(['status 03 02'])
  })

  it('[TMF-9] reach one logical unit, however its number is written', () => {
    const bench = hold(2, 2)
    const { one, two, stores } = bench
    for (const [index, lun] of ['4001000000000000', '0001000000000000', '0000000000000000'].entries()) {
      const fields = { lun: Buffer.from(lun, 'hex') }
      sendCdb(two, index + 1, { cdb: read10(0, 1), readBytes: 512, fields })
    }
    manage(one, FUNCTION.ABORT_TASK_SET, { lun: 1 })
    for (const store of stores) store.release()
    expect(settled(bench).sort()).toEqual(['data 03', 'function 7000 0'])
  })

  it('[TMF-2] leave the commands of an unknown logical unit alone', () => {
    const bench = hold()
    const { one } = bench
    const missing = one.cmdSN++
    sendCdb(one, 1, { cdb: testUnitReady(), lun: 9 })
    manage(one, FUNCTION.ABORT_TASK_SET, { lun: 9, cmdSN: missing })
    expect(settled(bench)).toEqual(['function 7000 2'])
    sendCdb(one, 2, { cdb: testUnitReady(), fields: { words: { 24: missing } } })
    expect(settled(bench)).toEqual(['status 02 00', 'status 01 02'])
  })

  it('[TMF-8] end a command that waits to answer for a failed transfer', () => {
    const bench = hold()
    const { one } = bench
    sendCdb(one, 1, { cdb: write10(0, 2), writeData: pattern(1024) })
    const [r2t] = one.take()
    one.dataOut(1, r2t!.ttt, 0, 4, pattern(16), false)
    manage(one, FUNCTION.ABORT_TASK_SET)
    bench.node.clock.advance(bench.node.context.limits.abortDataOutTimeoutMs)
    expect(settled(bench)).toEqual(['function 7000 0'])
    one.dataOut(1, r2t!.ttt, 1, 20, pattern(1004))
    expect(settled(bench)).toEqual([])
    expect(bench.node.taken).toEqual([0, 0, 0])
  })

  it('[TMF-8] end such a command also when the disk was still at work on it', () => {
    const bench = hold()
    const { one, store } = bench
    sendCdb(one, 1, { cdb: write10(0, 2), writeData: pattern(1024), immediateBytes: 512 })
    const [r2t] = one.take()
    one.dataOut(1, r2t!.ttt, 0, 516, pattern(16), false)
    manage(one, FUNCTION.ABORT_TASK_SET)
    store.release()
    bench.node.clock.advance(bench.node.context.limits.abortDataOutTimeoutMs)
    expect(settled(bench)).toEqual(['function 7000 0'])
    one.dataOut(1, r2t!.ttt, 1, 532, pattern(492))
    expect(settled(bench)).toEqual([])
    expect(bench.node.taken).toEqual([0, 0, 0])
  })

  it('[TMF-12] answer when the data does not come, as from initiators that stop sending it', () => {
    const bench = hold()
    const { one } = bench
    sendCdb(one, 1, { cdb: write10(0, 2), writeData: pattern(1024) })
    expect(seen(one)).toEqual(['r2t 01'])
    manage(one, FUNCTION.LOGICAL_UNIT_RESET)
    expect(settled(bench)).toEqual([])
    bench.node.clock.advance(bench.node.context.limits.abortDataOutTimeoutMs)
    expect(settled(bench)).toEqual(['function 7000 0'])
    expect(one.closed).toBeNull()
  })

  it('free the tag of a function whose connection is lost while it waits', () => {
    const bench = hold()
    const { one, two } = bench
    const missing = two.cmdSN++
    manage(one, FUNCTION.ABORT_TASK_SET)
    one.connection.transportClosed()
    sendCdb(two, 1, { cdb: testUnitReady(), fields: { words: { 24: missing } } })
    expect(seen(two)).toContain('status 01 00')
    expect(two.connection.session.managementTags.size).toBe(0)
  })
})

describe('a command whose connection was lost and logged out', () => {
  const TIMES = { DefaultTime2Wait: '2', DefaultTime2Retain: '20' }

  /** A session of level 2 whose second connection is gone, with what it had begun on it before. */
  function lose(start: (two: ConnectionHarness, store: TestStore) => number) {
    const bench = scsiNode({ preferences: { errorRecoveryLevel: 2, defaultTime2Wait: 2, defaultTime2Retain: 20 } })
    const hosts = openScsiSession(bench, {
      keys: { ...LEVEL_2, ...TIMES, ErrorRecoveryLevel: '2' },
      connectionCount: 2,
    })
    const [one, two] = hosts
    const store = bench.stores[0]!
    const refCmdSN = start(two!, store)
    two!.take()
    two!.connection.transportClosed()
    logout(one!, LOGOUT.removeForRecovery, { cid: 1 })
    one!.take()
    return { ...bench, one: one!, store, refCmdSN }
  }

  it('[TMF-3] is ended by ABORT TASK on another connection', () => {
    const { one, node, refCmdSN, store } = lose((two, { bytes }) => {
      expect(bytes.length).toBeGreaterThan(0)
      return sendCdb(two, 1, { cdb: write10(0, 1), writeData: pattern(512) })
    })
    manage(one, FUNCTION.ABORT_TASK, { referencedTaskTag: 1, refCmdSN })
    expect(seen(one)).toEqual(['function 7000 0'])
    expect(store.countOf('writev')).toBe(0)
    expect(node.context.tasks.takenCount).toBe(0)
  })

  it('[TMF-5] has its status sent again before the response to ABORT TASK when it was not acknowledged', () => {
    const { one, refCmdSN } = lose((two) => sendCdb(two, 1, { cdb: testUnitReady() }))
    manage(one, FUNCTION.ABORT_TASK, { referencedTaskTag: 1, refCmdSN })
    expect(seen(one)).toEqual(['status 01 00', 'function 7000 1'])
  })

  it('[TMF-24] goes on where QUERY TASK asks for it', () => {
    const { one, refCmdSN, store } = lose((two, { bytes }) => {
      bytes.fill(7)
      return sendCdb(two, 1, { cdb: write10(0, 1), writeData: pattern(512) })
    })
    manage(one, FUNCTION.QUERY_TASK, { referencedTaskTag: 1, refCmdSN })
    const [answer, r2t] = one.take()
    expect([answer!.byte(2), r2t!.opcode, r2t!.itt]).toEqual([7, OPCODE.R2T, 1])
    one.dataOut(1, r2t!.ttt, 0, 0, pattern(512))
    expect(seen(one)).toEqual(['status 01 00'])
    expect(store.bytes.subarray(0, 512).equals(pattern(512))).toBe(true)
  })

  it('[TMF-9] is ended by ABORT TASK SET, and nothing is sent of it afterwards', () => {
    const { one, node, store } = lose((two, disk) => {
      disk.isManual = true
      return sendCdb(two, 1, { cdb: read10(0, 1), readBytes: 512 })
    })
    manage(one, FUNCTION.ABORT_TASK_SET)
    expect(seen(one)).toEqual([])
    store.release()
    acknowledge(one)
    expect(seen(one)).toEqual(['function 7000 0'])
    manage(one, FUNCTION.TASK_REASSIGN, { referencedTaskTag: 1, itt: 0x71 })
    expect(seen(one)).toEqual(['function 71 1'])
    node.clock.advance(30_000)
    expect(node.taken.slice(1)).toEqual([0, 0])
  })
})

describe('TARGET COLD RESET', () => {
  it('[TMF-21] ends every session of the target, and is a power on for all of them', () => {
    const bench = hold(2)
    const [other] = openScsiSession(bench, { isid: 2 })
    manage(bench.one, FUNCTION.TARGET_COLD_RESET)
    for (const host of bench.hosts) acknowledge(host)
    expect([...bench.hosts, other!].map(({ closed }) => closed)).toEqual(['end', 'end', 'end'])
    for (const isid of [1, 2]) {
      const [again] = openScsiSession(bench, { isid, luns: [] })
      sendCdb(again!, 1, { cdb: testUnitReady() })
      const sense = again!.take()[0]!.data
      expect([sense[4]! & 0xf, sense[14], sense[15]]).toEqual([0x06, 0x29, 0x00])
    }
  })
})

describe('CLEAR ACA', () => {
  it('completes where there is no ACA, and leaves the commands of the session alone', () => {
    const bench = hold()
    sendCdb(bench.two, 1, { cdb: read10(0, 1), readBytes: 512 })
    manage(bench.one, FUNCTION.CLEAR_ACA)
    expect(settled(bench)).toEqual(['function 7000 0'])
    bench.store.release()
    expect(settled(bench)).toEqual(['data 01'])
  })

  it('[TMF-2] names no logical unit that does not exist', () => {
    const { one } = hold()
    manage(one, FUNCTION.CLEAR_ACA, { lun: 9 })
    expect(seen(one)).toEqual(['function 7000 2'])
  })
})
