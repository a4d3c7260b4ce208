import { describe, expect, it, vi } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const CUMULATIVE = 1
const DEFAULT_CUMULATIVE = 3
const PCR = 0x02

interface Options {
  readonly control?: number
  readonly subpageCode?: number
  readonly pointer?: number
  readonly allocationBytes?: number
}
function sense(initiator: TestInitiator, pageCode: number, options: Options = {}) {
  const { control = CUMULATIVE, subpageCode = 0, pointer = 0, allocationBytes = 0x400 } = options
  const [high, low] = [allocationBytes >> 8, allocationBytes & 0xff]
  return initiator.send([
    0x4d,
    0,
    (control << 6) | pageCode,
    subpageCode,
    0,
    pointer >> 8,
    pointer & 0xff,
    high,
    low,
    0,
  ])
}
function select(initiator: TestInitiator, flags: number, control: number, pageCode = 0, list = '') {
  const dataOut = bytes(list)
  return initiator.send([0x4c, flags, (control << 6) | pageCode, 0, 0, 0, 0, 0, dataOut.length, 0], { dataOut })
}

/** The values of a page's parameters by code; checks that the page and its parameters tile. */
function values(initiator: TestInitiator, pageCode: number, control = CUMULATIVE): Record<number, bigint> {
  const { dataIn } = sense(initiator, pageCode, { control })
  expect([dataIn[0], dataIn.readUInt16BE(2)]).toEqual([pageCode, dataIn.length - 4])
  const found: Record<number, bigint> = {}
  let at = 4
  while (at < dataIn.length) {
    const end = at + 4 + dataIn[at + 3]!
    found[dataIn.readUInt16BE(at)] = BigInt(`0x${dataIn.subarray(at + 4, end).toString('hex')}`)
    at = end
  }
  expect(at).toBe(dataIn.length)
  return found
}

describe('LOG SENSE', () => {
  it('lists the pages, and the subpages', () => {
    const { initiator } = testBench()
    const pages = [0x02, 0x03, 0x05, 0x06, 0x0c, 0x0d, 0x0e, 0x10, 0x19, 0x1a, 0x2f]
    expect(sense(initiator, 0).dataIn).toEqual(Buffer.from([0, 0, 0, pages.length + 1, 0, ...pages]))
    const list = [0, 0, 0, 0xff, ...pages.flatMap((page) => [page, 0])]
    expect(sense(initiator, 0, { subpageCode: 0xff }).dataIn).toEqual(
      Buffer.from([0x40, 0xff, 0, list.length, ...list]),
    )
    expect(sense(initiator, 0x19, { subpageCode: 0xff }).dataIn).toEqual(bytes('59 ff 0004 1900 19ff'))
    for (const page of pages) values(initiator, page)
  })

  it('counts reads, writes and verifies with their bytes', () => {
    const { initiator } = testBench()
    initiator.send(blockCdb(0x28, 0, 3))
    initiator.send(blockCdb(0x2a, 0, 2), { dataOut: Buffer.alloc(1024) })
    expect(values(initiator, 0x03)[5]).toBe(1536n)
    expect(values(initiator, 0x02)[5]).toBe(1024n)
    const page = sense(initiator, 0x19).dataIn
    expect(page.length).toBe(4 + 68 + 12 + 12)
    expect(page.subarray(84)).toEqual(bytes('0003 63 08 00000006 00000001'))
    const general = page.subarray(8)
    expect([0, 8, 16, 24].map((at) => general.readBigUInt64BE(at))).toEqual([1n, 1n, 2n, 3n])
  })

  it('estimates how long reads and writes take, in microseconds, from one command in many', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      vi.advanceTimersByTime(1)
      const { initiator, store } = testBench()
      store.isManual = true
      const times = () => {
        const general = sense(initiator, 0x19).dataIn.subarray(8)
        return [32, 40].map((at) => Number(general.readBigUInt64BE(at)))
      }
      const take = (operationCode: number, durationMs: number, dataOut?: Buffer) => {
        initiator.send(blockCdb(operationCode, 0, 1), dataOut === undefined ? {} : { dataOut })
        vi.advanceTimersByTime(durationMs)
        store.release()
      }
      // As many commands as it takes for some of either kind to be looked at.
      for (let i = 0; i < 200; i++) {
        take(0x28, 2)
        take(0x2a, 5, Buffer.alloc(512))
      }
      expect(times()).toEqual([200 * 2000, 200 * 5000])
    } finally {
      vi.useRealTimers()
    }
  })

  it('counts errors of the medium by direction, and ours', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    initiator.send(blockCdb(0x28, 0, 1))
    store.failNext('io')
    initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    store.throwNext(new Error('a bug'))
    initiator.send(blockCdb(0x28, 0, 1))
    expect([values(initiator, 0x03)[6], values(initiator, 0x02)[6], values(initiator, 0x05)[6]]).toEqual([1n, 1n, 0n])
    expect(values(initiator, 0x06)[0]).toBe(1n)
  })

  it('counts stops and power conditions', () => {
    const { initiator } = testBench()
    for (const byte4 of [0x00, 0x20, 0x30, 0x10]) initiator.send([0x1b, 0, 0, 0, byte4, 0])
    expect(values(initiator, 0x0e)).toEqual({ 4: 1n })
    expect(values(initiator, 0x1a)).toEqual({ 1: 1n, 2: 1n, 3: 0n, 4: 0n, 8: 1n, 9: 0n })
  })

  it('counts the space of a thin disk in threshold sets, and has no such page for another', () => {
    const { initiator, store } = testBench()
    store.space = { usedBytes: 3 * 2 ** 20, availableBytes: 5 * 2 ** 20 + 1 }
    expect(sense(initiator, 0x0c).dataIn).toEqual(
      bytes('0c 00 0018 0001 63 08 00000005 02000000 0002 63 08 00000003 01000000'),
    )
    store.failNext('io')
    expect(sense(initiator, 0x0c).senseText).toBe('3/11/00')
    const thick = testBench({ store: new TestStore(2 ** 20, { thin: false }) }).initiator
    expect(sense(thick, 0x0c).pointedAt).toBe('2.5')
    expect(sense(thick, 0).dataIn.includes(0x0c, 5)).toBe(false)
  })

  it('has no temperature and no exceptions to tell of', () => {
    const { initiator } = testBench()
    expect(sense(initiator, 0x0d).dataIn).toEqual(bytes('0d 00 0006 0000 63 02 00 ff'))
    expect(sense(initiator, 0x2f).dataIn).toEqual(bytes('2f 00 0008 0000 63 04 00 00 ff ff'))
  })

  it('begins at PARAMETER POINTER and cuts at ALLOCATION LENGTH', () => {
    const { initiator } = testBench()
    expect(sense(initiator, 0x03, { pointer: 4 }).dataIn.readUInt16BE(4)).toBe(5)
    expect(sense(initiator, 0x03, { allocationBytes: 6 }).dataIn.length).toBe(6)
    expect(sense(initiator, 0x03, { allocationBytes: 0 }).status).toBe(STATUS.GOOD)
  })

  it.each([
    ['an unknown page', 0x30, {}, '2.5'],
    ['an unknown subpage', 0x02, { subpageCode: 1 }, '3'],
    ['a pointer behind the last parameter', 0x03, { pointer: 7 }, '5'],
    ['a pointer into a list of pages', 0x00, { pointer: 1 }, '5'],
    ['thresholds', 0x03, { control: 0 }, '2.7'],
    ['default thresholds', 0x03, { control: 2 }, '2.7'],
  ])('refuses %s', (_name, pageCode, options, pointer) => {
    const exchange = sense(testBench().initiator, pageCode, options)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', pointer])
  })

  it('refuses SP and PPC', () => {
    const { initiator } = testBench()
    for (const bit of [0, 1]) {
      const exchange = initiator.send([0x4d, 1 << bit, 0x43, 0, 0, 0, 0, 0, 0xff, 0])
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', `1.${bit}`])
    }
  })
})

