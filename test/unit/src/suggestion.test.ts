import { expect, it } from 'vitest'
import { suggestion } from '../../../src/suggestion.ts'

const NAMES = [
  'sessionsMax',
  'failedSessionsMax',
  'loginTimeoutMs',
  'dataOutTimeoutMs',
  'logoutTimeoutMs',
  'pingTimeoutMs',
]

it.each([
  ['SessionsMax', ' (did you mean sessionsMax or failedSessionsMax?)'],
  ['loginTimeout', ' (did you mean loginTimeoutMs?)'],
  ['pingTimeoutMsMax', ' (did you mean pingTimeoutMs?)'],
  ['timeout', ''],
  ['frobnicate', ''],
  ['', ''],
])('to "%s" it is "%s"', (written, expected) => {
  expect(suggestion(written, NAMES)).toBe(expected)
})
