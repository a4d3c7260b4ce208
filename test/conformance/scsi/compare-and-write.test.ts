import { describe, expect, it } from 'vitest'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const FUA = 0x08

function compareAndWriteCdb(lba: number, blocks: number, flags = 0): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x89
  cdb[1] = flags
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb[13] = blocks
  return cdb
}

const NEW_BLOCK = Buffer.alloc(512, 'new')

describe('COMPARE AND WRITE', () => {
  it.each([
    [0, 1],
    [7, 3],
    [1920, 128],
  ])('from block %i on writes %i blocks that are what they must be', (lba, blocks) => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const expected = Buffer.from(store.bytes)
    const written = Buffer.alloc(blocks * 512, 'written')
    const dataOut = Buffer.concat([store.bytes.subarray(lba * 512, (lba + blocks) * 512), written])
    written.copy(expected, lba * 512)
    const exchange = initiator.send(compareAndWriteCdb(lba, blocks), { dataOut, dataOutPieceBytes: 1000 })
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(store.bytes.equals(expected)).toBe(true)
  })

  it.each([0, 511, 700, 1023])('writes nothing when byte %i differs, and says where', (at) => {
    const { initiator, store } = testBench()
    const before = Buffer.from(store.bytes)
    const dataOut = Buffer.concat([store.bytes.subarray(0, 1024), Buffer.alloc(1024, 'written')])
    dataOut[at]! ^= 1
    const exchange = initiator.send(compareAndWriteCdb(0, 2), { dataOut })
    expect([exchange.senseText, exchange.command.sense!.readUInt32BE(3)]).toEqual(['e/1d/00', at])
    expect(exchange.command.sense![0]! & 0x80).toBe(0x80)
    expect(store.bytes.equals(before)).toBe(true)
    expect(store.countOf('writev')).toBe(0)
  })

  it('does nothing for no blocks', () => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(compareAndWriteCdb(0, 0))
    expect(exchange.status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it.each([512, 1536, 2048])('refuses Data-Out of %i bytes for one block', (byteCount) => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(compareAndWriteCdb(0, 1), { dataOut: Buffer.alloc(byteCount) })
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '13'])
    expect(store.calls).toEqual([])
  })

  it('refuses more than the limit, blocks beyond the end, read-only logical units and WRPROTECT', () => {
    const { initiator } = testBench({ blockCount: 2048 })
    const send = (lba: number, blocks: number, flags = 0) =>
      initiator.send(compareAndWriteCdb(lba, blocks, flags), { dataOut: Buffer.alloc(blocks * 1024) })
    expect([send(0, 129).senseText, send(0, 129).pointedAt]).toEqual(['5/24/00', '13'])
    expect([send(2048, 1).senseText, send(2047, 2).senseText]).toEqual(['5/21/00', '5/21/00'])
    expect(send(0, 1, 0x20).pointedAt).toBe('1.7')
    const readOnly = testBench({ isReadOnly: true }).initiator
    expect(readOnly.send(compareAndWriteCdb(0, 1), { dataOut: Buffer.alloc(1024) }).senseText).toBe('7/27/00')
  })

  it('with FUA forces its write', () => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.concat([store.bytes.subarray(0, 512), NEW_BLOCK])
    expect(initiator.send(compareAndWriteCdb(0, 1, FUA), { dataOut }).status).toBe(0)
    expect(store.calls.map((call) => [call.operation, call.forceUnitAccess])).toEqual([
      ['readv', false],
      ['writev', true],
    ])
  })

  it('reports a block that cannot be read or written', () => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.concat([store.bytes.subarray(0, 512), NEW_BLOCK])
    store.failNext('io')
    expect(initiator.send(compareAndWriteCdb(0, 1), { dataOut }).senseText).toBe('3/11/00')
    store.isManual = true
    const exchange = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    store.release()
    store.releaseWithError('noSpace')
    expect(exchange.senseText).toBe('7/27/07')
  })
})

