import { describe, expect, it } from 'vitest'
import { PREFETCH_BYTES_MAX } from '../../../scsi/transfer-limits.ts'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'

const CONDITION_MET = 0x04
const IMMED = 0x02

describe.each([
  { name: 'PRE-FETCH (10)', operationCode: 0x34 },
  { name: 'PRE-FETCH (16)', operationCode: 0x90 },
])('$name', ({ operationCode }) => {
  it('reads the blocks and says that all of them are there', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const exchange = initiator.send(blockCdb(operationCode, 8, 1000), { dataInCapacityBytes: 0 })
    expect([exchange.status, exchange.residual]).toEqual([CONDITION_MET, 0])
    const reads = store.calls.map(({ operation, offsetBytes, byteCount }) => [operation, offsetBytes, byteCount])
    expect(reads).toEqual([
      ['readv', 4096, 262_144],
      ['readv', 4096 + 262_144, 249_856],
    ])
  })

  it('takes no blocks for all up to the end', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    expect(initiator.send(blockCdb(operationCode, 2040, 0)).status).toBe(CONDITION_MET)
    expect(store.calls.map((call) => call.byteCount)).toEqual([4096])
  })

  it('says GOOD when there are more than it reads, and reads no more than that', () => {
    const { initiator, store } = testBench({ blockCount: PREFETCH_BYTES_MAX / 512 + 1 })
    expect(initiator.send(blockCdb(operationCode, 0, 0)).status).toBe(0)
    expect(store.calls.reduce((sum, call) => sum + call.byteCount, 0)).toBe(PREFETCH_BYTES_MAX)
  })

  it('with IMMED promises nothing and reads nothing', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(blockCdb(operationCode, 0, 8, IMMED)).status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it('refuses blocks beyond the end, and reports those that cannot be read', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    expect(initiator.send(blockCdb(operationCode, 1023, 2)).senseText).toBe('5/21/00')
    expect(initiator.send(blockCdb(operationCode, 1024, 0)).senseText).toBe('5/21/00')
    store.failNext('io')
    expect(initiator.send(blockCdb(operationCode, 0, 8)).senseText).toBe('3/11/00')
  })
})
