import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { Store } from '../../../../src/store/store.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../../support/temporary-directory.ts'

const SECRET = Buffer.from('abcdefghijklmn')

async function storeSecret(directory: TemporaryDirectory): Promise<void> {
  await using world = await openStoredManagement(directory.path)
  await world.subSystem.setDiscoveryUser('finder', SECRET)
}

function load(directory: TemporaryDirectory) {
  const store = new Store(directory.path)
  try {
    return store.configurationStore(1).load()
  } finally {
    store.close()
  }
}

const secretsOf = (directory: TemporaryDirectory) =>
  load(directory).subSystem.discoveryUsers.map(({ secret }) => secret)

describe('the key of the secrets', () => {
  it('is made with the first secret, for its owner alone', async () => {
    using directory = temporaryDirectory()
    load(directory)
    expect(readdirSync(directory.path)).toEqual(['lunette.db'])
    await storeSecret(directory)
    expect(statSync(directory.file('secrets.key')).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory.path).sort()).toEqual(['lunette.db', 'secrets.key'])
    expect(secretsOf(directory)).toEqual([SECRET])
  })

  it.each([
    ['missing', (path: string) => rmSync(path), 'secrets.key is missing'],
    ['another one', (path: string) => writeFileSync(path, `${'0'.repeat(64)}\n`), 'is not the key of the secrets'],
    ['damaged', (path: string) => writeFileSync(path, 'garbage'), 'holds no key'],
    ['readable by others', (path: string) => chmodSync(path, 0o640), 'other users of this machine can read'],
  ])('stops the start when it is %s, and everything is there when the right one is back', async (_, spoil, message) => {
    using directory = temporaryDirectory()
    await storeSecret(directory)
    const path = directory.file('secrets.key')
    const key = readFileSync(path)
    spoil(path)
    expect(() => load(directory)).toThrow(message)
    rmSync(path, { force: true })
    writeFileSync(path, key, { mode: 0o600 })
    expect(secretsOf(directory)).toEqual([SECRET])
  })

  it('of a first secret that was never committed is used for the next one', async () => {
    using directory = temporaryDirectory()
    const key = 'ab'.repeat(32)
    writeFileSync(directory.file('secrets.key'), `${key}\n`, { mode: 0o600 })
    await storeSecret(directory)
    expect(readFileSync(directory.file('secrets.key'), 'utf8')).toBe(`${key}\n`)
    expect(secretsOf(directory)).toEqual([SECRET])
  })

  it('opens no secret that was moved to another place or changed', async () => {
    using directory = temporaryDirectory()
    await storeSecret(directory)
    const spoil = (sql: string) => {
      const database = new DatabaseSync(directory.file('lunette.db'))
      database.exec(sql)
      database.close()
    }
    spoil("UPDATE discovery_user SET user = 'other'")
    expect(() => load(directory)).toThrow('the secret of discovery user other in the store is damaged')
    spoil("UPDATE discovery_user SET user = 'finder', secret = zeroblob(length(secret))")
    expect(() => load(directory)).toThrow('damaged')
  })
})
