/**
 * PERSISTENT RESERVE OUT: RESERVE, RELEASE, CLEAR, PREEMPT and PREEMPT AND ABORT (SPC-4 5.13.9 and 5.13.11), and what a
 * reservation outlives.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import {
  ALL_TYPES,
  OUT,
  pendingAttentions,
  readKeys,
  readReservation,
  reserveOut,
  TYPE,
} from '../../support/persistent-reserve.ts'
import { blockCdb, type Exchange, lunField, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const ALL_REGISTRANTS = [TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS, TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS]
const ONE_HOLDER = ALL_TYPES.filter((type) => type < TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS)

/** Three registered nexuses with keys 1 to 3, the first of which has reserved unless `type` is null. */
function threeRegistrants(type: number | null = null) {
  const bench = testBench()
  const [a, b, c] = [bench.initiator, new TestInitiator(bench.target, 'b'), new TestInitiator(bench.target, 'c')]
  for (const [index, one] of [a, b, c].entries()) {
    one.clearUnitAttentions()
    reserveOut(one, OUT.REGISTER, { actionKey: BigInt(index + 1) })
  }
  if (type !== null) reserveOut(a, OUT.RESERVE, { key: 1n, type })
  return { ...bench, a, b, c, attentions: () => [a, b, c].map(pendingAttentions) }
}

const write = (initiator: TestInitiator, options = {}): Exchange =>
  initiator.send(blockCdb(0x2a, 0, 1), { dataOut: Buffer.alloc(512), ...options })

describe('RESERVE', () => {
  it.each(ALL_TYPES)('of type %i reserves for a registered nexus that states its key', (type) => {
    const { a, b } = threeRegistrants()
    expect(reserveOut(a, OUT.RESERVE, { key: 2n, type }).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(readReservation(a)).toBeNull()
    expect(reserveOut(a, OUT.RESERVE, { key: 1n, type }).status).toBe(STATUS.GOOD)
    expect(readReservation(b)).toEqual({ key: ALL_REGISTRANTS.some((all) => all === type) ? 0n : 1n, type })
    expect(readKeys(a).generation).toBe(3)
  })

  it.each(ALL_TYPES)('of type %i is repeated by a holder, and by nobody else or as another type', (type) => {
    const { a, b } = threeRegistrants(type)
    for (const again of ALL_TYPES) {
      const expected = again === type ? STATUS.GOOD : STATUS.RESERVATION_CONFLICT
      expect(reserveOut(a, OUT.RESERVE, { key: 1n, type: again }).status).toBe(expected)
    }
    const others = ALL_REGISTRANTS.some((all) => all === type) ? STATUS.GOOD : STATUS.RESERVATION_CONFLICT
    expect(reserveOut(b, OUT.RESERVE, { key: 2n, type }).status).toBe(others)
  })

  it('refuses scopes and types that do not exist', () => {
    const { a } = threeRegistrants()
    for (const type of [0, 2, 4, 9, 15]) {
      const exchange = reserveOut(a, OUT.RESERVE, { key: 1n, type })
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '2.3'])
    }
    const scoped = reserveOut(a, OUT.RESERVE, { key: 1n, type: 1, scope: 2 })
    expect([scoped.senseText, scoped.pointedAt]).toEqual(['5/24/00', '2.7'])
    expect(readReservation(a)).toBeNull()
  })
})

it('RESERVE, RELEASE, CLEAR, PREEMPT and PREEMPT AND ABORT conflict for a nexus that is not registered', () => {
  const { a, target } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
  const stranger = new TestInitiator(target, 'x').clearUnitAttentions()
  for (const action of [OUT.RESERVE, OUT.RELEASE, OUT.CLEAR, OUT.PREEMPT, OUT.PREEMPT_AND_ABORT]) {
    for (const key of [0n, 1n]) {
      const { status } = reserveOut(stranger, action, { key, actionKey: 1n, type: TYPE.WRITE_EXCLUSIVE })
      expect([action, status]).toEqual([action, STATUS.RESERVATION_CONFLICT])
    }
    expect(reserveOut(a, action, { key: 9n, actionKey: 2n, type: 1 }).status).toBe(STATUS.RESERVATION_CONFLICT)
  }
  expect([readKeys(a), readReservation(a)]).toEqual([
    { generation: 3, keys: [1n, 2n, 3n] },
    { key: 1n, type: 1 },
  ])
})

