import { describe, expect, it } from 'vitest'
import { TestInitiator } from '../../support/scsi-initiator.ts'
import { reportGroups, targetPort, twoTargetPorts } from '../../support/two-target-ports.ts'

describe('REPORT TARGET PORT GROUPS', () => {
  it('describes each target port as a group of its own, with every state supported', () => {
    expect(reportGroups(twoTargetPorts().a).dataIn.toString('hex')).toBe(
      ['00000018', '00cf0001', '00000001', '00000001', '00cf0002', '00000001', '00000002'].join(''),
    )
  })

  it('says the same through every port', () => {
    const { a, b } = twoTargetPorts()
    expect(reportGroups(a).dataIn).toEqual(reportGroups(b).dataIn)
  })

  it('sorts the groups by their identifiers', () => {
    const { bench, a } = twoTargetPorts()
    new TestInitiator(bench.target, 'd', undefined, targetPort(65535))
    new TestInitiator(bench.target, 'e', undefined, targetPort(3))
    const { dataIn } = reportGroups(a)
    expect([4, 16, 28, 40].map((at) => dataIn.readUInt16BE(at + 2))).toEqual([1, 2, 3, 65535])
  })

  it.each([
    ['optimized', 0x0],
    ['nonOptimized', 0x1],
    ['standby', 0x2],
    ['unavailable', 0x3],
    ['offline', 0xe],
    ['transitioning', 0xf],
  ] as const)('reports %s as %i, and no reason for what a group began with', (state, code) => {
    const groupAccess = new Map([[2, { state, isPreferred: false }]])
    const { dataIn } = reportGroups(twoTargetPorts({ groupAccess }).a)
    expect([dataIn[4], dataIn[16], dataIn[21]]).toEqual([0, code, 0])
  })

  it('reports the preferred group and an implicit change', () => {
    const { logicalUnit, a, b } = twoTargetPorts()
    logicalUnit.changeAccess([{ targetPortGroup: 2, isPreferred: true }], null)
    logicalUnit.changeAccess([{ targetPortGroup: 1, state: 'nonOptimized' }], null)
    a.clearUnitAttentions()
    b.clearUnitAttentions()
    const { dataIn } = reportGroups(a)
    expect([dataIn[4], dataIn[9]]).toEqual([0x01, 0x02])
    expect([dataIn[16], dataIn[21]]).toEqual([0x80, 0x00])
  })

  it('has an extended header, whose length counts it too, where PARAMETER DATA FORMAT asks for it', () => {
    const { dataIn } = reportGroups(twoTargetPorts().a, 4096, 0x2a)
    expect(dataIn.toString('hex', 0, 12)).toBe('0000001c1000000000cf0001')
    expect(dataIn.length).toBe(32)
  })

  it.each([0x4a, 0x6a, 0x8a, 0xea])('refuses the reserved format of byte 1 %i', (byte1) => {
    const exchange = reportGroups(twoTargetPorts().a, 4096, byte1)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.7'])
  })

  it.each([0, 1, 4, 8, 28, 29, 65536])('cuts at an ALLOCATION LENGTH of %i, which is no overflow', (length) => {
    const { a } = twoTargetPorts()
    const whole = reportGroups(a).dataIn
    const exchange = reportGroups(a, length)
    expect(exchange.dataIn).toEqual(whole.subarray(0, length))
    expect(exchange.command.presentedDataBytes).toBe(Math.min(length, 28))
  })

  it('is a matter of each logical unit: another one in the same target has its own states', () => {
    const one = twoTargetPorts()
    const other = twoTargetPorts()
    one.bench.target.mapLogicalUnit(1, other.logicalUnit)
    one.logicalUnit.changeAccess([{ targetPortGroup: 2, state: 'standby' }], null)
    one.b.clearUnitAttentions(1)
    expect(one.b.send([0x00]).senseText).toBe('6/2a/06')
    expect(one.b.send([0x00]).senseText).toBe('6/3f/0e')
    expect(one.b.send([0x00]).senseText).toBe('2/04/0b')
    expect(one.b.send([0x00], { lun: 1 }).status).toBe(0)
  })

  it('goes on while another nexus holds a persistent reservation, and not a RESERVE (SPC-2)', () => {
    const { a, b } = twoTargetPorts()
    expect(a.send([0x16]).status).toBe(0)
    expect(reportGroups(b).status).toBe(0x18)
    expect(a.send([0x17]).status).toBe(0)
    expect(reportGroups(b).status).toBe(0)
  })
})
