/** Auto contingent allegiance, SAM-5: NACA, the ACA attribute, ACA ACTIVE and BUSY, CLEAR ACA and what else ends it. */

import { describe, expect, it } from 'vitest'
import { TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import type { TaskManagementOutcome } from '../../../scsi/target.ts'
import { OUT, pendingAttentions, reserveOut, TYPE } from '../../support/persistent-reserve.ts'
import { blockCdb, lunField, type SendOptions, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const { ACA, ORDERED } = TASK_ATTRIBUTE
const ACA_COMMAND: SendOptions = { attribute: ACA }
const [GOOD, CHECK_CONDITION, BUSY, ACA_ACTIVE, TASK_ABORTED] = [0x00, 0x02, 0x08, 0x30, 0x40]
const RESERVATION_CONFLICT = 0x18
const TEST_UNIT_READY = [0x00]
const TEST_UNIT_READY_NACA = [0, 0, 0, 0, 0, 0x04]
const REQUEST_SENSE = [0x03, 0, 0, 0, 252, 0]
/** A reserved bit. */
const FAILING = [0, 0x01, 0, 0, 0, 0]
const FAILING_NACA = [0, 0x01, 0, 0, 0, 0x04]

/** Control mode page, by MODE SELECT (6). */
function setControl(
  initiator: TestInitiator,
  options: { tst?: number; tmfOnly?: boolean; qerr?: number; tas?: boolean },
) {
  const { tst = 0, tmfOnly = false, qerr = 0, tas = false } = options
  const page = Buffer.from([0x0a, 0x0a, (tst << 5) | (tmfOnly ? 0x12 : 2), 0x10 | (qerr << 1), 0, tas ? 0x40 : 0])
  const dataOut = Buffer.concat([Buffer.alloc(4), page, Buffer.from([0, 0, 0, 0, 0, 1])])
  expect(initiator.send([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut }).status).toBe(GOOD)
}

function setUp(control: Parameters<typeof setControl>[1] = {}) {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b')
  setControl(bench.initiator, control)
  other.clearUnitAttentions()
  const outcomes: TaskManagementOutcome[] = []
  const clearAca = ({ nexus }: TestInitiator) => {
    bench.target.clearAca(nexus, lunField(0), (outcome) => outcomes.push(outcome))
    return outcomes.at(-1) ?? null
  }
  const write = (initiator: TestInitiator, lba: number, options: SendOptions = {}) =>
    initiator.send(blockCdb(0x2a, lba, 1), { dataOut: Buffer.alloc(512, lba + 1), ...options })
  return { ...bench, other, outcomes, clearAca, write }
}

function fault({ initiator }: { readonly initiator: TestInitiator }): void {
  expect(initiator.send(FAILING_NACA).senseText).toBe('5/24/00')
}

describe('NACA', () => {
  it('does nothing while commands succeed, and its absence nothing when they fail', () => {
    const { initiator, other } = setUp()
    expect(initiator.send(TEST_UNIT_READY_NACA).status).toBe(GOOD)
    expect(initiator.send(FAILING).status).toBe(CHECK_CONDITION)
    expect([initiator.send(TEST_UNIT_READY).status, other.send(TEST_UNIT_READY).status]).toEqual([GOOD, GOOD])
  })

  it('establishes an ACA for a unit attention and for an operation code that does not exist', () => {
    const { target, initiator } = testBench()
    const fresh = new TestInitiator(target, 'c')
    expect(fresh.send(TEST_UNIT_READY_NACA).senseText).toBe('6/29/00')
    expect(fresh.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
    target.clearAca(fresh.nexus, lunField(0), () => {})
    expect(initiator.send([0x02, 0, 0, 0, 0, 0x04]).senseText).toBe('5/20/00')
    expect(initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
  })

  it('establishes none where no logical unit is', () => {
    const { initiator } = setUp()
    expect(initiator.send(TEST_UNIT_READY_NACA, { lun: 5 }).senseText).toBe('5/25/00')
    expect(initiator.send(TEST_UNIT_READY, { lun: 5 }).senseText).toBe('5/25/00')
  })

  it('of a write that fails in the store counts when the write ends', () => {
    const bench = setUp()
    bench.store.isManual = true
    const cdb = Buffer.from([...blockCdb(0x2a, 0, 1).subarray(0, 9), 0x04])
    const failing = bench.initiator.send(cdb, { dataOut: Buffer.alloc(512) })
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(GOOD)
    bench.store.releaseWithError('io')
    expect([failing.status, bench.initiator.send(TEST_UNIT_READY).status]).toEqual([CHECK_CONDITION, ACA_ACTIVE])
  })
})

describe('an ACA', () => {
  it('lets the faulted nexus send commands with the ACA attribute only', () => {
    const bench = setUp()
    fault(bench)
    for (const cdb of [TEST_UNIT_READY, TEST_UNIT_READY_NACA, REQUEST_SENSE, [0x12, 0, 0, 0, 96, 0]]) {
      expect(bench.initiator.send(cdb).status).toBe(ACA_ACTIVE)
      expect(bench.initiator.send(cdb, ACA_COMMAND).status).toBe(GOOD)
    }
  })

  it('takes one command with the ACA attribute at a time', () => {
    const bench = setUp()
    fault(bench)
    bench.store.isManual = true
    const first = bench.write(bench.initiator, 0, ACA_COMMAND)
    expect(bench.initiator.send(TEST_UNIT_READY, ACA_COMMAND).status).toBe(ACA_ACTIVE)
    bench.store.release()
    expect(first.status).toBe(GOOD)
    expect(bench.initiator.send(TEST_UNIT_READY, ACA_COMMAND).status).toBe(GOOD)
  })

  it('answers other nexuses with BUSY, or with ACA ACTIVE where NACA says that they know of it', () => {
    const bench = setUp()
    fault(bench)
    const statuses = [TEST_UNIT_READY, TEST_UNIT_READY_NACA].map((cdb) => bench.other.send(cdb).status)
    expect([...statuses, bench.other.send(TEST_UNIT_READY, ACA_COMMAND).status]).toEqual([BUSY, ACA_ACTIVE, ACA_ACTIVE])
  })

  it('fences the response that establishes it, and the first ACA ACTIVE of each nexus', () => {
    const bench = setUp()
    const { initiator, other } = bench
    const needsFence = (from: TestInitiator, cdb: readonly number[]) => from.send(cdb).command.needsFence
    expect(needsFence(initiator, FAILING)).toBe(false)
    expect(needsFence(initiator, FAILING_NACA)).toBe(true)
    expect([needsFence(initiator, TEST_UNIT_READY), needsFence(initiator, TEST_UNIT_READY)]).toEqual([true, false])
    expect(needsFence(other, TEST_UNIT_READY)).toBe(false)
    expect([needsFence(other, TEST_UNIT_READY_NACA), needsFence(other, TEST_UNIT_READY_NACA)]).toEqual([true, false])
  })

  it('with TMF_ONLY takes no command at all', () => {
    const bench = setUp({ tmfOnly: true })
    fault(bench)
    expect(bench.initiator.send(TEST_UNIT_READY, ACA_COMMAND).status).toBe(ACA_ACTIVE)
    expect(bench.clearAca(bench.initiator)).toBe('functionComplete')
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(GOOD)
  })

  it('with TST 001b concerns the faulted nexus only, and each may have its own', () => {
    const bench = setUp({ tst: 1 })
    const { initiator, other } = bench
    fault(bench)
    expect(other.send(TEST_UNIT_READY).status).toBe(GOOD)
    expect(other.send(TEST_UNIT_READY, ACA_COMMAND).senseText).toBe('5/49/00')
    expect(other.send(FAILING_NACA).status).toBe(CHECK_CONDITION)
    expect([initiator, other].map((from) => from.send(TEST_UNIT_READY).status)).toEqual([ACA_ACTIVE, ACA_ACTIVE])
    expect(bench.clearAca(initiator)).toBe('functionComplete')
    expect([initiator, other].map((from) => from.send(TEST_UNIT_READY).status)).toEqual([GOOD, ACA_ACTIVE])
  })
})

describe('commands that were there before', () => {
  it('do not end, nor start, until it is over', () => {
    const bench = setUp()
    const { initiator, other, store, write } = bench
    store.isManual = true
    const mine = write(initiator, 0)
    const others = write(other, 1)
    fault(bench)
    const dealing = write(initiator, 9, ACA_COMMAND)
    store.release()
    store.isManual = false
    expect([mine.end, others.end, dealing.end]).toEqual(['none', 'none', 'completed'])
    expect(bench.clearAca(initiator)).toBe('functionComplete')
    expect([mine.status, others.status]).toEqual([GOOD, GOOD])
  })

  it('stay dormant where they were', () => {
    const bench = setUp()
    const { initiator, store, write } = bench
    store.isManual = true
    const failing = initiator.send(Buffer.from([...blockCdb(0x28, 0, 1).subarray(0, 9), 0x04]))
    const dormant = write(initiator, 1, { attribute: ORDERED })
    store.releaseWithError('io')
    expect([failing.status, dormant.end, store.countOf('writev')]).toEqual([CHECK_CONDITION, 'none', 0])
    bench.clearAca(initiator)
    store.release()
    expect(dormant.status).toBe(GOOD)
  })

  it('can be aborted', () => {
    const bench = setUp()
    const { initiator, other, target, store, write } = bench
    store.isManual = true
    const [mine, others] = [write(initiator, 0), write(other, 1)]
    fault(bench)
    store.release()
    const outcomes: string[] = []
    target.abortTaskSet(initiator.nexus, lunField(0), (outcome) => outcomes.push(outcome))
    expect([mine.end, others.end, outcomes]).toEqual(['aborted', 'none', ['functionComplete']])
    expect(initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
    bench.clearAca(initiator)
    expect(others.status).toBe(GOOD)
  })

  it('with QERR 01b are aborted, with 11b those of the faulted nexus are', () => {
    for (const qerr of [1, 3]) {
      const bench = setUp({ qerr })
      const { initiator, other, store, write } = bench
      store.isManual = true
      const [mine, others] = [write(initiator, 0), write(other, 1)]
      fault(bench)
      store.release()
      expect([mine.end, others.end]).toEqual(['aborted', qerr === 1 ? 'aborted' : 'none'])
      expect(initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
      bench.clearAca(initiator)
      expect(others.end).toBe(qerr === 1 ? 'aborted' : 'completed')
    }
  })
})

describe('what ends it', () => {
  it('CLEAR ACA of the faulted nexus, which aborts its ACA command; others are rejected', () => {
    const bench = setUp()
    const { initiator, other, store } = bench
    fault(bench)
    store.isManual = true
    const dealing = bench.write(initiator, 0, ACA_COMMAND)
    expect(bench.clearAca(other)).toBe('functionRejected')
    expect(initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
    bench.clearAca(initiator)
    store.release()
    expect([dealing.end, bench.outcomes]).toEqual(['aborted', ['functionRejected', 'functionComplete']])
    expect([initiator.send(TEST_UNIT_READY).status, other.send(TEST_UNIT_READY).status]).toEqual([GOOD, GOOD])
    expect(bench.clearAca(other)).toBe('functionComplete')
  })

  it('an ACA command that fails with NACA zero, but one with NACA renews it', () => {
    const bench = setUp()
    fault(bench)
    expect(bench.initiator.send(FAILING_NACA, ACA_COMMAND).status).toBe(CHECK_CONDITION)
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
    expect(bench.initiator.send(FAILING, ACA_COMMAND).status).toBe(CHECK_CONDITION)
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(GOOD)
    expect(bench.initiator.send(TEST_UNIT_READY, ACA_COMMAND).senseText).toBe('5/49/00')
  })

  it('the loss of the faulted nexus, and a reset that another asks for', () => {
    for (const ends of ['loss', 'reset'] as const) {
      const bench = setUp()
      fault(bench)
      expect(bench.other.send(TEST_UNIT_READY).status).toBe(BUSY)
      if (ends === 'loss') bench.target.closeNexus(bench.initiator.nexus, () => {})
      else bench.target.logicalUnitReset(bench.other.nexus, lunField(0), () => {})
      expect(pendingAttentions(bench.other)).toEqual(ends === 'loss' ? [] : ['6/29/03'])
    }
  })

  it('neither ABORT TASK SET nor CLEAR TASK SET', () => {
    const bench = setUp()
    fault(bench)
    bench.target.abortTaskSet(bench.initiator.nexus, lunField(0), () => {})
    bench.target.clearTaskSet(bench.other.nexus, lunField(0), () => {})
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
  })

  it('a change of TST', () => {
    const bench = setUp()
    fault(bench)
    const page = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 0x22, 0x10, 0, 0, 0, 0, 0, 0, 0, 1])
    const sent = bench.initiator.send([0x15, 0x10, 0, 0, page.length, 0], { dataOut: page, ...ACA_COMMAND })
    expect([sent.status, bench.initiator.send(TEST_UNIT_READY).status]).toEqual([GOOD, GOOD])
  })
})

describe('PREEMPT AND ABORT amid an ACA', () => {
  function registered(type: number = TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY) {
    const bench = setUp()
    const third = new TestInitiator(bench.target, 'c').clearUnitAttentions()
    for (const [i, from] of [bench.initiator, bench.other, third].entries()) {
      expect(reserveOut(from, OUT.REGISTER, { actionKey: BigInt(i + 1) }).status).toBe(GOOD)
    }
    expect(reserveOut(bench.initiator, OUT.RESERVE, { key: 1n, type }).status).toBe(GOOD)
    return { ...bench, third, type }
  }

  it('ends it when the faulted nexus is preempted', () => {
    const bench = registered()
    bench.store.isManual = true
    const held = bench.write(bench.initiator, 0)
    fault(bench)
    bench.store.release()
    const fields = { key: 2n, actionKey: 1n, type: bench.type }
    expect(reserveOut(bench.other, OUT.PREEMPT, fields).status).toBe(BUSY)
    expect(reserveOut(bench.other, OUT.PREEMPT_AND_ABORT, fields).status).toBe(GOOD)
    expect(held.end).toBe('aborted')
    expect(bench.third.clearUnitAttentions().send(TEST_UNIT_READY).status).toBe(GOOD)
  })

  it('changes nothing when another one is', () => {
    const bench = registered()
    fault(bench)
    const fields = { key: 2n, actionKey: 3n, type: bench.type }
    expect(reserveOut(bench.other, OUT.PREEMPT_AND_ABORT, fields).status).toBe(BUSY)
    expect(reserveOut(bench.other, OUT.PREEMPT_AND_ABORT, { ...fields, key: 9n }).status).toBe(RESERVATION_CONFLICT)
    expect(bench.initiator.send(TEST_UNIT_READY).status).toBe(ACA_ACTIVE)
    bench.clearAca(bench.initiator)
    expect(reserveOut(bench.third, OUT.REGISTER, { key: 3n, actionKey: 4n }).status).toBe(GOOD)
  })

  it('ends every one with key zero and an all registrants type', () => {
    const bench = registered(TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    const stranger = new TestInitiator(bench.target, 'd').clearUnitAttentions()
    fault({ initiator: stranger })
    expect(bench.other.send(TEST_UNIT_READY).status).toBe(BUSY)
    const fields = { key: 2n, actionKey: 0n, type: bench.type }
    expect(reserveOut(bench.other, OUT.PREEMPT_AND_ABORT, fields).status).toBe(GOOD)
    expect([bench.other, stranger].map((from) => from.send(TEST_UNIT_READY).status)).toEqual([GOOD, GOOD])
  })
})

describe('TAS', () => {
  it('ends commands that another nexus aborts with TASK ABORTED, and no unit attention tells of it', () => {
    const { initiator, other, target, store, write } = setUp({ tas: true })
    store.isManual = true
    const [mine, others] = [write(initiator, 0), write(other, 1)]
    const dormant = write(other, 2, { attribute: ORDERED })
    target.clearTaskSet(initiator.nexus, lunField(0), () => {})
    expect(dormant.status).toBe(TASK_ABORTED)
    store.release()
    expect([mine.end, others.status, others.senseText]).toEqual(['aborted', TASK_ABORTED, null])
    expect(pendingAttentions(other)).toEqual([])
  })

  it('leaves what a nexus aborts itself without a response, and resets as they are', () => {
    const { initiator, other, target, store, write } = setUp({ tas: true })
    store.isManual = true
    const mine = write(initiator, 0)
    target.abortTaskSet(initiator.nexus, lunField(0), () => {})
    store.release()
    const others = write(other, 1)
    target.logicalUnitReset(initiator.nexus, lunField(0), () => {})
    store.release()
    expect([mine.end, others.end]).toEqual(['aborted', 'aborted'])
    expect(pendingAttentions(other)).toEqual(['6/29/03'])
  })
})

describe('NUAR', () => {
  it('lets RELEASE pass in silence', () => {
    const { initiator, other } = setUp()
    const dataOut = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 2, 0x18, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(initiator.send([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut }).status).toBe(GOOD)
    other.clearUnitAttentions()
    const type = TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    for (const [from, actionKey] of [
      [initiator, 1n],
      [other, 2n],
    ] as const)
      reserveOut(from, OUT.REGISTER, { actionKey })
    expect(reserveOut(initiator, OUT.RESERVE, { key: 1n, type }).status).toBe(GOOD)
    expect(reserveOut(initiator, OUT.RELEASE, { key: 1n, type }).status).toBe(GOOD)
    expect(pendingAttentions(other)).toEqual([])
  })
})
