/** The task management functions of iSCSIProtocolLevel 2, RFC 7144 6. */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import {
  acknowledge,
  clearUnitAttentions,
  describePdu,
  type ManagementFields,
  manage,
  openScsiSession,
  scsiNode,
  seen,
  sendCdb,
} from '../../support/scsi-node.ts'
import { FUNCTION, OPCODE } from '../../support/wire-pdu.ts'
import { pattern, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const LEVEL_2 = { iSCSIProtocolLevel: '2' }
const COMPLETE = 0
const LUN_DOES_NOT_EXIST = 2
const NOT_SUPPORTED = 5
const SUCCEEDED = 7
const REJECTED = 255

const QUERIES = [FUNCTION.QUERY_TASK, FUNCTION.QUERY_TASK_SET, FUNCTION.QUERY_ASYNCHRONOUS_EVENT] as const

/** A session of level 2 to a disk that holds what it is asked. */
function hold(connectionCount = 1) {
  const bench = scsiNode()
  const hosts = openScsiSession(bench, { keys: LEVEL_2, connectionCount })
  bench.stores[0]!.isManual = true
  return { ...bench, store: bench.stores[0]!, host: hosts[0]!, hosts }
}

/** The Response field of the only answer. */
function ask(host: ConnectionHarness, code: number, fields: ManagementFields = {}): number {
  manage(host, code, fields)
  const answers = host.take()
  expect(answers.map(describePdu)).toEqual([expect.stringMatching(/^function/)])
  return answers[0]!.byte(2)
}

describe('before level 2 is negotiated', () => {
  it.each([9, 10, 11, 12])('[TMF-27] function %i is not supported, and not rejected', (code) => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench)
    expect(ask(host!, code)).toBe(NOT_SUPPORTED)
    sendCdb(host!, 1, { cdb: testUnitReady() })
    expect(seen(host!)).toEqual(['status 01 00'])
  })
})

describe('QUERY TASK', () => {
  it('[TMF-24] finds a command that runs, and leaves it alone', () => {
    const { host, store } = hold()
    const refCmdSN = sendCdb(host, 1, { cdb: read10(0, 1), readBytes: 512 })
    expect(ask(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 1, refCmdSN })).toBe(SUCCEEDED)
    store.release()
    host.connection.requestFlush()
    acknowledge(host)
    expect(seen(host)).toEqual(['data 01'])
  })

  it('[TMF-24] finds a command that waits for one before it', () => {
    const { host } = hold()
    const missing = host.cmdSN++
    const refCmdSN = sendCdb(host, 1, { cdb: testUnitReady() })
    expect(ask(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 1, refCmdSN })).toBe(SUCCEEDED)
    sendCdb(host, 2, { cdb: testUnitReady(), fields: { words: { 24: missing } } })
    expect(seen(host)).toEqual(['status 02 00', 'status 01 00'])
  })

  it('[TMF-24] does not find one that was answered', () => {
    const { host } = hold()
    const refCmdSN = sendCdb(host, 1, { cdb: testUnitReady() })
    host.take()
    expect(ask(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 1, refCmdSN })).toBe(COMPLETE)
  })

  it('[TMF-24] takes a command that never came as received', () => {
    const { host } = hold()
    const refCmdSN = host.cmdSN++
    manage(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 1, refCmdSN })
    const [answer] = host.take()
    expect([answer!.byte(2), answer!.expCmdSN]).toEqual([COMPLETE, refCmdSN + 1])
    sendCdb(host, 1, { cdb: testUnitReady(), fields: { words: { 24: refCmdSN } } })
    expect(seen(host)).toEqual([])
  })

  it('[TMF-24] is rejected for task management, also while that waits for its turn', () => {
    const { host } = hold()
    const missing = host.cmdSN++
    manage(host, FUNCTION.ABORT_TASK_SET, { itt: 5 })
    const refCmdSN = host.cmdSN
    manage(host, FUNCTION.ABORT_TASK_SET, { itt: 6, isNumbered: true })
    expect(ask(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 5, refCmdSN: host.cmdSN })).toBe(REJECTED)
    expect(ask(host, FUNCTION.QUERY_TASK, { referencedTaskTag: 6, refCmdSN })).toBe(REJECTED)
    expect(ask(host, FUNCTION.ABORT_TASK, { referencedTaskTag: 6, refCmdSN })).toBe(REJECTED)
    sendCdb(host, 7, { cdb: testUnitReady(), fields: { words: { 24: missing } } })
    expect(seen(host).sort()).toEqual(['function 05 0', 'function 06 0', 'status 07 00'])
  })
})

describe('QUERY TASK SET', () => {
  it('[TMF-24] says whether the nexus has a command on the logical unit', () => {
    const { host, store } = hold()
    expect(ask(host, FUNCTION.QUERY_TASK_SET)).toBe(COMPLETE)
    sendCdb(host, 1, { cdb: read10(0, 1), readBytes: 512 })
    expect(ask(host, FUNCTION.QUERY_TASK_SET)).toBe(SUCCEEDED)
    store.release()
    acknowledge(host)
    host.take()
    expect(ask(host, FUNCTION.QUERY_TASK_SET)).toBe(COMPLETE)
  })

  it('[TMF-24] counts the commands of all connections, and of no other session', () => {
    const bench = scsiNode({ diskCount: 2 })
    const [one, two] = openScsiSession(bench, { keys: LEVEL_2, connectionCount: 2, luns: [0, 1] })
    const [other] = openScsiSession(bench, { keys: LEVEL_2, isid: 2, luns: [0, 1] })
    for (const store of bench.stores) store.isManual = true
    sendCdb(two!, 1, { cdb: read10(0, 1), readBytes: 512 })
    sendCdb(other!, 1, { cdb: read10(0, 1), readBytes: 512, lun: 1 })
    expect(ask(one!, FUNCTION.QUERY_TASK_SET)).toBe(SUCCEEDED)
    expect(ask(one!, FUNCTION.QUERY_TASK_SET, { lun: 1 })).toBe(COMPLETE)
    expect(ask(other!, FUNCTION.QUERY_TASK_SET)).toBe(COMPLETE)
    expect(ask(other!, FUNCTION.QUERY_TASK_SET, { lun: 1 })).toBe(SUCCEEDED)
  })
})

