/** FastAbort multi-task abort semantics, RFC 7143 4.2.3.4 and 4.2.3.5, beside the standard ones, 4.2.3.3. */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import {
  acknowledge,
  manage,
  openScsiSession,
  type ScsiNode,
  scsiNode,
  seen,
  sendCdb,
} from '../../support/scsi-node.ts'
import { FUNCTION, NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { pattern, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const FAST = { TaskReporting: 'FastAbort,ResponseFence,RFC3720' }
const STANDARD = { TaskReporting: 'RFC3720' }
const FENCED = { TaskReporting: 'ResponseFence,RFC3720' }
const DATA = pattern(512)

/** Begin a write and leave its R2T open; gives the R2T. */
function beginWrite(host: ConnectionHarness, itt: number, lun = 0): TargetPdu {
  sendCdb(host, itt, { cdb: write10(0, 1), writeData: DATA, lun })
  const [r2t] = host.take().filter(({ opcode }) => opcode === OPCODE.R2T)
  return r2t!
}

/** The LUN fields of the Task Termination events that came, and nothing else may have come but pings. */
function terminations(host: ConnectionHarness): string[] {
  const pdus = host.take().filter(({ opcode, itt }) => opcode !== OPCODE.NOP_IN || itt !== NO_TAG)
  for (const pdu of pdus) {
    expect([pdu.opcode, pdu.byte(36), pdu.itt, pdu.byte(1)]).toEqual([OPCODE.ASYNC, 5, NO_TAG, 0x80])
    expect(pdu.header.subarray(37, 48).every((byte) => byte === 0)).toBe(true)
  }
  return pdus.map(({ header }) => header.subarray(8, 16).toString('hex'))
}

const LUN_0 = '0000000000000000'
const LUN_1 = '0001000000000000'

/** An issuing session with one connection, and a third party with two. */
function parties(issuerKeys: Record<string, string>, thirdKeys: Record<string, string>) {
  const bench = scsiNode({ diskCount: 2 })
  const [issuer] = openScsiSession(bench, { keys: issuerKeys, luns: [0, 1] })
  const third = openScsiSession(bench, { isid: 2, keys: thirdKeys, connectionCount: 2, luns: [0, 1] })
  return { ...bench, issuer: issuer!, third, idle: third[1]! as ConnectionHarness, busy: third[0]! }
}

function isClean({ node }: ScsiNode): void {
  expect(node.taken).toEqual([0, 0, 0])
}

describe('the issuing session', () => {
  it('[TMF-14] does not wait for data that it asked for, and takes it silently', () => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench, { keys: FAST })
    const r2t = beginWrite(host!, 1)
    manage(host!, FUNCTION.ABORT_TASK_SET)
    expect(seen(host!)).toEqual(['function 7000 0'])
    host!.dataOut(1, r2t.ttt, 0, 0, DATA)
    expect(seen(host!)).toEqual([])
    expect(bench.stores[0]!.countOf('writev')).toBe(0)
    isClean(bench)
  })

  it('[TMF-12] [KEY-26] waits for it with the semantics of RFC 3720 and ResponseFence', () => {
    for (const keys of [STANDARD, FENCED, {}]) {
      const [host] = openScsiSession(scsiNode(), { keys })
      const r2t = beginWrite(host!, 1)
      manage(host!, FUNCTION.ABORT_TASK_SET)
      expect(seen(host!)).toEqual([])
      host!.dataOut(1, r2t.ttt, 0, 0, DATA)
      expect(seen(host!)).toEqual(['function 7000 0'])
    }
  })

  it('[TMF-12] waits for data on all of its connections', () => {
    const hosts = openScsiSession(scsiNode(), { keys: STANDARD, connectionCount: 2 })
    const [one, two] = hosts
    const r2ts = hosts.map((host, index) => beginWrite(host, index + 1))
    manage(one!, FUNCTION.ABORT_TASK_SET)
    one!.dataOut(1, r2ts[0]!.ttt, 0, 0, DATA)
    expect(seen(one!)).toEqual([])
    two!.dataOut(2, r2ts[1]!.ttt, 0, 0, DATA)
    expect(seen(one!)).toEqual(['function 7000 0', 'ping'])
  })

  it('[TMF-12] waits no longer for a connection that is gone', () => {
    const hosts = openScsiSession(scsiNode(), { keys: STANDARD, connectionCount: 2 })
    beginWrite(hosts[1]!, 1)
    manage(hosts[0]!, FUNCTION.ABORT_TASK_SET)
    expect(seen(hosts[0]!)).toEqual([])
    hosts[1]!.connection.transportClosed()
    acknowledge(hosts[0]!)
    expect(seen(hosts[0]!)).toContain('function 7000 0')
  })

  it('[TMF-15] [ASYNC-7] hears of it on its other connections that have affected tasks', () => {
    const bench = scsiNode()
    const hosts = openScsiSession(bench, { keys: FAST, connectionCount: 3 })
    const [issuer, busy, idle] = hosts
    const r2ts = [beginWrite(issuer!, 1), beginWrite(busy!, 2)]
    manage(issuer!, FUNCTION.ABORT_TASK_SET)
    expect(terminations(busy!)).toEqual([LUN_0])
    expect([terminations(idle!), seen(issuer!)]).toEqual([[], []])
    for (const host of hosts) acknowledge(host)
    expect(seen(issuer!)).toEqual(['function 7000 0', 'ping'])
    issuer!.dataOut(1, r2ts[0]!.ttt, 0, 0, DATA)
    expect(seen(issuer!)).toEqual([])
    isClean(bench)
  })
})

