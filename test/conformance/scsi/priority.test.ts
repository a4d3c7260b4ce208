import { describe, expect, it } from 'vitest'
import { STATUS, TASK_ATTRIBUTE } from '../../../scsi/command.ts'
import { encodeTransportId } from '../../../scsi/transport-id.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const report = (initiator: TestInitiator, which = 0) =>
  initiator.send([0xa3, 0x0e, which << 6, 0, 0, 0, 0, 0, 0xff, 0, 0, 0])
const set = (initiator: TestInitiator, which: number, dataOut: Buffer) =>
  initiator.send([0xa4, 0x0e, which << 6, 0, 0, 0, 0, 0, 0, dataOut.length, 0, 0], { dataOut })

const OWN = 0b00
const NAMED = 0b01
const ALL_TO_INITIAL = 0b10

function listFor(initiator: TestInitiator, priority: number, relativeTargetPort = 1): Buffer {
  const transportId = encodeTransportId(initiator.nexus.initiatorPortName)
  const header = Buffer.from([priority, 0, 0, relativeTargetPort, 0, 0, 0, transportId.length])
  return Buffer.concat([header, transportId])
}

function twoInitiators() {
  const bench = testBench()
  return { ...bench, other: new TestInitiator(bench.target, 'b').clearUnitAttentions() }
}

describe('REPORT and SET PRIORITY', () => {
  it('report the own nexus, with zero before anything was set', () => {
    const { initiator } = testBench()
    const expected = listFor(initiator, 0)
    expect(report(initiator).dataIn).toEqual(Buffer.concat([bytes('000000'), Buffer.from([expected.length]), expected]))
    expect(set(initiator, OWN, bytes('03')).status).toBe(STATUS.GOOD)
    expect(report(initiator).dataIn[4]).toBe(3)
  })

  it('report all nexuses that have a priority', () => {
    const { initiator, other } = twoInitiators()
    expect(report(initiator, NAMED).dataIn).toEqual(bytes('00000000'))
    set(other, OWN, bytes('05'))
    expect(report(initiator, NAMED).dataIn.subarray(4)).toEqual(listFor(other, 5))
  })

  it('set that of a named nexus, which is told', () => {
    const { initiator, other } = twoInitiators()
    expect(set(initiator, NAMED, listFor(other, 7)).status).toBe(STATUS.GOOD)
    expect(other.send([0x00]).senseText).toBe('6/2a/08')
    expect(report(other).dataIn[4]).toBe(7)
  })

  it('set all back to the initial priority', () => {
    const { initiator, other } = twoInitiators()
    set(other, OWN, bytes('05'))
    expect(set(initiator, ALL_TO_INITIAL, Buffer.alloc(0)).status).toBe(STATUS.GOOD)
    expect(other.send([0x00]).senseText).toBe('6/2a/08')
    expect(report(other).dataIn[4]).toBe(0)
  })

  it('outlive the loss of the nexus, but no reset', () => {
    const { initiator, target } = testBench()
    set(initiator, OWN, bytes('05'))
    target.closeNexus(initiator.nexus, () => {})
    const returned = new TestInitiator(target, 'a').clearUnitAttentions()
    expect(report(returned).dataIn[4]).toBe(5)
    target.logicalUnitReset(returned.nexus, Buffer.alloc(8), () => {})
    returned.clearUnitAttentions()
    expect(report(returned).dataIn[4]).toBe(0)
  })

  it('refuse a missing or short list, an unknown nexus and reserved values', () => {
    const { initiator } = testBench()
    expect(set(initiator, OWN, Buffer.alloc(0)).senseText).toBe('5/1a/00')
    expect(set(initiator, NAMED, listFor(initiator, 1).subarray(0, 20)).senseText).toBe('5/1a/00')
    expect(set(initiator, NAMED, listFor(initiator, 1, 9)).pointedAtInList).toBe('8')
    for (const exchange of [report(initiator, 0b10), set(initiator, 0b11, bytes('01'))]) {
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '2.7'])
    }
  })

  it('decide which of the waiting commands that state no priority goes first', () => {
    const { initiator, other, store } = twoInitiators()
    set(other, OWN, bytes('02'))
    store.isManual = true
    const first = initiator.send(blockCdb(0x28, 0, 1), { attribute: TASK_ATTRIBUTE.ORDERED })
    initiator.send(blockCdb(0x28, 1, 1))
    other.send(blockCdb(0x28, 2, 1))
    store.calls.length = 0
    store.release()
    expect(first.status).toBe(STATUS.GOOD)
    expect(store.calls.map((call) => call.offsetBytes / 512)).toEqual([2, 1])
    while (store.heldCount > 0) store.release()
  })
})
