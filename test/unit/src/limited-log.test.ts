import { expect, it } from 'vitest'
import { limitLog } from '../../../src/limited-log.ts'

function startLog() {
  const lines: string[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const clock = { nowMs: 0 }
  const sink = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const log = limitLog(sink, { linesMax: 2, periodMs: 1000 }, () => clock.nowMs)
  return { log, clock, take: () => lines.splice(0) }
}

it('writes so many lines of each message, says that it leaves out others, and later how many', () => {
  const { log, clock, take } = startLog()
  for (let peer = 0; peer < 10; peer++) log.warn({ peer }, 'refused a login')
  log.info({}, 'another')
  expect(take()).toEqual([
    'warn refused a login {"peer":0}',
    'warn refused a login {"peer":1}',
    'warn leaving out further log lines {"of":"refused a login","seconds":1}',
    'info another {}',
  ])
  clock.nowMs = 1000
  log.warn({ peer: 10 }, 'refused a login')
  expect(take()).toEqual([
    'warn left out log lines {"of":"refused a login","lines":8}',
    'warn refused a login {"peer":10}',
  ])
})

it('leaves debug lines alone, which somebody asked for', () => {
  const { log, take } = startLog()
  for (let line = 0; line < 10; line++) log.debug({}, 'detail')
  expect(take()).toHaveLength(10)
})
