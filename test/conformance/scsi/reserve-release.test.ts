import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_TABLE } from '../../../scsi/command-table.ts'
import { emptyCdb, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const RESERVE = [0x16]
const RELEASE = [0x17]

function twoInitiators() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  return { ...bench, other }
}

describe('RESERVE (6) and RELEASE (6)', () => {
  it('reserve for one nexus until it releases', () => {
    const { initiator, other } = twoInitiators()
    expect(initiator.send(RESERVE).status).toBe(STATUS.GOOD)
    expect(initiator.send(RESERVE).status).toBe(STATUS.GOOD)
    expect(other.send(RESERVE).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(other.send(RELEASE).status).toBe(STATUS.GOOD)
    expect(other.send(RESERVE).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(initiator.send(RELEASE).status).toBe(STATUS.GOOD)
    expect(other.send(RESERVE).status).toBe(STATUS.GOOD)
  })

  it('stop every command of another nexus but those that are exempt', () => {
    const { initiator, other, store } = twoInitiators()
    initiator.send(RESERVE)
    for (const row of COMMAND_TABLE) {
      const { status } = other.send(emptyCdb(row))
      expect([row.name, status === STATUS.RESERVATION_CONFLICT]).toEqual([row.name, row.reservationClass !== 'exempt'])
    }
    expect(COMMAND_TABLE.filter((row) => row.reservationClass === 'exempt').map((row) => row.name)).toEqual([
      'REQUEST SENSE',
      'INQUIRY',
      'RELEASE (6)',
      'REPORT LUNS',
    ])
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
      bench.initiator.send(RESERVE)
      end(bench)
      bench.other.clearUnitAttentions()
      expect(bench.other.send(RESERVE).status).toBe(STATUS.GOOD)
    }
  })

  it('refuse third parties, extents and reservation identifications', () => {
    const { initiator } = testBench()
    for (const operationCode of [0x16, 0x17]) {
      expect(initiator.send([operationCode, 0x10]).pointedAt).toBe('1.4')
      expect(initiator.send([operationCode, 0x02]).pointedAt).toBe('1.3')
      expect(initiator.send([operationCode, 0x01]).pointedAt).toBe('1.0')
      expect(initiator.send([operationCode, 0, 1]).pointedAt).toBe('2.7')
    }
  })
})
