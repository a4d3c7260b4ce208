import { expect, it } from 'vitest'
import { formatForPeople } from '../../../src/log.ts'

it('tells an event in one line that a person reads', () => {
  const line = JSON.stringify({ level: 40, time: Date.UTC(2026, 0, 1, 12, 30), msg: 'slow', host: '::1', note: 'a b' })
  expect(formatForPeople(line)).toBe('12:30:00.000 WARN  slow host=::1 note="a b"\n')
})

it('tells an error that has no stack like any other field', () => {
  const line = JSON.stringify({ level: 50, time: 0, msg: 'broken', err: 'close: completed a second time' })
  expect(formatForPeople(line)).toBe('00:00:00.000 ERROR broken err="close: completed a second time"\n')
})

it.each(['\u001b[31m', '\u009b31m', '\u202e', '\u2028', '\u{e0001}'])('shows %j without acting on it', (text) => {
  const printed = formatForPeople(JSON.stringify({ level: 40, time: 0, msg: 'odd', one: text, two: `a ${text}` }))
  expect(printed.trimEnd()).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
  const [, one, two] = /one=("[^"]*") two=("[^"]*")/.exec(printed) ?? []
  expect([one, two].map((value) => JSON.parse(value ?? ''))).toEqual([text, `a ${text}`])
})

it('puts the stack of an error below', () => {
  const line = JSON.stringify({
    level: 60,
    time: 0,
    msg: 'broken',
    err: { message: 'x', stack: 'Error: x\n    at y' },
  })
  expect(formatForPeople(line)).toBe('00:00:00.000 FATAL broken\nError: x\n    at y\n')
})
