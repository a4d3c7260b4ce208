import { describe, expect, it } from 'vitest'
import { PORTAL_GROUP_STATES, readPortalGroupAccess } from '../../../../src/cli/portal-group-request.ts'

const PORTALS = [2, 1, 0, 2].map((portalGroupTag) => ({ host: '127.0.0.1', port: 3260, portalGroupTag }))
const read = (...texts: string[]) => readPortalGroupAccess(texts, PORTALS)

describe('--portal-group-state', () => {
  it('is empty when it is not given', () => {
    expect(readPortalGroupAccess(undefined, PORTALS)).toEqual(new Map())
  })

  it('takes a state for each portal group, and which one is preferred', () => {
    expect(read('1=optimized,preferred', '2=non-optimized', '0=standby')).toEqual(
      new Map([
        [1, { state: 'optimized', isPreferred: true }],
        [2, { state: 'nonOptimized', isPreferred: false }],
        [0, { state: 'standby', isPreferred: false }],
      ]),
    )
  })

  it.each(PORTAL_GROUP_STATES)('takes %s', (state) => {
    expect(read(`1=${state}`).size).toBe(1)
  })

  it.each([
    '',
    '1',
    '1=',
    '=standby',
    '1=transitioning',
    '1=Standby',
    '1=standby,',
    '1=standby,favourite',
    'x=standby',
  ])('refuses %j, saying what is allowed', (text) => {
    const { message } = catchError(() => read(text))
    expect(message).toBe(
      `--portal-group-state ${text} is not possible: allowed is TAG=STATE or TAG=STATE,preferred, ` +
        'where STATE is optimized, non-optimized, standby, unavailable, offline',
    )
  })

  it('refuses names that every object has', () => {
    expect(() => read('1=constructor')).toThrow('is not possible')
  })

  it('refuses a portal group without a portal, saying which there are', () => {
    expect(() => read('3=standby')).toThrow(
      '--portal-group-state 3=standby names a portal group that has no portal: those that have one are 0, 1, 2',
    )
  })

  it('refuses a second state for a portal group', () => {
    expect(() => read('1=standby', '1=offline')).toThrow(
      '--portal-group-state 1=offline is the second for portal group 1',
    )
  })
})

function catchError(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
