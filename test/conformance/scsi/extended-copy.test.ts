import { describe, expect, it } from 'vitest'
import { lunField, TestInitiator } from '../../support/scsi-initiator.ts'
import {
  blockSegment,
  byteSegment,
  type CopyBench,
  copyBench,
  cscd,
  lid1List,
  lid4List,
  receive,
  sendList,
} from '../../support/third-party-copy.ts'

const LID1 = 0x00
const LID4 = 0x01
const MIB = 1024 * 1024

describe.each([
  { name: 'EXTENDED COPY (LID1)', serviceAction: LID1, listOf: lid1List, headerBytes: 16 },
  { name: 'EXTENDED COPY (LID4)', serviceAction: LID4, listOf: lid4List, headerBytes: 48 },
])('$name', ({ serviceAction, listOf, headerBytes }) => {
  const both = [cscd(0), cscd(1)]

  it('copies blocks to another logical unit and changes nothing else', () => {
    const { initiator, stores } = copyBench()
    const expected = Buffer.from(stores[1]!.bytes)
    stores[0]!.bytes.copy(expected, 100 * 512, 20 * 512, 70 * 512)
    const segment = blockSegment({ sourceLba: 20, destinationLba: 100, blocks: 50 })
    const exchange = sendList(initiator, serviceAction, listOf(both, [segment]))
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(stores[1]!.bytes.equals(expected)).toBe(true)
  })

  it('carries out segments in order, so that one can copy what another wrote', () => {
    const { initiator, stores } = copyBench()
    const first = blockSegment({ sourceLba: 0, destinationLba: 10, blocks: 5 })
    const second = blockSegment({ from: 1, to: 0, sourceLba: 10, destinationLba: 300, blocks: 5 })
    expect(sendList(initiator, serviceAction, listOf(both, [first, second])).status).toBe(0)
    expect(stores[0]!.bytes.subarray(300 * 512, 305 * 512)).toEqual(stores[0]!.bytes.subarray(0, 5 * 512))
  })

  it.each([
    ['forwards', 100, 130],
    ['backwards', 130, 100],
  ])('copies overlapping blocks %s as they were before', async (_name, sourceLba, destinationLba) => {
    const { initiator, stores } = copyBench([{ blockCount: 3 * 8192 }])
    const expected = Buffer.from(stores[0]!.bytes)
    expected.copy(expected, destinationLba * 512, sourceLba * 512, (sourceLba + 10_000) * 512)
    const segment = blockSegment({ to: 0, sourceLba, destinationLba, blocks: 10_000 })
    expect(sendList(initiator, serviceAction, listOf([cscd(0)], [segment])).status).toBe(0)
    expect(stores[0]!.bytes.equals(expected)).toBe(true)
  })

  it('copies within the logical unit of the command by CSCD descriptor ID FFFFh', () => {
    const { initiator, stores } = copyBench([{}])
    const segment = blockSegment({ from: 0xffff, to: 0xffff, sourceLba: 1, destinationLba: 9, blocks: 2 })
    expect(sendList(initiator, serviceAction, listOf([], [segment])).status).toBe(0)
    expect(stores[0]!.bytes.subarray(9 * 512, 11 * 512)).toEqual(stores[0]!.bytes.subarray(512, 3 * 512))
  })

  it('copies bytes between byte offsets and preserves the rest of their blocks', () => {
    const { initiator, stores } = copyBench()
    const expected = Buffer.from(stores[1]!.bytes)
    stores[0]!.bytes.copy(expected, 5000, 777, 777 + 3333)
    expect(sendList(initiator, serviceAction, listOf(both, [byteSegment(777, 5000, 3333)])).status).toBe(0)
    expect(stores[1]!.bytes.equals(expected)).toBe(true)
  })

  it('counts blocks of the source or, with DC, of the destination', () => {
    const cscds = [cscd(0), cscd(1, 4096)]
    const { initiator, stores } = copyBench([{}, { blockLengthBytes: 4096, blockCount: 64 }])
    const counts = [
      { flags: 0, blocks: 16 },
      { flags: 0x02, blocks: 2 },
    ]
    for (const [at, count] of counts.entries()) {
      const segment = blockSegment({ destinationLba: at * 4, ...count })
      expect(sendList(initiator, serviceAction, listOf(cscds, [segment])).status).toBe(0)
      const copied = stores[1]!.bytes.subarray(at * 16384, at * 16384 + 8192)
      expect(copied).toEqual(stores[0]!.bytes.subarray(0, 8192))
    }
    const inexact = sendList(initiator, serviceAction, listOf(cscds, [blockSegment({ blocks: 7 })]))
    expect(inexact.senseText).toBe('a/26/0a')
  })

  it('leaves blocks of zeroes without space where both disks are thin', () => {
    const { initiator, stores } = copyBench([{ blockCount: 8192 }, { blockCount: 8192 }])
    stores[0]!.bytes.fill(0, MIB, 2 * MIB)
    expect(sendList(initiator, serviceAction, listOf(both, [blockSegment({ blocks: 6144 })])).status).toBe(0)
    const zeroing = stores[1]!.calls.filter(({ operation }) => operation === 'writeZeroes')
    expect(zeroing.map(({ offsetBytes, byteCount }) => [offsetBytes, byteCount])).toEqual([[MIB, MIB]])
    expect(
      stores[1]!.bytes.equals(
        Buffer.concat([stores[0]!.bytes.subarray(0, 3 * MIB), stores[1]!.bytes.subarray(3 * MIB)]),
      ),
    ).toBe(true)
  })

  it('takes a parameter list of no bytes, and a list of no segments, for nothing to do', () => {
    const { initiator, stores } = copyBench()
    expect(sendList(initiator, serviceAction, Buffer.alloc(0)).status).toBe(0)
    expect(sendList(initiator, serviceAction, listOf(both, [])).status).toBe(0)
    expect(sendList(initiator, serviceAction, listOf(both, [blockSegment({ blocks: 0 })])).status).toBe(0)
    expect(stores.flatMap(({ calls }) => calls)).toEqual([])
  })

  it('refuses a list that is cut in the header, in a CSCD descriptor or in a segment descriptor', () => {
    const { initiator, stores } = copyBench()
    const list = listOf(both, [blockSegment({ blocks: 1 })])
    for (const byteCount of [headerBytes - 1, headerBytes + 63, list.length - 1]) {
      expect(sendList(initiator, serviceAction, list.subarray(0, byteCount)).senseText).toBe('5/1a/00')
    }
    expect(stores.flatMap(({ calls }) => calls)).toEqual([])
  })

  it('refuses too many descriptors, and unsupported types with a pointer to them', () => {
    const { initiator } = copyBench()
    const segment = blockSegment({ blocks: 1 })
    const manyCscds = Array.from({ length: 65 }, () => cscd(0))
    const manySegments = Array.from({ length: 257 }, () => segment)
    expect(sendList(initiator, serviceAction, listOf(manyCscds, [segment])).senseText).toBe('5/26/06')
    expect(sendList(initiator, serviceAction, listOf([cscd(0)], manySegments)).senseText).toBe('5/26/08')
    expect(sendList(initiator, serviceAction, listOf(manyCscds, manySegments)).senseText).toBe('5/1a/00')
    for (const type of [0xe0, 0xe5, 0xe6]) {
      const other = cscd(1)
      other[0] = type
      const exchange = sendList(initiator, serviceAction, listOf([cscd(0), other], [segment]))
      expect(exchange.senseText).toBe('5/26/07')
      expect(exchange.command.sense!.readUInt16BE(16)).toBe(headerBytes + 32)
    }
    const stream = Buffer.from(segment)
    stream[0] = 0x03
    expect(sendList(initiator, serviceAction, listOf(both, [stream])).senseText).toBe('5/26/09')
  })

  it('ends with COPY ABORTED and the number of the segment that names nothing it can reach', () => {
    const good = blockSegment({ blocks: 1, destinationLba: 5 })
    const cases: readonly [string, Buffer[], Buffer, string][] = [
      ['an index without a descriptor', both, blockSegment({ to: 2, blocks: 1 }), 'a/08/04'],
      ['a designator of nobody', [cscd(0), cscd(1), cscd(7)], blockSegment({ to: 2, blocks: 1 }), 'a/0d/02'],
      ['a source beyond the end', both, blockSegment({ sourceLba: 4095, blocks: 2 }), 'a/00/00'],
      ['a destination beyond the end', both, blockSegment({ destinationLba: 4096, blocks: 1 }), 'a/00/00'],
      ['another block length', [cscd(0), cscd(1), cscd(1, 4096)], blockSegment({ to: 2, blocks: 8 }), 'a/26/00'],
    ]
    for (const [name, cscds, segment, senseText] of cases) {
      const { initiator, stores } = copyBench()
      const exchange = sendList(initiator, serviceAction, listOf(cscds, [good, segment]))
      expect([name, exchange.senseText]).toEqual([name, senseText])
      expect(exchange.command.sense!.readUInt16BE(10)).toBe(1)
      expect(exchange.command.sense![15]! & 0x80).toBe(0x80)
      expect(stores[1]!.countOf('writev')).toBe(1)
    }
  })

  it('does not copy from a logical unit that the initiator cannot reach', () => {
    const secret = copyBench([{}, {}])
    const own = copyBench([{}])
    const exchange = sendList(own.initiator, serviceAction, listOf(both, [blockSegment({ from: 1, to: 0, blocks: 1 })]))
    expect(exchange.senseText).toBe('a/0d/02')
    expect(secret.stores[1]!.calls).toEqual([])
    expect(own.stores[0]!.calls).toEqual([])
  })

  it('refuses a write protected destination and a disk that another nexus has reserved', () => {
    const readOnly = copyBench([{}, { isReadOnly: true }])
    const list = listOf(both, [blockSegment({ blocks: 1 })])
    expect(sendList(readOnly.initiator, serviceAction, list).senseText).toBe('a/0d/01')
    for (const lun of [0, 1]) {
      const { initiator, target, stores } = copyBench()
      const other = new TestInitiator(target, 'b').clearUnitAttentions(0, 1)
      expect(other.send([0x16], { lun }).status).toBe(0)
      const commandLun = 1 - lun
      expect(sendList(initiator, serviceAction, list, { lun: commandLun }).senseText).toBe('a/0d/01')
      expect(sendList(initiator, serviceAction, list, { lun }).status).toBe(0x18)
      expect(stores.flatMap(({ calls }) => calls)).toEqual([])
    }
  })

  it('reports the residual of a segment that failed on the way', () => {
    const { initiator, stores } = copyBench([{ blockCount: 16384 }, { blockCount: 16384 }])
    stores[1]!.isManual = true
    const exchange = sendList(initiator, serviceAction, listOf(both, [blockSegment({ blocks: 8192 })]))
    stores[1]!.release(1)
    stores[1]!.releaseWithError('io')
    stores[1]!.release()
    expect(exchange.senseText).toBe('a/0d/01')
    expect(exchange.command.sense![0]).toBe(0xf0)
    expect(exchange.command.sense!.readUInt32BE(3)).toBe(8192 - 2048)
  })

  it('refuses the list identifier of a copy that runs, and takes it again when that has ended', () => {
    const { initiator, stores } = copyBench()
    stores[1]!.isManual = true
    const list = listOf(both, [blockSegment({ blocks: 1 })], { listIdentifier: 9 })
    const first = sendList(initiator, serviceAction, list)
    expect(sendList(initiator, serviceAction, list).senseText).toBe('5/00/16')
    stores[1]!.release()
    expect(first.status).toBe(0)
    stores[1]!.isManual = false
    expect(sendList(initiator, serviceAction, list).status).toBe(0)
  })

  it('keeps no outcome where LIST ID USAGE says so, and refuses usages that make no sense', () => {
    const { initiator } = copyBench()
    const segments = [blockSegment({ blocks: 1 })]
    const status = serviceAction === LID1 ? 0x00 : 0x05
    expect(sendList(initiator, serviceAction, listOf(both, segments, { listIdentifier: 4, usage: 2 })).status).toBe(0)
    expect(receive(initiator, status, 4).senseText).toBe('5/24/00')
    expect(sendList(initiator, serviceAction, listOf(both, segments, { listIdentifier: 0, usage: 3 })).status).toBe(0)
    for (const header of [
      { listIdentifier: 4, usage: 3 },
      { listIdentifier: 4, usage: 1 },
    ]) {
      const exchange = sendList(initiator, serviceAction, listOf(both, segments, header))
      expect([exchange.senseText, exchange.command.sense!.readUInt16BE(16)]).toEqual(['5/26/00', 1])
    }
  })

  it('is ended by task management, and nothing of it reaches a disk afterwards', () => {
    const { initiator, target, stores } = copyBench([{ blockCount: 16384 }, { blockCount: 16384 }])
    stores[0]!.isManual = true
    const exchange = sendList(initiator, serviceAction, listOf(both, [blockSegment({ blocks: 8192 })]))
    let isDone = false
    target.abortTask(exchange.command, () => {
      isDone = true
    })
    expect([exchange.end, isDone]).toEqual(['none', false])
    stores[0]!.release()
    expect([exchange.end, isDone]).toEqual(['aborted', true])
    expect(stores[1]!.calls).toEqual([])
  })
})

