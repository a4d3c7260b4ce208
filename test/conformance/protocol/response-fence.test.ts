/** The Response Fence, RFC 7143 4.2.2.3.3 and 4.2.2.3.4: the order of responses over several connections. */

import { describe, expect, it } from 'vitest'
import { acknowledge, manage, openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { LOGOUT, logout, reassign } from '../../support/session-steps.ts'
import { FUNCTION } from '../../support/wire-pdu.ts'
import { pattern, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const FENCE = { TaskReporting: 'ResponseFence' }
const MANY = [FUNCTION.ABORT_TASK_SET, FUNCTION.CLEAR_TASK_SET, FUNCTION.LOGICAL_UNIT_RESET, FUNCTION.TARGET_WARM_RESET]

/** Two connections, of which the second has a status that it has not acknowledged. */
function unacknowledged(keys: Record<string, string> = FENCE) {
  const bench = scsiNode()
  const [issuer, second] = openScsiSession(bench, { keys, connectionCount: 2 })
  sendCdb(second!, 1, { cdb: testUnitReady(), isSilent: true })
  expect(seen(second!)).toEqual(['status 01 00'])
  return { ...bench, issuer: issuer!, second: second! }
}

describe('the response to a function over many tasks', () => {
  it.each(MANY)('[SN-20] [SN-21] [TMF-13] of function %i waits for the acknowledgement of what came before', (code) => {
    const { issuer, second } = unacknowledged()
    manage(issuer, code)
    expect(seen(issuer)).toEqual([])
    expect(seen(second)).toEqual(['ping'])
    acknowledge(second)
    expect(seen(issuer)).toEqual(['function 7000 0', 'ping'])
  })

  it('[TMF-13] waits with the semantics of RFC 3720 too', () => {
    const { issuer, second } = unacknowledged({})
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    expect(seen(issuer)).toEqual([])
    acknowledge(second)
    expect(seen(issuer)).toEqual(['function 7000 0', 'ping'])
  })

  it('[SN-20] waits for a status on its own connection', () => {
    const { issuer, second } = unacknowledged()
    acknowledge(second)
    sendCdb(issuer, 2, { cdb: testUnitReady(), isSilent: true })
    manage(issuer, FUNCTION.ABORT_TASK_SET, { isSilent: true })
    expect(seen(issuer)).toEqual(['status 02 00', 'ping'])
    acknowledge(issuer)
    expect(seen(issuer)).toEqual(['function 7000 0', 'ping'])
  })

  it('[SN-20] holds later responses until it is acknowledged itself', () => {
    const { issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    sendCdb(second, 2, { cdb: testUnitReady(), isSilent: true })
    expect(seen(second)).toEqual(['ping'])
    acknowledge(second)
    expect(seen(second)).toEqual([])
    expect(seen(issuer)).toEqual(['function 7000 0', 'ping'])
    acknowledge(issuer)
    expect(seen(second)).toEqual(['status 02 00'])
  })

  it('[SN-20] lets one fenced response wait for another', () => {
    const { issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET, { itt: 0x71 })
    manage(second, FUNCTION.CLEAR_TASK_SET, { itt: 0x72, isSilent: true })
    acknowledge(second)
    expect(seen(issuer)).toEqual(['function 71 0', 'ping'])
    expect(seen(second)).toEqual(['ping'])
    acknowledge(issuer)
    expect(seen(second)).toEqual(['function 72 0', 'ping'])
  })

  it('[SN-20] needs nothing more on a single connection', () => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench, { keys: FENCE })
    sendCdb(host!, 1, { cdb: testUnitReady(), isSilent: true })
    manage(host!, FUNCTION.ABORT_TASK_SET, { isSilent: true })
    expect(seen(host!)).toEqual(['status 01 00', 'function 7000 0'])
  })

  it('[SN-20] goes on when the silent connection is lost', () => {
    const { issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    second.connection.transportClosed()
    issuer.connection.requestFlush()
    acknowledge(issuer)
    expect(seen(issuer)).toContain('function 7000 0')
  })

  it('[SN-20] [TMF-28] drops a connection that stays silent', () => {
    const { node, issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    node.clock.advance(node.context.limits.acknowledgementTimeoutMs)
    expect([second.closed, issuer.closed]).toEqual(['destroy', null])
    expect(seen(issuer)).toContain('function 7000 0')
  })

  it('[SN-20] keeps a response that it held back for the connection that takes the command over', () => {
    const bench = scsiNode({ preferences: { errorRecoveryLevel: 2, defaultTime2Wait: 2, defaultTime2Retain: 20 } })
    const keys = { ...FENCE, ErrorRecoveryLevel: '2', DefaultTime2Wait: '2', DefaultTime2Retain: '20' }
    const [one, two] = openScsiSession(bench, { keys, connectionCount: 2 })
    sendCdb(two!, 1, { cdb: testUnitReady(), isSilent: true })
    manage(one!, FUNCTION.ABORT_TASK_SET)
    sendCdb(two!, 2, { cdb: testUnitReady(), isSilent: true })
    expect(seen(two!)).toEqual(['status 01 00', 'ping'])
    two!.connection.transportClosed()
    logout(one!, LOGOUT.removeForRecovery, { cid: 1 })
    acknowledge(one!)
    expect(seen(one!)).toContain('function 7000 0')
    reassign(one!, 2)
    expect(seen(one!)).toEqual(['function 800 0', 'status 02 00'])
  })

  it('[SN-20] waits for a status that is sent again meanwhile for a command that was reassigned', () => {
    const bench = scsiNode({ preferences: { errorRecoveryLevel: 2, defaultTime2Wait: 2, defaultTime2Retain: 20 } })
    const keys = { ...FENCE, ErrorRecoveryLevel: '2', DefaultTime2Wait: '2', DefaultTime2Retain: '20' }
    const [one, two, three] = openScsiSession(bench, { keys, connectionCount: 3 })
    sendCdb(two!, 1, { cdb: testUnitReady(), isSilent: true })
    two!.connection.transportClosed()
    logout(one!, LOGOUT.removeForRecovery, { cid: 1 })
    sendCdb(three!, 2, { cdb: testUnitReady(), isSilent: true })
    manage(three!, FUNCTION.ABORT_TASK_SET, { isSilent: true })
    reassign(one!, 1)
    expect(seen(one!)).toContain('status 01 00')
    acknowledge(three!)
    expect(seen(three!)).not.toContain('function 7000 0')
    acknowledge(one!)
    expect(seen(three!)).toContain('function 7000 0')
  })

  it('[SN-20] is forgotten with its session, and leaves no timer', () => {
    const { node, issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    for (const host of [issuer, second]) host.connection.transportClosed()
    node.clock.settle()
    expect([node.clock.timerCount, node.taken]).toEqual([0, [0, 0, 0]])
    expect(seen(issuer)).toEqual([])
  })
})

describe('commands whose responses are held', () => {
  it('[TMF-8] end without one when they are aborted', () => {
    const { node, issuer, second } = unacknowledged()
    manage(issuer, FUNCTION.ABORT_TASK_SET)
    const refCmdSN = sendCdb(second, 2, { cdb: testUnitReady(), isSilent: true })
    manage(second, FUNCTION.ABORT_TASK, { itt: 0x71, referencedTaskTag: 2, refCmdSN, isSilent: true })
    expect(seen(second)).toEqual(['ping', 'function 71 0'])
    acknowledge(second)
    acknowledge(issuer)
    expect(seen(second)).toEqual([])
    expect(node.context.tasks.takenCount).toBe(0)
  })
})

describe('a unit attention whose response was held', () => {
  /** The second connection has one on the way that waits for the first connection's acknowledgement. */
  function holdUnitAttention() {
    const bench = scsiNode()
    const [issuer] = openScsiSession(bench, { isid: 2, keys: FENCE })
    const [one, two] = openScsiSession(bench, { keys: FENCE, connectionCount: 2 })
    sendCdb(one!, 1, { cdb: testUnitReady(), isSilent: true })
    manage(issuer!, FUNCTION.LOGICAL_UNIT_RESET)
    const refCmdSN = sendCdb(two!, 2, { cdb: testUnitReady() })
    expect([seen(one!), seen(two!)]).toEqual([['status 01 00', 'ping'], []])
    return { ...bench, one: one!, two: two!, refCmdSN }
  }

  it.each(['aborted', 'lost with its connection'])('is pending again when the command was %s', (how) => {
    const { node, one, two, refCmdSN } = holdUnitAttention()
    if (how === 'aborted') manage(one, FUNCTION.ABORT_TASK, { referencedTaskTag: 2, refCmdSN, isSilent: true })
    else two.connection.transportClosed()
    acknowledge(one)
    sendCdb(one, 3, { cdb: testUnitReady() })
    acknowledge(one)
    sendCdb(one, 4, { cdb: testUnitReady() })
    expect(seen(one).filter((pdu) => pdu.startsWith('status'))).toEqual(['status 03 02', 'status 04 00'])
    expect(node.context.tasks.takenCount).toBe(0)
  })
})

describe('the first unit attention after many tasks were aborted', () => {
  it.each([
    [FUNCTION.CLEAR_TASK_SET, 'third-party'],
    [FUNCTION.LOGICAL_UNIT_RESET, 'third-party'],
    [FUNCTION.LOGICAL_UNIT_RESET, 'issuing'],
  ] as const)('[SN-21] [TMF-18] function %i: waits and is waited for on the %s session', (code, whose) => {
    const bench = scsiNode()
    const [issuer] = openScsiSession(bench, { isid: 2, keys: FENCE })
    const hosts = openScsiSession(bench, { keys: FENCE, connectionCount: 2 })
    const [one, two] = hosts
    sendCdb(two!, 1, { cdb: write10(0, 1), writeData: pattern(512) })
    expect(seen(two!)).toEqual(['r2t 01'])
    // The one unacknowledged status.
    sendCdb(two!, 2, { cdb: testUnitReady(), isSilent: true })
    expect(seen(two!)).toEqual(['status 02 00'])
    if (whose === 'third-party') {
      manage(issuer!, code)
    } else {
      manage(one!, code)
      acknowledge(two!)
      bench.node.clock.advance(bench.node.context.limits.abortDataOutTimeoutMs)
      acknowledge(one!)
      expect(seen(one!)).toContain('function 7000 0')
      sendCdb(two!, 3, { cdb: testUnitReady(), lun: 9, isSilent: true })
      expect(seen(two!)).toContain('status 03 02')
    }
    sendCdb(one!, 4, { cdb: testUnitReady() })
    sendCdb(one!, 5, { cdb: testUnitReady() })
    expect(seen(one!).filter((pdu) => pdu !== 'ping')).toEqual([])
    acknowledge(two!)
    expect(seen(one!).filter((pdu) => pdu !== 'ping')).toEqual(['status 04 02'])
    acknowledge(one!)
    expect(seen(one!)).toEqual(['status 05 00'])
  })

  it('[SN-21] passes at once on a single connection', () => {
    const bench = scsiNode()
    const [issuer] = openScsiSession(bench, { isid: 2 })
    const [host] = openScsiSession(bench)
    manage(issuer!, FUNCTION.LOGICAL_UNIT_RESET)
    sendCdb(host!, 1, { cdb: testUnitReady(), isSilent: true })
    sendCdb(host!, 2, { cdb: testUnitReady(), isSilent: true })
    expect(seen(host!)).toEqual(['status 01 02', 'status 02 00'])
  })
})
