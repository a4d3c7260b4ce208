import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../../../src/store/database.ts'
import { inTransaction, MIGRATIONS, schemaVersion } from '../../../../src/store/migrations.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777

describe('openDatabase', () => {
  it('makes a database that only its owner reads, durable at every change', () => {
    using directory = temporaryDirectory()
    const path = directory.file('lunette.db')
    const database = openDatabase(path)
    expect(schemaVersion(database)).toBe(MIGRATIONS.length)
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 })
    for (const name of readdirSync(directory.path)) expect([name, modeOf(directory.file(name))]).toEqual([name, 0o600])
    database.close()
    expect(readdirSync(directory.path)).toEqual(['lunette.db'])
  })

  it('applies only the migrations that a database has not seen', () => {
    using directory = temporaryDirectory()
    const path = directory.file('lunette.db')
    const first = (database: DatabaseSync) => database.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
    const second = (database: DatabaseSync) => database.exec('UPDATE a SET x = x + 1')
    openDatabase(path, [first]).close()
    openDatabase(path, [first, second]).close()
    const database = openDatabase(path, [first, second])
    expect(database.prepare('SELECT x FROM a').all()).toEqual([{ x: 2 }])
    database.close()
  })

  it('leaves nothing of a migration that fails', () => {
    using directory = temporaryDirectory()
    const path = directory.file('lunette.db')
    const failing = (database: DatabaseSync) => database.exec('CREATE TABLE a (x); INSERT INTO nowhere VALUES (1)')
    expect(() => openDatabase(path, [failing])).toThrow('no such table')
    const database = openDatabase(path, [])
    expect(schemaVersion(database)).toBe(0)
    expect(database.prepare("SELECT * FROM sqlite_schema WHERE name = 'a'").all()).toEqual([])
    database.close()
  })

  it('starts over when an earlier attempt to make it was cut short', () => {
    using directory = temporaryDirectory()
    writeFileSync(directory.file('lunette.db.new'), 'half')
    openDatabase(directory.file('lunette.db')).close()
    expect(readdirSync(directory.path)).toEqual(['lunette.db'])
  })

  it.each<[string, (path: string) => void, RegExp]>([
    ['empty', (path) => truncateSync(path, 0), /not a database of Lunette/],
    ['cut short', (path) => truncateSync(path, 5000), /malformed|damaged/],
    ['overwritten', (path) => writeFileSync(path, 'garbage '.repeat(1000)), /not a database/],
    ['damaged inside', (path) => overwrite(path, 4096, 8192), /malformed|damaged/],
    ['somebody else’s', makeForeign, /not a database of Lunette/],
    ['of a newer version', makeNewer, /newer Lunette \(its schema is version 99, this one knows up to \d+\)/],
  ])('refuses a database that is %s, and leaves it as it is', (_what, damage, reason) => {
    using directory = temporaryDirectory()
    const path = directory.file('lunette.db')
    openDatabase(path).close()
    damage(path)
    const before = readFileSync(path)
    expect(() => openDatabase(path)).toThrow(reason)
    expect(() => openDatabase(path)).toThrow(path)
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(existsSync(`${path}.new`)).toBe(false)
  })
})

function overwrite(path: string, from: number, to: number): void {
  const bytes = readFileSync(path)
  bytes.fill(0xa5, from, to)
  writeFileSync(path, bytes)
}

function makeForeign(path: string): void {
  truncateSync(path, 0)
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE theirs (x)')
  database.close()
}

function makeNewer(path: string): void {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 99')
  database.close()
}

describe('inTransaction', () => {
  it('keeps all of a change or nothing', () => {
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE a (x)')
    const insert = (x: number) => database.prepare('INSERT INTO a VALUES (?)').run(x)
    expect(inTransaction(database, () => insert(1).changes)).toBe(1)
    expect(() =>
      inTransaction(database, () => {
        insert(2)
        throw new Error('midway')
      }),
    ).toThrow('midway')
    expect(database.prepare('SELECT x FROM a').all()).toEqual([{ x: 1 }])
    database.close()
  })
})

it('opens a copy that a backup took while it was open', () => {
  using directory = temporaryDirectory()
  const database = openDatabase(directory.file('lunette.db'))
  database.exec("INSERT INTO generated_name (id, name) VALUES (1, 'iqn.x')")
  for (const suffix of ['', '-wal'])
    copyFileSync(directory.file(`lunette.db${suffix}`), directory.file(`copy.db${suffix}`))
  const copy = openDatabase(directory.file('copy.db'))
  expect(copy.prepare('SELECT name FROM generated_name').all()).toEqual([{ name: 'iqn.x' }])
  copy.close()
  database.close()
})
