/** `lunette token`: who may use the API, and how far. */

import type { Token } from '../client/resources.ts'
import type { Column } from '../output.ts'
import type { Noun } from './noun.ts'
import { readText } from './words.ts'

const ROLES = ['viewer', 'operator', 'administrator'] as const

const COLUMNS: readonly Column<Token>[] = [
  ['ID', ({ id }) => id],
  ['Name', ({ name }) => name],
  ['Role', ({ role }) => role],
  ['Created', ({ createdAt }) => createdAt],
  ['Last used', ({ lastUsedAt }) => lastUsedAt],
]

export const TOKEN: Noun = {
  name: 'token',
  summary: 'tokens: who may use the API',
  verbs: [
    {
      usage: 'list',
      summary: 'list the tokens, without what lets in',
      run: async ({ api, output }) => output.list(await api.get<readonly Token[]>('/tokens'), COLUMNS),
    },
    {
      usage: 'create <NAME>',
      summary: 'make a token and print it, this once',
      options: [{ flags: '--role <ROLE>', text: 'what it allows', choices: ROLES, isRequired: true }],
      async run({ api, output }, [name = ''], words) {
        const body = { name, role: readText(words, 'role') }
        const answer = await api.request<Token & { readonly token: string }>('POST', '/tokens', { body })
        output.done(answer.body.token, answer.body)
      },
    },
    {
      usage: 'delete <TOKEN>',
      summary: 'let a token, by its id, no longer in',
      async run({ api, output }, [id = '']) {
        await api.request('DELETE', `/tokens/${encodeURIComponent(id)}`)
        output.done(`token ${id} was deleted`)
      },
    },
  ],
}
