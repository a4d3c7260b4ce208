import { describe, expect, it } from 'vitest'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { SENSE } from '../../../scsi/sense-codes.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { blockCdb, TEST_IDENTITY, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const TEST_UNIT_READY = [0x00]
const REQUEST_SENSE = [0x03, 0, 0, 0, 252]
const INQUIRY = [0x12, 0, 0, 0, 96]

function disk(): LogicalUnit {
  return new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }, new TestStore(65536))
}

describe('a nexus', () => {
  it('is greeted once with POWER ON on each logical unit', () => {
    const { target } = testBench()
    const initiator = new TestInitiator(target, 'new')
    expect(initiator.send(TEST_UNIT_READY).senseText).toBe('6/29/00')
    expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
  })

  it('is told of the nexus loss when its initiator port was here before', () => {
    const { target, initiator } = testBench()
    target.closeNexus(initiator.nexus, () => {})
    const again = new TestInitiator(target)
    expect(again.send(TEST_UNIT_READY).senseText).toBe('6/29/07')
  })

  it('ends when the last of its commands has come to rest, without touching the commands of others', () => {
    const { target, initiator, store, logicalUnit } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    store.isManual = true
    const mine = initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    const others = other.send(blockCdb(0x2a, 1, 1), { dataOut: Buffer.alloc(512) })
    let hasEnded = false
    target.closeNexus(initiator.nexus, () => {
      hasEnded = true
    })
    expect(hasEnded).toBe(false)
    store.release(1)
    expect([mine.end, others.end, hasEnded]).toEqual(['aborted', 'none', true])
    store.release()
    expect(others.status).toBe(0)
    expect(logicalUnit.taskSet.size).toBe(0)
  })

  it('ends no earlier than its commands on a logical unit that was unmapped meanwhile', () => {
    const { target, initiator, store } = testBench()
    store.isManual = true
    initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    const ended: string[] = []
    target.unmapLogicalUnit(0, () => ended.push('unmapped'))
    target.closeNexus(initiator.nexus, () => ended.push('closed'))
    expect(ended).toEqual([])
    store.release()
    expect(ended.sort()).toEqual(['closed', 'unmapped'])
  })

  it('whose commands have not come to rest keeps a logical unit from being unmapped to the end', () => {
    const { target, initiator, store } = testBench()
    store.isManual = true
    initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    const ended: string[] = []
    target.closeNexus(initiator.nexus, () => ended.push('closed'))
    target.unmapLogicalUnit(0, () => ended.push('unmapped'))
    expect(ended).toEqual([])
    store.release()
    expect(ended.sort()).toEqual(['closed', 'unmapped'])
  })

  it('that is closed gets no command through', () => {
    const { target, initiator, store } = testBench()
    let endings = 0
    target.closeNexus(initiator.nexus, () => endings++)
    target.closeNexus(initiator.nexus, () => endings++)
    expect(endings).toBe(2)
    const exchange = initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    expect([exchange.end, store.calls]).toEqual(['aborted', []])
  })

  it('cannot be opened twice', () => {
    const { target, initiator } = testBench()
    expect(() => target.openNexus(initiator.nexus)).toThrow('open already')
  })
})

