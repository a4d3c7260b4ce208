/**
 * The whole conflict table: every command of the command table against every type of persistent reservation, from the
 * holder, a registered nexus and a stranger, as SPC-4 table 65 and SBC-4 table 13 have it.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import type { CommandDefinition } from '../../../scsi/define-command.ts'
import { ALL_TYPES, OUT, reserveOut, TYPE } from '../../support/persistent-reserve.ts'
import { emptyCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

/** Allowed to everybody by all types. */
const ALWAYS_ALLOWED = [
  'INQUIRY',
  'LOG SENSE',
  'PERSISTENT RESERVE IN',
  'READ CAPACITY',
  'READ MEDIA SERIAL NUMBER',
  'RECEIVE COPY DATA',
  'RECEIVE COPY FAILURE DETAILS',
  'RECEIVE COPY OPERATING PARAMETERS',
  'RECEIVE COPY STATUS',
  'RECEIVE COPY RESULTS',
  'RECEIVE ROD TOKEN INFORMATION',
  'REPORT ALL ROD TOKENS',
  'REPORT IDENTIFYING INFORMATION',
  'REPORT LUNS',
  'REPORT PRIORITY',
  'REPORT REFERRALS',
  'REPORT TARGET PORT GROUPS',
  'REPORT TIMESTAMP',
  'REQUEST SENSE',
  'TEST UNIT READY',
]

/** Allowed to everybody by write exclusive types. */
const ALLOWED_WHEN_WRITE_EXCLUSIVE = [
  'GET LBA STATUS',
  'MODE SENSE',
  'POPULATE TOKEN',
  'PRE-FETCH',
  'READ',
  'READ ATTRIBUTE',
  'READ BUFFER',
  'READ DEFECT DATA',
  'RECEIVE DIAGNOSTIC RESULTS',
  'REPORT SUPPORTED OPERATION CODES',
  'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  'SECURITY PROTOCOL IN',
  'VERIFY',
]

/** Allowed only to those whom the reservation admits. */
const NEVER_ALLOWED = [
  'COMPARE AND WRITE',
  'COPY OPERATION ABORT',
  'EXTENDED COPY',
  'FORMAT UNIT',
  'LOG SELECT',
  'MODE SELECT',
  'ORWRITE',
  'READ LONG',
  'SANITIZE',
  'SECURITY PROTOCOL OUT',
  'SEND DIAGNOSTIC',
  'SET IDENTIFYING INFORMATION',
  'SET PRIORITY',
  'SET TARGET PORT GROUPS',
  'SET TIMESTAMP',
  'SYNCHRONIZE CACHE',
  'UNMAP',
  'WRITE',
  'WRITE AND VERIFY',
  'WRITE ATOMIC',
  'WRITE BUFFER',
  'WRITE LONG',
  'WRITE SAME',
  'WRITE SCATTERED',
  'WRITE USING TOKEN',
  'XDWRITEREAD',
]

/** RESERVE and RELEASE, PERSISTENT RESERVE OUT, and what depends on the CDB are shown elsewhere or below. */
const ELSEWHERE = ['PERSISTENT RESERVE OUT', 'PREVENT ALLOW MEDIUM REMOVAL', 'RELEASE', 'RESERVE', 'START STOP UNIT']

/** Commands of CD and DVD devices, which SPC-4 and SBC-4 do not know. */
const OF_OTHER_STANDARDS = COMMAND_SETS.disk.rows.filter(({ standard }) => !/^S[PB]C/.test(standard)).map(familyOf)

