import { describe, expect, it } from 'vitest'
import { KEY_TABLE } from '../../../../protocol/login/key-table.ts'
import { LOGIN_STATUS, loginStatusName, refuse } from '../../../../protocol/login/login-status.ts'
import { CONNECTION_PARAMETER_DEFAULTS, SESSION_PARAMETER_DEFAULTS } from '../../../../protocol/login/parameters.ts'

describe('the key table', () => {
  const rows = [...KEY_TABLE.values()]

  it('has a row for each parameter, and the parameter’s default is among the admitted values', () => {
    const defaults: Record<string, unknown> = { ...SESSION_PARAMETER_DEFAULTS, ...CONNECTION_PARAMETER_DEFAULTS }
    const named = rows.flatMap(({ role }) => ('parameter' in role ? [role.parameter] : []))
    expect([...named, 'targetMaxRecvDataSegmentLength'].toSorted()).toEqual(Object.keys(defaults).toSorted())
    for (const { role } of rows) {
      if (role.kind !== 'negotiated') continue
      const preset = defaults[role.parameter]
      if (role.value.kind === 'number') {
        expect(preset).toBeGreaterThanOrEqual(role.value.min)
        expect(preset).toBeLessThanOrEqual(role.value.max)
      }
      if (role.value.kind === 'list') expect(role.value.items.map(({ value }) => value)).toContain(preset)
    }
  })

  it('negotiates session-wide keys on the leading connection only', () => {
    const negotiated = rows.filter(({ role }) => role.kind === 'negotiated')
    for (const { use, scope } of negotiated) expect(use).toBe(scope === 'session' ? 'LO' : 'IO')
  })
})

describe('login statuses', () => {
  it('are unique, and named by their codes', () => {
    const statuses = Object.values(LOGIN_STATUS)
    expect(new Set(statuses.map(({ statusClass, statusDetail }) => (statusClass << 8) | statusDetail)).size).toBe(18)
    for (const { statusClass, statusDetail, name } of statuses) {
      expect(loginStatusName(statusClass, statusDetail)).toBe(name)
    }
    expect(loginStatusName(0x0f, 0x01)).toBe('0x0f01')
  })

  it('make refusals', () => {
    expect(refuse('sessionDoesNotExist', 'why')).toEqual({ statusClass: 2, statusDetail: 0x0a, reason: 'why' })
  })
})
