/** Who sees which logical unit and may change it: LUN masking of the task router, and read-only initiators. */

import { describe, expect, it } from 'vitest'
import { COMMAND_TABLE } from '../../../scsi/command-table.ts'
import { type InitiatorAccess, isForWriters } from '../../../scsi/initiator-access.ts'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import type { Nexus } from '../../../scsi/nexus.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { blockCdb, emptyCdb, fillWithPattern, TEST_IDENTITY, TestInitiator } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const TEST_UNIT_READY = [0x00]
const NOTHING_MAPPED = '5/25/00'
const WRITE_PROTECTED = '7/27/00'

/** What the initiators named a, b, c may do; nothing when they are not named. */
function only(accesses: Readonly<Record<string, InitiatorAccess>>) {
  return ({ initiatorDeviceName }: Nexus) => accesses[initiatorDeviceName.at(-1)!] ?? 'none'
}

function bench() {
  const store = new TestStore(65_536)
  fillWithPattern(store.bytes)
  const disk = () =>
    new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }, new TestStore(65_536))
  const logicalUnit = new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }, store)
  const onInternalError = (error: unknown) => {
    throw error
  }
  const target = new ScsiTarget({ logicalUnits: new Map([[0, disk()]]), onInternalError })
  target.mapLogicalUnit(1, logicalUnit, only({ a: 'readWrite', b: 'readOnly' }))
  const [a, b, c] = ['a', 'b', 'c'].map((name) => {
    const initiator = new TestInitiator(target, name)
    initiator.clearUnitAttentions(0)
    if (name !== 'c') initiator.clearUnitAttentions(1)
    return initiator
  }) as [TestInitiator, TestInitiator, TestInitiator]
  return { target, logicalUnit, store, disk, a, b, c }
}

const ready = (initiator: TestInitiator, lun: number) => initiator.send(TEST_UNIT_READY, { lun }).senseText
const write = (initiator: TestInitiator) =>
  initiator.send(blockCdb(0x2a, 0, 1), { lun: 1, dataOut: Buffer.alloc(512, 7) }).senseText
const reportedLuns = (initiator: TestInitiator) => {
  const { dataIn } = initiator.send([0xa0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0])
  return Array.from({ length: dataIn.readUInt32BE(0) / 8 }, (_, i) => dataIn[8 + 8 * i + 1])
}
/** WP in the header of MODE SENSE (6). */
const isWriteProtected = (initiator: TestInitiator) =>
  (initiator.send([0x1a, 0, 0x3f, 0, 255], { lun: 1 }).dataIn[2]! & 0x80) !== 0

describe('masking', () => {
  it('shows a logical unit to those alone whom the policy names', () => {
    const { a, b, c } = bench()
    expect([a, b, c].map(reportedLuns)).toEqual([[0, 1], [0, 1], [0]])
    expect([a, b, c].map((initiator) => ready(initiator, 1))).toEqual([null, null, NOTHING_MAPPED])
    expect(c.send([0x12, 0, 0, 0, 96], { lun: 1 }).dataIn[0]).toBe(0x7f)
    expect(write(c)).toBe(NOTHING_MAPPED)
  })

  it('keeps task management away from what is not seen', () => {
    const { target, a, c, store } = bench()
    store.isManual = true
    const running = a.send(blockCdb(0x28, 0, 1), { lun: 1 })
    const outcomes: string[] = []
    const lun = Buffer.from('0001000000000000', 'hex')
    target.logicalUnitReset(c.nexus, lun, (outcome) => outcomes.push(outcome))
    target.clearTaskSet(c.nexus, lun, (outcome) => outcomes.push(outcome))
    target.targetReset(c.nexus, (outcome) => outcomes.push(outcome))
    expect(outcomes).toEqual(['incorrectLogicalUnitNumber', 'incorrectLogicalUnitNumber', 'functionComplete'])
    store.release()
    expect(running.status).toBe(0)
    expect(ready(a, 1)).toBeNull()
  })

  it('that changes tells exactly those whose view changes', () => {
    const { target, a, b, c } = bench()
    let isDone = false
    target.changePolicy(1, only({ a: 'readWrite', c: 'readWrite' }), () => {
      isDone = true
    })
    expect(isDone).toBe(true)
    expect([a, b, c].map((initiator) => ready(initiator, 0))).toEqual([null, '6/3f/0e', '6/3f/0e'])
    expect([a, b, c].map((initiator) => ready(initiator, 1))).toEqual([null, NOTHING_MAPPED, '6/29/00'])
    expect([a, b, c].map(reportedLuns)).toEqual([[0, 1], [0], [0, 1]])
  })

  it('that maps or unmaps tells nobody who does not see it', () => {
    const { target, disk, a, b, c } = bench()
    target.mapLogicalUnit(2, disk(), only({ b: 'readWrite' }))
    expect([a, b, c].map((initiator) => ready(initiator, 0))).toEqual([null, '6/3f/0e', null])
    target.unmapLogicalUnit(1, () => {})
    expect([a, b, c].map((initiator) => ready(initiator, 0))).toEqual(['6/3f/0e', '6/3f/0e', null])
  })

  it('ends the commands of who loses sight with TASK ABORTED, when they are at rest, and those of nobody else', () => {
    const { target, a, b, store } = bench()
    store.isManual = true
    const lost = a.send(blockCdb(0x2a, 0, 1), { lun: 1, dataOut: Buffer.alloc(512) })
    const kept = b.send(blockCdb(0x28, 8, 1), { lun: 1 })
    let isDone = false
    target.changePolicy(1, only({ b: 'readOnly' }), () => {
      isDone = true
    })
    expect([lost.end, isDone, ready(a, 0), ready(a, 1)]).toEqual(['none', false, null, NOTHING_MAPPED])
    store.release()
    expect([lost.status, isDone, ready(a, 0), kept.status]).toEqual([0x40, true, '6/3f/0e', 0])
  })

  it('counts for each nexus what it reads and writes, also through what it has lost', () => {
    const { target, a, b } = bench()
    write(a)
    a.send(blockCdb(0x28, 0, 4), { lun: 1 })
    b.send(blockCdb(0x28, 0, 2), { lun: 1 })
    const countersOfA = { readCommands: 1, readBytes: 2048, writeCommands: 1, writtenBytes: 512 }
    expect(target.countersOf(a.nexus)).toMatchObject(countersOfA)
    expect(target.countersOf(b.nexus)).toMatchObject({ readCommands: 1, readBytes: 1024, writeCommands: 0 })
    target.unmapLogicalUnit(1, () => {})
    expect(target.countersOf(a.nexus)).toMatchObject(countersOfA)
  })
})

