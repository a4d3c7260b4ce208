import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { ALL_TYPES, OUT, readKeys, readReservation, reserveOut, TYPE } from '../../support/persistent-reserve.ts'
import { emptyCdb, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const FORMS = [
  { name: '(6)', reserve: [0x16], release: [0x17] },
  { name: '(10)', reserve: [0x56], release: [0x57] },
]

/** What goes on while another nexus has reserved the logical unit (SPC-2). */
const ALLOWED_DURING_RESERVE = [
  'INQUIRY',
  'PREVENT ALLOW MEDIUM REMOVAL',
  'RELEASE (10)',
  'RELEASE (6)',
  'REPORT LUNS',
  'REQUEST SENSE',
]

function twoInitiators() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  return { ...bench, other }
}

describe.each(FORMS)('RESERVE $name and RELEASE $name', ({ reserve, release }) => {
  it('reserve for one nexus until it releases', () => {
    const { initiator, other } = twoInitiators()
    expect(initiator.send(reserve).status).toBe(STATUS.GOOD)
    expect(initiator.send(reserve).status).toBe(STATUS.GOOD)
    expect(other.send(reserve).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(other.send(release).status).toBe(STATUS.GOOD)
    expect(other.send(reserve).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(initiator.send(release).status).toBe(STATUS.GOOD)
    expect(other.send(reserve).status).toBe(STATUS.GOOD)
  })

  it('stop every command of another nexus but those that are exempt', () => {
    const { initiator, other, store } = twoInitiators()
    initiator.send(reserve)
    const allowed = COMMAND_SETS.disk.rows.filter(
      (row) => other.send(emptyCdb(row)).status !== STATUS.RESERVATION_CONFLICT,
    )
    expect(allowed.map((row) => row.name).sort()).toEqual(ALLOWED_DURING_RESERVE)
    expect(store.calls).toEqual([])
  })

  it('end with a logical unit reset, a target reset, and the loss of the nexus', () => {
    const endings: ((bench: ReturnType<typeof twoInitiators>) => void)[] = [
      ({ target, initiator }) => target.logicalUnitReset(initiator.nexus, lunField(0), () => {}),
      ({ target, other }) => target.targetReset(other.nexus, () => {}),
      ({ target, initiator }) => target.closeNexus(initiator.nexus, () => {}),
    ]
    for (const end of endings) {
      const bench = twoInitiators()
      bench.initiator.send(reserve)
      end(bench)
      bench.other.clearUnitAttentions()
      expect(bench.other.send(reserve).status).toBe(STATUS.GOOD)
    }
  })

  it('shut out PERSISTENT RESERVE of every nexus, also of the one that reserved', () => {
    const { initiator, other } = twoInitiators()
    initiator.send(reserve)
    for (const one of [initiator, other]) {
      expect(one.send([0x5e, 0x00, 0, 0, 0, 0, 0, 0, 8]).status).toBe(STATUS.RESERVATION_CONFLICT)
      expect(reserveOut(one, OUT.REGISTER, { actionKey: 1n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    }
    initiator.send(release)
    expect(readKeys(initiator)).toEqual({ generation: 0, keys: [] })
  })

  it('stop a PERSISTENT RESERVE OUT whose parameter list arrives after them', () => {
    const { initiator, other } = twoInitiators()
    const late = reserveOut(initiator, OUT.REGISTER, { actionKey: 1n }, { isDataOutManual: true })
    other.send(reserve)
    late.giveDataOut(24)
    expect(late.status).toBe(STATUS.RESERVATION_CONFLICT)
    other.send(release)
    expect(readKeys(initiator).keys).toEqual([])
  })

  it('conflict for every nexus while one is registered and nothing is reserved', () => {
    const { initiator, other } = twoInitiators()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
    for (const one of [initiator, other]) {
      expect(one.send(reserve).status).toBe(STATUS.RESERVATION_CONFLICT)
      expect(one.send(release).status).toBe(STATUS.RESERVATION_CONFLICT)
    }
    reserveOut(initiator, OUT.REGISTER, { key: 1n })
    expect(other.send(reserve).status).toBe(STATUS.GOOD)
  })

  it.each(ALL_TYPES)('are answered with GOOD and do nothing for whom a reservation of type %i admits', (type) => {
    const { initiator, other, target } = twoInitiators()
    const stranger = new TestInitiator(target, 'c').clearUnitAttentions()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
    reserveOut(other, OUT.REGISTER, { actionKey: 2n })
    reserveOut(initiator, OUT.RESERVE, { key: 1n, type })
    const before = readReservation(initiator)
    const admitsRegistrants = type >= TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    for (const cdb of [reserve, release]) {
      expect(initiator.send(cdb).status).toBe(STATUS.GOOD)
      expect(other.send(cdb).status).toBe(admitsRegistrants ? STATUS.GOOD : STATUS.RESERVATION_CONFLICT)
      expect(stranger.send(cdb).status).toBe(STATUS.RESERVATION_CONFLICT)
    }
    expect(readReservation(initiator)).toEqual(before)
    reserveOut(initiator, OUT.CLEAR, { key: 1n })
    expect(stranger.send([0x00]).status).toBe(STATUS.GOOD)
  })
})

describe('RESERVE and RELEASE', () => {
  it('refuse third parties, extents and reservation identifications', () => {
    const { initiator } = testBench()
    for (const operationCode of [0x16, 0x17]) {
      expect(initiator.send([operationCode, 0x10]).pointedAt).toBe('1.4')
      expect(initiator.send([operationCode, 0x02]).pointedAt).toBe('1.3')
      expect(initiator.send([operationCode, 0x01]).pointedAt).toBe('1.0')
      expect(initiator.send([operationCode, 0, 1]).pointedAt).toBe('2.7')
    }
    for (const operationCode of [0x56, 0x57]) {
      expect(initiator.send([operationCode, 0x10]).pointedAt).toBe('1.4')
      expect(initiator.send([operationCode, 0x02]).pointedAt).toBe('1.1')
      expect(initiator.send([operationCode, 0x01]).pointedAt).toBe('1.0')
      expect(initiator.send([operationCode, 0, 1]).pointedAt).toBe('2.7')
      expect(initiator.send([operationCode, 0, 0, 1]).pointedAt).toBe('3.7')
    }
  })
})
