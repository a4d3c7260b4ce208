/**
 * Who has the medium when several want it: an eject, a format or sanitize operation, a change of size, and an auto
 * contingent allegiance that keeps commands from ending.
 */

import { describe, expect, it } from 'vitest'
import { STATUS, TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import type { EjectOutcome } from '../../../scsi/removable-medium.ts'
import type { TaskManagementOutcome } from '../../../scsi/target.ts'
import { blockCdb, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const EJECT = [0x1b, 0, 0, 0, 0x02]
const LOAD = [0x1b, 0, 0, 0, 0x03]
const TEST_UNIT_READY = [0x00]
const FAILING_NACA = [0, 0x01, 0, 0, 0, 0x04]
const TRAY_OPEN = '2/3a/02'
const ACA_COMMAND = { attribute: TASK_ATTRIBUTE.ACA }

/** FORMAT UNIT and SANITIZE (OVERWRITE) with IMMED, and the list of each. */
const FORMAT = { cdb: [0x04, 0x10], dataOut: Buffer.from([0, 0x02, 0, 0]) }
const OVERWRITE = { cdb: [0x48, 0x81, 0, 0, 0, 0, 0, 0, 5, 0], dataOut: Buffer.from([1, 0, 0, 1, 0xaa]) }
const ERASURES = [
  ['FORMAT UNIT', FORMAT],
  ['SANITIZE', OVERWRITE],
] as const

describe('an eject with the ACA attribute', () => {
  it('does not keep CLEAR ACA waiting for the commands that wait for it, and goes on', () => {
    const { initiator, target, store } = testBench({ isRemovable: true })
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    store.isManual = true
    const write = other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512, 7) })
    expect(initiator.send(FAILING_NACA).status).toBe(STATUS.CHECK_CONDITION)
    store.release()
    store.isManual = false
    const ejected = initiator.send(EJECT, ACA_COMMAND)
    expect([write.end, ejected.end]).toEqual(['none', 'none'])
    const outcomes: TaskManagementOutcome[] = []
    target.clearAca(initiator.nexus, lunField(0), (outcome) => outcomes.push(outcome))
    expect(outcomes).toEqual(['functionComplete'])
    expect([write.status, ejected.end]).toEqual([STATUS.GOOD, 'aborted'])
    expect(other.send(TEST_UNIT_READY).senseText).toBe(TRAY_OPEN)
  })
})

describe('MODE SELECT', () => {
  it('sets SWP while the medium is out, and protects it when it is back', () => {
    const { initiator } = testBench({ isRemovable: true })
    initiator.send(EJECT)
    const page = [0x0a, 0x0a, 0x02, 0x10, 0x08, 0, 0, 0, 0, 0, 0, 1]
    const dataOut = Buffer.from([0, 0, 0, 0, ...page])
    const selected = initiator.send([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut })
    expect([selected.senseText, selected.status]).toEqual([null, STATUS.GOOD])
    expect(initiator.send(LOAD).status).toBe(STATUS.GOOD)
    expect(initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) }).senseText).toBe('7/27/00')
  })
})

describe('a self-test', () => {
  it.each([
    ['default', 0x04],
    ['background short', 0x20],
    ['foreground extended', 0xc0],
  ])('of the %s kind needs a medium', (_kind, flags) => {
    const { initiator, logicalUnit } = testBench({ isRemovable: true })
    initiator.send(EJECT)
    expect(initiator.send([0x1d, flags]).senseText).toBe(TRAY_OPEN)
    expect(logicalUnit.selfTests.entries).toEqual([])
  })

  it('in the foreground ends when the medium leaves, and reads nothing more of it', () => {
    const { initiator, store, internalErrors } = testBench({ isRemovable: true })
    store.isManual = true
    const test = initiator.send([0x1d, 0xa0])
    const ejected = initiator.send(EJECT)
    while (store.heldCount > 0) store.release()
    expect([test.senseText, ejected.status, internalErrors]).toEqual(['4/3e/03', STATUS.GOOD, []])
    expect(store.countOf('readv')).toBe(2)
  })
})

describe.each(ERASURES)('%s', (_name, { cdb, dataOut }) => {
  it('with the ACA attribute begins when the commands have ended that the ACA blocks', () => {
    const { initiator, target, store, logicalUnit } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    store.isManual = true
    const write = other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512, 7) })
    initiator.send(FAILING_NACA)
    store.release()
    store.isManual = false
    expect(initiator.send(cdb, { dataOut, ...ACA_COMMAND }).status).toBe(STATUS.GOOD)
    expect([write.end, logicalUnit.erasure.isRunning, store.bytes[0]]).toEqual(['none', true, 7])
    const outcomes: TaskManagementOutcome[] = []
    target.clearAca(initiator.nexus, lunField(0), (outcome) => outcomes.push(outcome))
    expect([outcomes, write.status, logicalUnit.erasure.isRunning]).toEqual([['functionComplete'], STATUS.GOOD, false])
    expect(store.bytes[0]).not.toBe(7)
  })

  it('does not begin on a medium that somebody began to eject while its list was on the way', () => {
    const { initiator, store, logicalUnit } = testBench({ isRemovable: true })
    const before = Buffer.from(store.bytes)
    const erasing = initiator.send(cdb, { dataOut, isDataOutManual: true })
    const outcomes: EjectOutcome[] = []
    logicalUnit.medium.eject(null, false, (outcome) => outcomes.push(outcome))
    erasing.giveDataOut(dataOut.length)
    expect([erasing.senseText, outcomes]).toEqual([TRAY_OPEN, ['ejected']])
    expect([logicalUnit.erasure.isBlocking, store.bytes.equals(before)]).toEqual([false, true])
  })

  it('does not begin on a medium whose size is changing', () => {
    const { initiator, store, logicalUnit } = testBench()
    store.isManual = true
    const outcomes: unknown[] = []
    logicalUnit.resize(store.sizeBytes / 2, { mayDiscardData: true }, (error) => outcomes.push(error))
    expect(initiator.send(cdb, { dataOut }).senseText).toBe('2/04/07')
    expect(logicalUnit.erasure.isBlocking).toBe(false)
    while (store.heldCount > 0) store.release()
    store.isManual = false
    expect(outcomes).toEqual([null])
    initiator.clearUnitAttentions()
    expect(initiator.send(cdb, { dataOut }).status).toBe(STATUS.GOOD)
  })
})
