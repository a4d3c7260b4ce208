import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startLunette } from '../../support/command-line.ts'
import { checkInvariants } from '../../support/configuration-invariants.ts'
import { openStoredManagement } from '../../support/stored-management.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const WRITER_MAIN = resolve(import.meta.dirname, '../../support/configuration-writer-main.ts')
const KILLS = 8
/** Beyond the first commit, so that each kill comes amid the next ones. */
const KILL_AFTER_MS = [0, 3, 7, 11, 17, 23, 31, 40]

it('a server that is killed amid changes of its configuration comes back with all acknowledged ones, and none by half', async () => {
  using directory = temporaryDirectory()
  let acknowledgedBefore = 0
  for (let kill = 0; kill < KILLS; kill++) {
    await using killed = startLunette(directory.path, [directory.path], {}, WRITER_MAIN)
    await killed.printed('\n')
    await setTimeout(KILL_AFTER_MS[kill])
    killed.signal('SIGKILL')
    await killed.ended
    // The last line may be cut short by the kill.
    const acknowledged = Number(killed.stdout().split('\n').at(-2))
    await using world = await openStoredManagement(directory.path)
    const { configuration } = world.management
    const stored = Number(configuration.subSystem.friendlyName)
    expect(acknowledged).toBeGreaterThan(acknowledgedBefore)
    expect(stored).toBeGreaterThanOrEqual(acknowledged)
    expect(configuration.generation).toBe(stored)
    checkInvariants(configuration)
    for (const target of configuration.targets.values()) {
      expect([target.luns.size, target.portalGroups.length, target.sharedSecret?.toString()]).toEqual([
        1,
        1,
        'abcdefghijklmn',
      ])
    }
    expect(configuration.luns.size).toBe(configuration.targets.size)
    expect(world.provider.auditLog({ limit: 1 })[0]?.method).toBe('Test.change')
    acknowledgedBefore = acknowledged
  }
})
