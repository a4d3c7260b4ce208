import { describe, expect, it } from 'vitest'
import { TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import { blockCdb, type Exchange, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const { SIMPLE, ORDERED, HEAD_OF_QUEUE, ACA } = TASK_ATTRIBUTE

/** Writes to distinct blocks, held back by the store: which of them have been started is visible in its calls. */
function heldBench() {
  const bench = testBench()
  bench.store.isManual = true
  let next = 0
  const write = (attribute: 0 | 1 | 2 | 3, priority = 0): Exchange =>
    bench.initiator.send(blockCdb(0x2a, next++, 1), { dataOut: Buffer.alloc(512, next), attribute, priority })
  const started = () => bench.store.calls.map((call) => call.offsetBytes / 512)
  return { ...bench, write, started }
}

describe('the task set', () => {
  it('runs SIMPLE commands side by side', () => {
    const { write, started } = heldBench()
    for (let i = 0; i < 4; i++) write(SIMPLE)
    expect(started()).toEqual([0, 1, 2, 3])
  })

  it('lets ORDERED wait for all older commands and hold back all younger ones', () => {
    const { write, started, store } = heldBench()
    write(SIMPLE)
    write(SIMPLE)
    write(ORDERED)
    write(SIMPLE)
    write(ORDERED)
    write(SIMPLE)
    expect(started()).toEqual([0, 1])
    store.release(1)
    expect(started()).toEqual([0, 1])
    store.release(1)
    expect(started()).toEqual([0, 1, 2])
    store.release(1)
    expect(started()).toEqual([0, 1, 2, 3])
    store.release(1)
    expect(started()).toEqual([0, 1, 2, 3, 4])
    store.release(1)
    expect(started()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('begins SIMPLE commands that may run together by priority, 1 first, and those without one last', () => {
    const { write, started, store } = heldBench()
    write(ORDERED)
    for (const priority of [0, 15, 1, 8, 1]) write(SIMPLE, priority)
    write(ORDERED, 1)
    write(SIMPLE, 1)
    expect(started()).toEqual([0])
    store.release(1)
    expect(started()).toEqual([0, 3, 5, 4, 2, 1])
  })

  it('runs HEAD OF QUEUE at once, before all that is dormant', () => {
    const { write, started, store } = heldBench()
    write(SIMPLE)
    write(ORDERED)
    write(HEAD_OF_QUEUE)
    write(SIMPLE)
    expect(started()).toEqual([0, 2])
    store.release(1)
    expect(started()).toEqual([0, 2])
    store.release(1)
    expect(started()).toEqual([0, 2, 1])
    store.release(1)
    expect(started()).toEqual([0, 2, 1, 3])
  })

  it('holds SIMPLE commands back while HEAD OF QUEUE runs', () => {
    const { write, started, store } = heldBench()
    write(HEAD_OF_QUEUE)
    write(SIMPLE)
    write(HEAD_OF_QUEUE)
    expect(started()).toEqual([0, 2])
    store.release(2)
    expect(started()).toEqual([0, 2, 1])
  })

  it('ends every command of a long ORDERED queue in order, without recursion', () => {
    const { write, started, store } = heldBench()
    const exchanges = Array.from({ length: 1500 }, () => write(ORDERED))
    store.isManual = false
    store.release()
    expect(started()).toEqual(exchanges.map((_, i) => i))
    expect(exchanges.every((exchange) => exchange.status === 0)).toBe(true)
  })

  it('refuses the ACA attribute, because there is never an ACA', () => {
    expect(testBench().initiator.send([0x00], { attribute: ACA }).senseText).toBe('5/49/00')
  })

  it('holds nothing once all commands have ended', () => {
    const { write, store, logicalUnit } = heldBench()
    for (const attribute of [SIMPLE, ORDERED, HEAD_OF_QUEUE, SIMPLE]) write(attribute)
    expect(logicalUnit.taskSet.size).toBe(4)
    while (store.heldCount > 0) store.release(1)
    expect(logicalUnit.taskSet.size).toBe(0)
  })

  it('orders the commands of one nexus among themselves where each has a task set of its own', () => {
    const { write, started, store, logicalUnit, target } = heldBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    const read = (attribute: 0 | 1 | 2, lba: number) => other.send(blockCdb(0x28, lba, 1), { attribute })
    logicalUnit.taskSet.isPerNexus = true
    write(SIMPLE)
    write(ORDERED)
    write(SIMPLE)
    read(ORDERED, 100)
    read(SIMPLE, 101)
    expect(started()).toEqual([0, 100])
    store.release(2)
    expect(started()).toEqual([0, 100, 1, 101])
    store.release(1)
    expect(started()).toEqual([0, 100, 1, 101, 2])
    read(HEAD_OF_QUEUE, 102)
    read(SIMPLE, 103)
    write(SIMPLE)
    expect(started()).toEqual([0, 100, 1, 101, 2, 102, 3])
    while (store.heldCount > 0) store.release(1)
    expect(started()).toEqual([0, 100, 1, 101, 2, 102, 3, 103])
  })
})