describe('a pending unit attention', () => {
  it('lets INQUIRY and REPORT LUNS through and stays, and ends with REQUEST SENSE', () => {
    const initiator = new TestInitiator(testBench().target, 'new')
    expect(initiator.send(INQUIRY).status).toBe(0)
    const sense = initiator.send(REQUEST_SENSE)
    expect([sense.status, sense.dataIn[2], sense.dataIn[12], sense.dataIn[13]]).toEqual([0, 6, 0x29, 0])
    expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
  })

  it('goes before an operation code that does not exist and before a wrong CDB', () => {
    const { target } = testBench()
    for (const cdb of [[0xff], [0x28, 0xff]]) {
      const initiator = new TestInitiator(target, `new-${cdb[0]}`)
      expect(initiator.send(cdb).senseText).toBe('6/29/00')
      target.closeNexus(initiator.nexus, () => {})
    }
  })

  it('of a reset goes before RESERVATION CONFLICT, and any other after it', () => {
    const { target, initiator, logicalUnit } = testBench()
    const other = new TestInitiator(target, 'b')
    initiator.send([0x16])
    expect(other.send(TEST_UNIT_READY).senseText).toBe('6/29/00')
    logicalUnit.establishUnitAttention(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(other.send(TEST_UNIT_READY).status).toBe(0x18)
    initiator.clearUnitAttentions().send([0x17])
    expect(other.send(TEST_UNIT_READY).senseText).toBe('6/2a/09')
  })
})

describe('a LUN where nothing is mapped', () => {
  it.each([1, 300])('%i answers INQUIRY and REQUEST SENSE, and refuses the rest', (lun) => {
    const { initiator } = testBench()
    expect(initiator.send(INQUIRY, { lun }).dataIn[0]).toBe(0x7f)
    const sense = initiator.send(REQUEST_SENSE, { lun }).dataIn
    expect([sense[2], sense[12], sense[13]]).toEqual([5, 0x25, 0])
    for (const cdb of [TEST_UNIT_READY, [0xff], blockCdb(0x28, 0, 1), [0x25]]) {
      expect(initiator.send(cdb, { lun }).senseText).toBe('5/25/00')
    }
    expect(initiator.send([0x12, 0xff], { lun }).senseText).toBe('5/24/00')
  })

  it('is what a LUN field that we cannot decode names', () => {
    const exchange = testBench().initiator.send(TEST_UNIT_READY, { lunField: Buffer.alloc(8, 0xff) })
    expect(exchange.senseText).toBe('5/25/00')
  })
})

describe('mapping', () => {
  it('adds a logical unit to the nexuses that are open and tells them', () => {
    const { target, initiator } = testBench()
    target.mapLogicalUnit(300, disk())
    expect(initiator.send(TEST_UNIT_READY).senseText).toBe('6/3f/0e')
    expect(initiator.send(TEST_UNIT_READY, { lun: 300 }).senseText).toBe('6/29/00')
    expect(target.logicalUnitNumbersOf(initiator.nexus)).toEqual([0, 300])
  })

  it('takes one away when its commands have come to rest', () => {
    const { target, initiator, store, logicalUnit } = testBench()
    target.mapLogicalUnit(1, disk())
    initiator.clearUnitAttentions(0, 1)
    store.isManual = true
    const exchange = initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) })
    let isUnmapped = false
    target.unmapLogicalUnit(0, () => {
      isUnmapped = true
    })
    expect([isUnmapped, exchange.end]).toEqual([false, 'none'])
    expect(initiator.send(TEST_UNIT_READY).senseText).toBe('5/25/00')
    expect(initiator.send(TEST_UNIT_READY, { lun: 1 }).status).toBe(0)
    store.release()
    expect([isUnmapped, exchange.status, logicalUnit.taskSet.size]).toEqual([true, 0x40, 0])
    expect(initiator.send(TEST_UNIT_READY, { lun: 1 }).senseText).toBe('6/3f/0e')
  })

  it('of one logical unit into two targets shares its task set, its reservation and its resets', () => {
    const logicalUnit = disk()
    const targets = [1, 2].map(
      (lun) => new ScsiTarget({ logicalUnits: new Map([[lun, logicalUnit]]), onInternalError: () => {} }),
    )
    const one = new TestInitiator(targets[0]!).clearUnitAttentions(1)
    const two = new TestInitiator(targets[1]!).clearUnitAttentions(2)
    one.send([0x16], { lun: 1 })
    expect(two.send(TEST_UNIT_READY, { lun: 2 }).status).toBe(0x18)
    targets[0]!.targetReset(one.nexus, () => {})
    expect(two.send(TEST_UNIT_READY, { lun: 2 }).senseText).toBe('6/29/03')
    expect(two.send(TEST_UNIT_READY, { lun: 2 }).status).toBe(0)
  })

  it('refuses numbers that are taken, free or not addressable', () => {
    const { target } = testBench()
    expect(() => target.mapLogicalUnit(0, disk())).toThrow('mapped already')
    expect(() => target.unmapLogicalUnit(1, () => {})).toThrow('not mapped')
    expect(() => target.mapLogicalUnit(16384, disk())).toThrow('0 to 16383')
    const logicalUnits = new Map([[-1, disk()]])
    expect(() => new ScsiTarget({ logicalUnits, onInternalError: () => {} })).toThrow('0 to 16383')
  })
})

describe('a logical unit', () => {
  it('serves whole blocks of its store', () => {
    const options = { identity: TEST_IDENTITY, blockLengthBytes: 4096, isReadOnly: false }
    expect(new LogicalUnit(options, new TestStore(10000)).properties.blockCount).toBe(2)
    expect(() => new LogicalUnit(options, new TestStore(4095))).toThrow('does not hold one')
    for (const physicalBlockBytes of [512, 6144, 2 ** 27]) {
      expect(() => new LogicalUnit({ ...options, physicalBlockBytes }, new TestStore(4096))).toThrow('physical block')
    }
    const unaligned = { ...options, physicalBlockBytes: 8192, lowestAlignedLba: 2 }
    expect(() => new LogicalUnit(unaligned, new TestStore(4096))).toThrow('lowest aligned')
    expect(() => new LogicalUnit({ ...options, blockLengthBytes: 1024 }, new TestStore(4096))).toThrow(
      'not one of 512 and 4096',
    )
  })
})

describe('a fault of our own', () => {
  it('in a store ends that command with INTERNAL TARGET FAILURE and is reported', () => {
    const { initiator, store, internalErrors } = testBench()
    const fault = new Error('broken store')
    const commands: (() => { senseText: string | null })[] = [
      () => initiator.send(blockCdb(0x28, 0, 1), { dataInCapacityBytes: 512 }),
      () => initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512) }),
      () => initiator.send(blockCdb(0x2f, 0, 1, 0x02), { dataOut: Buffer.alloc(512) }),
      () => initiator.send(blockCdb(0x41, 0, 1), { dataOut: Buffer.alloc(512) }),
      () => initiator.send(blockCdb(0x41, 0, 1), { dataOut: Buffer.alloc(512, 1) }),
      () => initiator.send(blockCdb(0x35, 0, 0)),
    ]
    for (const send of commands) {
      store.throwNext(fault)
      expect(send().senseText).toBe('4/44/00')
    }
    expect(internalErrors).toEqual(commands.map(() => fault))
    expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
  })

  it('in a handler does the same', () => {
    const { initiator, internalErrors, logicalUnit } = testBench()
    const fault = new Error('broken handler')
    logicalUnit.reservation.reserve = () => {
      throw fault
    }
    expect(initiator.send([0x16]).senseText).toBe('4/44/00')
    expect(internalErrors).toEqual([fault])
    expect(logicalUnit.taskSet.size).toBe(0)
  })

  it('waits for what is in flight before the command ends', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    const options = { dataOut: Buffer.alloc(1024), isDataOutManual: true }
    const exchange = initiator.send(blockCdb(0x2a, 0, 2), options)
    exchange.giveDataOut(512)
    store.throwNext(new Error('broken store'))
    exchange.giveDataOut(512)
    expect(exchange.end).toBe('none')
    store.release()
    expect(exchange.senseText).toBe('4/44/00')
  })
})