describe('RELEASE', () => {
  it.each(ALL_TYPES)('of type %i releases and tells the other registrants if the type is about them', (type) => {
    const { a, b, target, attentions } = threeRegistrants(type)
    const stranger = new TestInitiator(target, 'x').clearUnitAttentions()
    expect(reserveOut(a, OUT.RELEASE, { key: 1n, type }).status).toBe(STATUS.GOOD)
    const told = type >= TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY ? ['6/2a/04'] : []
    expect([...attentions(), pendingAttentions(stranger)]).toEqual([[], told, told, []])
    expect([readReservation(b), readKeys(b)]).toEqual([null, { generation: 3, keys: [1n, 2n, 3n] }])
  })

  it.each(ONE_HOLDER)('of type %i by a registrant that does not hold it is GOOD and does nothing', (type) => {
    const { b } = threeRegistrants(type)
    expect(reserveOut(b, OUT.RELEASE, { key: 2n, type }).status).toBe(STATUS.GOOD)
    expect(readReservation(b)).toEqual({ key: 1n, type })
  })

  it('is GOOD without a reservation, and any registrant releases what all of them hold', () => {
    const { a, b } = threeRegistrants()
    expect(reserveOut(a, OUT.RELEASE, { key: 1n, type: 1 }).status).toBe(STATUS.GOOD)
    for (const type of ALL_REGISTRANTS) {
      reserveOut(a, OUT.RESERVE, { key: 1n, type })
      expect(reserveOut(b, OUT.RELEASE, { key: 2n, type }).status).toBe(STATUS.GOOD)
      expect(pendingAttentions(a)).toEqual(['6/2a/04'])
      expect(readReservation(a)).toBeNull()
    }
  })

  it('by the holder with another type or scope is invalid', () => {
    const { a } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    expect(reserveOut(a, OUT.RELEASE, { key: 1n, type: 3 }).senseText).toBe('5/26/04')
    expect(reserveOut(a, OUT.RELEASE, { key: 1n, type: 1, scope: 1 }).senseText).toBe('5/26/04')
    expect(readReservation(a)).toEqual({ key: 1n, type: 1 })
  })
})

describe('CLEAR', () => {
  it.each([null, ...ALL_TYPES])('removes everything (type %s), also by one that does not hold it', (type) => {
    const { b, attentions } = threeRegistrants(type)
    expect(reserveOut(b, OUT.CLEAR, { key: 2n }).status).toBe(STATUS.GOOD)
    expect(attentions()).toEqual([['6/2a/03'], [], ['6/2a/03']])
    expect([readReservation(b), readKeys(b)]).toEqual([null, { generation: 4, keys: [] }])
  })
})