describe('EXTENDED COPY in the background', () => {
  const both = [cscd(0), cscd(1)]

  it('ends with GOOD before the copy, whose progress and end RECEIVE COPY STATUS tells', () => {
    const { initiator, stores } = copyBench()
    stores[1]!.isManual = true
    const list = lid4List(both, [blockSegment({ blocks: 8 })], { listIdentifier: 0x10002, isImmediate: true })
    expect(sendList(initiator, LID4, list).status).toBe(0)
    expect(receive(initiator, 0x05, 0x10002).dataIn[5]).toBe(0x12)
    stores[1]!.release()
    const data = receive(initiator, 0x05, 0x10002).dataIn
    expect([data[4], data[5], Number(data.readBigUInt64BE(16))]).toEqual([LID4, 0x01, 4096])
    expect(receive(initiator, 0x05, 0x10002).senseText).toBe('5/24/00')
  })

  it.each<readonly [string, (bench: CopyBench, done: () => void) => void]>([
    [
      'a reset of the source',
      ({ target, initiator }, done) => target.logicalUnitReset(initiator.nexus, lunField(0), done),
    ],
    [
      'a reset of the destination',
      ({ target, initiator }, done) => target.logicalUnitReset(initiator.nexus, lunField(1), done),
    ],
    ['the loss of the nexus', ({ target, initiator }, done) => target.closeNexus(initiator.nexus, done)],
    ['the loss of the destination', ({ target }, done) => target.unmapLogicalUnit(1, done)],
  ])('is ended by %s, which waits until nothing of it is in flight', (_name, end) => {
    const bench = copyBench()
    bench.stores[0]!.isManual = true
    const list = lid4List(both, [blockSegment({ blocks: 8 })], { listIdentifier: 3, isImmediate: true })
    expect(sendList(bench.initiator, LID4, list).status).toBe(0)
    let isDone = false
    end(bench, () => {
      isDone = true
    })
    expect(isDone).toBe(false)
    bench.stores[0]!.release()
    expect(isDone).toBe(true)
    expect(bench.stores[1]!.calls).toEqual([])
  })

  it('reports an aborted copy as terminated', () => {
    const { initiator, stores } = copyBench()
    stores[0]!.isManual = true
    const list = lid4List(both, [blockSegment({ blocks: 8 })], { listIdentifier: 3, isImmediate: true })
    sendList(initiator, LID4, list)
    const abort = initiator.send(Buffer.from([0x83, 0x1c, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    expect(abort.end).toBe('none')
    stores[0]!.release()
    expect(abort.status).toBe(0)
    const data = receive(initiator, 0x05, 3).dataIn
    expect([data[5], data[13]]).toEqual([0x60, 18])
    expect(data.readUInt16BE(32 + 12)).toBe(0x0006)
  })

  it('stops at a reservation that comes while it runs', () => {
    const { initiator, target, stores } = copyBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions(0, 1)
    stores[0]!.isManual = true
    const list = lid4List(both, [blockSegment({ blocks: 8 })], { listIdentifier: 3, isImmediate: true })
    sendList(initiator, LID4, list)
    expect(other.send([0x16], { lun: 1 }).status).toBe(0)
    stores[0]!.release()
    expect(stores[1]!.calls).toEqual([])
    expect(receive(initiator, 0x05, 3).dataIn[5]).toBe(0x02)
  })

  it('needs a list identifier', () => {
    const { initiator } = copyBench()
    const list = lid4List(both, [], { listIdentifier: 0, usage: 3, isImmediate: true })
    expect(sendList(initiator, LID4, list).senseText).toBe('5/26/00')
  })

  it('refuses G_SENSE and a header of another format', () => {
    const { initiator } = copyBench()
    for (const [byte, value, pointedAt] of [
      [15, 0x02, 15],
      [0, 0x02, 0],
      [3, 0x00, 2],
      [16, 0x00, 16],
    ] as const) {
      const list = lid4List(both, [])
      list[byte] = value
      const exchange = sendList(initiator, LID4, list)
      expect([exchange.senseText, exchange.command.sense!.readUInt16BE(16)]).toEqual(['5/26/00', pointedAt])
    }
  })
})

describe('a fault of the server while it copies', () => {
  it.each(['source', 'destination'])(
    'on the %s ends the copy with INTERNAL TARGET FAILURE and nothing else',
    (side) => {
      const errors: unknown[] = []
      const { initiator, stores } = copyBench([{}, {}], {}, (error) => errors.push(error))
      const list = lid1List([cscd(0), cscd(1)], [blockSegment({ blocks: 8 })])
      stores[side === 'source' ? 0 : 1]!.throwNext(new Error('bug'))
      expect(sendList(initiator, LID1, list).senseText).toBe('4/44/00')
      expect(errors).toEqual([new Error('bug')])
      expect(sendList(initiator, LID1, list).status).toBe(0)
    },
  )
})
