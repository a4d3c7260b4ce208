/** A unit attention whose response was sent and may not have arrived: told again when it was lost for good. */

import { describe, expect, it } from 'vitest'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import { TEST_IDENTITY } from '../../support/scsi-initiator.ts'
import { acknowledge, openScsiSession, scsiNode, sendCdb } from '../../support/scsi-node.ts'
import { TestStore } from '../../support/scsi-store.ts'
import { LOGOUT, logout, reassign } from '../../support/session-steps.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { testUnitReady } from '../../support/wire-scsi.ts'

const REPORTED_LUNS_DATA_HAS_CHANGED = 0x3f0e
const TIME2RETAIN_SECONDS = 20

/** The additional sense codes of the SCSI Responses that came. */
function sensesOf(host: ConnectionHarness): number[] {
  const responses = host.take().filter(({ opcode }) => opcode === OPCODE.SCSI_RESPONSE)
  return responses.flatMap(({ data }) => (data.length > 0 ? [data.readUInt16BE(14)] : []))
}

/** Three connections; the second one has been told of a unit attention and has not acknowledged it. */
function tellOne(errorRecoveryLevel: 0 | 1 | 2) {
  const bench = scsiNode({ preferences: { errorRecoveryLevel, defaultTime2Retain: TIME2RETAIN_SECONDS } })
  const keys = {
    ErrorRecoveryLevel: String(errorRecoveryLevel),
    DefaultTime2Retain: String(TIME2RETAIN_SECONDS),
  }
  const [one, two, three] = openScsiSession(bench, { keys, connectionCount: 3 })
  const unit = { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }
  bench.target.mapLogicalUnit(5, new LogicalUnit(unit, new TestStore(512)))
  sendCdb(two!, 2, { cdb: testUnitReady() })
  expect(sensesOf(two!)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
  return { ...bench, one: one!, two: two!, three: three! }
}

/** What the next commands on `host` are told. */
function nextSenses(host: ConnectionHarness): number[] {
  for (let itt = 20; itt < 24; itt++) sendCdb(host, itt, { cdb: testUnitReady() })
  return sensesOf(host)
}

describe('a unit attention whose response was sent', () => {
  it.each([0, 1] as const)(
    'is pending again when its connection is lost before the acknowledgement, at level %i',
    (level) => {
      const { one, two } = tellOne(level)
      two.connection.transportClosed()
      expect(nextSenses(one)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
    },
  )

  it.each([0, 1, 2] as const)('is not pending again when it was acknowledged, at level %i', (level) => {
    const { one, two } = tellOne(level)
    acknowledge(two)
    two.connection.transportClosed()
    expect(nextSenses(one)).toEqual([])
  })

  it('is pending again when nobody has its command reassigned in time', () => {
    const { node, one, two } = tellOne(2)
    two.connection.transportClosed()
    expect(nextSenses(one)).toEqual([])
    node.clock.advance((TIME2RETAIN_SECONDS + 3) * 1000)
    expect(nextSenses(one)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
  })

  it('is told once when its command was reassigned and its status acknowledged there', () => {
    const { node, one, two } = tellOne(2)
    two.connection.transportClosed()
    logout(one, LOGOUT.removeForRecovery, { cid: two.cid })
    reassign(one, 2)
    expect(sensesOf(one)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
    acknowledge(one)
    node.clock.advance((TIME2RETAIN_SECONDS + 3) * 1000)
    expect(nextSenses(one)).toEqual([])
  })

  it('goes with its command to another connection, and is pending again when it is lost from there', () => {
    const { one, two, three } = tellOne(2)
    two.connection.transportClosed()
    logout(one, LOGOUT.removeForRecovery, { cid: two.cid })
    reassign(one, 2)
    expect(sensesOf(one)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
    expect(nextSenses(three)).toEqual([])
    one.connection.transportClosed()
    logout(three, LOGOUT.closeConnection, { cid: one.cid })
    expect(nextSenses(three)).toEqual([REPORTED_LUNS_DATA_HAS_CHANGED])
  })
})
