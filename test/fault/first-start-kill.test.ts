import { readdirSync, statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startLunette } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const ARGS = ['--listen', '127.0.0.1:0', '--log-level', 'silent']

/** From Node's own start to well after the disk was made. */
const KILL_AFTER_MS = [60, 90, 120, 150, 180, 210, 240, 300]

it('a first start that is killed at any moment leaves nothing that the next one cannot take over', async () => {
  using directory = temporaryDirectory()
  for (const delayMs of KILL_AFTER_MS) {
    await using killed = startLunette(directory.path, ARGS)
    await setTimeout(delayMs)
    killed.signal('SIGKILL')
    await killed.ended
  }
  const announcements: string[] = []
  for (let start = 0; start < 2; start++) {
    await using lunette = startLunette(directory.path, ARGS)
    await lunette.printed('Stop with Ctrl-C')
    announcements.push(/^target .*$/m.exec(lunette.stdout())?.[0] ?? '')
    lunette.signal('SIGTERM')
    expect(await lunette.ended).toEqual({ exitCode: 0, signal: null })
  }
  expect(announcements[1]).toBe(announcements[0])
  expect(readdirSync(directory.file('lunette-data')).sort()).toEqual(['disk-0.img', 'lunette.db'])
  expect(statSync(directory.file('lunette-data/disk-0.img')).size).toBe(1024 ** 3)
})
