/** The audit log in the store: who called what, when, and what came of it. It is as long as it is allowed to be; the oldest go. */

import type { Actor, AuditEntry, AuditRecord } from '../management/configuration-store.ts'
import { HRESULTS, hresultName } from '../management/hresult.ts'
import type { Row, Statements } from './statements.ts'

/**
 * One record is not larger than this, whatever it was called with: the number of records bounds the log, and that bounds
 * what it takes.
 */
const ARGUMENTS_CHARACTERS_MAX = 16_384
const MESSAGE_CHARACTERS_MAX = 1_024

export class AuditLog {
  readonly #statements: Statements
  readonly #rowsMax: number

  constructor(statements: Statements, rowsMax: number) {
    this.#statements = statements
    this.#rowsMax = rowsMax
  }

  /** Within a transaction. */
  append({ at, actor, method, objectId, arguments: given, hresult, message }: AuditEntry): void {
    this.#statements.run(
      `INSERT INTO audit_record (at_ms, actor_name, actor_role, method, object_id, arguments, hresult, message)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[at.getTime(), actor.name, actor.role, method, objectId, argumentsText(given), HRESULTS[hresult]],
      message?.slice(0, MESSAGE_CHARACTERS_MAX) ?? null,
    )
    this.#statements.run(
      'DELETE FROM audit_record WHERE sequence <= (SELECT max(sequence) FROM audit_record) - ?',
      this.#rowsMax,
    )
  }

  /** The newest first. */
  read({ limit, before }: { readonly limit: number; readonly before?: number }): AuditRecord[] {
    return this.#statements
      .all(
        'SELECT * FROM audit_record WHERE sequence < ? ORDER BY sequence DESC LIMIT ?',
        before ?? Number.MAX_SAFE_INTEGER,
        limit,
      )
      .map(auditRecord)
  }
}

/** Of what is too long, its names and how long each is. */
function argumentsText(given: AuditEntry['arguments']): string {
  const text = JSON.stringify(given)
  if (text.length <= ARGUMENTS_CHARACTERS_MAX) return text
  const sizes = Object.entries(given).map(([name, value]) => [name, JSON.stringify(value)?.length ?? 0] as const)
  return JSON.stringify({ omittedCharacters: Object.fromEntries(sizes) })
}

function auditRecord(row: Row): AuditRecord {
  return {
    sequence: Number(row.sequence),
    at: new Date(Number(row.at_ms)),
    actor: { name: String(row.actor_name), role: row.actor_role as Actor['role'] },
    method: String(row.method),
    objectId: row.object_id === null ? null : String(row.object_id),
    arguments: JSON.parse(String(row.arguments)) as AuditRecord['arguments'],
    hresult: hresultName(Number(row.hresult)) ?? 'E_UNEXPECTED',
    message: row.message === null ? null : String(row.message),
  }
}
