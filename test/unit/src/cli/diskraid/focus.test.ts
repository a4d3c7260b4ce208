import { describe, expect, it } from 'vitest'
import { Focus } from '../../../../../src/cli/diskraid/focus.ts'

function focused(): Focus {
  const focus = new Focus()
  focus.select('provider', 'p')
  focus.select('subsystem', 's')
  focus.select('target', 't')
  focus.keepList('tpgroup', ['g', 'h'])
  focus.select('tpgroup', 'g')
  return focus
}

describe('the focus of DiskRAID', () => {
  it.each(['lun', 'tportal'] as const)('lets go of target and tpgroup for a %s', (kind) => {
    const focus = focused()
    focus.select(kind, 'x')
    expect([focus.find('target'), focus.find('tpgroup'), focus.find(kind)]).toEqual([null, null, 'x'])
    expect(focus.find('subsystem')).toBe('s')
  })

  it('keeps the target for one of its tpgroups', () => {
    const focus = focused()
    focus.select('tpgroup', 'h')
    expect([focus.find('target'), focus.find('tpgroup')]).toEqual(['t', 'h'])
  })

  it('lists the tpgroups of another target anew', () => {
    const focus = focused()
    focus.select('target', 'u')
    expect([focus.find('tpgroup'), focus.listed('tpgroup')]).toEqual([null, null])
  })

  it('keeps what is in the subsystem when the same one is selected again', () => {
    const focus = focused()
    focus.select('subsystem', 's')
    expect(focus.find('target')).toBe('t')
    focus.select('provider', 'q')
    expect([focus.find('subsystem'), focus.find('target')]).toEqual([null, null])
  })

  it('says what has to be selected first', () => {
    const focus = new Focus()
    expect(() => focus.demand('lun')).toThrow('There is no lun selected: use select lun.')
    expect(() => focus.demandParentOf('tpgroup')).toThrow('There is no target selected')
    expect(() => focus.demandParentOf('provider')).not.toThrow()
  })

  it('keeps the places of a list, but for what we add and delete', () => {
    const focus = new Focus()
    focus.keepList('lun', ['a', 'b', 'c'])
    focus.add('lun', 'd')
    focus.remove('lun', 'b')
    expect(focus.listed('lun')).toEqual(['a', 'c', 'd'])
    expect(focus.find('lun')).toBeNull()
  })
})
