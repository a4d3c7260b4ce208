/** The tokens of the API in the database: hashes and who they belong to, each change durable before it returns. */

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { ROLES } from '../api/roles.ts'
import type { StoredToken, TokenStore } from '../api/tokens.ts'

export class ApiTokenTable implements TokenStore {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  list(): readonly StoredToken[] {
    return this.#database.prepare('SELECT * FROM api_token ORDER BY created_at_ms, id').all().map(storedToken)
  }

  add({ id, name, role, createdAt, lastUsedAt, hash }: StoredToken): void {
    this.#database
      .prepare('INSERT INTO api_token (id, name, role, hash, created_at_ms, last_used_at_ms) VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, name, role, hash, createdAt.getTime(), lastUsedAt?.getTime() ?? null)
  }

  remove(id: string): boolean {
    return this.#database.prepare('DELETE FROM api_token WHERE id = ?').run(id).changes > 0
  }

  noteUse(id: string, at: Date): void {
    this.#database.prepare('UPDATE api_token SET last_used_at_ms = ? WHERE id = ?').run(at.getTime(), id)
  }
}

function storedToken(row: Record<string, SQLOutputValue>): StoredToken {
  return {
    id: String(row.id),
    name: String(row.name),
    // What the table's constraint lets in.
    role: ROLES.find((role) => role === row.role) ?? 'viewer',
    createdAt: new Date(Number(row.created_at_ms)),
    lastUsedAt: row.last_used_at_ms === null ? null : new Date(Number(row.last_used_at_ms)),
    hash: Buffer.from(row.hash as Uint8Array),
  }
}
