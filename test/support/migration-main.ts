/**
 * Opens the database PATH with two migrations of which the second dies by SIGKILL at POINT: `before` or `amid` its
 * statements, or `after` they ran and before the transaction ends. POINT `never` lets it live.
 */

import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../../src/store/database.ts'

const [, , path = '', point = 'never'] = process.argv

const dieAt = (here: string): void => {
  if (point === here) process.kill(process.pid, 'SIGKILL')
}

const first = (database: DatabaseSync): void => {
  database.exec("CREATE TABLE name (text TEXT); INSERT INTO name VALUES ('kept')")
}

const second = (database: DatabaseSync): void => {
  dieAt('before')
  database.exec('ALTER TABLE name ADD COLUMN size INTEGER')
  dieAt('amid')
  database.exec('UPDATE name SET size = length(text)')
  dieAt('after')
}

const database = openDatabase(path, [first, second])
console.log(JSON.stringify(database.prepare('SELECT text, size FROM name').all()))
database.close()
