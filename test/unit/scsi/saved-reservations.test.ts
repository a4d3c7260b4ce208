import { describe, expect, it } from 'vitest'
import { nexusId, type ReservationState } from '../../../scsi/reservation-state.ts'
import { findReservationType } from '../../../scsi/reservation-types.ts'
import { decodeReservations, encodeReservations } from '../../../scsi/saved-reservations.ts'

const PORTS = { initiatorPortName: 'a,i,0x000000000001', targetPort: { name: 'x,t,0x0001', relativeTargetPort: 1 } }
const ID = nexusId(PORTS.initiatorPortName, PORTS.targetPort.name)

function stateOf(typeCode: number | null): ReservationState {
  const type = typeCode === null ? null : findReservationType(typeCode)!
  return {
    registrations: new Map([[ID, { ...PORTS, key: 0xffff_ffff_ffff_ffffn }]]),
    reservation: type && { type, holder: type.isAllRegistrants ? null : ID },
    persistsThroughPowerLoss: true,
    generation: 0,
  }
}

describe('saved reservations', () => {
  it.each([null, 1, 3, 5, 6, 7, 8])('come back with type %s', (typeCode) => {
    expect(decodeReservations(encodeReservations(stateOf(typeCode)))).toEqual(stateOf(typeCode))
  })

  it('come back without registrations', () => {
    const empty = { ...stateOf(null), registrations: new Map() }
    expect(decodeReservations(encodeReservations(empty))).toEqual(empty)
  })

  it('are nothing when anything is wrong with them', () => {
    const whole = encodeReservations(stateOf(1)).toString()
    const wrong = [
      '',
      '[]',
      'null',
      '{}',
      whole.slice(0, -1),
      whole.replace('ffffffffffffffff', '0'),
      whole.replace('ffffffffffffffff', '10000000000000000'),
      whole.replace('ffffffffffffffff', 'key'),
      whole.replace('"type":1', '"type":2'),
      whole.replace('"holder":0', '"holder":1'),
      whole.replace('"holder":0', '"holder":null'),
      whole.replace('"relativeTargetPort":1', '"relativeTargetPort":"1"'),
      whole.replace('"a,i,0x000000000001"', '7'),
      '{"registrations":[],"reservation":{"type":7,"holder":null}}',
    ]
    for (const text of wrong) expect([text, decodeReservations(Buffer.from(text))]).toEqual([text, null])
  })

  it('hold no nexus twice', () => {
    const { registrations } = JSON.parse(encodeReservations(stateOf(null)).toString()) as { registrations: unknown[] }
    const twice = { registrations: [...registrations, ...registrations], reservation: null }
    expect(decodeReservations(Buffer.from(JSON.stringify(twice)))).toBeNull()
  })
})
