/**
 * PERSISTENT RESERVE OUT: REGISTER, REGISTER AND IGNORE EXISTING KEY and REGISTER AND MOVE (SPC-4 5.13.7, 5.13.8 and
 * 6.16), and CDB and parameter list checks that all service actions share.
 */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import {
  moveList,
  OUT,
  pendingAttentions,
  readFullStatus,
  readKeys,
  readReservation,
  reserveOut,
  TYPE,
  transportId,
} from '../../support/persistent-reserve.ts'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const A_PORT = 'iqn.2026-11.example:a,i,0x00023d000001'
const B_PORT = 'iqn.2026-11.example:b,i,0x00023d000001'
const SECOND_PORT = { targetPortName: 'iqn.2026-11.example:disk,t,0x0002', relativeTargetPort: 2 }

function twoInitiators() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  return { ...bench, other }
}

describe('REGISTER', () => {
  it('registers, changes and removes a key', () => {
    const { initiator } = testBench()
    expect(readKeys(initiator)).toEqual({ generation: 0, keys: [] })
    expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 0xffff_ffff_ffff_fffen }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator)).toEqual({ generation: 1, keys: [0xffff_ffff_ffff_fffen] })
    expect(reserveOut(initiator, OUT.REGISTER, { key: 0xffff_ffff_ffff_fffen, actionKey: 2n }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator)).toEqual({ generation: 2, keys: [2n] })
    expect(reserveOut(initiator, OUT.REGISTER, { key: 2n }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator)).toEqual({ generation: 3, keys: [] })
  })

  it('wants the key that is registered, or zero', () => {
    const { initiator } = testBench()
    expect(reserveOut(initiator, OUT.REGISTER, { key: 1n, actionKey: 2n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
    for (const key of [0n, 2n]) {
      const { status, residual } = reserveOut(initiator, OUT.REGISTER, { key, actionKey: 3n })
      expect([status, residual]).toEqual([STATUS.RESERVATION_CONFLICT, 0])
    }
    expect(readKeys(initiator)).toEqual({ generation: 1, keys: [1n] })
  })

  it('does nothing for an unregistered nexus that registers zero', () => {
    const { initiator } = testBench()
    for (const action of [OUT.REGISTER, OUT.REGISTER_AND_IGNORE]) {
      expect(reserveOut(initiator, action).status).toBe(STATUS.GOOD)
    }
    expect(readKeys(initiator)).toEqual({ generation: 0, keys: [] })
  })

  it('lists equal keys once for each nexus', () => {
    const { initiator, other } = twoInitiators()
    for (const one of [initiator, other]) reserveOut(one, OUT.REGISTER, { actionKey: 7n })
    expect(readKeys(other).keys).toEqual([7n, 7n])
  })

  it('keeps a reservation that its holder gives another key to', () => {
    const { initiator, other } = twoInitiators()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
    reserveOut(initiator, OUT.RESERVE, { key: 1n, type: TYPE.EXCLUSIVE_ACCESS })
    reserveOut(initiator, OUT.REGISTER, { key: 1n, actionKey: 2n })
    expect(readReservation(other)).toEqual({ key: 2n, type: TYPE.EXCLUSIVE_ACCESS })
  })

  it('with zero by the holder releases the reservation and tells the registrants of a registrants only type', () => {
    for (const [type, told] of [
      [TYPE.WRITE_EXCLUSIVE, []],
      [TYPE.EXCLUSIVE_ACCESS, []],
      [TYPE.WRITE_EXCLUSIVE_REGISTRANTS_ONLY, ['6/2a/04']],
      [TYPE.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY, ['6/2a/04']],
    ] as const) {
      const { initiator, other, target } = twoInitiators()
      const stranger = new TestInitiator(target, 'c').clearUnitAttentions()
      reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
      reserveOut(other, OUT.REGISTER, { actionKey: 2n })
      reserveOut(initiator, OUT.RESERVE, { key: 1n, type })
      reserveOut(initiator, OUT.REGISTER, { key: 1n })
      expect([pendingAttentions(other), pendingAttentions(stranger)]).toEqual([told, []])
      expect([readReservation(other), readKeys(other).keys]).toEqual([null, [2n]])
    }
  })

  it.each([TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS, TYPE.EXCLUSIVE_ACCESS_ALL_REGISTRANTS])(
    'with zero by the last registrant releases a reservation of type %i, and no earlier',
    (type) => {
      const { initiator, other } = twoInitiators()
      reserveOut(initiator, OUT.REGISTER, { actionKey: 1n })
      reserveOut(other, OUT.REGISTER, { actionKey: 2n })
      reserveOut(initiator, OUT.RESERVE, { key: 1n, type })
      reserveOut(initiator, OUT.REGISTER, { key: 1n })
      expect(readReservation(other)).toEqual({ key: 0n, type })
      expect(pendingAttentions(other)).toEqual([])
      reserveOut(other, OUT.REGISTER, { key: 2n })
      expect(readReservation(other)).toBeNull()
    },
  )
})

describe('REGISTER AND IGNORE EXISTING KEY', () => {
  it('registers, changes and removes whatever RESERVATION KEY says', () => {
    const { initiator } = testBench()
    for (const [actionKey, keys] of [
      [1n, [1n]],
      [2n, [2n]],
      [0n, []],
    ] as const) {
      expect(reserveOut(initiator, OUT.REGISTER_AND_IGNORE, { key: 99n, actionKey }).status).toBe(STATUS.GOOD)
      expect(readKeys(initiator).keys).toEqual(keys)
    }
    expect(readKeys(initiator).generation).toBe(3)
  })
})

describe('ALL_TG_PT', () => {
  it('registers and removes on all ports of the target', () => {
    const { initiator, target } = testBench()
    const second = new TestInitiator(target, 'a', undefined, SECOND_PORT).clearUnitAttentions()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 5n, allTargetPorts: true })
    expect(readFullStatus(initiator).map(({ key, relativeTargetPort }) => [key, relativeTargetPort])).toEqual([
      [5n, 1],
      [5n, 2],
    ])
    expect(reserveOut(second, OUT.RESERVE, { key: 5n, type: TYPE.WRITE_EXCLUSIVE }).status).toBe(STATUS.GOOD)
    reserveOut(initiator, OUT.REGISTER_AND_IGNORE, { allTargetPorts: true })
    expect([readKeys(initiator).keys, readReservation(initiator)]).toEqual([[], null])
  })

  it('registers nowhere when one of the nexuses has another key', () => {
    const { initiator, target } = testBench()
    const second = new TestInitiator(target, 'a', undefined, SECOND_PORT).clearUnitAttentions()
    reserveOut(second, OUT.REGISTER, { actionKey: 9n })
    const fields = { actionKey: 5n, allTargetPorts: true }
    expect(reserveOut(initiator, OUT.REGISTER, fields).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(readKeys(initiator).keys).toEqual([9n])
    expect(reserveOut(initiator, OUT.REGISTER_AND_IGNORE, fields).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator).keys).toEqual([5n, 5n])
  })

  it('covers ports that nobody came through yet; without it a registration is for one port', () => {
    const { logicalUnit } = testBench()
    const targetPorts = [1, 2, 3].map((tag) => ({
      name: `iqn.2026-11.example:disk,t,0x000${tag}`,
      relativeTargetPort: tag,
    }))
    const target = new ScsiTarget({ logicalUnits: new Map([[0, logicalUnit]]), targetPorts, onInternalError: () => {} })
    const initiator = new TestInitiator(target, 'c').clearUnitAttentions()
    reserveOut(initiator, OUT.REGISTER, { actionKey: 5n, allTargetPorts: true })
    expect(readFullStatus(initiator).map((status) => status.relativeTargetPort)).toEqual([1, 2, 3])
    reserveOut(initiator, OUT.CLEAR, { key: 5n })
    reserveOut(initiator, OUT.REGISTER, { actionKey: 5n })
    const second = new TestInitiator(target, 'c', undefined, SECOND_PORT).clearUnitAttentions()
    expect(reserveOut(second, OUT.RESERVE, { key: 5n, type: 1 }).status).toBe(STATUS.RESERVATION_CONFLICT)
  })
})