describe('an initiator that may only read', () => {
  it('reads, and finds a write-protected device that others write', () => {
    const { a, b, store } = bench()
    const before = Buffer.from(store.bytes)
    expect(write(b)).toBe(WRITE_PROTECTED)
    expect(store.bytes.equals(before)).toBe(true)
    expect(b.send(blockCdb(0x28, 0, 1), { lun: 1 }).status).toBe(0)
    expect([isWriteProtected(a), isWriteProtected(b)]).toEqual([false, true])
    expect(write(a)).toBeNull()
  })

  it.each([
    ['WRITE (16)', blockCdb(0x8a, 0, 1)],
    ['WRITE SAME (10)', blockCdb(0x41, 0, 1)],
    ['COMPARE AND WRITE', Buffer.from('89000000000000000000000000010000', 'hex')],
    ['UNMAP', Buffer.from('42000000000000001800', 'hex')],
    ['FORMAT UNIT', Buffer.from('040000000000', 'hex')],
    ['SANITIZE', Buffer.from('48020000000000000000', 'hex')],
    ['PERSISTENT RESERVE OUT', Buffer.from('5f000000000000001800', 'hex')],
    ['RESERVE', Buffer.from('160000000000', 'hex')],
    ['MODE SELECT', Buffer.from('151000001800', 'hex')],
    ['EXTENDED COPY', Buffer.from('83000000000000000000000000100000', 'hex')],
    ['WRITE USING TOKEN', Buffer.from('83110000000000000000000002180000', 'hex')],
    ['PREVENT MEDIUM REMOVAL', Buffer.from('1e0000000100', 'hex')],
  ])('is refused %s', (_name, cdb) => {
    const { b } = bench()
    expect(b.send(cdb, { lun: 1, dataOut: Buffer.alloc(1024) }).senseText).toBe(WRITE_PROTECTED)
  })

  it.each([
    ['SYNCHRONIZE CACHE', [0x35]],
    ['VERIFY', [0x2f]],
    ['PERSISTENT RESERVE IN', [0x5e, 0, 0, 0, 0, 0, 0, 0, 8]],
    ['RELEASE', [0x17]],
    ['ALLOW MEDIUM REMOVAL', [0x1e]],
    ['START STOP UNIT that starts', [0x1b, 0, 0, 0, 1]],
  ])('is served %s', (_name, cdb) => {
    const { b } = bench()
    expect(b.send(cdb, { lun: 1 }).status).toBe(0)
  })

  it('may begin every command that only informs, reads, verifies or flushes, and none that writes', () => {
    for (const row of COMMAND_TABLE) {
      const isRefused = isForWriters(row, emptyCdb(row))
      if (row.taskClass === 'write') expect([row.name, isRefused]).toEqual([row.name, true])
      else if (row.taskClass !== 'configuration') expect([row.name, isRefused]).toEqual([row.name, false])
    }
  })

  it('hears of it when that changes, and writes that have begun are finished first', () => {
    const { target, a, b, store } = bench()
    store.isManual = true
    const begun = a.send(blockCdb(0x2a, 0, 1), { lun: 1, dataOut: Buffer.alloc(512, 9) })
    let isDone = false
    target.changePolicy(1, only({ a: 'readOnly', b: 'readWrite' }), () => {
      isDone = true
    })
    expect([isDone, ready(a, 0), ready(b, 0)]).toEqual([false, null, null])
    store.release()
    expect([begun.status, isDone, store.bytes[0]]).toEqual([0, true, 9])
    store.isManual = false
    expect([ready(a, 1), ready(b, 1)]).toEqual(['6/2a/01', '6/2a/01'])
    expect([write(a), write(b)]).toEqual([WRITE_PROTECTED, null])
  })
})
