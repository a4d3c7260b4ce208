import { describe, expect, it } from 'vitest'
import { InboundGate, OutboundGate } from '../../../../protocol/connection/flow-control.ts'
import { Task } from '../../../../protocol/session/task.ts'

describe('outbound gate', () => {
  it('is full above its limit, wherever the bytes are', () => {
    let queued = 0
    const gate = new OutboundGate(100, () => queued, 100)
    gate.borrowed(40)
    gate.handedOver(40)
    queued = 20
    expect(gate.isFull).toBe(false)
    queued = 21
    expect(gate.isFull).toBe(true)
    gate.returned(40)
    expect(gate.isFull).toBe(false)
  })

  it('lets those who wait go on in order, as far as there is room', () => {
    const gate = new OutboundGate(100, () => 0, 100)
    const went: number[] = []
    gate.whenRoom(() => went.push(0))
    gate.handedOver(150)
    for (const turn of [1, 2, 3]) {
      gate.whenRoom(() => {
        went.push(turn)
        gate.handedOver(60)
      })
    }
    expect(went).toEqual([0])
    gate.left(100)
    gate.wake()
    expect(went).toEqual([0, 1])
    gate.left(60)
    gate.wake()
    expect(went).toEqual([0, 1, 2])
  })

  it('lets everybody go when the connection has ended', () => {
    const gate = new OutboundGate(0, () => 1, 100)
    const went: number[] = []
    gate.whenRoom(() => went.push(1))
    gate.open()
    expect(went).toEqual([1])
  })
})

describe('inbound gate', () => {
  it('gives room up to its limit, and to one transfer of any length', () => {
    const gate = new InboundGate(100, () => {})
    expect(gate.reserve(1000)).toBe(true)
    expect(gate.reserve(1)).toBe(false)
    gate.release(1000)
    expect([gate.reserve(60), gate.reserve(40), gate.reserve(1)]).toEqual([true, true, false])
  })

  it('resumes waiting tasks when bytes are released, and none that has ended', () => {
    const resumed: Task[] = []
    const gate = new InboundGate(100, (task) => {
      resumed.push(task)
      if (!gate.reserve(80)) gate.wait(task)
    })
    const [one, two, three] = [new Task(), new Task(), new Task()]
    gate.reserve(100)
    for (const task of [one, two, three]) gate.wait(task)
    gate.forget(two)
    gate.release(100)
    expect(resumed.filter((task) => task === two)).toEqual([])
    expect(gate.bytes).toBe(80)
    gate.release(80)
    expect(resumed.at(-1)).toBe(three)
    expect(gate.bytes).toBe(80)
  })
})
