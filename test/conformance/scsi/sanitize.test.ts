import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { blockCdb, emptyCdb, TEST_IDENTITY, TestInitiator, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const IMMED = 0x80
const AUSE = 0x20
const ACTION = { OVERWRITE: 0x01, BLOCK_ERASE: 0x02, CRYPTOGRAPHIC_ERASE: 0x03, EXIT_FAILURE_MODE: 0x1f } as const
const IN_PROGRESS = '2/04/1b'
const FAILED = '3/31/03'

const sanitize = (initiator: TestInitiator, action: number, flags = 0, dataOut = Buffer.alloc(0)) =>
  initiator.send([0x48, flags | action, 0, 0, 0, 0, 0, dataOut.length >> 8, dataOut.length & 0xff, 0], { dataOut })

const overwriteList = (first: number, pattern: Buffer, patternBytes = pattern.length) =>
  Buffer.concat([Buffer.from([first, 0, patternBytes >> 8, patternBytes & 0xff]), pattern])

const read = (initiator: TestInitiator, lba = 0) => initiator.send(blockCdb(0x28, lba, 1))
const isZero = (bytes: Buffer) => bytes.every((value) => value === 0)

/** A disk on which a sanitize operation waits for its store. */
function running(action: number = ACTION.BLOCK_ERASE, flags = IMMED) {
  const bench = testBench({ savedState: new MemorySavedState() })
  bench.store.isManual = true
  const exchange = sanitize(bench.initiator, action, flags)
  return { ...bench, exchange }
}

function releaseAll(store: TestStore): void {
  while (store.heldCount > 0) store.release()
  store.isManual = false
}

/** A disk whose last sanitize operation failed. */
function failed(flags: number) {
  const bench = running(ACTION.BLOCK_ERASE, flags)
  bench.store.releaseWithError('io')
  bench.store.isManual = false
  return bench
}

describe('SANITIZE', () => {
  it.each([ACTION.BLOCK_ERASE, ACTION.CRYPTOGRAPHIC_ERASE])('service action %i destroys everything first', (action) => {
    const { initiator, store } = testBench()
    expect(sanitize(initiator, action).status).toBe(STATUS.GOOD)
    expect(isZero(store.bytes)).toBe(true)
    const passes = store.calls.filter((call) => call.operation === 'writeZeroes').map((call) => call.mayUnmap)
    expect(passes).toEqual([false, true])
    expect(read(initiator).status).toBe(STATUS.GOOD)
  })

  it('OVERWRITE fills every block with the pattern, from its beginning', () => {
    const { initiator, store } = testBench()
    expect(sanitize(initiator, ACTION.OVERWRITE, 0, overwriteList(1, Buffer.from('abc'))).status).toBe(STATUS.GOOD)
    const block = Buffer.alloc(512, 'abc')
    expect(store.bytes).toEqual(Buffer.alloc(store.sizeBytes, block))
  })

  it.each([
    [0x01, 0xaa, 1],
    [0x03, 0xaa, 3],
    [0x82, 0x55, 2],
    [0x83, 0xaa, 3],
  ])('OVERWRITE with first byte %i ends with bytes %i after %i passes', (first, last, passCount) => {
    const { initiator, store } = testBench()
    sanitize(initiator, ACTION.OVERWRITE, 0, overwriteList(first, Buffer.alloc(512, 0xaa)))
    expect(store.bytes).toEqual(Buffer.alloc(store.sizeBytes, last))
    expect([store.countOf('writev'), store.countOf('flush')]).toEqual([passCount, passCount])
  })

  it.each([
    ['no pattern', overwriteList(1, Buffer.alloc(0))],
    ['a list longer than a block and its header', overwriteList(1, Buffer.alloc(513))],
    ['a count of zero', overwriteList(0, Buffer.alloc(4))],
    ['TEST', overwriteList(0x21, Buffer.alloc(4))],
    ['a pattern length of zero', overwriteList(1, Buffer.alloc(4), 0)],
    ['a pattern length beyond the list', overwriteList(1, Buffer.alloc(4), 5)],
  ])('OVERWRITE refuses %s and changes nothing', (_name, list) => {
    const { initiator, store } = testBench()
    const before = Buffer.from(store.bytes)
    const exchange = sanitize(initiator, ACTION.OVERWRITE, 0, list)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '7'])
    expect(store.bytes).toEqual(before)
  })

  it.each([ACTION.BLOCK_ERASE, ACTION.CRYPTOGRAPHIC_ERASE, ACTION.EXIT_FAILURE_MODE])(
    'action %i takes no list',
    (action) => {
      const { initiator, store } = testBench()
      expect(sanitize(initiator, action, 0, Buffer.alloc(8)).senseText).toBe('5/24/00')
      expect(store.countOf('writeZeroes')).toBe(0)
    },
  )

  it('is refused on a write-protected disk', () => {
    const { initiator } = testBench({ isReadOnly: true })
    expect(sanitize(initiator, ACTION.BLOCK_ERASE).senseText).toBe('7/27/00')
    expect(sanitize(initiator, ACTION.OVERWRITE, 0, overwriteList(1, Buffer.alloc(4))).senseText).toBe('7/27/00')
  })

  it('ends with the operation, and with IMMED at once', () => {
    const waiting = running(ACTION.BLOCK_ERASE, 0)
    expect(waiting.exchange.end).toBe('none')
    releaseAll(waiting.store)
    expect(waiting.exchange.status).toBe(STATUS.GOOD)
    expect(running().exchange.status).toBe(STATUS.GOOD)
  })

  it('waits for the commands that have begun', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    const write = initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512, 0xee) })
    expect(sanitize(initiator, ACTION.BLOCK_ERASE, IMMED).status).toBe(STATUS.GOOD)
    expect(store.countOf('writeZeroes')).toBe(0)
    releaseAll(store)
    expect(write.status).toBe(STATUS.GOOD)
    expect(isZero(store.bytes)).toBe(true)
  })

  it('changes nothing when it cannot be recorded', () => {
    const savedState = new MemorySavedState()
    const { initiator, store, internalErrors } = testBench({ savedState })
    savedState.write = () => {
      throw new Error('no room')
    }
    expect(sanitize(initiator, ACTION.BLOCK_ERASE).senseText).toBe('4/44/00')
    expect([store.countOf('writeZeroes'), internalErrors.length]).toEqual([0, 1])
    expect(read(initiator).status).toBe(STATUS.GOOD)
  })
})

