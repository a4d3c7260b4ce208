import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { schemaVersion } from '../../src/store/migrations.ts'
import { startLunette } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MIGRATION_MAIN = resolve(import.meta.dirname, '../support/migration-main.ts')

it.each(['before', 'amid', 'after'])(
  'a migration killed %s its statements did not begin, and is made up for at the next start',
  async (point) => {
    using directory = temporaryDirectory()
    const path = directory.file('lunette.db')
    await using killed = startLunette(directory.path, [path, point], {}, MIGRATION_MAIN)
    expect(await killed.ended).toEqual({ exitCode: null, signal: 'SIGKILL' })

    const before = openDatabase(path, [() => undefined])
    expect(schemaVersion(before)).toBe(1)
    expect(before.prepare('SELECT * FROM name').all()).toEqual([{ text: 'kept' }])
    before.close()

    await using next = startLunette(directory.path, [path, 'never'], {}, MIGRATION_MAIN)
    expect(await next.ended).toEqual({ exitCode: 0, signal: null })
    expect(JSON.parse(next.stdout())).toEqual([{ text: 'kept', size: 4 }])
  },
)
