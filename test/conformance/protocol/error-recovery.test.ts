/** Error recovery at level 0: RFC 7143 7.1.5 and what is refused of the higher levels. */

import { describe, expect, it } from 'vitest'
import { useTarget } from '../../support/wire-fixture.ts'
import { FINAL, NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import { answerKind } from '../../support/wire-refusal.ts'
import { execute, GOOD, holdWrite, pattern, read10, testUnitReady } from '../../support/wire-scsi.ts'

const fixture = useTarget()

describe('the error recovery level', () => {
  const LEVELS = [0, 1, 2] as const
  const targets = LEVELS.map((errorRecoveryLevel) => useTarget({ parameters: { errorRecoveryLevel } }))

  it.each(LEVELS)('[ERL-1] is the lower of the offer and what the target does, which is %i', async (level) => {
    for (const offer of LEVELS) {
      const initiator = await targets[level]!.connect()
      const { keys } = await initiator.login({ ErrorRecoveryLevel: String(offer) })
      expect(keys.ErrorRecoveryLevel).toBe(String(Math.min(offer, level)))
      await initiator.ping()
    }
  })

  it('[ERL-1] is 0 when nobody speaks of it: data cannot be asked for again', async () => {
    const initiator = await fixture.connect()
    expect((await initiator.login()).keys).not.toHaveProperty('ErrorRecoveryLevel')
    const { itt } = await execute(initiator, { cdb: testUnitReady() })
    await initiator.send({ opcode: OPCODE.SNACK, byte1: FINAL, itt, words: { 20: NO_TAG, 40: 0, 44: 1 } })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 03)$/)
  })
})

describe('error recovery level 0', () => {
  it.each([0, 1, 2, 3])('[ERL-2] refuses SNACK type %i', async (type) => {
    const initiator = await fixture.open()
    const { itt } = await execute(initiator, { cdb: read10(0, 1), readBytes: 512 })
    const tag = type === 1 ? NO_TAG : itt
    const snack = { opcode: OPCODE.SNACK, byte1: FINAL | type, itt: tag, words: { 20: NO_TAG, 40: 0, 44: 1 } }
    await initiator.send(snack)
    const answer = await answerKind(initiator)
    expect(answer).toMatch(/^(closed|reject 03)$/)
    if (answer !== 'closed') await initiator.ping()
  })

  it('[ERL-2] ends a task whose data is asked for again', async () => {
    const initiator = await fixture.open()
    const { itt } = await holdWrite(initiator, pattern(512))
    await initiator.send({ opcode: OPCODE.SNACK, byte1: FINAL, itt, words: { 20: NO_TAG, 40: 0, 44: 1 } })
    expect(await answerKind(initiator)).toMatch(/^(closed|reject 03)$/)
  })

  it('[ERL-22] lets a session go whose connection is lost', async () => {
    const lost = await fixture.open()
    await holdWrite(lost, pattern(512))
    lost.connection.reset()
    const observer = await fixture.open()
    expect((await execute(observer, { cdb: testUnitReady() })).status).toBe(GOOD)
    const stranger = await fixture.connect({ isid: lost.isid })
    await stranger.login()
    await stranger.ping()
  })
})
