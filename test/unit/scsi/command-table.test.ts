import { describe, expect, it } from 'vitest'
import { findReservedBit } from '../../../scsi/cdb.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { cdbUsageData } from '../../../scsi/define-command.ts'
import { EVERY_DEVICE_TYPE } from '../../../scsi/device-type.ts'
import { benchOf } from '../../support/cd-dvd-bench.ts'
import { emptyCdb } from '../../support/scsi-initiator.ts'

const ROWS = EVERY_DEVICE_TYPE.flatMap((deviceType) =>
  COMMAND_SETS[deviceType].rows.map((row) => [deviceType, row.name, row] as const),
)

describe.each(ROWS)('%s: the row of %s', (deviceType, _name, row) => {
  const usage = cdbUsageData(row)

  it('is found by its own CDB', () => {
    expect(COMMAND_SETS[deviceType].find(usage)).toBe(row)
    expect(COMMAND_SETS[deviceType].isOperationCodeSupported(row.operationCode)).toBe(true)
  })

  it('evaluates exactly the bits of its supported fields, and NACA', () => {
    const expected = Buffer.alloc(row.cdb.lengthBytes)
    expected[0] = row.operationCode
    for (const field of Object.values(row.cdb.fields).filter((candidate) => candidate.isSupported)) {
      for (let bit = field.low; bit < field.byteCount * 8; bit++) {
        const at = field.byte + field.byteCount - 1 - (bit >> 3)
        if (at === field.byte && bit % 8 > field.high) continue
        expected[at]! |= 1 << (bit % 8)
      }
    }
    expected[row.operationCode === 0x7f ? 1 : row.cdb.lengthBytes - 1]! |= 0x04
    if (row.operationCode === 0x7f) {
      expected[7] = 0xff
      expected.writeUInt16BE(row.serviceAction!, 8)
    } else if (row.serviceAction !== null) {
      expected[1]! |= row.serviceAction
    }
    expect(usage.toString('hex')).toBe(expected.toString('hex'))
  })

  it('refuses every other bit with a pointer to it, or to the field that it is in', () => {
    const { initiator, store } = benchOf(deviceType)
    for (let at = 1; at < row.cdb.lengthBytes; at++) {
      for (let bit = 0; bit < 8; bit++) {
        if ((row.cdb.usageMask[at]! & (1 << bit)) !== 0) continue
        const cdb = emptyCdb(row)
        cdb[at]! |= 1 << bit
        const field = Object.values(row.cdb.fields).find(
          (candidate) =>
            !candidate.isSupported && candidate.byte === at && candidate.high >= bit && candidate.low <= bit,
        )
        const exchange = initiator.send(cdb)
        expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', `${at}.${field?.high ?? bit}`])
      }
    }
    expect(store.calls).toEqual([])
  })

  it('accepts all bits that it evaluates, as far as the table goes', () => {
    const cdb = Buffer.from(row.cdb.usageMask)
    expect(findReservedBit(cdb, row.cdb)).toBeNull()
  })

  it('establishes an ACA when it fails with NACA', () => {
    const { initiator } = benchOf(deviceType)
    const cdb = emptyCdb(row)
    const controlByte = row.operationCode === 0x7f ? 1 : row.cdb.lengthBytes - 1
    cdb[controlByte] = 0x0c
    expect(initiator.send(cdb).pointedAt).toBe(`${controlByte}.3`)
    expect(initiator.send([0x00]).status).toBe(0x30)
  })
})

describe.each(EVERY_DEVICE_TYPE)('the command table for %s', (deviceType) => {
  const { rows } = COMMAND_SETS[deviceType]

  it('is sorted and without duplicates', () => {
    const keys = rows.map((row) => row.operationCode * 256 + (row.serviceAction ?? 0))
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b))
  })

  it('refuses operation codes and service actions that are not in it', () => {
    const { initiator } = benchOf(deviceType)
    for (let operationCode = 0; operationCode < 256; operationCode++) {
      if (COMMAND_SETS[deviceType].isOperationCodeSupported(operationCode)) continue
      const exchange = initiator.send([operationCode])
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/20/00', '0'])
    }
    const exchange = initiator.send([0xa3, 0x1f])
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.4'])
  })

  it('answers the commands that an absent logical unit answers in every state', () => {
    const names = rows.filter((row) => row.executeAbsent !== null).map((row) => row.name)
    expect(names).toEqual(['REQUEST SENSE', 'INQUIRY', 'REPORT LUNS'])
  })
})
