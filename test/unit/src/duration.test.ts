import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/duration.ts'

it.each([
  ['0', 0],
  ['250', 250],
  ['500ms', 500],
  ['15s', 15_000],
  ['2min', 120_000],
  ['1h', 3_600_000],
])('reads %s', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs)
})

it.each(['', 's', '-1', '1.5s', '1 s', '1m', '1d', '1S', '1234567890123456'])('refuses "%s"', (text) => {
  expect(parseDuration(text)).toBeNull()
})

it.each([
  [0, '0ms'],
  [1500, '1500ms'],
  [15_000, '15s'],
  [120_000, '2min'],
  [7_200_000, '2h'],
])('writes %i as %s', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text)
})

it('reads back what it writes', () => {
  fc.assert(
    fc.property(fc.nat(), (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs)
    }),
  )
})
