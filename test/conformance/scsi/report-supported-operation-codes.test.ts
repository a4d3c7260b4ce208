import { describe, expect, it } from 'vitest'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { testBench } from '../../support/scsi-initiator.ts'

const RCTD = 0x80
const LISTED = COMMAND_SETS.disk.rows.filter((row) => row.operationCode !== 0x7f)

function report(byte2: number, operationCode = 0, serviceAction = 0, allocationLength = 65535) {
  const cdb = Buffer.alloc(12)
  cdb[0] = 0xa3
  cdb[1] = 0x0c
  cdb[2] = byte2
  cdb[3] = operationCode
  cdb.writeUInt16BE(serviceAction, 4)
  cdb.writeUInt32BE(allocationLength, 6)
  return testBench().initiator.send(cdb)
}

describe('REPORT SUPPORTED OPERATION CODES', () => {
  it('option 000b lists every row of the table whose CDB has a fixed length', () => {
    const data = report(0).dataIn
    expect(data.readUInt32BE(0)).toBe(data.length - 4)
    const listed = []
    for (let at = 4; at < data.length; at += 8) {
      listed.push([data[at], data.readUInt16BE(at + 2), data[at + 5], data.readUInt16BE(at + 6)])
    }
    expect(listed).toEqual(
      LISTED.map((row) => [
        row.operationCode,
        row.serviceAction ?? 0,
        row.serviceAction === null ? 0 : 1,
        row.cdb.lengthBytes,
      ]),
    )
  })

  it('option 000b with RCTD adds a timeouts descriptor of length 0Ah to each', () => {
    const data = report(RCTD).dataIn
    expect(data.length).toBe(4 + 20 * LISTED.length)
    for (let at = 4; at < data.length; at += 20) {
      expect(data[at + 5]! & 0x02).toBe(0x02)
      expect(data.subarray(at + 8, at + 20).toString('hex')).toBe('000a00000000000000000000')
    }
  })

  it('option 010b describes a command of 32 bytes, which option 000b does not list', () => {
    const usage = report(2, 0x7f, 0x0007).dataIn
    expect([usage.readUInt16BE(0), usage.readUInt16BE(2), usage[4], usage.length]).toEqual([3, 32, 0x7f, 36])
  })

  it('option 001b describes a command without service actions', () => {
    expect(report(1, 0x28).dataIn.toString('hex')).toBe('0003000a' + '281affffffff00ffff04')
    expect(report(1, 0x8f).dataIn.toString('hex')).toBe('00030010' + '8f16ffffffffffffffffffffffff0004')
    expect(report(1 | RCTD, 0x00).dataIn.toString('hex')).toBe('00830006' + '000000000004' + '000a00000000000000000000')
  })

  it('option 001b says when a command is not supported and refuses one with service actions', () => {
    expect(report(1, 0xff).dataIn.toString('hex')).toBe('00010000')
    expect(report(1 | RCTD, 0xff).dataIn.toString('hex')).toBe('00010000')
    expect(report(1, 0xa3).senseText).toBe('5/24/00')
  })

  it('option 010b describes a service action and refuses a command without', () => {
    expect(report(2, 0xa3, 0x0c).dataIn.toString('hex')).toBe('0003000c' + 'a30c87ffffffffffffff0004')
    expect(report(2, 0xa3, 0x1f).dataIn.toString('hex')).toBe('00010000')
    expect(report(2, 0xff, 0).dataIn.toString('hex')).toBe('00010000')
    expect(report(2, 0x28, 0).senseText).toBe('5/24/00')
  })

  it('option 011b describes either kind', () => {
    expect(report(3, 0xa3, 0x0c).dataIn[1]).toBe(3)
    expect(report(3, 0x28, 0).dataIn[1]).toBe(3)
    expect(report(3, 0x28, 1).dataIn.toString('hex')).toBe('00010000')
    expect(report(3, 0xa3, 0x1f).dataIn.toString('hex')).toBe('00010000')
  })

  it.each([4, 5, 6, 7])('refuses reporting options %i, pointing at the field', (option) => {
    const exchange = report(option)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '2.2'])
  })

  it('is cut at ALLOCATION LENGTH without an overflow', () => {
    const exchange = report(0, 0, 0, 10)
    expect(exchange.dataIn.length).toBe(10)
    expect(exchange.command.presentedDataBytes).toBe(10)
  })
})
