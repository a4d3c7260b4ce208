/** `lunette audit` and `lunette refusals`: what was changed by whom, and who was not let in and why. */

import type { AuditEntry, Refusal } from '../client/resources.ts'
import type { Column } from '../output.ts'
import type { Noun } from './noun.ts'
import { readCount, readText } from './words.ts'

const AUDIT_COLUMNS: readonly Column<AuditEntry>[] = [
  ['Number', ({ id }) => id],
  ['When', ({ at }) => at],
  ['Who', ({ actor }) => actor],
  ['What', ({ method }) => method],
  ['Object', ({ objectId }) => objectId],
  ['Result', ({ result }) => result],
]

export const AUDIT: Noun = {
  name: 'audit',
  summary: 'the audit log: who changed what',
  verbs: [
    {
      usage: 'list',
      summary: 'list the changes, the latest first',
      options: [
        { flags: '--limit <COUNT>', text: 'at most so many' },
        { flags: '--before <NUMBER>', text: 'those before the one with this number' },
      ],
      async run({ api, output }, _args, words) {
        const query = new URLSearchParams()
        for (const name of ['limit', 'before']) {
          const text = readText(words, name)
          if (text !== undefined) query.set(name, String(readCount(`--${name}`, text)))
        }
        output.list(
          await api.get<readonly AuditEntry[]>(`/audit-log${query.size === 0 ? '' : `?${query}`}`),
          AUDIT_COLUMNS,
        )
      },
    },
  ],
}

const REFUSAL_COLUMNS: readonly Column<Refusal>[] = [
  ['When', ({ at }) => at],
  ['From', ({ remoteAddress }) => remoteAddress],
  ['Initiator', ({ initiatorName }) => initiatorName],
  ['Target', ({ targetName }) => targetName],
  ['Reason', ({ reason }) => reason],
]

export const REFUSALS: Noun = {
  name: 'refusals',
  summary: 'refused logins: who was not let in, and why',
  verbs: [
    {
      usage: 'list',
      summary: 'list the last refused logins, the oldest first',
      run: async ({ api, output }) =>
        output.list(await api.get<readonly Refusal[]>('/login-refusals'), REFUSAL_COLUMNS),
    },
  ],
}
