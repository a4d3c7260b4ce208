import { describe, expect, it } from 'vitest'
import { describeRange, formatLimit, LIMIT_NAMES, parseLimit } from '../../../src/limit-values.ts'
import { LIMITS } from '../../../src/limits.ts'

describe('parseLimit', () => {
  it.each([
    ['sessionsMax=5', 'sessionsMax', 5],
    ['loginTimeoutMs=2s', 'loginTimeoutMs', 2000],
    ['loginTimeoutMs=2', 'loginTimeoutMs', 2],
    ['textBytesMax=128K', 'textBytesMax', 131_072],
    ['textBytesMax=8192', 'textBytesMax', 8192],
    ['idleDataInBytesMax=0', 'idleDataInBytesMax', 0],
    ['idleTasksMax=0', 'idleTasksMax', 0],
    ['ahsBytesMax=0', 'ahsBytesMax', 0],
  ])('reads %s', (text, name, value) => {
    expect(parseLimit(text)).toEqual({ kind: 'limit', name, value })
  })

  it.each([
    ['', 'names no limit: lunette limits lists them'],
    ['sessions=5', 'names no limit (did you mean sessionsMax or failedSessionsMax?)'],
    ['toString=5', 'names no limit'],
    ['sessionsMax', 'has no value: write sessionsMax=VALUE, with 1 to 65535'],
    ['sessionsMax=', 'not a whole number'],
    ['sessionsMax=1K', 'not a whole number'],
    ['sessionsMax=-1', 'not a whole number'],
    ['sessionsMax=0', 'out of range: allowed is 1 to 65535'],
    ['sessionsMax=65536', 'out of range: allowed is 1 to 65535'],
    ['connectionsMax=2147483648', 'out of range'],
    ['loginTimeoutMs=soon', 'not a duration: allowed is a number of milliseconds'],
    ['loginTimeoutMs=0', 'out of range: allowed is 1ms to 576h'],
    ['loginTimeoutMs=600h', 'out of range'],
    ['loginExchangesMax=5', 'out of range: allowed is 6 to'],
    ['textBytesMax=1KB', 'not a size: allowed is a number of bytes'],
    ['textBytesMax=8191', 'out of range: allowed is 8K to 1T'],
    ['ahsBytesMax=1K', 'out of range: allowed is 0 to 1020'],
  ])('refuses "%s" and says why', (text, reason) => {
    expect(parseLimit(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })
})

it.each(LIMIT_NAMES)('the default of %s is allowed, and is written as it is read', (name) => {
  expect(parseLimit(`${name}=${formatLimit(name, LIMITS[name])}`)).toEqual({
    kind: 'limit',
    name,
    value: LIMITS[name],
  })
  expect(describeRange(name)).toMatch(/^\S+ to \S+$/)
})