/** The name without its CDB length or service action. */
function familyOf({ name }: CommandDefinition): string {
  return name.replace(/ ?\(.*/, '')
}

function isAllowed(row: CommandDefinition, type: number): boolean {
  const family = familyOf(row)
  if (ALWAYS_ALLOWED.includes(family)) return true
  if (!ALLOWED_WHEN_WRITE_EXCLUSIVE.includes(family)) return false
  return ![3, 6, 8].includes(type)
}

function reservedBy(type: number) {
  const bench = testBench({ blockCount: 64 })
  const registrant = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  const stranger = new TestInitiator(bench.target, 'c').clearUnitAttentions()
  reserveOut(bench.initiator, OUT.REGISTER, { actionKey: 1n })
  reserveOut(registrant, OUT.REGISTER, { actionKey: 2n })
  reserveOut(bench.initiator, OUT.RESERVE, { key: 1n, type })
  return { holder: bench.initiator, registrant, stranger }
}

const conflicts = (initiator: TestInitiator, cdb: Buffer | readonly number[]) =>
  initiator.send(cdb).status === STATUS.RESERVATION_CONFLICT

const ROWS = COMMAND_SETS.disk.rows.filter((row) => ![...ELSEWHERE, ...OF_OTHER_STANDARDS].includes(familyOf(row)))

describe.each(ALL_TYPES)('a reservation of type %i', (type) => {
  it('stops the commands of a stranger that the standards name', () => {
    for (const row of ROWS) {
      const { stranger } = reservedBy(type)
      expect([row.name, conflicts(stranger, emptyCdb(row))]).toEqual([row.name, !isAllowed(row, type)])
    }
  })

  it('stops a registered nexus as a stranger, or not at all', () => {
    const admitsRegistrants = type >= TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    for (const row of ROWS) {
      const { registrant } = reservedBy(type)
      const expected = !admitsRegistrants && !isAllowed(row, type)
      expect([row.name, conflicts(registrant, emptyCdb(row))]).toEqual([row.name, expected])
    }
  })

  it('never stops its holder', () => {
    for (const row of ROWS) {
      const { holder } = reservedBy(type)
      expect([row.name, conflicts(holder, emptyCdb(row))]).toEqual([row.name, false])
    }
  })

  it('lets anybody start the logical unit, but not stop it or change its power condition', () => {
    const { stranger } = reservedBy(type)
    expect(conflicts(stranger, [0x1b, 0, 0, 0, 0x01])).toBe(false)
    expect(conflicts(stranger, [0x1b, 0, 0, 0, 0x00])).toBe(true)
    expect(conflicts(stranger, [0x1b, 0, 0, 0, 0x11])).toBe(true)
  })
})

it('anybody may allow the removal of a medium, and only whom the reservation admits may prevent it', () => {
  for (const type of ALL_TYPES) {
    const { stranger } = reservedBy(type)
    expect(conflicts(stranger, [0x1e, 0, 0, 0, 0])).toBe(false)
    expect(conflicts(stranger, [0x1e, 0, 0, 0, 1])).toBe(true)
  }
})

it('the table knows every command', () => {
  const known = [...ALWAYS_ALLOWED, ...ALLOWED_WHEN_WRITE_EXCLUSIVE, ...NEVER_ALLOWED]
  expect(ROWS.map(familyOf).filter((family) => !known.includes(family))).toEqual([])
})

it('registrations without a reservation stop nothing but RESERVE and RELEASE', () => {
  for (const row of ROWS) {
    const { initiator, target } = testBench({ blockCount: 64 })
    const stranger = new TestInitiator(target, 'b').clearUnitAttentions()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
    expect([row.name, conflicts(stranger, emptyCdb(row))]).toEqual([row.name, false])
  }
})

it('a reset that is pending is reported before a conflict, and any other unit attention after it', () => {
  const { holder, stranger } = reservedBy(TYPE.EXCLUSIVE_ACCESS)
  stranger.target.targetReset(holder.nexus, () => {})
  expect(stranger.send([0x28, 0, 0, 0, 0, 0, 0, 0, 1]).senseText).toBe('6/29/03')
  reserveOut(stranger, OUT.REGISTER, { actionKey: 3n })
  holder.clearUnitAttentions()
  reserveOut(holder, OUT.PREEMPT, { key: 1n, actionKey: 3n })
  expect(conflicts(stranger, [0x28, 0, 0, 0, 0, 0, 0, 0, 1])).toBe(true)
  expect(stranger.send([0x00]).senseText).toBe('6/2a/05')
})
