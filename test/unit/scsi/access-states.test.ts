import { describe, expect, it } from 'vitest'
import {
  ACCESS_STATES,
  type AccessState,
  AccessStates,
  accessStateForInitiators,
  STATUS_CODE,
} from '../../../scsi/access-states.ts'

const NAMES = Object.keys(ACCESS_STATES) as AccessState[]

describe('access states', () => {
  it('have codes of their own', () => {
    expect(new Set(NAMES.map((name) => ACCESS_STATES[name].code)).size).toBe(NAMES.length)
  })

  it('for initiators are those of the codes 0h to 3h', () => {
    const names = Array.from({ length: 16 }, (_, code) => accessStateForInitiators(code))
    expect(names.filter((name) => name !== null)).toEqual(['optimized', 'nonOptimized', 'standby', 'unavailable'])
    expect(names.slice(4)).toEqual(new Array(12).fill(null))
  })
})

describe('AccessStates', () => {
  const states = () => new AccessStates(new Map([[2, { state: 'standby', isPreferred: true }]]))

  it('start as they are told, and active/optimized where nothing was said', () => {
    const { state, isPreferred, statusCode } = states().of(2)
    expect([state, isPreferred, statusCode]).toEqual(['standby', true, STATUS_CODE.NONE])
    expect([states().of(1).state, states().of(1).isPreferred]).toEqual(['optimized', false])
    expect(states().of(2).isRestricted).toBe(true)
    expect(states().of(1).isRestricted).toBe(false)
  })

  it('change in the object that nexuses hold', () => {
    const all = states()
    const held = all.of(2)
    expect(all.apply([{ targetPortGroup: 2, state: 'optimized' }], STATUS_CODE.IMPLICIT)).toBe(true)
    expect([held.state, held.isRestricted, held.isPreferred, held.statusCode]).toEqual(['optimized', false, true, 2])
    expect(all.of(2)).toBe(held)
  })

  it('say whether something changed; PREF alone is a change, and no reason for a state', () => {
    const all = states()
    expect(all.apply([{ targetPortGroup: 2, state: 'standby', isPreferred: true }], STATUS_CODE.EXPLICIT)).toBe(false)
    expect(all.apply([{ targetPortGroup: 2, isPreferred: false }], STATUS_CODE.EXPLICIT)).toBe(true)
    expect(all.of(2).statusCode).toBe(STATUS_CODE.NONE)
  })

  it.each(NAMES)('%s is restricted when some class of commands is not answered', (state) => {
    const access = new AccessStates(new Map([[1, { state, isPreferred: false }]])).of(1)
    expect(access.isRestricted).toBe(!access.answers('medium'))
    expect(access.refusal === null).toBe(access.answers('medium'))
    expect(access.answers('always')).toBe(true)
  })
})
