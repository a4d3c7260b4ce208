import { describe, expect, it } from 'vitest'
import { DelayingStore } from '../../../../scsi/backing/delaying.ts'
import { MemoryStore } from '../../../../scsi/backing/memory.ts'
import { pattern, read } from '../../../support/backing-calls.ts'
import { describeBackingStore } from '../../../support/backing-suite.ts'

describeBackingStore('a delaying store', (size) => new DelayingStore(new MemoryStore(size), () => Math.random() * 2))

/** A delaying store on a virtual clock. */
function simulate(delaysMs: number[]) {
  let waiting: { callback: () => void; delayMs: number }[] = []
  const memory = new MemoryStore(4096)
  const schedule = (callback: () => void, delayMs: number) => void waiting.push({ callback, delayMs })
  const passAll = () => {
    const due = waiting.toSorted((a, b) => a.delayMs - b.delayMs)
    waiting = []
    for (const { callback } of due) callback()
  }
  return { memory, passAll, store: new DelayingStore(memory, () => delaysMs.shift() ?? 0, schedule) }
}

describe('a delaying store', () => {
  it('has done the work before it says so', async () => {
    const { memory, store, passAll } = simulate([5])
    let isDone = false
    store.writev([pattern(512, 1)], 0, false, () => {
      isDone = true
    })
    expect(await read(memory, 0, 512)).toEqual(pattern(512, 1))
    expect(isDone).toBe(false)
    passAll()
    expect(isDone).toBe(true)
  })

  it('completes in the order of the delays', () => {
    const { store, passAll } = simulate([9, 3, 0])
    const order: number[] = []
    for (const name of [9, 3, 0]) store.flush(() => order.push(name))
    expect(order).toEqual([0])
    passAll()
    expect(order).toEqual([0, 3, 9])
  })

  it('closes after the last delay', () => {
    const { store, passAll } = simulate([9])
    const order: string[] = []
    store.readv([Buffer.alloc(1)], 0, () => order.push('read'))
    store.close(() => order.push('close'))
    expect(order).toEqual([])
    passAll()
    expect(order).toEqual(['read', 'close'])
  })
})