describe('QUERY ASYNCHRONOUS EVENT', () => {
  it('[TMF-25] tells of a unit attention without taking it', () => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench, { keys: LEVEL_2, luns: [] })
    for (let turn = 0; turn < 2; turn++) {
      manage(host!, FUNCTION.QUERY_ASYNCHRONOUS_EVENT)
      const [answer] = host!.take()
      expect(answer!.byte(2)).toBe(SUCCEEDED)
      // One condition, UNIT ATTENTION, POWER ON, RESET, OR BUS DEVICE RESET OCCURRED; then reserved bytes.
      expect(answer!.header.subarray(8, 16).toString('hex')).toBe('1629000000000000')
    }
    clearUnitAttentions(host!)
    manage(host!, FUNCTION.QUERY_ASYNCHRONOUS_EVENT)
    const [answer] = host!.take()
    expect([answer!.byte(2), answer!.header.readUIntBE(8, 3)]).toEqual([COMPLETE, 0])
  })

  it('[TMF-25] says when there are several', () => {
    const { host, target, stores } = hold()
    const [store] = stores
    expect(store).toBeDefined()
    target.unmapLogicalUnit(0, () => {})
    manage(host, FUNCTION.QUERY_ASYNCHRONOUS_EVENT)
    expect(host.take()[0]!.byte(2)).toBe(LUN_DOES_NOT_EXIST)
    const bench = scsiNode({ diskCount: 2 })
    const [two] = openScsiSession(bench, { keys: LEVEL_2 })
    bench.target.unmapLogicalUnit(0, () => {})
    manage(two!, FUNCTION.QUERY_ASYNCHRONOUS_EVENT, { lun: 1 })
    expect(two!.take()[0]!.header.readUIntBE(8, 3)).toBe(0x26_2900)
  })
})

describe('the queries', () => {
  it.each(QUERIES)('[TMF-2] [TMF-27] function %i does not find LUN 200', (code) => {
    expect(ask(hold().host, code, { lun: 200, referencedTaskTag: 1 })).toBe(LUN_DOES_NOT_EXIST)
  })
})

describe('I_T NEXUS RESET', () => {
  it('[TMF-26] ends the commands, answers, and closes every connection of the session at once', () => {
    const { node, hosts, store } = hold(2)
    const [one, two] = hosts
    sendCdb(one!, 1, { cdb: read10(0, 1), readBytes: 512 })
    sendCdb(two!, 2, { cdb: write10(8, 1), writeData: pattern(512) })
    expect(seen(two!)).toEqual(['r2t 02'])
    manage(one!, FUNCTION.I_T_NEXUS_RESET)
    store.release()
    for (const host of hosts) acknowledge(host)
    node.clock.advance(node.context.limits.abortDataOutTimeoutMs)
    for (const host of hosts) acknowledge(host)
    expect(seen(one!).filter((pdu) => pdu !== 'ping')).toEqual(['function 7000 0'])
    expect(seen(two!).filter((pdu) => pdu !== 'ping')).toEqual([])
    expect(hosts.map(({ closed }) => closed)).toEqual(['end', 'end'])
    expect([node.context.sessions.size, node.taken]).toEqual([0, [0, 0, 0]])
  })

  it('[TMF-26] is the loss of the nexus: its reservation is gone, and it is told when it comes back', () => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench, { keys: { ...LEVEL_2, DefaultTime2Wait: '2', DefaultTime2Retain: '20' } })
    const [other] = openScsiSession(bench, { isid: 2 })
    sendCdb(host!, 1, { cdb: Buffer.from([0x16, 0, 0, 0, 0, 0]) })
    sendCdb(other!, 1, { cdb: testUnitReady() })
    expect(seen(other!)).toEqual(['status 01 18'])
    manage(host!, FUNCTION.I_T_NEXUS_RESET)
    expect(host!.closed).toBe('end')
    sendCdb(other!, 2, { cdb: testUnitReady() })
    expect(seen(other!)).toEqual(['status 02 00'])
    const [again] = openScsiSession(bench, { luns: [] })
    sendCdb(again!, 1, { cdb: testUnitReady() })
    const sense = again!.take().at(-1)!.data
    expect([sense[4]! & 0xf, sense[14], sense[15]]).toEqual([0x06, 0x29, 0x07])
  })

  it('[TMF-26] does not wait for commands that are missing', () => {
    const { host } = hold()
    host.cmdSN += 2
    manage(host, FUNCTION.I_T_NEXUS_RESET)
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.TASK_MANAGEMENT_RESPONSE])
    expect(host.closed).toBe('end')
  })
})
