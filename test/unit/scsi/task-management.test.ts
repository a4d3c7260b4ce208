import { describe, expect, it } from 'vitest'
import { TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import type { TaskManagementOutcome } from '../../../scsi/target.ts'
import { blockCdb, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const LUN_0 = lunField(0)
const WRITE_10 = 0x2a
const READ_10 = 0x28

function recorder() {
  const outcomes: TaskManagementOutcome[] = []
  return { outcomes, done: (outcome: TaskManagementOutcome) => outcomes.push(outcome) }
}

function twoInitiators() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  bench.store.isManual = true
  return { ...bench, other, ...recorder() }
}

function writeTo(initiator: TestInitiator, lba: number, fill: number) {
  return initiator.send(blockCdb(WRITE_10, lba, 1), { dataOut: Buffer.alloc(512, fill) })
}

describe('ABORT TASK', () => {
  it('completes only when the backing I/O has come to rest, and nothing reaches the initiator', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['none', []])
    store.release()
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
  })

  it('ends a write that waits for Data-Out at once and drops what still comes', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const options = { dataOut: Buffer.alloc(1024, 1), isDataOutManual: true, isLateDataSent: true }
    const exchange = initiator.send(blockCdb(WRITE_10, 0, 2), options)
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    exchange.giveDataOut(1024)
    expect(store.calls).toEqual([])
  })

  it('waits for the pieces in flight of a write whose other pieces have not come', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const options = { dataOut: Buffer.alloc(1024, 1), isDataOutManual: true, isLateDataSent: true }
    const exchange = initiator.send(blockCdb(WRITE_10, 0, 2), options)
    exchange.giveDataOut(512)
    target.abortTask(exchange.command, done)
    exchange.giveDataOut(512)
    expect([exchange.end, store.calls.length]).toEqual(['none', 1])
    store.release()
    expect([exchange.end, outcomes, exchange.consumedBytes]).toEqual(['aborted', ['functionComplete'], 0])
  })

  it('ends a read that waits for the transport at once, and ignores a late delivery', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = initiator.send(blockCdb(READ_10, 0, 1000), { dataInCapacityBytes: 512000, isDeliveryManual: true })
    store.release()
    target.abortTask(exchange.command, done)
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    exchange.deliver()
    expect(store.countOf('readv')).toBe(1)
  })

  it('sends no data of a read whose backing read completes afterwards', () => {
    const { initiator, target, store, done } = twoInitiators()
    const exchange = initiator.send(blockCdb(READ_10, 0, 1), { dataInCapacityBytes: 512 })
    target.abortTask(exchange.command, done)
    store.release()
    expect([exchange.end, exchange.dataIn.length]).toEqual(['aborted', 0])
  })

  it('ends a dormant command without running it', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    writeTo(initiator, 0, 1)
    const dormant = initiator.send(blockCdb(WRITE_10, 1, 1), {
      dataOut: Buffer.alloc(512),
      attribute: TASK_ATTRIBUTE.ORDERED,
    })
    const younger = writeTo(initiator, 2, 2)
    target.abortTask(dormant.command, done)
    expect([dormant.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    store.release()
    expect(younger.status).toBe(0)
    expect(store.calls.map((call) => call.offsetBytes)).toEqual([0, 1024])
  })

  it('of a command that has ended, or that fails while it winds down, completes', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const ended = initiator.send([0x00])
    target.abortTask(ended.command, done)
    expect([ended.end, outcomes]).toEqual(['completed', ['functionComplete']])
    const failing = writeTo(initiator, 0, 1)
    target.abortTask(failing.command, done)
    store.releaseWithError('io')
    expect([failing.end, outcomes.length]).toEqual(['aborted', 2])
  })

  it('twice completes twice, both when the command has come to rest', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.abortTask(exchange.command, done)
    target.abortTask(exchange.command, done)
    expect(outcomes).toEqual([])
    store.release()
    expect(outcomes).toEqual(['functionComplete', 'functionComplete'])
  })

  it('lets an ORDERED command run only after the aborted one has come to rest', () => {
    const { initiator, target, store, done } = twoInitiators()
    const aborted = writeTo(initiator, 0, 1)
    const ordered = initiator.send(blockCdb(WRITE_10, 0, 1), {
      dataOut: Buffer.alloc(512, 2),
      attribute: TASK_ATTRIBUTE.ORDERED,
    })
    target.abortTask(aborted.command, done)
    expect(store.countOf('writev')).toBe(1)
    store.release()
    store.release()
    expect(ordered.status).toBe(0)
    expect(store.bytes[0]).toBe(2)
  })
})

