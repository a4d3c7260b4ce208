/** Auto contingent allegiance over iSCSI: the ACA attribute, CLEAR ACA, and the Response Fence (RFC 7143 4.2.2.3.4 c to e). */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import { acknowledge, manage, openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { FUNCTION } from '../../support/wire-pdu.ts'
import { testUnitReady } from '../../support/wire-scsi.ts'

const FENCE = { TaskReporting: 'ResponseFence' }
const FINAL_ACA = 0x84
const FAILING_NACA = Buffer.from([0, 1, 0, 0, 0, 0x04])
const NACA = Buffer.from([0, 0, 0, 0, 0, 0x04])

const noPings = (host: ConnectionHarness) => seen(host).filter((pdu) => pdu !== 'ping')

function hosts() {
  const bench = scsiNode()
  const [one, two] = openScsiSession(bench, { keys: FENCE, connectionCount: 2 })
  const [other, other2] = openScsiSession(bench, { isid: 2, keys: FENCE, connectionCount: 2 })
  return { ...bench, one: one!, two: two!, other: other!, other2: other2! }
}

/** A status on `host` that it has not acknowledged. */
function leaveUnacknowledged(host: ConnectionHarness, itt: number, status: string): void {
  sendCdb(host, itt, { cdb: testUnitReady(), isSilent: true })
  expect(noPings(host)).toEqual([`status 0${itt} ${status}`])
}

describe('the Response Fence of an ACA', () => {
  it('[SN-20] [SN-21] holds the status that establishes it', () => {
    const { one, two } = hosts()
    leaveUnacknowledged(two, 1, '00')
    sendCdb(one, 2, { cdb: FAILING_NACA })
    expect(noPings(one)).toEqual([])
    acknowledge(two)
    expect(noPings(one)).toEqual(['status 02 02'])
  })

  it('[SN-20] [SN-21] holds the first ACA ACTIVE of the issuing session and those behind it', () => {
    const { one, two } = hosts()
    sendCdb(one, 1, { cdb: FAILING_NACA })
    expect(noPings(one)).toEqual(['status 01 02'])
    sendCdb(two, 2, { cdb: testUnitReady() })
    expect(noPings(two)).toEqual([])
    acknowledge(one)
    expect(noPings(two)).toEqual(['status 02 30'])
    sendCdb(one, 3, { cdb: testUnitReady() })
    expect(noPings(one)).toEqual([])
    acknowledge(two)
    expect(noPings(one)).toEqual(['status 03 30'])
  })

  it('[SN-20] [SN-21] holds the first ACA ACTIVE of another session', () => {
    const { one, other, other2 } = hosts()
    leaveUnacknowledged(other2, 1, '00')
    sendCdb(one, 1, { cdb: FAILING_NACA })
    sendCdb(other, 2, { cdb: NACA })
    expect(noPings(other)).toEqual([])
    acknowledge(other2)
    expect(noPings(other)).toEqual(['status 02 30'])
  })

  it('[SN-20] [SN-21] holds the response to CLEAR ACA', () => {
    const { one, two } = hosts()
    sendCdb(one, 1, { cdb: FAILING_NACA })
    acknowledge(one)
    leaveUnacknowledged(two, 2, '30')
    manage(one, FUNCTION.CLEAR_ACA)
    expect(noPings(one)).toContain('status 01 02')
    acknowledge(two)
    expect(noPings(one)).toEqual(['function 7000 0'])
    acknowledge(one)
    sendCdb(two, 3, { cdb: testUnitReady() })
    expect(noPings(two)).toEqual(['status 03 00'])
  })
})

describe('an ACA over iSCSI', () => {
  it('[SN-21] lets commands with the ACA attribute in, on the session that is faulted alone', () => {
    const bench = scsiNode()
    const [host] = openScsiSession(bench)
    const [other] = openScsiSession(bench, { isid: 2 })
    sendCdb(host!, 1, { cdb: FAILING_NACA })
    sendCdb(host!, 2, { cdb: testUnitReady() })
    sendCdb(host!, 3, { cdb: testUnitReady(), fields: { byte1: FINAL_ACA } })
    sendCdb(other!, 4, { cdb: testUnitReady() })
    manage(other!, FUNCTION.CLEAR_ACA)
    expect(seen(host!)).toEqual(['status 01 02', 'status 02 30', 'status 03 00'])
    expect(seen(other!)).toEqual(['status 04 08', 'function 7000 255'])
    manage(host!, FUNCTION.CLEAR_ACA)
    sendCdb(other!, 5, { cdb: testUnitReady() })
    expect([...seen(host!), ...seen(other!)]).toEqual(['function 7000 0', 'status 05 00'])
  })
})
