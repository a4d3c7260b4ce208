/** START STOP UNIT with LOEJ, PREVENT ALLOW MEDIUM REMOVAL and the operator's eject and insert (SPC-3 6.13, SBC-3). */

import { describe, expect, it } from 'vitest'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { EVERY_DEVICE_TYPE } from '../../../scsi/device-type.ts'
import type { EjectOutcome } from '../../../scsi/removable-medium.ts'
import { benchOf, driveWith } from '../../support/cd-dvd-bench.ts'
import { OUT, reserveOut } from '../../support/persistent-reserve.ts'
import { blockCdb, emptyCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const EJECT = [0x1b, 0, 0, 0, 0x02]
const LOAD = [0x1b, 0, 0, 0, 0x03]
const PREVENT = [0x1e, 0, 0, 0, 1]
const ALLOW = [0x1e, 0, 0, 0, 0]
const TEST_UNIT_READY = [0x00]
const TRAY_OPEN = '2/3a/02'
const TRAY_CLOSED = '2/3a/01'

const removableDisk = () => testBench({ isRemovable: true })

function withOther() {
  const bench = removableDisk()
  return { ...bench, other: new TestInitiator(bench.target, 'b').clearUnitAttentions() }
}

function eject({ logicalUnit }: ReturnType<typeof testBench>, isForced = false): EjectOutcome | null {
  let outcome: EjectOutcome | null = null
  logicalUnit.medium.eject(null, isForced, (result) => {
    outcome = result
  })
  return outcome
}

describe('INQUIRY', () => {
  it.each([true, false])('has RMB %s', (isRemovable) => {
    expect(testBench({ isRemovable }).initiator.send([0x12, 0, 0, 0, 96]).dataIn[1]! >> 7).toBe(isRemovable ? 1 : 0)
  })
})

describe('eject and load', () => {
  it('opens and closes the tray, and tells the other nexuses', () => {
    const { initiator, other } = withOther()
    expect(initiator.send(EJECT).status).toBe(0)
    for (const nexus of [initiator, other]) expect(nexus.send(TEST_UNIT_READY).senseText).toBe(TRAY_OPEN)
    expect(initiator.send([0x03, 0, 0, 0, 18]).dataIn.subarray(12, 14).toString('hex')).toBe('3a02')
    expect(initiator.send(LOAD).status).toBe(0)
    expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
    expect(other.send(TEST_UNIT_READY).senseText).toBe('6/28/00')
    expect(other.send(TEST_UNIT_READY).status).toBe(0)
  })

  it('is accepted twice', () => {
    const { initiator } = removableDisk()
    for (const cdb of [EJECT, EJECT, LOAD, LOAD, TEST_UNIT_READY]) expect(initiator.send(cdb).status).toBe(0)
  })

  it.each(EVERY_DEVICE_TYPE)('%s: refuses every command that needs the medium, and no other', (deviceType) => {
    const bench = deviceType === 'disk' ? removableDisk() : benchOf(deviceType)
    expect(bench.initiator.send(EJECT).status).toBe(0)
    const callsBefore = bench.store.calls.length
    for (const row of COMMAND_SETS[deviceType].rows) {
      if (['START STOP UNIT', 'SEND DIAGNOSTIC'].includes(row.name)) continue
      const { senseText } = bench.initiator.send(
        emptyCdb(row),
        row.data === 'out' ? { dataOut: Buffer.alloc(512) } : {},
      )
      expect([row.name, senseText === TRAY_OPEN]).toEqual([row.name, row.needsMedium])
    }
    expect([bench.store.calls.length, bench.internalErrors]).toEqual([callsBefore, []])
  })

  it('flushes first, and keeps a medium that could not be flushed', () => {
    const { initiator, store } = removableDisk()
    store.failNext('io')
    expect(initiator.send(EJECT).senseText).toBe('3/0c/00')
    expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
    expect(initiator.send(EJECT).status).toBe(0)
    expect(store.countOf('flush')).toBe(2)
  })

  it('waits for those who work on the medium, and lets nobody begin', () => {
    const { initiator, other, store } = withOther()
    const write = other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512, 7), isDataOutManual: true })
    const ejected = initiator.send(EJECT)
    expect([write.end, ejected.end]).toEqual(['none', 'none'])
    expect(other.send(blockCdb(0x28, 0, 1)).senseText).toBe(TRAY_OPEN)
    write.giveDataOut(512)
    expect([write.status, ejected.status]).toEqual([0, 0])
    expect(store.bytes.subarray(0, 512)).toEqual(Buffer.alloc(512, 7))
  })

  it('goes on when it is aborted, without an answer', () => {
    const { initiator, other, target } = withOther()
    other.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512), isDataOutManual: true })
    const ejected = initiator.send(EJECT)
    target.logicalUnitReset(initiator.nexus, Buffer.alloc(8), () => {})
    expect(ejected.end).toBe('aborted')
    initiator.send(TEST_UNIT_READY)
    expect(initiator.send(TEST_UNIT_READY).senseText).toBe(TRAY_OPEN)
  })

  it('stays where it is with every POWER CONDITION, whatever LOEJ says, also with codes that SBC-3 reserves', () => {
    const { initiator } = removableDisk()
    for (let powerCondition = 1; powerCondition <= 0xf; powerCondition++) {
      expect(initiator.send([0x1b, 1, 0, 0, (powerCondition << 4) | 0x02]).status).toBe(0)
      expect(initiator.send(TEST_UNIT_READY).status).toBe(0)
    }
  })

  it('START without a medium says that there is none', () => {
    const { initiator } = driveWith(null)
    expect(initiator.send([0x1b, 0, 0, 0, 0x01]).senseText).toBe(TRAY_CLOSED)
    expect(initiator.send(LOAD).senseText).toBe(TRAY_CLOSED)
  })
})