describe('SPEC_I_PT', () => {
  it('registers the ports that are named, present or not, with the same key', () => {
    const { initiator, other } = twoInitiators()
    const ids = [B_PORT, 'iqn.2026-11.example:absent,i,0x00aabbccddee'].map(transportId)
    expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: ids }).status).toBe(STATUS.GOOD)
    expect(readFullStatus(initiator).map((status) => [status.key, status.transportId])).toEqual(
      [transportId(A_PORT), ...ids].map((id) => [4n, id]),
    )
    expect(reserveOut(other, OUT.RESERVE, { key: 4n, type: 1 }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator).generation).toBe(1)
  })

  it('takes names in any case, ISIDs without leading zeroes, and a port that is named twice', () => {
    const { initiator, other } = twoInitiators()
    const ids = ['IQN.2026-11.Example:b,i,0x23D000001', B_PORT, A_PORT].map(transportId)
    expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: ids }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator).keys).toEqual([4n, 4n])
    expect(reserveOut(other, OUT.RESERVE, { key: 4n, type: 1 }).status).toBe(STATUS.GOOD)
  })

  it('registers every known port of a device that is named', () => {
    const { initiator, target } = twoInitiators()
    new TestInitiator(target, 'b', undefined, { initiatorPortName: 'iqn.2026-11.example:b,i,0x00023d000002' })
    const ids = [transportId('iqn.2026-11.example:b')]
    expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: ids }).status).toBe(STATUS.GOOD)
    expect(readFullStatus(initiator).map((status) => status.transportId.toString('latin1', 4, 42))).toEqual([
      A_PORT,
      B_PORT,
      'iqn.2026-11.example:b,i,0x00023d000002',
    ])
    const unknown = [transportId('iqn.2026-11.example:nobody')]
    const refused = reserveOut(testBench().initiator, OUT.REGISTER, { actionKey: 4n, transportIds: unknown })
    expect(refused.senseText).toBe('5/26/00')
  })

  it('with ALL_TG_PT registers every port at every port of the target', () => {
    const { initiator, target } = twoInitiators()
    new TestInitiator(target, 'c', undefined, SECOND_PORT)
    const fields = { actionKey: 4n, allTargetPorts: true, transportIds: [transportId(B_PORT)] }
    reserveOut(initiator, OUT.REGISTER, fields)
    expect(readFullStatus(initiator).map((status) => status.relativeTargetPort)).toEqual([1, 2, 1, 2])
  })

  it('registers nobody when one of the ports is registered, or the nexus itself is', () => {
    const { initiator, other } = twoInitiators()
    const fields = { actionKey: 4n, transportIds: [transportId('iqn.x:new,i,0x1'), transportId(B_PORT)] }
    reserveOut(other, OUT.REGISTER, { actionKey: 1n })
    expect(reserveOut(initiator, OUT.REGISTER, fields).senseText).toBe('5/24/00')
    expect(reserveOut(other, OUT.REGISTER, { ...fields, key: 1n }).senseText).toBe('5/24/00')
    expect(readKeys(initiator)).toEqual({ generation: 1, keys: [1n] })
  })

  it('is refused for every other service action', () => {
    const { initiator } = testBench()
    const list = Buffer.alloc(28)
    list[20] = 8
    for (const action of [1, 2, 3, 4, 5, 6]) {
      expect([action, reserveOut(initiator, action, { list, type: 1 }).senseText]).toEqual([action, '5/26/00'])
    }
  })

  it('refuses TransportIDs that are none, or cut off', () => {
    const wrong = (change: (id: Buffer) => void) => {
      const id = transportId(B_PORT)
      change(id)
      return id
    }
    const cases: Buffer[] = [
      wrong((id) => id.writeUInt8(0x46, 0)),
      wrong((id) => id.writeUInt8(0x85, 0)),
      wrong((id) => id.writeUInt8(0x05, 0)),
      wrong((id) => id.writeUInt16BE(id.readUInt16BE(2) - 1, 2)),
      wrong((id) => id.writeUInt16BE(id.readUInt16BE(2) + 4, 2)),
      wrong((id) => id.writeUInt16BE(16, 2)),
      transportId(B_PORT).subarray(0, 40),
      transportId(B_PORT).subarray(0, 2),
      transportId('iqn.x:a b,i,0x1'),
      transportId(''),
      transportId(`iqn.x:${'y'.repeat(220)},i,0x1`),
      transportId('iqn.x:b,i,0x0000000000001'),
    ]
    for (const [index, id] of cases.entries()) {
      const { initiator } = testBench()
      const { senseText } = reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: [id] })
      expect([index, senseText, readKeys(initiator).keys]).toEqual([index, '5/26/00', []])
    }
  })

  it('has room for a bounded number of registrations, and makes all of them or none', () => {
    const { initiator } = testBench()
    const ids = Array.from({ length: 512 }, (_, i) => transportId(`iqn.x:${i},i,0x1`))
    const refused = reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: ids })
    expect([refused.senseText, readKeys(initiator).keys.length]).toEqual(['5/55/04', 0])
    reserveOut(initiator, OUT.REGISTER, { actionKey: 4n, transportIds: ids.slice(1) })
    expect(readKeys(initiator).keys.length).toBe(512)
  })
})

