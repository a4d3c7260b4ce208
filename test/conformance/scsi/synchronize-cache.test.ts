import { describe, expect, it } from 'vitest'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const IMMED = 0x02
const SYNC_NV = 0x04

describe.each([
  { name: 'SYNCHRONIZE CACHE (10)', operationCode: 0x35 },
  { name: 'SYNCHRONIZE CACHE (16)', operationCode: 0x91 },
])('$name', ({ operationCode }) => {
  it.each([0, IMMED, SYNC_NV])('with byte 1 %i returns GOOD after the flush and not before', (flags) => {
    const { initiator, store } = testBench()
    store.isManual = true
    const exchange = initiator.send(blockCdb(operationCode, 0, 0, flags))
    expect(store.countOf('flush')).toBe(1)
    expect(exchange.end).toBe('none')
    store.release()
    expect(exchange.status).toBe(0)
  })

  it('reports a flush that failed', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    expect(initiator.send(blockCdb(operationCode, 0, 0)).senseText).toBe('3/0c/00')
  })

  it('has nothing to do where writes are durable at once', () => {
    const { initiator, store } = testBench({ store: new TestStore(65536, { volatileWriteCache: false }) })
    expect(initiator.send(blockCdb(operationCode, 0, 0)).status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it('refuses a range beyond the end', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    for (const [lba, blocks] of [
      [1024, 0],
      [1024, 1],
      [1023, 2],
    ] as const) {
      expect(initiator.send(blockCdb(operationCode, lba, blocks)).senseText).toBe('5/21/00')
    }
    expect(initiator.send(blockCdb(operationCode, 1000, 24)).status).toBe(0)
    expect(store.countOf('flush')).toBe(1)
  })
})
