/** PERSISTENT RESERVE IN (SPC-4 6.15): each service action's parameter data, byte for byte. */

import { describe, expect, it } from 'vitest'
import { ALL_TYPES, OUT, reserveIn, reserveOut, TYPE } from '../../support/persistent-reserve.ts'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

function reserved(type: number) {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  reserveOut(bench.initiator, OUT.REGISTER, { actionKey: 0x0102_0304_0506_0708n })
  reserveOut(other, OUT.REGISTER, { actionKey: 2n })
  reserveOut(bench.initiator, OUT.RESERVE, { key: 0x0102_0304_0506_0708n, type })
  return { ...bench, other }
}

describe('READ KEYS', () => {
  it('lists the keys behind the generation and their length', () => {
    const { initiator } = reserved(TYPE.WRITE_EXCLUSIVE)
    expect(reserveIn(initiator, 0).dataIn.toString('hex')).toBe('000000020000001001020304050607080000000000000002')
  })

  it('cuts at ALLOCATION LENGTH and still says how much there is', () => {
    const { initiator } = reserved(TYPE.WRITE_EXCLUSIVE)
    const exchange = reserveIn(initiator, 0, 12)
    expect([exchange.status, exchange.dataIn.toString('hex')]).toEqual([0, '000000020000001001020304'])
    expect(reserveIn(initiator, 0, 0).dataIn.length).toBe(0)
  })
})

describe('READ RESERVATION', () => {
  it('is empty while nothing is reserved', () => {
    const { initiator } = testBench()
    expect(reserveIn(initiator, 1).dataIn.toString('hex')).toBe('0000000000000000')
  })

  it.each(ALL_TYPES)('shows a reservation of type %i', (type) => {
    const { other } = reserved(type)
    const key = type >= TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS ? '0000000000000000' : '0102030405060708'
    expect(reserveIn(other, 1).dataIn.toString('hex')).toBe(`0000000200000010${key}00000000000${type}0000`)
  })
})

describe('REPORT CAPABILITIES', () => {
  it('tells of everything, and of APTPL while it is active', () => {
    const { initiator } = testBench()
    expect(reserveIn(initiator, 2).dataIn.toString('hex')).toBe('00089dc0ea010000')
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n, aptpl: true })
    expect(reserveIn(initiator, 2).dataIn.toString('hex')).toBe('00089dc1ea010000')
    reserveOut(initiator, OUT.REGISTER, { key: 1n, actionKey: 1n })
    expect(reserveIn(initiator, 2).dataIn.toString('hex')).toBe('00089dc0ea010000')
  })
})

describe('READ FULL STATUS', () => {
  it('describes each nexus with its key, port names and what it holds', () => {
    const { initiator } = reserved(TYPE.EXCLUSIVE_ACCESS)
    const data = reserveIn(initiator, 3).dataIn
    const descriptor = (name: string) =>
      Buffer.concat([
        Buffer.from('4500002800', 'hex').subarray(0, 4),
        Buffer.from(name),
        Buffer.alloc(40 - name.length),
      ])
    const header = (key: string, holder: string) => Buffer.from(`${key}00000000${holder}0000000000010000002c`, 'hex')
    expect(data.toString('hex')).toBe(
      Buffer.concat([
        Buffer.from('0000000200000088', 'hex'),
        header('0102030405060708', '0103'),
        descriptor('iqn.2026-11.example:a,i,0x00023d000001'),
        header('0000000000000002', '0000'),
        descriptor('iqn.2026-11.example:b,i,0x00023d000001'),
      ]).toString('hex'),
    )
  })

  it('has every nexus hold an all registrants reservation', () => {
    const { initiator } = reserved(TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    const data = reserveIn(initiator, 3).dataIn
    expect([data.readUInt16BE(8 + 12), data.readUInt16BE(8 + 68 + 12)]).toEqual([0x0107, 0x0107])
  })
})

it('PERSISTENT RESERVE IN refuses a service action that does not exist', () => {
  const { initiator } = testBench()
  for (const action of [4, 0x1f]) {
    const exchange = reserveIn(initiator, action)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.4'])
  }
})