describe.each([
  ['PREEMPT', OUT.PREEMPT],
  ['PREEMPT AND ABORT', OUT.PREEMPT_AND_ABORT],
])('%s', (_name, action) => {
  it.each(ONE_HOLDER)('takes a reservation of type %i over and removes its holder', (type) => {
    const { b, attentions } = threeRegistrants(type)
    expect(reserveOut(b, action, { key: 2n, actionKey: 1n, type }).status).toBe(STATUS.GOOD)
    expect(readReservation(b)).toEqual({ key: 2n, type })
    expect(readKeys(b)).toEqual({ generation: 4, keys: [2n, 3n] })
    expect(attentions()).toEqual([['6/2a/05'], [], []])
  })

  it('tells the others when the type changes', () => {
    const { b, attentions } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    reserveOut(b, action, { key: 2n, actionKey: 1n, type: TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS })
    expect(attentions()).toEqual([['6/2a/05'], [], ['6/2a/04']])
    expect(readReservation(b)).toEqual({ key: 0n, type: TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS })
  })

  it.each([null, ...ALL_TYPES])('removes other registrations and leaves the reservation (type %s)', (type) => {
    const { a, b, attentions } = threeRegistrants(type)
    const before = readReservation(a)
    expect(reserveOut(b, action, { key: 2n, actionKey: 3n, scope: 5, type: 0 }).status).toBe(STATUS.GOOD)
    expect(readReservation(a)).toEqual(before)
    expect(readKeys(a)).toEqual({ generation: 4, keys: [1n, 2n] })
    expect(attentions()).toEqual([[], [], ['6/2a/05']])
  })

  it.each(ALL_REGISTRANTS)('with key zero takes a reservation of type %i from all others', (type) => {
    const { c, attentions } = threeRegistrants(type)
    expect(reserveOut(c, action, { key: 3n, actionKey: 0n, type: TYPE.WRITE_EXCLUSIVE }).status).toBe(STATUS.GOOD)
    expect([readReservation(c), readKeys(c).keys]).toEqual([{ key: 3n, type: TYPE.WRITE_EXCLUSIVE }, [3n]])
    expect(attentions()).toEqual([['6/2a/05'], ['6/2a/05'], []])
  })

  it('with key zero is invalid for other types, and conflicts without a reservation', () => {
    for (const type of ONE_HOLDER) {
      const { b } = threeRegistrants(type)
      expect(reserveOut(b, action, { key: 2n, actionKey: 0n, type }).senseText).toBe('5/26/00')
      expect(readReservation(b)).toEqual({ key: 1n, type })
    }
    const { b } = threeRegistrants()
    expect(reserveOut(b, action, { key: 2n, actionKey: 0n, type: 1 }).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  it('conflicts for a key that nobody has', () => {
    for (const type of [null, ...ALL_TYPES]) {
      const { b } = threeRegistrants(type)
      expect(reserveOut(b, action, { key: 2n, actionKey: 9n, type: 1 }).status).toBe(STATUS.RESERVATION_CONFLICT)
      expect(readKeys(b)).toEqual({ generation: 3, keys: [1n, 2n, 3n] })
    }
  })

  it('by the holder of its own reservation changes the type and keeps the registration', () => {
    const { a, attentions } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    expect(reserveOut(a, action, { key: 1n, actionKey: 1n, type: TYPE.EXCLUSIVE_ACCESS }).status).toBe(STATUS.GOOD)
    expect([readReservation(a), readKeys(a).keys]).toEqual([{ key: 1n, type: 3 }, [1n, 2n, 3n]])
    expect(attentions()).toEqual([[], ['6/2a/04'], ['6/2a/04']])
  })

  it('of its own key by one that holds nothing removes its registration without telling it', () => {
    const { b, attentions } = threeRegistrants(TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY)
    expect(reserveOut(b, action, { key: 2n, actionKey: 2n }).status).toBe(STATUS.GOOD)
    expect(readKeys(b).keys).toEqual([1n, 3n])
    expect(attentions()).toEqual([[], [], []])
  })

  it('removes every nexus that has the key, and refuses a wrong type only when it reserves', () => {
    const { b, c, attentions } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    reserveOut(c, OUT.REGISTER, { key: 3n, actionKey: 1n })
    expect(reserveOut(b, action, { key: 2n, actionKey: 1n, type: 2 }).pointedAt).toBe('2.3')
    expect(reserveOut(b, action, { key: 2n, actionKey: 1n, type: 1, scope: 1 }).pointedAt).toBe('2.7')
    reserveOut(b, action, { key: 2n, actionKey: 1n, type: 1 })
    expect(readKeys(b).keys).toEqual([2n])
    expect(attentions()).toEqual([['6/2a/05'], [], ['6/2a/05']])
  })

  it('of all registrants by key, its own too, leaves no reservation', () => {
    const { a, b, c } = threeRegistrants(TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    for (const [key, one] of [
      [2n, b],
      [3n, c],
    ] as const)
      reserveOut(one, OUT.REGISTER, { key, actionKey: 1n })
    expect(reserveOut(b, action, { key: 1n, actionKey: 1n }).status).toBe(STATUS.GOOD)
    pendingAttentions(a)
    expect([readKeys(a).keys, readReservation(a)]).toEqual([[], null])
  })
})

describe('PREEMPT AND ABORT', () => {
  it('aborts the commands of those it preempts and of nobody else, and ends when they rest', () => {
    const { a, b, c, store, target } = threeRegistrants(TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY)
    const cleared: unknown[] = []
    const twin = new TestInitiator(
      target,
      'a',
      { commandsClearedByAnother: (commands) => cleared.push(...commands) },
      { initiatorPortName: 'iqn.2026-11.example:a,i,0x00023d000009' },
    ).clearUnitAttentions()
    reserveOut(twin, OUT.REGISTER, { actionKey: 1n })
    store.isManual = true
    const [running, kept, own] = [write(a), write(c), write(b)]
    const waiting = write(twin, { isDataOutManual: true })
    const preemption = reserveOut(b, OUT.PREEMPT_AND_ABORT, { key: 2n, actionKey: 1n, type: 5 })
    expect([preemption.end, running.end, waiting.end]).toEqual(['none', 'none', 'aborted'])
    expect(cleared).toEqual([waiting.command])
    store.release()
    expect([running.end, kept.status, own.status, preemption.status]).toEqual(['aborted', 0, 0, 0])
    expect([preemption.command.needsFence, kept.command.needsFence]).toEqual([true, false])
    expect([a, b, c].map(pendingAttentions)).toEqual([['6/2f/00', '6/2a/05'], [], []])
    expect(pendingAttentions(twin)).toEqual(['6/2f/00', '6/2a/05'])
  })

  it('lets two nexuses preempt each other at the same time', () => {
    const { a, b, store } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    store.isManual = true
    const held = write(a)
    const first = reserveOut(b, OUT.PREEMPT_AND_ABORT, { key: 2n, actionKey: 1n, type: 1 })
    pendingAttentions(a)
    reserveOut(a, OUT.REGISTER, { actionKey: 7n })
    const second = reserveOut(a, OUT.PREEMPT_AND_ABORT, { key: 7n, actionKey: 2n, type: 1 })
    expect([first.end, second.end, held.end]).toEqual(['aborted', 'completed', 'none'])
    store.release()
    expect([held.end, readReservation(a)]).toEqual(['aborted', { key: 7n, type: 1 }])
  })

  it('can be aborted while it waits, and has happened all the same', () => {
    const { a, b, target, store } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    store.isManual = true
    write(a)
    const preemption = reserveOut(b, OUT.PREEMPT_AND_ABORT, { key: 2n, actionKey: 1n, type: 1 })
    target.abortTask(preemption.command, () => {})
    expect(preemption.end).toBe('aborted')
    store.release()
    expect(readReservation(b)).toEqual({ key: 2n, type: 1 })
  })

  it('with key zero aborts the commands of all other registrants of an all registrants reservation', () => {
    const { a, b, c, store } = threeRegistrants(TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS)
    store.isManual = true
    const commands = [write(a), write(c)]
    const preemption = reserveOut(b, OUT.PREEMPT_AND_ABORT, { key: 2n, type: TYPE.EXCLUSIVE_ACCESS })
    store.release()
    expect([...commands.map(({ end }) => end), preemption.status]).toEqual(['aborted', 'aborted', 0])
  })
})

it('PREEMPT lets commands end that had begun', () => {
  const { a, b, store } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
  store.isManual = true
  const running = write(a)
  reserveOut(b, OUT.PREEMPT, { key: 2n, actionKey: 1n, type: 1 })
  store.release()
  expect(running.status).toBe(STATUS.GOOD)
  store.isManual = false
  expect(write(a).status).toBe(STATUS.RESERVATION_CONFLICT)
  expect([pendingAttentions(a), write(a).status]).toEqual([['6/2a/05'], STATUS.RESERVATION_CONFLICT])
})

describe('a reservation and its registrations', () => {
  it('stay through resets and the loss of the nexus, and are found by the nexus that comes back', () => {
    const { a, b, target } = threeRegistrants(TYPE.EXCLUSIVE_ACCESS)
    target.logicalUnitReset(b.nexus, lunField(0), () => {})
    target.targetReset(b.nexus, () => {})
    target.closeNexus(a.nexus, () => {})
    b.clearUnitAttentions()
    expect(write(b).status).toBe(STATUS.RESERVATION_CONFLICT)
    const again = new TestInitiator(target, 'a').clearUnitAttentions()
    expect(write(again).status).toBe(STATUS.GOOD)
    expect(reserveOut(again, OUT.RELEASE, { key: 1n, type: 3 }).status).toBe(STATUS.GOOD)
  })

  it('end with a power on unless APTPL keeps them, and so does the generation', () => {
    const volatile = threeRegistrants(TYPE.EXCLUSIVE_ACCESS)
    volatile.target.powerOn(volatile.a.nexus, () => {})
    volatile.b.clearUnitAttentions()
    expect([readKeys(volatile.b), readReservation(volatile.b)]).toEqual([{ generation: 0, keys: [] }, null])

    const kept = threeRegistrants(TYPE.EXCLUSIVE_ACCESS)
    reserveOut(kept.a, OUT.REGISTER, { key: 1n, actionKey: 1n, aptpl: true })
    kept.target.powerOn(kept.a.nexus, () => {})
    kept.b.clearUnitAttentions()
    expect(readKeys(kept.b)).toEqual({ generation: 0, keys: [1n, 2n, 3n] })
    expect(write(kept.b).status).toBe(STATUS.RESERVATION_CONFLICT)
  })

  it('hold for a logical unit through all of its targets', () => {
    const { a, b, logicalUnit } = threeRegistrants(TYPE.WRITE_EXCLUSIVE)
    const target = new ScsiTarget({ logicalUnits: new Map([[0, logicalUnit]]), onInternalError: () => {} })
    const ports = { targetPortName: 'iqn.2026-11.example:other,t,0x0001' }
    const elsewhere = new TestInitiator(target, 'a', undefined, ports).clearUnitAttentions()
    expect(write(elsewhere).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(readKeys(elsewhere).keys).toEqual([1n, 2n, 3n])
    reserveOut(elsewhere, OUT.REGISTER, { actionKey: 4n })
    reserveOut(elsewhere, OUT.PREEMPT, { key: 4n, actionKey: 1n, type: 1 })
    expect(pendingAttentions(a)).toEqual(['6/2a/05'])
    expect([write(elsewhere).status, write(b).status]).toEqual([STATUS.GOOD, STATUS.RESERVATION_CONFLICT])
  })
})
