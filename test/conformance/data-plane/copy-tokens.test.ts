/** ROD tokens stand for the bytes of a LUN towards whoever shows them: they end when others may see the LUN than before. */

import { describe, expect, it } from 'vitest'
import { iscsiNameOf, LiveArray, lunRecord, targetRecord } from '../../support/live-array.ts'
import { populateTokenList, tokenIn, writeUsingTokenList } from '../../support/third-party-copy.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { clearUnitAttentions, execute } from '../../support/wire-scsi.ts'

const ME = 'iqn.2026-01.test:me'
const NOBODY = { initiators: [], networks: [], readOnlyInitiators: [] }
const BOTH = targetRecord('t', { 1: ['p1'] }, { 0: 'a', 1: 'b' })
const WITHOUT_A = targetRecord('t', { 1: ['p1'] }, { 1: 'b' })

function thirdPartyCopy(opcode: number, serviceAction: number, lengthBytes: number): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = opcode
  cdb[1] = serviceAction
  cdb.writeUInt32BE(lengthBytes, 10)
  return cdb
}

async function tokenOf(initiator: WireInitiator, lun: number): Promise<Buffer> {
  const writeData = populateTokenList([[0, 8]])
  expect((await execute(initiator, { cdb: thirdPartyCopy(0x83, 0x10, writeData.length), lun, writeData })).status).toBe(
    0,
  )
  return tokenIn((await execute(initiator, { cdb: thirdPartyCopy(0x84, 0x07, 8192), lun, readBytes: 8192 })).data)
}

async function showToken(initiator: WireInitiator, token: Buffer, lun: number) {
  await clearUnitAttentions(initiator, lun)
  const writeData = writeUsingTokenList(token, [[0, 8]])
  const { status, sense } = await execute(initiator, {
    cdb: thirdPartyCopy(0x83, 0x11, writeData.length),
    lun,
    writeData,
  })
  return sense === null ? status : sense.code
}

describe('a token of a LUN', () => {
  it.each([
    ['that stays as it is', {}, 0],
    ['that is masked', { luns: [lunRecord('a', { unmask: NOBODY }), lunRecord('b')] }, 0x2306],
    ['that leaves the target', { targets: [WITHOUT_A] }, 0x2306],
  ])('%s', async (_, changes, outcome) => {
    await using array = await LiveArray.start({ luns: [lunRecord('a'), lunRecord('b')], targets: [BOTH] })
    const initiator = await array.login('t', 'p1', { initiatorName: ME, targetName: iscsiNameOf('t') })
    for (const lun of [0, 1]) await clearUnitAttentions(initiator, lun)
    const token = await tokenOf(initiator, 0)
    expect(await showToken(initiator, token, 1)).toBe(0)
    await array.apply(changes)
    expect(await showToken(initiator, token, 1)).toBe(outcome)
  })
})
