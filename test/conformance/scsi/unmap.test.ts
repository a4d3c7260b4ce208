import { describe, expect, it } from 'vitest'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { blockCdb, emptyCdb, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

/** An UNMAP parameter list of descriptors [LBA, NUMBER OF LOGICAL BLOCKS]. */
function unmapList(...descriptors: readonly (readonly [number, number])[]): Buffer {
  const list = Buffer.alloc(8 + 16 * descriptors.length)
  list.writeUInt16BE(list.length - 2, 0)
  list.writeUInt16BE(list.length - 8, 2)
  for (const [index, [lba, blocks]] of descriptors.entries()) {
    list.writeBigUInt64BE(BigInt(lba), 8 + 16 * index)
    list.writeUInt32BE(blocks, 16 + 16 * index)
  }
  return list
}

function unmapCdb(listBytes: number, flags = 0): Buffer {
  const cdb = Buffer.alloc(10)
  cdb[0] = 0x42
  cdb[1] = flags
  cdb.writeUInt16BE(listBytes, 7)
  return cdb
}

describe('UNMAP', () => {
  function unmap(bench: ReturnType<typeof testBench>, list: Buffer, listBytes = list.length) {
    return bench.initiator.send(unmapCdb(listBytes), { dataOut: list, dataOutPieceBytes: 30 })
  }

  it.each([
    { title: 'one range', descriptors: [[4, 9]] },
    {
      title: 'several',
      descriptors: [
        [0, 1],
        [2047, 1],
        [100, 500],
      ],
    },
    {
      title: 'overlapping ones',
      descriptors: [
        [10, 20],
        [15, 30],
        [10, 20],
      ],
    },
    {
      title: 'empty ones between others',
      descriptors: [
        [0, 0],
        [5, 1],
        [2048, 0],
      ],
    },
    { title: 'none', descriptors: [] },
  ] as { title: string; descriptors: [number, number][] }[])('gives back $title, and they read as zeroes', (given) => {
    const bench = testBench({ blockCount: 2048 })
    const expected = Buffer.from(bench.store.bytes)
    for (const [lba, blocks] of given.descriptors) expected.fill(0, lba * 512, (lba + blocks) * 512)
    const exchange = unmap(bench, unmapList(...given.descriptors))
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(bench.store.bytes.equals(expected)).toBe(true)
    expect(bench.store.calls.every((call) => call.mayUnmap)).toBe(true)
  })

  it('ignores half a descriptor, and what lies behind the announced ones', () => {
    const bench = testBench()
    const list = unmapList([0, 1], [1, 1], [2, 1])
    expect(unmap(bench, list, 8 + 16 + 15).status).toBe(0)
    list.writeUInt16BE(16, 2)
    expect(unmap(bench, list).status).toBe(0)
    expect(bench.store.calls.map((call) => call.offsetBytes)).toEqual([0, 0])
  })

  it('with a parameter list of no bytes does nothing', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(unmapCdb(0)).status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it('refuses a list without a whole header, or one that did not come', () => {
    const bench = testBench()
    expect(unmap(bench, Buffer.alloc(7)).senseText).toBe('5/1a/00')
    expect(unmap(bench, unmapList([0, 1]), 25).senseText).toBe('5/1a/00')
  })

  it('refuses a range beyond the end before anything is unmapped', () => {
    const bench = testBench({ blockCount: 2048 })
    for (const beyond of [
      [2048, 1],
      [2040, 9],
      [2 ** 50, 1],
    ] as [number, number][]) {
      expect(unmap(bench, unmapList([0, 1], beyond)).senseText).toBe('5/21/00')
    }
    expect(bench.store.calls).toEqual([])
  })

  it('refuses more descriptors than Block Limits says', () => {
    const bench = testBench()
    const full = unmapList(...Array.from({ length: 255 }, (_, index) => [index, 1] as [number, number]))
    expect(unmap(bench, full).status).toBe(0)
    const exchange = unmap(bench, Buffer.concat([full, Buffer.alloc(16)]))
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '7'])
  })

  it('refuses ANCHOR, groups and read-only logical units', () => {
    const { initiator } = testBench()
    expect(initiator.send(unmapCdb(0, 0x01)).pointedAt).toBe('1.0')
    const readOnly = testBench({ isReadOnly: true })
    expect(unmap(readOnly, unmapList([0, 1])).senseText).toBe('7/27/00')
  })

  it('is no command of a disk that is not thin, nor in its list of commands', () => {
    const { initiator } = testBench({ store: new TestStore(65536, { thin: false }) })
    const exchange = initiator.send(unmapCdb(0))
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/20/00', '0'])
    const one = (operationCode: number) => initiator.send([0xa3, 0x0c, 1, operationCode, 0, 0, 0, 0, 0, 64]).dataIn[1]
    expect([one(0x42), one(0x41)]).toEqual([1, 3])
  })

  it('stops at a range that cannot be unmapped', () => {
    const bench = testBench()
    bench.store.failNext('io')
    expect(unmap(bench, unmapList([0, 1], [4, 1])).senseText).toBe('3/0c/00')
    expect(bench.store.calls).toHaveLength(1)
  })
})

