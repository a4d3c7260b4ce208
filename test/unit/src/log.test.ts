import { expect, it } from 'vitest'
import { formatForPeople } from '../../../src/log.ts'

it('tells an event in one line that a person reads', () => {
  const line = JSON.stringify({ level: 40, time: Date.UTC(2026, 0, 1, 12, 30), msg: 'slow', host: '::1', note: 'a b' })
  expect(formatForPeople(line)).toBe('12:30:00.000 WARN  slow host=::1 note="a b"\n')
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
