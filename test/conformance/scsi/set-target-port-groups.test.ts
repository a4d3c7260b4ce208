import { describe, expect, it } from 'vitest'
import { enterState, reportGroups, setGroups, stateOfPort2, twoTargetPorts } from '../../support/two-target-ports.ts'

const STATE_CHANGED = '6/2a/06'

describe('SET TARGET PORT GROUPS', () => {
  it.each([0x0, 0x1, 0x2, 0x3])('moves a group into the primary state %i, with STATUS CODE 01h', (state) => {
    const ports = twoTargetPorts()
    enterState(ports, state === 0 ? 'standby' : 'optimized')
    expect(setGroups(ports.a, `0${state}000002`).status).toBe(0)
    expect(stateOfPort2(ports.a)).toEqual([state, 0x01])
  })

  it('tells every nexus but the one that asked, whatever port it came through', () => {
    const { a, b, c } = twoTargetPorts()
    expect(setGroups(b, '01000002 02000001').status).toBe(0)
    expect(b.send([0x00]).status).toBe(0)
    expect(c.send([0x00]).senseText).toBe(STATE_CHANGED)
    expect(c.send([0x00]).status).toBe(0)
    expect(a.send([0x00]).senseText).toBe(STATE_CHANGED)
    expect(a.send([0x00]).senseText).toBe('2/04/0b')
  })

  it('tells nobody of a state that was so before', () => {
    const { a, b } = twoTargetPorts()
    expect(setGroups(a, '00000001 00000002').status).toBe(0)
    expect(b.send([0x00]).status).toBe(0)
    expect(stateOfPort2(a)).toEqual([0x0, 0x00])
  })

  it('leaves PREF and the other groups as they were', () => {
    const { logicalUnit, a, b } = twoTargetPorts()
    logicalUnit.changeAccess([{ targetPortGroup: 2, isPreferred: true }], null)
    a.clearUnitAttentions()
    b.clearUnitAttentions()
    setGroups(a, '01000002')
    const { dataIn } = reportGroups(a)
    expect([dataIn[4], dataIn[16]]).toEqual([0x00, 0x81])
  })

  it('brings a group back through the port that is in standby or unavailable', () => {
    for (const state of ['standby', 'unavailable'] as const) {
      const ports = twoTargetPorts()
      enterState(ports, state)
      expect(setGroups(ports.b, '00000002').status).toBe(0)
      expect(ports.b.send([0x00]).status).toBe(0)
    }
  })

  it('changes nothing with a list of length zero, or with a header alone', () => {
    const { a } = twoTargetPorts()
    const empty = setGroups(a, '01000002', 0)
    expect([empty.status, empty.command.presentedDataBytes]).toEqual([0, 0])
    expect(setGroups(a, '').status).toBe(0)
    expect(stateOfPort2(a)).toEqual([0x0, 0x00])
  })

  it.each([1, 3, 5, 7])('refuses a PARAMETER LIST LENGTH of %i, which cuts a descriptor', (length) => {
    const exchange = setGroups(twoTargetPorts().a, '01000002', length)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '6'])
  })

  it('refuses a PARAMETER LIST LENGTH beyond what the initiator sends', () => {
    expect(setGroups(twoTargetPorts().a, '01000002', 12).senseText).toBe('5/1a/00')
  })

  it.each([0x4, 0x5, 0xd, 0xe, 0xf])('refuses the state %i, and then nothing of the list is done', (state) => {
    const { a } = twoTargetPorts()
    const exchange = setGroups(a, `01000002 0${state.toString(16)}000001`)
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual(['5/26/00', '8.3'])
    expect(stateOfPort2(a)).toEqual([0x0, 0x00])
  })

  it('refuses a group that does not exist, and one that is named twice', () => {
    const { a } = twoTargetPorts()
    const unknown = setGroups(a, '01000002 01000003')
    expect([unknown.senseText, unknown.pointedAtInList]).toEqual(['5/26/00', '10'])
    const twice = setGroups(a, '01000002 02000002')
    expect([twice.senseText, twice.pointedAtInList]).toEqual(['5/26/00', '10'])
    expect(stateOfPort2(a)).toEqual([0x0, 0x00])
  })

  it.each(['offline', 'transitioning'] as const)('leaves a group alone that is %s', (state) => {
    const ports = twoTargetPorts()
    enterState(ports, state)
    const before = stateOfPort2(ports.a)
    const exchange = setGroups(ports.a, '00000002')
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual(['5/26/00', '6'])
    expect(stateOfPort2(ports.a)).toEqual(before)
  })

  it('is stopped by a reservation of another nexus', () => {
    const { a, b } = twoTargetPorts()
    expect(a.send([0x16]).status).toBe(0)
    expect(setGroups(b, '01000002').status).toBe(0x18)
    expect(stateOfPort2(a)).toEqual([0x0, 0x00])
  })

  it('keeps the state over a logical unit reset and the loss of a nexus', () => {
    const { bench, a, b, c } = twoTargetPorts()
    setGroups(a, '01000002')
    bench.target.logicalUnitReset(c.nexus, Buffer.alloc(8), () => {})
    bench.target.closeNexus(b.nexus, () => {})
    a.clearUnitAttentions()
    expect(stateOfPort2(a)).toEqual([0x1, 0x01])
  })
})
