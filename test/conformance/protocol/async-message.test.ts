/** What sessions hear when the server stops, RFC 7143 4.2.6 and 11.9. */

import { afterEach, describe, expect, it } from 'vitest'
import { type RunningTarget, startTarget } from '../../support/target-server.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import { OPCODE } from '../../support/wire-pdu.ts'
import { clearUnitAttentions } from '../../support/wire-scsi.ts'

const running: RunningTarget[] = []

afterEach(async () => {
  for (const target of running.splice(0)) await target.close()
})

async function start(): Promise<RunningTarget> {
  const target = await startTarget({})
  running.push(target)
  return target
}

describe('a server that stops', () => {
  it('[SESS-27] announces at most that the connection or session ends, and closes', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    await initiator.login()
    await clearUnitAttentions(initiator)
    const closing = target.close()
    running.length = 0
    for (const pdu of await initiator.readUntilClosed()) {
      expect(pdu.opcode).toBe(OPCODE.ASYNC)
      expect(pdu.byte(36)).toBeOneOf([1, 2, 3])
    }
    initiator.destroy()
    await closing
  })

  it('[ASYNC-9] tells discovery sessions nothing', async () => {
    const target = await start()
    const initiator = await WireInitiator.connect(target)
    await initiator.login({ SessionType: 'Discovery' })
    const closing = target.close()
    running.length = 0
    await initiator.connection.expectClosed()
    initiator.destroy()
    await closing
  })
})
