/**
 * ALLOCATION LENGTH (SPC-3 4.3.4.6) of every command that has one, taken from the rows of the command table: parameter
 * data is cut there, which is no error and changes nothing in what is left; a buffer of the initiator that is shorter
 * still is an overflow.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import type { CommandDefinition } from '../../../scsi/define-command.ts'
import type { DeviceType } from '../../../scsi/device-type.ts'
import { driveWith } from '../../support/cd-dvd-bench.ts'
import { cdbWith, fieldMax, rowsOf } from '../../support/command-rows.ts'
import { OUT, reserveOut } from '../../support/persistent-reserve.ts'
import { type TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import {
  blockSegment,
  copyBench,
  cscd,
  lid1List,
  lid4List,
  populateTokenList,
  sendList,
} from '../../support/third-party-copy.ts'

const LIST_IDENTIFIER = 7

/** Where zeroes ask for nothing: fields that make the command report something. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'MODE SENSE (6)': { pageCode: 0x3f },
  'MODE SENSE (10)': { pageCode: 0x3f, subpageCode: 0xff },
  'READ DEFECT DATA (10)': { requestGrownList: 1 },
  'READ DEFECT DATA (12)': { requestGrownList: 1 },
  'GET EVENT STATUS NOTIFICATION': { polled: 1, notificationClassRequest: 0x10 },
  'READ BUFFER (10)': { mode: 0x03 },
  'READ TRACK INFORMATION': { addressType: 1, address: 1 },
  'RECEIVE COPY STATUS (LID1)': { listIdentifier: LIST_IDENTIFIER },
  'RECEIVE COPY DATA (LID1)': { listIdentifier: LIST_IDENTIFIER },
  'RECEIVE COPY FAILURE DETAILS (LID1)': { listIdentifier: LIST_IDENTIFIER },
  'RECEIVE COPY STATUS (LID4)': { listIdentifier: LIST_IDENTIFIER },
  'RECEIVE ROD TOKEN INFORMATION': { listIdentifier: LIST_IDENTIFIER },
}

/** An initiator that has something to be told, and the same each time. */
function initiatorFor(deviceType: DeviceType, { name }: CommandDefinition): TestInitiator {
  if (deviceType === 'cdDvd') return registered(driveWith(2_000_000).initiator)
  if (!name.startsWith('RECEIVE COPY') && !name.includes('ROD TOKEN')) {
    return registered(testBench({ nowMs: () => 1_700_000_000_000 }).initiator)
  }
  const { initiator } = copyBench()
  const [cscds, segments] = [[cscd(0), cscd(1)], [blockSegment({ blocks: 8 })]]
  const list = { listIdentifier: LIST_IDENTIFIER }
  if (name.includes('ROD TOKEN')) sendList(initiator, 0x10, populateTokenList([[0, 8]]), list)
  else if (name.includes('LID4')) sendList(initiator, 0x01, lid4List(cscds, segments, list))
  else sendList(initiator, 0x00, lid1List(cscds, segments, list))
  return initiator
}

function registered(initiator: TestInitiator): TestInitiator {
  expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 1n }).status).toBe(STATUS.GOOD)
  return initiator
}

function report(deviceType: DeviceType, row: CommandDefinition, allocationLength: number | bigint, capacity = 2 ** 18) {
  const cdb = cdbWith(row, { ...FIELDS[row.name], allocationLength })
  return initiatorFor(deviceType, row).send(cdb, { dataInCapacityBytes: capacity })
}

/** A token and when it was made differ from one to the next. */
const isComparable = ({ name }: CommandDefinition) => !name.includes('ROD TOKEN')

/** GET LBA STATUS reports whole descriptors only, and says how many would follow. */
const isCutBetweenBytes = ({ name }: CommandDefinition) => !name.startsWith('GET LBA STATUS')

/** The one command that refuses to say less than this (SPC-3 6.24), with less than which it reports nothing at all. */
const leastBytesOf = ({ name }: CommandDefinition) => (name.includes('TASK MANAGEMENT FUNCTIONS') ? 4 : 0)

describe.each(rowsOf(({ cdb }) => cdb.allocationLength !== null))('%s: %s', (deviceType, _name, row) => {
  const all = () => report(deviceType, row, fieldMax(row.cdb.allocationLength!))

  it('reports all that it has when that is allowed', () => {
    const exchange = all()
    expect([exchange.senseText, exchange.status]).toEqual([null, STATUS.GOOD])
    expect(exchange.dataIn.length).toBeGreaterThan(0)
    expect(exchange.command.presentedDataBytes).toBe(exchange.dataIn.length)
  })

  it('is cut at ALLOCATION LENGTH, which is no error', () => {
    const { dataIn } = all()
    const lengths = [0, 1, dataIn.length - 1, dataIn.length, dataIn.length + 1]
    for (const allocationLength of lengths.filter((length) => length <= fieldMax(row.cdb.allocationLength!))) {
      const exchange = report(deviceType, row, allocationLength)
      const expectedBytes = Math.min(allocationLength, dataIn.length)
      if (allocationLength < leastBytesOf(row)) {
        expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', `${row.cdb.allocationLength!.byte}`])
        continue
      }
      expect([allocationLength, exchange.status]).toEqual([allocationLength, STATUS.GOOD])
      if (isCutBetweenBytes(row)) expect(exchange.dataIn.length).toBe(expectedBytes)
      else expect(exchange.dataIn.length).toBeLessThanOrEqual(expectedBytes)
      expect(exchange.command.presentedDataBytes).toBe(exchange.dataIn.length)
      if (isComparable(row)) expect(exchange.dataIn).toEqual(dataIn.subarray(0, exchange.dataIn.length))
    }
  })

  it('reports an overflow when the initiator has less room than it allows', () => {
    const { dataIn } = all()
    for (const capacity of [0, 1, dataIn.length - 1]) {
      const exchange = report(deviceType, row, fieldMax(row.cdb.allocationLength!), capacity)
      expect([exchange.status, exchange.dataIn.length]).toEqual([STATUS.GOOD, capacity])
      expect(exchange.residual).toBe(dataIn.length - capacity)
    }
  })
})
