/** PERSISTENT RESERVE OUT with PREEMPT AND ABORT over iSCSI: the Response Fence (RFC 7143 4.2.2.3.4 f) and what it aborts. */

import { describe, expect, it } from 'vitest'
import type { ConnectionHarness } from '../../support/connection-harness.ts'
import { basicList, OUT, type ReserveOutFields } from '../../support/persistent-reserve.ts'
import { acknowledge, openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { pattern, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const FENCE = { TaskReporting: 'ResponseFence' }

function reserveOut(host: ConnectionHarness, itt: number, action: number, fields: ReserveOutFields): void {
  const writeData = basicList(fields)
  const cdb = Buffer.alloc(16)
  cdb.set([0x5f, action, fields.type ?? 0])
  cdb.writeUInt32BE(writeData.length, 5)
  sendCdb(host, itt, { cdb, writeData, immediateBytes: writeData.length })
}

/** A preemptor with two connections and a victim, both registered; the victim holds the reservation. */
function contenders() {
  const bench = scsiNode()
  const [issuer, second] = openScsiSession(bench, { keys: FENCE, connectionCount: 2 })
  const [victim] = openScsiSession(bench, { isid: 2 })
  reserveOut(issuer!, 1, OUT.REGISTER, { actionKey: 1n })
  reserveOut(victim!, 1, OUT.REGISTER, { actionKey: 2n })
  reserveOut(victim!, 2, OUT.RESERVE, { key: 2n, type: 5 })
  expect([seen(issuer!), seen(victim!)]).toEqual([['status 01 00'], ['status 01 00', 'status 02 00']])
  acknowledge(issuer!)
  return { ...bench, issuer: issuer!, second: second!, victim: victim! }
}

const preempt = (host: ConnectionHarness, action: number) =>
  reserveOut(host, 0x10, action, { key: 1n, actionKey: 2n, type: 5 })

describe('the response to PREEMPT AND ABORT', () => {
  it('[SN-20] [SN-21] waits for the acknowledgement of what came before, and later responses wait for its own', () => {
    const { issuer, second } = contenders()
    sendCdb(second, 2, { cdb: testUnitReady(), isSilent: true })
    expect(seen(second)).toEqual(['status 02 00'])
    preempt(issuer, OUT.PREEMPT_AND_ABORT)
    expect(seen(issuer)).toEqual([])
    acknowledge(second)
    expect(seen(issuer)).toContain('status 10 00')
    sendCdb(second, 3, { cdb: testUnitReady() })
    expect(seen(second)).not.toContain('status 03 00')
    acknowledge(issuer)
    expect(seen(second)).toContain('status 03 00')
  })

  it('is the only one of its kind: that to PREEMPT waits for nothing', () => {
    const { issuer, second } = contenders()
    sendCdb(second, 2, { cdb: testUnitReady(), isSilent: true })
    preempt(issuer, OUT.PREEMPT)
    expect(seen(issuer)).toEqual(['status 10 00'])
  })

  it('comes when a write of the preempted session has come to rest, which is never answered', () => {
    const { issuer, second, victim, stores } = contenders()
    stores[0]!.isManual = true
    sendCdb(victim, 3, { cdb: write10(0, 1), writeData: pattern(512), immediateBytes: 512 })
    preempt(issuer, OUT.PREEMPT_AND_ABORT)
    expect(seen(issuer)).toEqual([])
    stores[0]!.release()
    acknowledge(second)
    expect(seen(issuer)).toEqual(['status 10 00', 'ping'])
    expect(seen(victim)).toEqual([])
    stores[0]!.isManual = false
    acknowledge(issuer)
    // Told of the lost command, then of the lost registration, then stopped.
    for (const itt of [4, 5]) sendCdb(victim, itt, { cdb: testUnitReady() })
    sendCdb(victim, 6, { cdb: write10(0, 1), writeData: pattern(512), immediateBytes: 512 })
    expect(seen(victim)).toEqual(['status 04 02', 'status 05 02', 'status 06 18'])
  })
})
