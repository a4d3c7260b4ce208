/**
 * What APTPL keeps (SPC-4 5.13.5): over restarts of the device server, when keeping fails, and when what was kept is
 * damaged; REPLACE LOST RESERVATION (SPC-4 5.13.11.3).
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import {
  OUT,
  readFullStatus,
  readKeys,
  readReservation,
  reserveIn,
  reserveOut,
} from '../../support/persistent-reserve.ts'
import { blockCdb, emptyCdb, TEST_IDENTITY, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

/** A bench whose logical unit finds what an earlier one kept. */
const restart = (savedState: MemorySavedState) => testBench({ savedState })

class FailingState extends MemorySavedState {
  isFailing = false

  override write(key: string, value: Buffer | null): void {
    if (this.isFailing) throw new Error('no space')
    super.write(key, value)
  }
}

/** What goes on without persistent reservation information (SPC-4 5.13.5.2). */
const ALLOWED_WHILE_LOST = [
  'INQUIRY',
  'LOG SENSE',
  'PERSISTENT RESERVE OUT (REPLACE LOST RESERVATION)',
  'READ BUFFER (10)',
  'READ BUFFER (16)',
  'REPORT LUNS',
  'REPORT TARGET PORT GROUPS',
  'REQUEST SENSE',
  'WRITE BUFFER',
]

describe('APTPL', () => {
  it('keeps registrations and the reservation, and every change after it', () => {
    for (const type of [1, 3, 5, 6, 7, 8]) {
      const savedState = new MemorySavedState()
      const { initiator } = restart(savedState)
      reserveOut(initiator, OUT.REGISTER, { actionKey: 0xffff_ffff_ffff_fff1n, aptpl: true })
      reserveOut(initiator, OUT.RESERVE, { key: 0xffff_ffff_ffff_fff1n, type })
      const before = readFullStatus(initiator)
      const after = restart(savedState)
      expect(readFullStatus(after.initiator)).toEqual(before)
      expect(readKeys(after.initiator).generation).toBe(0)
      expect(reserveIn(after.initiator, 2).dataIn[3]! & 1).toBe(1)
      expect(reserveOut(after.initiator, OUT.CLEAR, { key: 0xffff_ffff_ffff_fff1n }).status).toBe(STATUS.GOOD)
      expect(readKeys(restart(savedState).initiator).keys).toEqual([])
    }
  })

  it('of the most recent registration decides', () => {
    const savedState = new MemorySavedState()
    const { initiator, target } = restart(savedState)
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n, aptpl: true })
    reserveOut(other, OUT.REGISTER, { actionKey: 2n })
    expect(readKeys(restart(savedState).initiator).keys).toEqual([])
    reserveOut(other, OUT.REGISTER, { key: 2n, actionKey: 2n, aptpl: true })
    expect(readKeys(restart(savedState).initiator).keys).toEqual([1n, 2n])
  })

  it('that can not be kept is a HARDWARE ERROR and nothing has changed', () => {
    const savedState = new FailingState()
    const { initiator, internalErrors } = restart(savedState)
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n, aptpl: true })
    savedState.isFailing = true
    expect(reserveOut(initiator, OUT.REGISTER, { key: 1n, actionKey: 2n, aptpl: true }).senseText).toBe('4/44/00')
    expect(reserveOut(initiator, OUT.RESERVE, { key: 1n, type: 1 }).senseText).toBe('4/44/00')
    expect(reserveOut(initiator, OUT.REGISTER, { key: 1n }).senseText).toBe('4/44/00')
    expect([readKeys(initiator), readReservation(initiator)]).toEqual([{ generation: 1, keys: [1n] }, null])
    expect(internalErrors).toHaveLength(3)
    expect(readKeys(restart(savedState).initiator).keys).toEqual([1n])
  })
})

describe('a persistent reservation that is lost', () => {
  /** An initiator past its first unit attention, at a logical unit that can not read what was kept. */
  function lostBench() {
    const savedState = new MemorySavedState()
    reserveOut(restart(savedState).initiator, OUT.REGISTER, { actionKey: 1n, aptpl: true })
    const kept = savedState.read('persistent-reservations')!
    savedState.write('persistent-reservations', kept.subarray(0, -1))
    const options = { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false, savedState }
    const logicalUnit = new LogicalUnit(options, new TestStore(65536))
    const target = new ScsiTarget({ logicalUnits: new Map([[0, logicalUnit]]), onInternalError: () => {} })
    const initiator = new TestInitiator(target)
    initiator.send([0x00])
    return { initiator, target, savedState }
  }

  const replace = (initiator: TestInitiator, fields: Parameters<typeof reserveOut>[2] = {}) =>
    reserveOut(initiator, OUT.REPLACE_LOST, { actionKey: 5n, type: 1, ...fields })

  it('stops all commands but a few', () => {
    const { initiator } = lostBench()
    const allowed = COMMAND_SETS.disk.rows.filter((row) => initiator.send(emptyCdb(row)).senseText !== '7/44/01')
    expect(allowed.map(({ name }) => name).filter((name) => !ALLOWED_WHILE_LOST.includes(name))).toEqual([])
    for (const name of ['INQUIRY', 'REPORT LUNS', 'REQUEST SENSE']) {
      expect(allowed.map((row) => row.name)).toContain(name)
    }
    expect(initiator.send([0x1b, 0, 0, 0, 1]).status).toBe(STATUS.GOOD)
    expect(initiator.send([0x1b]).senseText).toBe('7/44/01')
  })

  it('is replaced by whoever says so, and everything before is forgotten', () => {
    const { initiator, target, savedState } = lostBench()
    const other = new TestInitiator(target, 'b')
    other.send([0x00])
    expect(other.send([0x00]).senseText).toBe('7/44/01')
    expect(replace(initiator, { aptpl: true }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator)).toEqual({ generation: 0, keys: [5n] })
    expect(other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) }).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(other.send([0x00]).status).toBe(STATUS.GOOD)
    expect(readReservation(restart(savedState).initiator)).toEqual({ key: 5n, type: 1 })
  })

  it('is not replaced with a reservation key, without a new one, for all ports, or by a type that does not exist', () => {
    const { initiator } = lostBench()
    expect(replace(initiator, { key: 1n }).senseText).toBe('5/26/00')
    expect(replace(initiator, { actionKey: 0n }).senseText).toBe('5/26/00')
    expect(replace(initiator, { allTargetPorts: true }).senseText).toBe('5/26/00')
    expect(replace(initiator, { transportIds: [] }).senseText).toBe('5/26/00')
    expect(replace(initiator, { type: 0 }).senseText).toBe('5/24/00')
    expect(initiator.send([0x00]).senseText).toBe('7/44/01')
  })

  it('stays lost over a restart and a power on', () => {
    const { initiator, target } = lostBench()
    target.powerOn(initiator.nexus, () => {})
    expect([initiator.send([0x00]).senseText, initiator.send([0x00]).senseText]).toEqual(['6/29/00', '7/44/01'])
  })

  it('can not be replaced while none is lost', () => {
    const { initiator } = testBench()
    expect(replace(initiator).senseText).toBe('5/26/04')
    expect(readKeys(initiator).keys).toEqual([])
  })
})
