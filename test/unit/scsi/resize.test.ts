import { describe, expect, it } from 'vitest'
import type { BackingError } from '../../../scsi/backing/backing-store.ts'
import type { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const BLOCK = 512
const OLD_BLOCKS = 2048

/** What `resize` ended with; undefined as long as it has not. */
function resize(logicalUnit: LogicalUnit, blocks: number, mayDiscardData = false) {
  const outcome: { error?: BackingError | null } = {}
  logicalUnit.resize(blocks * BLOCK, { mayDiscardData }, (error) => {
    outcome.error = error
  })
  return outcome
}

const capacity = (initiator: TestInitiator) => initiator.send([0x25]).dataIn.readUInt32BE(0) + 1
const write = (initiator: TestInitiator, lba: number) =>
  initiator.send(blockCdb(0x2a, lba, 1), { dataOut: Buffer.alloc(BLOCK, 0xee) })

describe('a logical unit that grows', () => {
  it('tells every nexus, and has zeroes behind its old end', () => {
    const { initiator, logicalUnit, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    expect(resize(logicalUnit, 4096).error).toBeNull()
    for (const each of [initiator, other]) expect(each.send([0x00]).senseText).toBe('6/2a/09')
    expect(capacity(initiator)).toBe(4096)
    expect(initiator.send(blockCdb(0x28, 4095, 1)).dataIn).toEqual(Buffer.alloc(BLOCK))
    expect(write(initiator, 4095).status).toBe(0)
  })

  it('stays as it is when the store cannot', () => {
    const { initiator, logicalUnit, store } = testBench()
    store.failNext('noSpace')
    expect(resize(logicalUnit, 4096).error).toMatchObject({ kind: 'noSpace' })
    expect([initiator.send([0x00]).senseText, capacity(initiator)]).toEqual([null, OLD_BLOCKS])
  })
})

describe('a logical unit that shrinks', () => {
  it('does not lose data that nobody gave up', () => {
    const { initiator, logicalUnit, store } = testBench()
    store.allocation = [
      { byteCount: 1024 * BLOCK, isAllocated: true },
      { byteCount: 512 * BLOCK, isAllocated: false },
    ]
    expect(resize(logicalUnit, 1024).error!.message).toMatch('which shrinking would lose')
    expect([store.sizeBytes, capacity(initiator)]).toEqual([OLD_BLOCKS * BLOCK, OLD_BLOCKS])
  })

  it.each([
    ['that hold nothing', false, false],
    ['that were given up', true, true],
  ])('cuts off blocks %s, and tells every nexus', (_name, isAllocated, mayDiscardData) => {
    const { initiator, logicalUnit, store } = testBench()
    store.allocation = [
      { byteCount: 1024 * BLOCK, isAllocated: true },
      { byteCount: 1024 * BLOCK, isAllocated },
    ]
    expect(resize(logicalUnit, 1024, mayDiscardData).error).toBeNull()
    expect(initiator.send([0x00]).senseText).toBe('6/2a/09')
    expect([store.sizeBytes, capacity(initiator)]).toEqual([1024 * BLOCK, 1024])
    expect(write(initiator, 1024).senseText).toBe('5/21/00')
  })

  it('waits for what has begun behind its new end, and refuses what comes there meanwhile', () => {
    const { initiator, logicalUnit, store } = testBench()
    store.isManual = true
    const begun = write(initiator, 2000)
    const outcome = resize(logicalUnit, 1024, true)
    const late = write(initiator, 2001)
    expect([outcome.error, store.countOf('resize')]).toEqual([undefined, 0])
    store.release()
    expect([begun.status, store.countOf('resize')]).toEqual([0, 1])
    store.release()
    expect([outcome.error, late.senseText, store.countOf('writev')]).toEqual([null, '5/21/00', 1])
  })
})

describe('a logical unit refuses', () => {
  it.each([0, -1, 0.5, 1.001, Number.NaN])('a size of %d blocks', (blocks) => {
    expect(resize(testBench().logicalUnit, blocks, true).error!.message).toMatch('multiple of the block length 512')
  })

  it('to change while it changes, or while it is erased', () => {
    const { initiator, logicalUnit, store } = testBench()
    store.isManual = true
    resize(logicalUnit, 4096)
    expect(resize(logicalUnit, 8192).error!.message).toMatch('changed already')
    store.release()
    initiator.clearUnitAttentions().send([0x48, 0x82])
    expect(resize(logicalUnit, 8192).error!.message).toMatch('sanitized')
  })
})
