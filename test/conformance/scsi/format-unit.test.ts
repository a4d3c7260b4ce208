import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { blockCdb, type TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const FMTDATA = 0x10
const LONGLIST = 0x20

const format = (initiator: TestInitiator, flags = 0, list = '') =>
  initiator.send([0x04, flags, 0, 0, 0, 0], { dataOut: bytes(list) })

describe('FORMAT UNIT', () => {
  it('leaves zeroes that take no space', () => {
    const { initiator, store } = testBench()
    expect(format(initiator).status).toBe(STATUS.GOOD)
    expect(store.bytes.every((value) => value === 0)).toBe(true)
    expect(store.calls.filter((call) => call.operation === 'writeZeroes').map((call) => call.mayUnmap)).toEqual([true])
  })

  it.each([
    ['a short list', FMTDATA, '00 88 0000 00 01 0002 abcd'],
    ['a long list', FMTDATA | LONGLIST, '00 88 00 00 00000000 00 01 0002 abcd'],
    ['a long list with SI', FMTDATA | LONGLIST, '00 88 00 00 00000000 20 01 0002 abcd'],
  ])('writes the pattern of %s', (_name, flags, list) => {
    const { initiator, store } = testBench()
    expect(format(initiator, flags, list).status).toBe(STATUS.GOOD)
    expect(store.bytes).toEqual(Buffer.alloc(store.sizeBytes, bytes('abcd')))
  })

  it('ends at once with IMMED, and tells its progress', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    expect(format(initiator, FMTDATA, '00 02 0000').status).toBe(STATUS.GOOD)
    expect(initiator.send([0x00]).senseText).toBe('2/04/04')
    expect(initiator.send([0x03, 0, 0, 0, 252, 0]).dataIn.subarray(12, 18)).toEqual(bytes('04 04 00 80 0000'))
    while (store.heldCount > 0) store.release()
    store.isManual = false
    expect(initiator.send([0x00]).status).toBe(STATUS.GOOD)
  })

  it.each([
    [0x40, '5/24/00', '1.7'],
    [LONGLIST, '5/24/00', '1.5'],
    [0x08, '5/24/00', '1.3'],
    [0x01, '5/24/00', '1.2'],
    [FMTDATA | 0x06, '5/24/00', '1.2'],
  ])('refuses byte 1 of %i', (flags, sense, place) => {
    const { initiator, store } = testBench()
    const exchange = format(initiator, flags)
    expect([exchange.senseText, exchange.pointedAt]).toEqual([sense, place])
    expect(store.countOf('writeZeroes')).toBe(0)
  })

  it.each([
    ['protection information', '01 00 0000', '5/26/00', '0'],
    ['options without FOV', '00 08 0000', '5/26/00', '1.3'],
    ['the vendor bit', '00 81 0000', '5/26/00', '1.0'],
    ['a defect list', '00 00 0004 00000000', '5/26/00', '2'],
    ['an unknown pattern type', '00 88 0000 00 02 0000', '5/26/00', '5'],
    ['the default pattern with bytes', '00 88 0000 00 00 0002 abcd', '5/26/00', '6'],
    ['a pattern without bytes', '00 88 0000 00 01 0000', '5/26/00', '6'],
    ['an IP MODIFIER', '00 88 0000 40 01 0001 ab', '5/26/00', '4'],
    ['a pattern that is not all there', '00 88 0000 00 01 0004 abcd', '5/1a/00', null],
    ['no descriptor', '00 88 0000', '5/1a/00', null],
    ['half a header', '00 00', '5/1a/00', null],
  ])('refuses %s in the list and changes nothing', (_name, list, sense, place) => {
    const { initiator, store } = testBench()
    const exchange = format(initiator, FMTDATA, list)
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual([sense, place])
    expect(store.calls.filter((call) => call.operation !== 'readv')).toEqual([])
  })

  it('is refused on a write-protected disk', () => {
    expect(format(testBench({ isReadOnly: true }).initiator).senseText).toBe('7/27/00')
  })

  it('that failed leaves a medium that only another one or SANITIZE makes accessible', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    expect(format(initiator).senseText).toBe('3/31/01')
    expect(initiator.send(blockCdb(0x28, 0, 1)).senseText).toBe('3/31/00')
    expect(format(initiator).status).toBe(STATUS.GOOD)
    expect(initiator.send(blockCdb(0x28, 0, 1)).status).toBe(STATUS.GOOD)
  })
})
