/** NOP-Out and NOP-In, RFC 7143 11.18 and 11.19. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import { pattern } from '../../support/wire-scsi.ts'

const fixture = useTarget()

describe('a ping of the initiator', () => {
  it.each([0, 1, 100, 8192, 8292, 100_000])(
    '[NOP-1] comes back with %i bytes, as far as they may',
    async (byteCount) => {
      const initiator = await fixture.open({ MaxRecvDataSegmentLength: '8192' })
      const data = pattern(byteCount)
      const reply = await initiator.ping({ data })
      expect(reply.ttt).toBe(NO_TAG)
      expect(reply.data.equals(data.subarray(0, 8192))).toBe(true)
    },
  )

  it('[NOP-2] takes a StatSN, and a CmdSN when it is not immediate', async () => {
    const initiator = await fixture.open()
    const first = await initiator.ping()
    const second = await initiator.ping({ immediate: false })
    expect((second.statSN - first.statSN) >>> 0).toBe(1)
    expect((second.expCmdSN - first.expCmdSN) >>> 0).toBe(1)
  })

  it('[NOP-2] is answered in its order when it is not immediate', async () => {
    const initiator = await fixture.open()
    const n = initiator.cmdSN
    const second = await initiator.sendNopOut({ words: { 24: n + 1 } })
    await initiator.connection.expectSilence(50)
    const first = await initiator.sendNopOut({ words: { 24: n } })
    expect([(await initiator.read()).itt, (await initiator.read()).itt]).toEqual([first, second])
  })

  it('[NOP-3] is not answered without an Initiator Task Tag', async () => {
    const initiator = await fixture.open()
    await initiator.sendNopOut({ immediate: true, itt: NO_TAG })
    await initiator.connection.expectSilence()
    await initiator.ping()
  })

  it('[NOP-3] is refused without an Initiator Task Tag when it is not immediate', async () => {
    const initiator = await fixture.open()
    await initiator.sendNopOut({ itt: NO_TAG })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 0[49])$/)
  })
})

describe('a ping of the target', () => {
  const restless = useTarget({ limits: { pingIdleMs: 30, pingTimeoutMs: 200 } })

  it('[NOP-4] [NOP-6] [SN-12] comes on an idle connection with a transfer tag, and takes no StatSN', async () => {
    const initiator = await restless.connect()
    const { final } = await initiator.login()
    const pings: TargetPdu[] = []
    for (let count = 0; count < 3; count++) {
      const ping = await initiator.expect(OPCODE.NOP_IN, NO_TAG)
      pings.push(ping)
      const lun = Buffer.from(ping.header.subarray(8, 16))
      await initiator.sendNopOut({ immediate: true, itt: NO_TAG, lun, words: { 20: ping.ttt } })
    }
    for (const { ttt, statSN, data } of pings) {
      expect(ttt).not.toBe(NO_TAG)
      expect([statSN, data.length]).toEqual([(final.statSN + 1) >>> 0, 0])
    }
    expect(new Set(pings.map(({ ttt }) => ttt)).size).toBe(pings.length)
  })

  it('[NOP-7] that goes unanswered closes the connection of an initiator that answered before', async () => {
    const initiator = await restless.connect()
    await initiator.login()
    const ping = await initiator.expect(OPCODE.NOP_IN, NO_TAG)
    await initiator.sendNopOut({ immediate: true, itt: NO_TAG, words: { 20: ping.ttt } })
    for (const pdu of await initiator.readUntilClosed()) expect(pdu.opcode).toBeOneOf([OPCODE.NOP_IN, OPCODE.ASYNC])
  })
})
