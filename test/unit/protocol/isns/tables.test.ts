import { describe, expect, it } from 'vitest'
import { CLIENT_TRANSITIONS, nextState } from '../../../../protocol/isns/client-states.ts'
import { functionName } from '../../../../protocol/isns/functions.ts'
import { isSameEntity, removedObjects } from '../../../../protocol/isns/network-entity.ts'
import { remedyFor, statusName } from '../../../../protocol/isns/status-codes.ts'
import { ENTITY, PORTAL, TARGET } from '../../../support/isns-fixture.ts'

describe('the states of an iSNS client', () => {
  it('lead only to states that there are, and all of them back to stopped', () => {
    const states = Object.keys(CLIENT_TRANSITIONS)
    for (const row of Object.values(CLIENT_TRANSITIONS)) {
      expect(states).toEqual(expect.arrayContaining(Object.values(row)))
      expect('stop' in row || 'left' in row || 'start' in row).toBe(true)
    }
  })

  it('refuse what the table does not have', () => {
    expect(() => nextState('stopped', 'opened')).toThrow('an iSNS client that is stopped cannot have "opened"')
  })
})

describe('status codes', () => {
  it.each([
    [0, '0 (Successful)', 'none'],
    [3, '3 (Invalid Registration)', 'registerAnew'],
    [8, '8 (Source Unauthorized)', 'askAdministrator'],
    [12, '12 (Busy)', 'retry'],
    [21, '21 (ESI Not Available)', 'withoutEsi'],
    [4, '4 (reserved)', 'retry'],
    [99, '99 (reserved)', 'retry'],
  ])('%i has a name and a remedy', (status, name, remedy) => {
    expect([statusName(status), remedyFor(status)]).toEqual([name, remedy])
  })
})

describe('function IDs', () => {
  it.each([
    [0x0001, 'DevAttrReg'],
    [0x800d, 'ESIRsp'],
    [0x0100, 'function 0x0100'],
    [0x8100, 'function 0x8100'],
  ])('0x%s has a name for people', (functionId, name) => {
    expect(functionName(functionId)).toBe(name)
  })
})

describe('network entities', () => {
  it('are the same when everything in them is', () => {
    expect(isSameEntity(ENTITY, structuredClone(ENTITY))).toBe(true)
    expect(isSameEntity(ENTITY, { ...ENTITY, portals: [{ ...PORTAL, portalGroupTag: 2 }] })).toBe(false)
    expect(isSameEntity(ENTITY, { ...ENTITY, targets: [{ name: TARGET, alias: 'x' }] })).toBe(false)
  })

  it('differ by the keys of their objects', () => {
    const after = { targets: [], portals: [{ ...PORTAL, portalGroupTag: 9 }] }
    expect(removedObjects(ENTITY, after)).toEqual({ targets: ENTITY.targets, portals: [] })
    expect(removedObjects(ENTITY, { ...ENTITY, portals: [{ ...PORTAL, port: 1 }] })).toEqual({
      targets: [],
      portals: ENTITY.portals,
    })
  })
})
