import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { EVERY_DEVICE_TYPE } from '../../../scsi/device-type.ts'
import { benchOf } from '../../support/cd-dvd-bench.ts'
import { type TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const SUPPORTED = 0b011
const NOT_SUPPORTED = 0b001
const VARIABLE_LENGTH = 0x7f

/**
 * What REPORT SUPPORTED OPERATION CODES lists: operation codes with their service actions, null for one without. CDBs of
 * variable length are not on its list; of these it tells when asked for each.
 */
function listedCommands(initiator: TestInitiator): Map<number, Set<number | null>> {
  const { dataIn } = initiator.send([0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0])
  const listed = new Map<number, Set<number | null>>()
  for (let at = 4; at < dataIn.length; at += 8) {
    const serviceAction = (dataIn[at + 5]! & 0x01) === 0 ? null : dataIn.readUInt16BE(at + 2)
    const known = listed.get(dataIn[at]!) ?? new Set()
    listed.set(dataIn[at]!, known.add(serviceAction))
  }
  expect(listed.has(VARIABLE_LENGTH)).toBe(false)
  const isSupported = (serviceAction: number) => support(initiator, VARIABLE_LENGTH, serviceAction) === SUPPORTED
  const variableLength = serviceActionsOf(VARIABLE_LENGTH).filter(isSupported)
  return variableLength.length === 0 ? listed : listed.set(VARIABLE_LENGTH, new Set(variableLength))
}

/** The SUPPORT field of the one_command data that option 011b returns. */
function support(initiator: TestInitiator, operationCode: number, serviceAction: number): number {
  const [high, low] = [serviceAction >> 8, serviceAction & 0xff]
  return initiator.send([0xa3, 0x0c, 0x03, operationCode, high, low, 0, 0, 0xff, 0xff, 0, 0]).dataIn[1]! & 0x07
}

/** A CDB with a bit of CONTROL that is reserved in all set, so that no command that exists is carried out. */
function probe(initiator: TestInitiator, operationCode: number, serviceAction: number) {
  const CONTROL_BYTES = [5, 9, 9, 5, 15, 11, 15, 15]
  const cdb = Buffer.alloc(operationCode === VARIABLE_LENGTH ? 32 : 16)
  cdb[0] = operationCode
  if (operationCode === VARIABLE_LENGTH) {
    cdb[1] = 0x08
    cdb[7] = 24
    cdb.writeUInt16BE(serviceAction, 8)
  } else {
    cdb[1] = serviceAction
    cdb[CONTROL_BYTES[operationCode >> 5]!]! |= 0x08
  }
  const exchange = initiator.send(cdb)
  expect(exchange.command.status).toBe(STATUS.CHECK_CONDITION)
  return { sense: exchange.senseText, at: exchange.pointedAt }
}

/** All 32 in CDBs of fixed length; of the 65536 of variable length those that standards name, and what lies around them. */
function serviceActionsOf(operationCode: number): readonly number[] {
  const count = operationCode === VARIABLE_LENGTH ? 0x40 : 0x20
  return [...Array(count).keys(), ...(operationCode === VARIABLE_LENGTH ? [0x8801, 0xffff] : [])]
}

const CODES = EVERY_DEVICE_TYPE.flatMap((deviceType) =>
  Array.from({ length: 256 }, (_, operationCode) => [deviceType, operationCode.toString(16), operationCode] as const),
)

describe.each(CODES)('%s: operation code %sh', (deviceType, _hex, operationCode) => {
  it('is answered as REPORT SUPPORTED OPERATION CODES says, with every service action', () => {
    const { initiator, store, internalErrors } = benchOf(deviceType)
    const serviceActions = listedCommands(initiator).get(operationCode)
    for (const serviceAction of serviceActionsOf(operationCode)) {
      const answer = probe(initiator, operationCode, serviceAction)
      if (serviceActions === undefined) {
        expect(answer).toEqual({ sense: '5/20/00', at: '0' })
        expect(support(initiator, operationCode, serviceAction)).toBe(NOT_SUPPORTED)
      } else if (serviceActions.has(null)) {
        expect(answer.sense).toBe('5/24/00')
        expect(support(initiator, operationCode, 0)).toBe(SUPPORTED)
      } else {
        const isListed = serviceActions.has(serviceAction)
        const whereUnknown = operationCode === VARIABLE_LENGTH ? '8' : '1.4'
        expect(support(initiator, operationCode, serviceAction)).toBe(isListed ? SUPPORTED : NOT_SUPPORTED)
        expect(answer.sense).toBe('5/24/00')
        expect(answer.at === whereUnknown).toBe(!isListed)
      }
    }
    expect([store.calls, internalErrors]).toEqual([[], []])
  })
})

it('operation code 7fh has the commands of 32 bytes', () => {
  const rows = COMMAND_SETS.disk.rows.filter((row) => row.operationCode === VARIABLE_LENGTH)
  const { initiator } = testBench()
  expect(rows.length).toBeGreaterThan(1)
  for (const row of rows) expect(support(initiator, VARIABLE_LENGTH, row.serviceAction!)).toBe(SUPPORTED)
})