describe('ABORT TASK SET and CLEAR TASK SET', () => {
  it('ABORT TASK SET takes the commands of its nexus only, and tells nobody', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const [mine, others] = [writeTo(initiator, 0, 1), writeTo(other, 1, 1)]
    target.abortTaskSet(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual([])
    store.release()
    expect([mine.end, others.end, outcomes]).toEqual(['aborted', 'completed', ['functionComplete']])
    expect(initiator.send([0x00]).status).toBe(0)
    expect(other.send([0x00]).status).toBe(0)
  })

  it('CLEAR TASK SET takes all, and tells the others that lost commands', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const idle = new TestInitiator(target, 'c').clearUnitAttentions()
    const exchanges = [writeTo(initiator, 0, 1), writeTo(other, 1, 1), writeTo(other, 2, 1)]
    target.clearTaskSet(initiator.nexus, LUN_0, done)
    store.release()
    expect(exchanges.map((exchange) => exchange.end)).toEqual(['aborted', 'aborted', 'aborted'])
    expect(outcomes).toEqual(['functionComplete'])
    expect(initiator.send([0x00]).status).toBe(0)
    expect(idle.send([0x00]).status).toBe(0)
    expect(other.send([0x00]).senseText).toBe('6/2f/00')
    expect(other.send([0x00]).status).toBe(0)
  })

  it('complete at once where nothing runs', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    target.abortTaskSet(initiator.nexus, LUN_0, done)
    target.clearTaskSet(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual(['functionComplete', 'functionComplete'])
  })
})

describe('resets', () => {
  it('LOGICAL UNIT RESET takes all commands and tells every nexus', () => {
    const { initiator, other, target, store, outcomes, done } = twoInitiators()
    const exchanges = [writeTo(initiator, 0, 1), writeTo(other, 1, 1)]
    target.logicalUnitReset(initiator.nexus, LUN_0, done)
    expect(outcomes).toEqual([])
    store.release()
    expect(exchanges.map((exchange) => exchange.end)).toEqual(['aborted', 'aborted'])
    expect(outcomes).toEqual(['functionComplete'])
    for (const one of [initiator, other]) {
      expect(one.send([0x00]).senseText).toBe('6/29/03')
      expect(one.send([0x00]).status).toBe(0)
    }
  })

  it('a target reset resets every logical unit', () => {
    const { initiator, target, store, outcomes, done } = twoInitiators()
    const exchange = writeTo(initiator, 0, 1)
    target.targetReset(initiator.nexus, done)
    expect(outcomes).toEqual([])
    store.release()
    expect([exchange.end, outcomes]).toEqual(['aborted', ['functionComplete']])
    expect(initiator.send([0x00]).senseText).toBe('6/29/03')
  })
})

describe('task management that cannot be done', () => {
  it('names a LUN where nothing is mapped', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    for (const lun of [lunField(9), Buffer.alloc(8, 0xff)]) {
      target.abortTaskSet(initiator.nexus, lun, done)
      target.clearTaskSet(initiator.nexus, lun, done)
      target.logicalUnitReset(initiator.nexus, lun, done)
    }
    expect(outcomes).toEqual(Array(6).fill('incorrectLogicalUnitNumber'))
  })

  it('comes on a nexus that is closed', () => {
    const { initiator, target, outcomes, done } = twoInitiators()
    target.closeNexus(initiator.nexus, () => {})
    target.logicalUnitReset(initiator.nexus, LUN_0, done)
    target.targetReset(initiator.nexus, done)
    expect(outcomes).toEqual(['functionRejected', 'functionRejected'])
  })
})
