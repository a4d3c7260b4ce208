import { describe, expect, it } from 'vitest'
import { SENSE, type SenseCondition } from '../../../scsi/sense-codes.ts'
import { UnitAttentionQueue } from '../../../scsi/unit-attention.ts'

const POWER_ON = SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED
const RESET = SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED
const NEXUS_LOSS = SENSE.I_T_NEXUS_LOSS_OCCURRED
const CLEARED = SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR
const EVENT = SENSE.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT
const CAPACITY = SENSE.CAPACITY_DATA_HAS_CHANGED
const LUNS = SENSE.REPORTED_LUNS_DATA_HAS_CHANGED

function takeAll(...established: SenseCondition[]): (SenseCondition | null)[] {
  const queue = new UnitAttentionQueue()
  for (const condition of established) queue.establish(condition)
  const taken = []
  while (!queue.isEmpty) taken.push(queue.take())
  expect(queue.take()).toBeNull()
  return taken
}

describe('the unit attention queue', () => {
  it('reports in order of precedence, each condition once', () => {
    expect(takeAll(LUNS, CAPACITY, LUNS, CLEARED, CAPACITY)).toEqual([CLEARED, CAPACITY, LUNS])
  })

  it('lets a reset take the commands cleared and the lesser resets with it', () => {
    expect(takeAll(CLEARED, NEXUS_LOSS, LUNS, RESET)).toEqual([RESET, LUNS])
    expect(takeAll(RESET, POWER_ON)).toEqual([POWER_ON])
  })

  it('adds nothing that a pending reset tells of already', () => {
    expect(takeAll(POWER_ON, RESET, NEXUS_LOSS, CLEARED, CAPACITY)).toEqual([POWER_ON, CAPACITY])
    expect(takeAll(POWER_ON, POWER_ON)).toEqual([POWER_ON])
  })

  it('lets commands that an iSCSI event cleared go before those that another initiator cleared, and after resets', () => {
    expect(takeAll(LUNS, CLEARED, EVENT)).toEqual([EVENT, CLEARED, LUNS])
    expect(takeAll(EVENT, RESET)).toEqual([RESET])
    expect(takeAll(NEXUS_LOSS, EVENT)).toEqual([NEXUS_LOSS])
  })

  it('shows what comes first without taking it', () => {
    const queue = new UnitAttentionQueue()
    expect([queue.first, queue.size]).toEqual([null, 0])
    queue.establish(LUNS)
    queue.establish(CAPACITY)
    expect([queue.first, queue.size]).toEqual([CAPACITY, 2])
    expect(queue.take()).toBe(CAPACITY)
  })

  it('knows whether a reset is what comes first', () => {
    const queue = new UnitAttentionQueue()
    queue.establish(CAPACITY)
    expect(queue.isResetPending).toBe(false)
    queue.establish(NEXUS_LOSS)
    expect(queue.isResetPending).toBe(true)
  })

  it('forgets a condition that was dealt with', () => {
    const queue = new UnitAttentionQueue()
    queue.establish(LUNS)
    queue.establish(CAPACITY)
    queue.clear(LUNS)
    expect([queue.take(), queue.take()]).toEqual([CAPACITY, null])
  })

  it('refuses a condition that is no unit attention', () => {
    expect(() => new UnitAttentionQueue().establish(SENSE.WRITE_PROTECTED)).toThrow('no unit attention')
  })
})