describe('GET LBA STATUS', () => {
  const ROW_32 = COMMAND_SETS.disk.rows.find((row) => row.name === 'GET LBA STATUS (32)')!

  function statusCdb(name: string, lba: number, allocationBytes = 1000, scanBlocks = 0): Buffer {
    if (name === 'GET LBA STATUS (16)') {
      const cdb = blockCdb(0x9e, lba, allocationBytes)
      cdb[1] = 0x12
      return cdb
    }
    const cdb = emptyCdb(ROW_32)
    cdb.writeBigUInt64BE(BigInt(lba), 12)
    cdb.writeUInt32BE(scanBlocks, 20)
    cdb.writeUInt32BE(allocationBytes, 28)
    return cdb
  }

  /** [LBA, blocks, PROVISIONING STATUS] of each descriptor. */
  function descriptorsOf(data: Buffer): number[][] {
    const count = (data.length - 8) / 16
    return Array.from({ length: count }, (_, index) => {
      const at = 8 + 16 * index
      return [Number(data.readBigUInt64BE(at)), data.readUInt32BE(at + 8), data[at + 12]!]
    })
  }

  /** 8 blocks in use, a hole of 16 and a half, half a block and the rest in use. */
  function sparseBench() {
    const bench = testBench({ blockCount: 64 })
    bench.store.allocation = [
      { byteCount: 8 * 512, isAllocated: true },
      { byteCount: 16 * 512 + 256, isAllocated: false },
    ]
    return bench
  }

  describe.each(['GET LBA STATUS (16)', 'GET LBA STATUS (32)'])('%s', (name) => {
    it('tells mapped from deallocated blocks; one of which a part is in use is mapped', () => {
      const { dataIn } = sparseBench().initiator.send(statusCdb(name, 0))
      expect(dataIn.readUInt32BE(0)).toBe(dataIn.length - 4)
      expect(descriptorsOf(dataIn)).toEqual([
        [0, 8, 0],
        [8, 16, 1],
        [24, 40, 0],
      ])
    })

    it('begins with the block that it is asked for', () => {
      const { dataIn } = sparseBench().initiator.send(statusCdb(name, 23))
      expect(descriptorsOf(dataIn)).toEqual([
        [23, 1, 1],
        [24, 40, 0],
      ])
    })

    it.each([
      [0, 0],
      [8, 8],
      [24, 24],
      [40, 40],
    ])('has as many descriptors as fit %i bytes', (allocationBytes, expectedBytes) => {
      expect(sparseBench().initiator.send(statusCdb(name, 0, allocationBytes)).dataIn).toHaveLength(expectedBytes)
    })

    it('refuses an address beyond the end, and other report types', () => {
      const { initiator } = sparseBench()
      expect(initiator.send(statusCdb(name, 64)).senseText).toBe('5/21/00')
      const cdb = statusCdb(name, 0)
      const reportTypeAt = cdb.length === 32 ? 10 : 14
      cdb[reportTypeAt] = 1
      const exchange = initiator.send(cdb)
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', `${reportTypeAt}.7`])
    })

    it('reports that the store does not answer', () => {
      const { initiator, store } = sparseBench()
      store.failNext('io')
      expect(initiator.send(statusCdb(name, 0)).senseText).toBe('3/11/00')
    })
  })

  it('(32) ends at SCAN LENGTH', () => {
    const { dataIn } = sparseBench().initiator.send(statusCdb('GET LBA STATUS (32)', 4, 1000, 10))
    expect(descriptorsOf(dataIn)).toEqual([
      [4, 4, 0],
      [8, 6, 1],
    ])
  })
})