describe('PREVENT ALLOW MEDIUM REMOVAL', () => {
  it('is accepted where nothing can be removed', () => {
    const { initiator, logicalUnit } = testBench()
    expect(initiator.send(PREVENT).status).toBe(0)
    expect(logicalUnit.medium.isRemovalPrevented).toBe(false)
  })

  it('prevents an eject until each nexus that prevents it allows it', () => {
    const { initiator, other } = withOther()
    initiator.send(PREVENT)
    other.send(PREVENT)
    expect(initiator.send(EJECT).senseText).toBe('5/53/02')
    expect(initiator.send(ALLOW).status).toBe(0)
    expect(initiator.send(EJECT).senseText).toBe('5/53/02')
    other.send(ALLOW)
    expect(initiator.send(EJECT).status).toBe(0)
  })

  it('locks an open tray, too', () => {
    const { initiator } = removableDisk()
    initiator.send(EJECT)
    initiator.send(PREVENT)
    expect(initiator.send(LOAD).senseText).toBe('5/53/02')
    initiator.send(ALLOW)
    expect(initiator.send(LOAD).status).toBe(0)
  })

  it.each([
    ['the loss of its nexus', ({ target, other }) => target.closeNexus(other.nexus, () => {})],
    ['a logical unit reset', ({ target, other }) => target.logicalUnitReset(other.nexus, Buffer.alloc(8), () => {})],
    ['a target reset', ({ target, other }) => target.targetReset(other.nexus, () => {})],
    [
      'PREEMPT AND ABORT',
      ({ initiator, other }) => {
        reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
        reserveOut(other, OUT.REGISTER, { actionKey: 2n })
        reserveOut(initiator, OUT.PREEMPT_AND_ABORT, { key: 1n, actionKey: 2n, type: 1 })
      },
    ],
  ] as const satisfies readonly (readonly [string, (bench: ReturnType<typeof withOther>) => void])[])(
    'ends with %s',
    (_name, end) => {
      const bench = withOther()
      bench.other.send(PREVENT)
      end(bench)
      bench.initiator.clearUnitAttentions()
      expect(bench.initiator.send(EJECT).status).toBe(0)
    },
  )

  it('refuses what is for medium changers', () => {
    const exchange = removableDisk().initiator.send([0x1e, 0, 0, 0, 3])
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '4.1'])
  })
})

describe('the operator', () => {
  it('takes the medium out and puts another one in, of another size', () => {
    const bench = removableDisk()
    const { initiator, logicalUnit, store } = bench
    expect(eject(bench)).toBe('ejected')
    expect(logicalUnit.medium.take()).toBe(store)
    expect(logicalUnit.medium.take()).toBeNull()
    const another = new TestStore(64 * 512)
    another.bytes.fill(9)
    logicalUnit.medium.insert(another)
    expect(initiator.send(TEST_UNIT_READY).senseText).toBe('6/28/00')
    expect(initiator.send([0x25]).dataIn.readUInt32BE(0)).toBe(63)
    expect(initiator.send(blockCdb(0x28, 63, 1)).dataIn).toEqual(Buffer.alloc(512, 9))
    expect(initiator.send(blockCdb(0x28, 64, 1)).senseText).toBe('5/21/00')
  })

  it('is stopped by an initiator, which hears of it, unless he insists', () => {
    const bench = removableDisk()
    bench.initiator.send(PREVENT)
    expect(eject(bench)).toBe('prevented')
    expect(bench.initiator.send(TEST_UNIT_READY).senseText).toBe('6/5a/01')
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(0)
    expect(eject(bench, true)).toBe('ejected')
  })

  it('cannot insert a second medium, an empty one, or any where it is not removable', () => {
    const { logicalUnit } = removableDisk()
    expect(() => logicalUnit.medium.insert(new TestStore(4096))).toThrow('there is a medium in the drive')
    eject({ ...removableDisk(), logicalUnit })
    logicalUnit.medium.take()
    expect(() => logicalUnit.medium.insert(new TestStore(511))).toThrow('one logical block')
    expect(() => testBench().logicalUnit.medium.insert(new TestStore(4096))).toThrow('not removable')
  })
})