describe('third-party sessions', () => {
  it.each([
    ['FastAbort', FAST],
    ['the semantics of RFC 3720', STANDARD],
  ])('[TMF-15] [TMF-17] [ASYNC-7] hear of it when they use FastAbort, from an issuer with %s', (_name, issuerKeys) => {
    const { issuer, busy, idle } = parties(issuerKeys, FAST)
    beginWrite(busy, 1)
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(seen(issuer)).toEqual(['function 7000 0'])
    expect([terminations(busy), terminations(idle)]).toEqual([[LUN_0], []])
  })

  it.each([
    ['the semantics of RFC 3720', STANDARD],
    ['ResponseFence', FENCED],
  ])('[TMF-16] [KEY-26] do not with %s', (_name, thirdKeys) => {
    const { issuer, busy, idle } = parties(FAST, thirdKeys)
    beginWrite(busy, 1)
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(seen(issuer)).toEqual(['function 7000 0'])
    expect([seen(busy), seen(idle)]).toEqual([[], []])
  })

  it.each([FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET])(
    '[TMF-15] hear of the logical unit of function %i only',
    (code) => {
      const { issuer, busy } = parties(FAST, FAST)
      beginWrite(busy, 1)
      beginWrite(busy, 2, 1)
      manage(issuer, code, { lun: 1 })
      expect(terminations(busy)).toEqual([LUN_1])
    },
  )

  it('[TMF-15] hear of each logical unit and connection once after a target reset', () => {
    const { issuer, busy, idle } = parties(FAST, FAST)
    for (const itt of [1, 2]) beginWrite(busy, itt)
    beginWrite(busy, 3, 1)
    beginWrite(idle, 4, 1)
    manage(issuer, FUNCTION.TARGET_WARM_RESET)
    expect([terminations(busy).sort(), terminations(idle)]).toEqual([[LUN_0, LUN_1], [LUN_1]])
  })

  it('[TMF-9] [TMF-15] hear nothing of ABORT TASK SET', () => {
    const { issuer, busy } = parties(FAST, FAST)
    const r2t = beginWrite(busy, 1)
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    expect(seen(busy)).toEqual([])
    busy.dataOut(1, r2t.ttt, 0, 0, DATA)
    expect(seen(busy)).toEqual(['status 01 00'])
  })

  it('[TMF-14] keep their tags until they have acknowledged it', () => {
    const bench = parties(FAST, FAST)
    const { issuer, busy, stores } = bench
    const r2ts = [beginWrite(busy, 1), beginWrite(busy, 2)]
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(terminations(busy)).toEqual([LUN_0])
    busy.dataOut(1, r2ts[0]!.ttt, 0, 0, DATA)
    expect(seen(busy)).toEqual([])
    expect(busy.connection.readyToTransfers.size).toBe(1)
    acknowledge(busy)
    expect(busy.connection.readyToTransfers.size).toBe(0)
    busy.dataOut(2, r2ts[1]!.ttt, 0, 0, DATA)
    expect(seen(busy)).toEqual(['reject 09'])
    expect(stores[0]!.countOf('writev')).toBe(0)
    isClean(bench)
  })

  it('[TMF-28] are dropped when they never acknowledge it', () => {
    const { node, issuer, busy, idle } = parties(FAST, FAST)
    beginWrite(busy, 1)
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    const { dataOutTimeoutMs } = node.context.limits
    node.clock.advance(dataOutTimeoutMs * 2)
    expect([busy.closed, idle.closed, issuer.closed]).toEqual(['destroy', null, null])
  })

  it('[TMF-15] lose commands of that logical unit that wait for their turn too', () => {
    const { issuer, busy } = parties(FAST, FAST)
    beginWrite(busy, 1)
    const missing = busy.cmdSN++
    sendCdb(busy, 2, { cdb: testUnitReady() })
    sendCdb(busy, 3, { cdb: testUnitReady(), lun: 1 })
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(terminations(busy)).toEqual([LUN_0])
    acknowledge(busy)
    sendCdb(busy, 4, { cdb: testUnitReady(), lun: 1, fields: { words: { 24: missing } } })
    expect(seen(busy)).toEqual(['status 04 00', 'status 03 00'])
  })

  it('[TMF-15] end a command without a response whose transfer had failed', () => {
    const bench = parties(FAST, FAST)
    const { issuer, busy } = bench
    const r2t = beginWrite(busy, 1)
    // Data at the wrong offset.
    busy.dataOut(1, r2t.ttt, 0, 4, DATA.subarray(0, 16), false)
    beginWrite(busy, 2)
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(terminations(busy)).toEqual([LUN_0])
    acknowledge(busy)
    expect(seen(busy)).toEqual([])
    isClean(bench)
  })

  it('[TMF-15] end such a command without a response also while the disk is still at work on it', () => {
    const bench = parties(FAST, FAST)
    const { issuer, busy, stores } = bench
    stores[0]!.isManual = true
    sendCdb(busy, 1, { cdb: write10(0, 2), writeData: pattern(1024), immediateBytes: 512 })
    const [r2t] = busy.take()
    busy.dataOut(1, r2t!.ttt, 0, 516, DATA.subarray(0, 16))
    manage(issuer, FUNCTION.LOGICAL_UNIT_RESET)
    expect(terminations(busy)).toEqual([LUN_0])
    stores[0]!.release()
    acknowledge(busy)
    expect(seen(busy)).toEqual([])
    isClean(bench)
  })
})