describe('COMPARE AND WRITE among other commands', () => {
  /** A disk whose operations wait, two initiators, and Data-Out that compares with what is there. */
  function contended() {
    const bench = testBench()
    const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
    const dataOut = Buffer.concat([bench.store.bytes.subarray(0, 512), NEW_BLOCK])
    bench.store.isManual = true
    return { ...bench, other, dataOut }
  }

  it('lets one of two that expect the same win', () => {
    const { initiator, other, store, dataOut } = contended()
    const first = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    const second = other.send(compareAndWriteCdb(0, 1), { dataOut })
    while (store.heldCount > 0) store.release(1)
    expect([first.status, second.senseText]).toEqual([0, 'e/1d/00'])
  })

  it('waits for a write that began before it, and compares with what that wrote', () => {
    const { initiator, other, store, dataOut } = contended()
    const write = other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512, 'other') })
    const exchange = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    expect(store.calls.map((call) => call.operation)).toEqual(['writev'])
    while (store.heldCount > 0) store.release(1)
    expect([write.status, exchange.senseText]).toEqual([0, 'e/1d/00'])
    expect(store.bytes.subarray(0, 512).equals(Buffer.alloc(512, 'other'))).toBe(true)
  })

  it.each([
    ['READ (10)', blockCdb(0x28, 0, 4), {}],
    ['WRITE (10)', blockCdb(0x2a, 0, 4), { dataOut: Buffer.alloc(2048) }],
    ['WRITE SAME (16)', blockCdb(0x93, 0, 9), { dataOut: Buffer.alloc(512) }],
    ['VERIFY (10)', blockCdb(0x2f, 0, 1), {}],
  ] as const)('makes %s of the same blocks wait until it has written', (_name, cdb, options) => {
    const { initiator, other, store, dataOut } = contended()
    const exchange = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    const later = other.send(cdb, options)
    store.release(1)
    expect([store.heldCount, later.end]).toEqual([1, 'none'])
    store.release(1)
    expect(exchange.status).toBe(0)
    while (store.heldCount > 0) store.release(1)
    expect(later.status).toBe(0)
  })

  it('makes an UNMAP wait, whose blocks nobody knows yet', () => {
    const { initiator, other, store, dataOut } = contended()
    initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    const unmap = other.send([0x42, 0, 0, 0, 0, 0, 0, 0, 8], { dataOut: Buffer.alloc(8) })
    expect(unmap.end).toBe('none')
    while (store.heldCount > 0) store.release(1)
    expect(unmap.status).toBe(0)
  })

  it('lets commands of other blocks, and those that touch none, pass', () => {
    const { initiator, other, store, dataOut } = contended()
    initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    const read = other.send(blockCdb(0x28, 1, 1))
    expect(other.send([0x00]).status).toBe(0)
    expect(store.heldCount).toBe(2)
    store.release()
    expect(read.status).toBe(0)
  })

  it('lets a waiting command be aborted, and the next ones go on', () => {
    const { initiator, other, store, target, logicalUnit, dataOut } = contended()
    const first = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    const second = other.send(compareAndWriteCdb(0, 1), { dataOut })
    const third = other.send(blockCdb(0x28, 0, 1))
    const fourth = other.send(blockCdb(0x28, 0, 1))
    for (const { command } of [second, third]) target.abortTask(command, () => {})
    expect([second.end, third.end, fourth.end]).toEqual(['aborted', 'aborted', 'none'])
    while (store.heldCount > 0) store.release(1)
    expect([first.status, fourth.status, logicalUnit.rangeLocks.size]).toEqual([0, 0, 0])
  })

  it('has its blocks until its I/O came to rest when it is aborted itself', () => {
    const { initiator, other, store, target, logicalUnit, dataOut } = contended()
    const exchange = initiator.send(compareAndWriteCdb(0, 1), { dataOut })
    store.release(1)
    const read = other.send(blockCdb(0x28, 0, 1))
    target.abortTask(exchange.command, () => {})
    expect([exchange.end, read.end, store.heldCount]).toEqual(['none', 'none', 1])
    store.release(1)
    expect([exchange.end, store.heldCount]).toEqual(['aborted', 1])
    store.release(1)
    expect([read.status, logicalUnit.rangeLocks.size]).toEqual([0, 0])
    expect(read.dataIn.equals(NEW_BLOCK)).toBe(true)
  })

  it('keeps nobody waiting for Data-Out that has not come', () => {
    const { initiator, other, store, dataOut } = contended()
    const slow = initiator.send(compareAndWriteCdb(0, 1), { dataOut, isDataOutManual: true })
    slow.giveDataOut(600)
    const read = other.send(blockCdb(0x28, 0, 1))
    store.release()
    expect(read.status).toBe(0)
    slow.giveDataOut(424)
    while (store.heldCount > 0) store.release(1)
    expect(slow.status).toBe(0)
  })
})
