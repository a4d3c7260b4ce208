import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { type TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const SELFTEST = 0x04
const PF = 0x10
const BACKGROUND_SHORT = 0b001
const BACKGROUND_EXTENDED = 0b010
const ABORT = 0b100
const FOREGROUND_SHORT = 0b101
const FOREGROUND_EXTENDED = 0b110

const send = (initiator: TestInitiator, flags: number, list = '') =>
  initiator.send([0x1d, flags, 0, 0, bytes(list).length, 0], { dataOut: bytes(list) })
const selfTest = (initiator: TestInitiator, code: number) => send(initiator, code << 5)
const receive = (initiator: TestInitiator, flags: number, pageCode = 0, allocationBytes = 0xff) =>
  initiator.send([0x1c, flags, pageCode, 0, allocationBytes, 0])

/** SELF-TEST CODE and SELF-TEST RESULTS of the most recent tests, as the log page shows them. */
function results(initiator: TestInitiator, count: number): string[] {
  const { dataIn } = initiator.send([0x4d, 0, 0x40 | 0x10, 0, 0, 0, 0, 0x02, 0, 0])
  return Array.from({ length: count }, (_, i) => dataIn.subarray(8 + i * 20, 9 + i * 20).toString('hex'))
}

describe('SEND DIAGNOSTIC', () => {
  it('passes the default self-test, which reads from all over the disk and writes nothing', () => {
    const { initiator, store } = testBench()
    expect(send(initiator, SELFTEST).status).toBe(STATUS.GOOD)
    expect(new Set(store.calls.map((call) => call.operation))).toEqual(new Set(['readv']))
    expect([store.calls.at(0)!.offsetBytes, store.calls.at(-1)!.offsetBytes]).toEqual([0, store.sizeBytes - 4096])
  })

  it('does not put a default self-test that passed before the results of others', () => {
    const { initiator } = testBench()
    selfTest(initiator, FOREGROUND_SHORT)
    send(initiator, SELFTEST)
    expect(results(initiator, 2)).toEqual(['a0', '00'])
  })

  it.each([FOREGROUND_SHORT, FOREGROUND_EXTENDED])('runs self-test %i in the foreground', (code) => {
    const { initiator, store } = testBench()
    store.isManual = true
    const exchange = selfTest(initiator, code)
    expect(exchange.end).toBe('none')
    while (store.heldCount > 0) store.release()
    expect(exchange.status).toBe(STATUS.GOOD)
    store.isManual = false
    expect(results(initiator, 1)).toEqual([(code << 5).toString(16)])
  })

  it('reports a self-test that failed, and where', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    expect(send(initiator, SELFTEST).senseText).toBe('4/3e/03')
    const { dataIn } = initiator.send([0x4d, 0, 0x50, 0, 0, 0, 0, 0x02, 0, 0])
    expect(dataIn.subarray(4, 24)).toEqual(bytes('0001 63 10 05 00 0000 0000000000000000 03 11 00 00'))
  })

  it.each([BACKGROUND_SHORT, BACKGROUND_EXTENDED])('runs self-test %i in the background', (code) => {
    const { initiator, store } = testBench()
    store.isManual = true
    expect(selfTest(initiator, code).status).toBe(STATUS.GOOD)
    expect(results(initiator, 1)).toEqual([((code << 5) | 0x0f).toString(16)])
    expect(selfTest(initiator, BACKGROUND_SHORT).senseText).toBe('2/04/09')
    while (store.heldCount > 0) store.release()
    expect(results(initiator, 1)).toEqual([(code << 5).toString(16)])
  })

  it('aborts a self-test in the background, and only there', () => {
    const { initiator, store } = testBench()
    const early = selfTest(initiator, ABORT)
    expect([early.senseText, early.pointedAt]).toEqual(['5/24/00', '1.7'])
    store.isManual = true
    selfTest(initiator, BACKGROUND_SHORT)
    expect(selfTest(initiator, ABORT).status).toBe(STATUS.GOOD)
    const readsBefore = store.calls.length
    while (store.heldCount > 0) store.release()
    expect(store.calls.length).toBe(readsBefore)
    expect(results(initiator, 1)).toEqual(['21'])
  })

  it('notes a self-test that a reset or a task management function ended', () => {
    const { initiator, store, target } = testBench()
    store.isManual = true
    selfTest(initiator, BACKGROUND_SHORT)
    const foreground = selfTest(initiator, FOREGROUND_SHORT)
    target.logicalUnitReset(initiator.nexus, Buffer.alloc(8), () => {})
    while (store.heldCount > 0) store.release()
    expect(foreground.end).toBe('aborted')
    initiator.clearUnitAttentions()
    expect(results(initiator, 2)).toEqual(['a2', '22'])
  })

  it('keeps the last twenty results', () => {
    const { initiator } = testBench()
    for (let i = 0; i < 25; i++) selfTest(initiator, i === 24 ? FOREGROUND_EXTENDED : FOREGROUND_SHORT)
    expect(results(initiator, 20)).toEqual(['c0', ...Array.from({ length: 19 }, () => 'a0')])
  })

  it('does nothing when it asks for nothing, and takes the page that lists the pages', () => {
    const { initiator } = testBench()
    expect(send(initiator, 0).status).toBe(STATUS.GOOD)
    expect(send(initiator, PF, '00000000').status).toBe(STATUS.GOOD)
  })

  it.each([
    ['a SELF-TEST CODE with SELFTEST', SELFTEST | (BACKGROUND_SHORT << 5), '', '5/24/00', '1.7'],
    ['a reserved SELF-TEST CODE', 0b011 << 5, '', '5/24/00', '1.7'],
    ['another reserved SELF-TEST CODE', 0b111 << 5, '', '5/24/00', '1.7'],
    ['a list with SELFTEST', SELFTEST, '00000000', '5/24/00', '3'],
    ['a list with a self-test', FOREGROUND_SHORT << 5, '00000000', '5/24/00', '3'],
    ['a list without PF', 0, '00000000', '5/24/00', '1.4'],
  ])('refuses %s', (_name, flags, list, sense, pointer) => {
    const exchange = send(testBench().initiator, flags, list)
    expect([exchange.senseText, exchange.pointedAt]).toEqual([sense, pointer])
  })

  it.each([
    ['another page', '40000000', '5/26/00', '0'],
    ['a page that says it is longer', '00000001', '5/26/00', '2'],
    ['a page cut short', '0000', '5/1a/00', null],
  ])('refuses %s', (_name, list, sense, pointer) => {
    const exchange = send(testBench().initiator, PF, list)
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual([sense, pointer])
  })
})

describe('RECEIVE DIAGNOSTIC RESULTS', () => {
  it('returns the list of pages, with PCV and without', () => {
    const { initiator } = testBench()
    for (const flags of [0, 1]) expect(receive(initiator, flags).dataIn).toEqual(bytes('00 00 0001 00'))
    expect(receive(initiator, 1, 0, 4).dataIn.length).toBe(4)
  })

  it('refuses other pages', () => {
    const exchange = receive(testBench().initiator, 1, 0x40)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '2'])
  })
})
