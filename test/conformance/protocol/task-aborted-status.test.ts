/** TASK ABORTED status (SAM-5, TAS of the Control mode page) over iSCSI: what a session sees whose commands another one clears. */

import { expect, it } from 'vitest'
import { acknowledge, manage, openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { FUNCTION } from '../../support/wire-pdu.ts'
import { pattern, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

/** MODE SELECT (6) of the Control mode page with TAS set. */
const MODE_SELECT = Buffer.from([0x15, 0x10, 0, 0, 16, 0])
const TAS = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 2, 0x10, 0, 0x40, 0, 0, 0, 0, 0, 1])

function sessions(keys: Record<string, string>) {
  const bench = scsiNode()
  const [issuer] = openScsiSession(bench)
  sendCdb(issuer!, 1, { cdb: MODE_SELECT, writeData: TAS, immediateBytes: TAS.length })
  expect(seen(issuer!)).toEqual(['status 01 00'])
  const [victim] = openScsiSession(bench, { isid: 2, keys })
  return { ...bench, issuer: issuer!, victim: victim!, store: bench.stores[0]! }
}

it.each(['RFC3720', 'FastAbort'])(
  'ends them with that status and nothing else, with TaskReporting %s',
  (TaskReporting) => {
    const { node, issuer, victim, store } = sessions({ TaskReporting })
    store.isManual = true
    sendCdb(victim, 2, { cdb: read10(0, 1), readBytes: 512 })
    sendCdb(victim, 3, { cdb: write10(0, 1), writeData: pattern(512), immediateBytes: 512 })
    sendCdb(victim, 4, { cdb: read10(0, 8), readBytes: 4096, lun: 0 })
    manage(issuer, FUNCTION.CLEAR_TASK_SET)
    expect([...seen(issuer), ...seen(victim)]).toEqual([])
    store.release()
    for (const host of [issuer, victim]) acknowledge(host)
    expect(seen(issuer)).toEqual(['function 7000 0'])
    expect(seen(victim)).toEqual(['status 02 40', 'status 03 40', 'status 04 40'])
    sendCdb(victim, 5, { cdb: testUnitReady() })
    acknowledge(victim)
    expect(seen(victim)).toEqual(['status 05 00'])
    expect(node.taken).toEqual([0, 0, 0])
  },
)