describe('while SANITIZE is in progress', () => {
  const ANSWERED = [
    ...['INQUIRY', 'REPORT LUNS', 'REQUEST SENSE'],
    ...['REPORT SUPPORTED OPERATION CODES', 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS'],
  ]

  it.each(COMMAND_SETS.disk.rows.map((row) => [row.name, row] as const))(
    '%s is answered as SBC-4 says',
    (name, row) => {
      const { initiator } = running()
      const exchange = initiator.send(emptyCdb(row), row.data === 'out' ? { dataOut: Buffer.alloc(512) } : {})
      if (ANSWERED.includes(name)) expect(exchange.senseText).not.toBe(IN_PROGRESS)
      else expect(exchange.senseText).toBe(IN_PROGRESS)
    },
  )

  it('sense data say how far it is, in both formats', () => {
    const { initiator, store } = running()
    const progress = () => initiator.send([0x03, 0, 0, 0, 252, 0]).dataIn.subarray(15, 18).toString('hex')
    expect(progress()).toBe('800000')
    store.release()
    expect(progress()).toBe('808000')
    const descriptors = initiator.send([0x03, 1, 0, 0, 252, 0]).dataIn.toString('hex')
    expect(descriptors).toBe('7202041b00000008' + '0206000080800000')
    expect(initiator.send([0x00]).command.sense!.subarray(15, 18).toString('hex')).toBe('808000')
    releaseAll(store)
    expect(initiator.send([0x03, 0, 0, 0, 252, 0]).dataIn[2]).toBe(0)
  })

  it('no abort and no reset ends it', () => {
    const { initiator, logicalUnit, store, exchange, target } = running(ACTION.BLOCK_ERASE, 0)
    logicalUnit.abortTaskSet([...logicalUnit.itlNexuses][0]!, () => {})
    expect(exchange.end).toBe('aborted')
    target.targetReset(initiator.nexus, () => {})
    initiator.send([0x00])
    expect(initiator.send([0x00]).senseText).toBe(IN_PROGRESS)
    releaseAll(store)
    expect(isZero(store.bytes)).toBe(true)
    expect(initiator.clearUnitAttentions().send([0x00]).status).toBe(STATUS.GOOD)
  })

  it('a restart goes on with it where it was', () => {
    const savedState = new MemorySavedState()
    const before = testBench({ savedState })
    before.store.isManual = true
    sanitize(before.initiator, ACTION.BLOCK_ERASE, IMMED)
    before.store.release()
    before.store.release()
    const store = new TestStore(2048 * 512)
    store.isManual = true
    const restarted = restart(savedState, store)
    expect(restarted.initiator.send([0x00]).senseText).toBe('6/29/00')
    expect(restarted.initiator.send([0x00]).senseText).toBe(IN_PROGRESS)
    releaseAll(store)
    expect(store.calls.map(({ operation, mayUnmap }) => [operation, mayUnmap])).toEqual([
      ['writeZeroes', true],
      ['flush', false],
    ])
    expect(restarted.initiator.send([0x00]).status).toBe(STATUS.GOOD)
  })

  it('a server that ends is no failure', () => {
    const { store, logicalUnit } = running()
    store.releaseWithError('closed')
    expect([logicalUnit.erasure.isRunning, logicalUnit.erasure.failed]).toEqual([true, null])
  })
})

describe('after SANITIZE failed', () => {
  it('the command says so, and the medium is closed', () => {
    const { initiator, exchange } = failed(0)
    expect(exchange.senseText).toBe(FAILED)
    expect(read(initiator).senseText).toBe(FAILED)
    expect(initiator.send([0x04]).senseText).toBe(FAILED)
    expect(initiator.send([0x12, 0, 0, 0, 96]).status).toBe(STATUS.GOOD)
  })

  it('another one makes it good, and without AUSE nothing else does', () => {
    const { initiator } = failed(0)
    expect(sanitize(initiator, ACTION.EXIT_FAILURE_MODE).senseText).toBe(FAILED)
    expect(sanitize(initiator, ACTION.BLOCK_ERASE, AUSE).senseText).toBe('5/24/00')
    expect(sanitize(initiator, ACTION.BLOCK_ERASE).status).toBe(STATUS.GOOD)
    expect(read(initiator).status).toBe(STATUS.GOOD)
  })

  it('EXIT FAILURE MODE gives the medium back after AUSE, and is nothing without a failure', () => {
    const { initiator } = failed(AUSE)
    expect(read(initiator).senseText).toBe(FAILED)
    expect(sanitize(initiator, ACTION.EXIT_FAILURE_MODE).status).toBe(STATUS.GOOD)
    expect(read(initiator).status).toBe(STATUS.GOOD)
    expect(sanitize(initiator, ACTION.EXIT_FAILURE_MODE).status).toBe(STATUS.GOOD)
  })

  it('a restart changes nothing of that', () => {
    const savedState = new MemorySavedState()
    const { initiator, store } = testBench({ savedState })
    store.failNext('io')
    expect(sanitize(initiator, ACTION.BLOCK_ERASE).senseText).toBe(FAILED)
    const restarted = restart(savedState, new TestStore(2048 * 512))
    restarted.initiator.send([0x00])
    expect(read(restarted.initiator).senseText).toBe(FAILED)
  })
})

/** The next server with the same saved state; its initiator has a unit attention pending. */
function restart(savedState: MemorySavedState, store: TestStore) {
  const logicalUnit = new LogicalUnit(
    { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false, savedState },
    store,
  )
  logicalUnit.erasure.resume()
  const target = new ScsiTarget({ logicalUnits: new Map([[0, logicalUnit]]), onInternalError: () => {} })
  return { logicalUnit, initiator: new TestInitiator(target) }
}
