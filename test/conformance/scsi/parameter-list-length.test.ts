/**
 * PARAMETER LIST LENGTH (SPC-3 4.3.4.5) of every command that has one, taken from the rows of the command table: no list is
 * no error where the standard leaves that to the command, and a list that the initiator does not send as a whole, or that
 * is longer than any, is refused before anything happens.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import type { CommandDefinition } from '../../../scsi/define-command.ts'
import type { DeviceType } from '../../../scsi/device-type.ts'
import { benchOf } from '../../support/cd-dvd-bench.ts'
import { cdbWith, fieldMax, rowsOf } from '../../support/command-rows.ts'

const ROWS = rowsOf(({ cdb, data }) => data !== 'none' && cdb.fields.parameterListLength !== undefined)

/** What makes the command take a list. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'SEND DIAGNOSTIC': { pf: 1 },
  'WRITE BUFFER': { mode: 0x02 },
}

/** Commands that must have a list: what they end with when none is announced. */
const WITHOUT_A_LIST: readonly (readonly [pattern: RegExp, senseText: string])[] = [
  [/^PERSISTENT RESERVE OUT/, '5/1a/00'],
  [/^SET PRIORITY$/, '5/1a/00'],
  [/^SANITIZE \(OVERWRITE\)$/, '5/24/00'],
]

const AVAILABLE_BYTES = 8

function send(deviceType: DeviceType, row: CommandDefinition, parameterListLength: bigint) {
  const bench = benchOf(deviceType)
  const cdb = cdbWith(row, { ...FIELDS[row.name], parameterListLength })
  const exchange = bench.initiator.send(cdb, { dataOut: Buffer.alloc(AVAILABLE_BYTES) })
  return { exchange, ...bench }
}

describe.each(ROWS)('%s: %s', (deviceType, _name, row) => {
  const field = row.cdb.fields.parameterListLength!

  it('without a list ends as the command says', () => {
    const { exchange, store } = send(deviceType, row, 0n)
    const refusal = WITHOUT_A_LIST.find(([pattern]) => pattern.test(row.name))?.[1] ?? null
    expect(exchange.senseText).toBe(refusal)
    if (refusal === null) expect([exchange.status, exchange.residual]).toEqual([STATUS.GOOD, -AVAILABLE_BYTES])
    expect(store.calls).toEqual([])
  })

  it('refuses a list of which not all is there', () => {
    const { exchange, store, internalErrors } = send(deviceType, row, 24n)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/1a/00', null])
    expect([store.calls, internalErrors]).toEqual([[], []])
  })

  it('refuses the longest list that the field can announce, as too long or as not there', () => {
    const { exchange, store, internalErrors } = send(deviceType, row, fieldMax(field))
    const isTooLong = exchange.senseText === '5/24/00'
    expect([exchange.senseText, exchange.pointedAt]).toEqual(
      isTooLong ? ['5/24/00', `${field.byte}`] : ['5/1a/00', null],
    )
    expect([store.calls, internalErrors]).toEqual([[], []])
  })
})