describe('REGISTER AND MOVE', () => {
  const move = (initiator: TestInitiator, fields: Parameters<typeof moveList>[0]) =>
    reserveOut(initiator, OUT.REGISTER_AND_MOVE, { list: moveList({ transportId: transportId(B_PORT), ...fields }) })

  function held(type: number = TYPE.WRITE_EXCLUSIVE) {
    const bench = twoInitiators()
    reserveOut(bench.initiator, OUT.REGISTER, { actionKey: 1n })
    reserveOut(bench.initiator, OUT.RESERVE, { key: 1n, type })
    return bench
  }

  it('registers another nexus and gives it the reservation', () => {
    const { initiator, other } = held()
    expect(move(initiator, { key: 1n, actionKey: 2n }).status).toBe(STATUS.GOOD)
    expect(readFullStatus(other).map(({ key, isHolder }) => [key, isHolder])).toEqual([
      [1n, false],
      [2n, true],
    ])
    expect(readReservation(other)).toEqual({ key: 2n, type: TYPE.WRITE_EXCLUSIVE })
    expect(readKeys(other).generation).toBe(2)
    expect([pendingAttentions(initiator), pendingAttentions(other)]).toEqual([[], []])
    expect(reserveOut(other, OUT.RELEASE, { key: 2n, type: TYPE.WRITE_EXCLUSIVE }).status).toBe(STATUS.GOOD)
    expect(readReservation(other)).toBeNull()
  })

  it('with UNREG unregisters itself, and changes the key of a destination that is registered', () => {
    const { initiator, other } = held(TYPE.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY)
    reserveOut(other, OUT.REGISTER, { actionKey: 8n })
    expect(move(initiator, { key: 1n, actionKey: 2n, unregister: true }).status).toBe(STATUS.GOOD)
    expect([readKeys(other).keys, readReservation(other)]).toEqual([[2n], { key: 2n, type: 6 }])
  })

  it('moves to another port of the target, and to a device that has one port', () => {
    const { initiator, target } = held()
    const second = new TestInitiator(target, 'd', undefined, SECOND_PORT).clearUnitAttentions()
    const fields = { key: 1n, actionKey: 2n, relativeTargetPort: 2, transportId: transportId('iqn.2026-11.example:d') }
    expect(move(initiator, fields).status).toBe(STATUS.GOOD)
    expect(reserveOut(second, OUT.RELEASE, { key: 2n, type: 1 }).status).toBe(STATUS.GOOD)
    expect(readReservation(initiator)).toBeNull()
  })

  it('conflicts for whoever does not hold a reservation of one holder under its key', () => {
    const { initiator, other, target } = held()
    expect(move(other, { actionKey: 2n }).senseText).toBeNull()
    expect(move(other, { actionKey: 2n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    reserveOut(other, OUT.REGISTER, { actionKey: 3n })
    expect(move(other, { key: 3n, actionKey: 2n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(move(initiator, { key: 9n, actionKey: 2n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    const all = held(TYPE.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    expect(move(all.initiator, { key: 1n, actionKey: 2n }).status).toBe(STATUS.RESERVATION_CONFLICT)
    expect(target.logicalUnits().size).toBe(1)
  })

  it('is refused without a reservation, a key, a destination of its own or a known port', () => {
    expect(move(testBench().initiator, { actionKey: 2n }).senseText).toBe('5/24/00')
    const { initiator } = held()
    const before = readFullStatus(initiator)
    expect(move(initiator, { key: 1n }).senseText).toBe('5/24/00')
    for (const fields of [
      { transportId: transportId(A_PORT) },
      { transportId: transportId('iqn.2026-11.example:nobody') },
      { transportId: Buffer.alloc(0) },
      { transportId: Buffer.concat([transportId(B_PORT), transportId(B_PORT)]) },
      { relativeTargetPort: 2 },
      { relativeTargetPort: 0 },
    ]) {
      expect(move(initiator, { key: 1n, actionKey: 2n, ...fields }).senseText).toBe('5/26/00')
    }
    const list = moveList({ key: 1n, actionKey: 2n, transportId: transportId(B_PORT) })
    const cut = reserveOut(initiator, OUT.REGISTER_AND_MOVE, { list: list.subarray(0, 40) })
    expect(cut.senseText).toBe('5/1a/00')
    expect(readFullStatus(initiator)).toEqual(before)
  })
})

describe('the parameter list', () => {
  it('has exactly 24 bytes without SPEC_I_PT', () => {
    const { initiator } = testBench()
    for (const lengthBytes of [0, 8, 23, 25, 28]) {
      const list = Buffer.alloc(lengthBytes)
      if (lengthBytes >= 16) list.writeBigUInt64BE(1n, 8)
      expect([lengthBytes, reserveOut(initiator, OUT.REGISTER, { list }).senseText]).toEqual([lengthBytes, '5/1a/00'])
    }
    expect(readKeys(initiator).keys).toEqual([])
  })

  it('must be there as PARAMETER LIST LENGTH says, and is bounded', () => {
    const { initiator } = testBench()
    for (const lengthBytes of [25, 0x10001, 0xffffffff]) {
      expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 1n, lengthBytes }).senseText).toBe('5/1a/00')
    }
    const surplus = reserveOut(initiator, OUT.REGISTER, {
      list: Buffer.concat([Buffer.alloc(8), Buffer.from('0000000000000001', 'hex'), Buffer.alloc(16)]),
      lengthBytes: 24,
    })
    expect([surplus.status, surplus.residual]).toEqual([STATUS.GOOD, -8])
  })

  it('may arrive in pieces', () => {
    const { initiator } = testBench()
    expect(reserveOut(initiator, OUT.REGISTER, { actionKey: 1n }, { dataOutPieceBytes: 1 }).status).toBe(STATUS.GOOD)
    expect(readKeys(initiator).keys).toEqual([1n])
  })

  it('is not asked for with a service action that does not exist', () => {
    const { initiator } = testBench()
    for (const action of [9, 0x1f]) {
      const exchange = reserveOut(initiator, action)
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.4'])
    }
  })
})
