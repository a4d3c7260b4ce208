/** What an initiator that is reading gets when the server stops in order. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { it } from 'vitest'
import { startTarget } from '../../support/target-server.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, finishCommand, GOOD, read10, sendCommand } from '../../support/wire-scsi.ts'

it('sends the answer of a command that has run to its end, however slowly the initiator reads', async () => {
  const target = await startTarget({ limits: { drainTimeoutMs: 2_000 } })
  try {
    const initiator = await WireInitiator.connect(target)
    await initiator.login({ MaxRecvDataSegmentLength: '262144' })
    await clearUnitAttentions(initiator)
    initiator.connection.pauseReading()
    const request = { cdb: read10(0, 16_384), readBytes: 8 * 1024 * 1024 }
    const itt = await sendCommand(initiator, request)
    await sleep(100)
    const closing = target.close()
    await sleep(100)
    initiator.connection.resumeReading()
    const { status, data } = await finishCommand(initiator, itt, request)
    assert.deepEqual([status, data.length], [GOOD, request.readBytes])
    await closing
  } finally {
    await target.close()
  }
})