describe('LOG SELECT', () => {
  function counted() {
    const bench = testBench()
    bench.initiator.send(blockCdb(0x28, 0, 1))
    bench.initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    return bench
  }

  it.each([
    ['PCR', PCR, CUMULATIVE],
    ['default cumulative values', 0, DEFAULT_CUMULATIVE],
  ])('%s sets all counters back, and they count on', (_name, flags, control) => {
    const { initiator } = counted()
    expect(select(initiator, flags, control).status).toBe(STATUS.GOOD)
    expect([values(initiator, 0x02)[5], values(initiator, 0x03)[5]]).toEqual([0n, 0n])
    initiator.send(blockCdb(0x28, 0, 1))
    expect(values(initiator, 0x03)[5]).toBe(512n)
  })

  it('sets the counters of one page back', () => {
    const { initiator } = counted()
    expect(select(initiator, PCR, CUMULATIVE, 0x03).status).toBe(STATUS.GOOD)
    expect([values(initiator, 0x02)[5], values(initiator, 0x03)[5]]).toEqual([512n, 0n])
  })

  it('changes nothing with the other page controls', () => {
    const { initiator } = counted()
    for (const control of [0, 1, 2]) expect(select(initiator, 0, control).status).toBe(STATUS.GOOD)
    expect(values(initiator, 0x03)[5]).toBe(512n)
  })

  it('tells the other nexuses of a reset', () => {
    const { initiator, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    select(initiator, PCR, CUMULATIVE)
    expect(other.send([0x00]).senseText).toBe('6/2a/02')
    expect(initiator.send([0x00]).senseText).toBeNull()
  })

  it('has default values of zero', () => {
    expect(values(counted().initiator, 0x03, DEFAULT_CUMULATIVE)).toEqual({ 3: 0n, 5: 0n, 6: 0n })
  })

  it.each([
    ['PCR with a list', PCR, 0x00, '03 00 0000', '5/24/00', '1.1', null],
    ['a list with a page code', 0, 0x03, '03 00 0000', '5/24/00', '2.5', null],
    ['an unknown page', PCR, 0x30, '', '5/24/00', '2.5', null],
    ['a list with an unknown page', 0, 0x00, '30 00 0000', '5/26/00', null, '0.5'],
    ['a parameter', 0, 0x00, '03 00 0005 0005 02 01 00', '5/26/00', null, '4'],
    ['a page header cut short', 0, 0x00, '0300', '5/1a/00', null, null],
    ['a page cut short', 0, 0x00, '03 00 0005 0005', '5/1a/00', null, null],
  ])('refuses %s', (_name, flags, pageCode, list, senseText, pointedAt, pointedAtInList) => {
    const exchange = select(testBench().initiator, flags, CUMULATIVE, pageCode, list)
    expect([exchange.senseText, exchange.pointedAt, exchange.pointedAtInList]).toEqual([
      senseText,
      pointedAt,
      pointedAtInList,
    ])
  })
})
