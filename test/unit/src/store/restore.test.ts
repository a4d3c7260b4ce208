import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDataDirectory } from '../../../../src/store/data-directory.ts'
import { restoreBackup } from '../../../../src/store/restore.ts'
import { Store } from '../../../../src/store/store.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

/** Names the sub-system, backs up, and names it anew. */
async function backUpBetweenNames(directory: TemporaryDirectory): Promise<string> {
  const backup = directory.file('backup.db')
  await using world = await openStoredManagement(directory.file('data'))
  await world.subSystem.setFriendlyName('then')
  await world.subSystem.setDiscoveryUser('finder', Buffer.from('abcdefghijklmn'))
  await world.provider.backup(backup)
  await world.subSystem.setFriendlyName('now')
  return backup
}

function nameIn(directory: TemporaryDirectory): string {
  const store = new Store(directory.file('data'))
  try {
    return store.configurationStore(1).load().subSystem.friendlyName
  } finally {
    store.close()
  }
}

async function withData(): Promise<TemporaryDirectory> {
  const directory = temporaryDirectory()
  openDataDirectory(directory.file('data')).close()
  return directory
}

describe('a backup', () => {
  it('takes the place of the store, which is kept', async () => {
    using directory = await withData()
    const backup = await backUpBetweenNames(directory)
    expect(restoreBackup(directory.file('data'), backup)).toBe('lunette.db.replaced-1')
    expect(nameIn(directory)).toBe('then')
    expect(restoreBackup(directory.file('data'), directory.file('data/lunette.db.replaced-1'))).toBe(
      'lunette.db.replaced-2',
    )
    expect(nameIn(directory)).toBe('now')
  })

  it('takes the place of a store that is damaged, and of what it had not checkpointed', async () => {
    using directory = await withData()
    const backup = await backUpBetweenNames(directory)
    for (const name of ['lunette.db', 'lunette.db-wal']) writeFileSync(directory.file(`data/${name}`), 'garbage')
    restoreBackup(directory.file('data'), backup)
    expect(nameIn(directory)).toBe('then')
  })

  it('deletes no file that became a LUN after it was made', async () => {
    using directory = await withData()
    const file = { id: 'a', path: 'luns/a.img' }
    {
      await using world = await openStoredManagement(directory.file('data'))
      world.configurationStore.doomFiles([file])
      await world.provider.backup(directory.file('backup.db'))
    }
    restoreBackup(directory.file('data'), directory.file('backup.db'))
    const store = new Store(directory.file('data'))
    expect(store.configurationStore(1).doomedFiles()).toEqual([])
    store.close()
  })

  it('goes into an empty directory, where the key has to be', async () => {
    using directory = await withData()
    const backup = await backUpBetweenNames(directory)
    expect(() => restoreBackup(directory.file('new'), backup)).toThrow('secrets.key is missing')
    expect(readdirSync(directory.file('new'))).toEqual([])
  })

  it.each([
    ['is not there', () => {}, 'no such file'],
    ['is no backup', (path: string) => writeFileSync(path, 'garbage'.repeat(999)), 'restore it from a backup'],
  ])('that %s changes nothing', async (_, make, message) => {
    using directory = await withData()
    await backUpBetweenNames(directory)
    make(directory.file('bad.db'))
    const before = readdirSync(directory.file('data'))
    expect(() => restoreBackup(directory.file('data'), directory.file('bad.db'))).toThrow(message)
    expect(readdirSync(directory.file('data'))).toEqual(before)
    expect(nameIn(directory)).toBe('now')
  })

  it('is refused while a server runs', async () => {
    using directory = await withData()
    const backup = await backUpBetweenNames(directory)
    const running = openDataDirectory(directory.file('data'))
    expect(() => restoreBackup(directory.file('data'), backup)).toThrow('is in use by process')
    running.close()
  })

  it('is never written over a file', async () => {
    using directory = await withData()
    await backUpBetweenNames(directory)
    await using world = await openStoredManagement(directory.file('data'))
    await expect(world.configurationStore.backup(directory.file('backup.db'))).rejects.toThrow(
      'there is a file of that name',
    )
    rmSync(directory.file('backup.db'))
    await world.configurationStore.backup(directory.file('backup.db'))
  })
})
