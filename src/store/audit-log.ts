/** The audit log in the store: who called what, when, and what came of it. It is as long as it is allowed to be; the oldest go. */

import type { Actor, AuditEntry, AuditRecord } from '../management/configuration-store.ts'
import { HRESULTS, hresultName } from '../management/hresult.ts'
import type { Row, Statements } from './statements.ts'

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
      ...[at.getTime(), actor.name, actor.role, method, objectId, JSON.stringify(given), HRESULTS[hresult], message],
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
