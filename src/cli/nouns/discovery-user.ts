/** `lunette discovery-user`: who may ask which targets there are. */

import { readSecret, SECRET_FILE_TEXT } from '../client/secret-file.ts'
import type { Column } from '../output.ts'
import type { Noun } from './noun.ts'
import { readList, readText } from './words.ts'

interface DiscoveryUser {
  readonly user: string
  readonly initiatorNames: readonly string[]
}

const COLUMNS: readonly Column<DiscoveryUser>[] = [
  ['User', ({ user }) => user],
  ['Initiators', ({ initiatorNames }) => initiatorNames.join(', ') || 'any'],
]

const pathOf = (user: string) => `/discovery-users/${encodeURIComponent(user)}`

export const DISCOVERY_USER: Noun = {
  name: 'discovery-user',
  summary: 'discovery users: who may ask which targets there are',
  verbs: [
    {
      usage: 'list',
      summary: 'list the users; without any, everybody may ask',
      run: async ({ api, output }) => output.list(await api.get<readonly DiscoveryUser[]>('/discovery-users'), COLUMNS),
    },
    {
      usage: 'set <USER>',
      summary: 'let a user ask with a secret; with the first one nobody else may',
      options: [
        { flags: '--secret-file <FILE>', text: SECRET_FILE_TEXT, isRequired: true },
        { flags: '--initiator <NAME>', text: 'who may use it (default: any)', isRepeatable: true },
      ],
      async run({ api, output, warn }, [user = ''], words) {
        const secret = readSecret('--secret-file', readText(words, 'secretFile') ?? '', warn)
        const body = { secret, initiatorNames: readList(words, 'initiator') }
        await api.request('PUT', pathOf(user), { body })
        output.done(`${user} may ask for targets`)
      },
    },
    {
      usage: 'delete <USER>',
      summary: 'let a user ask no longer',
      async run({ api, output }, [user = '']) {
        await api.request('DELETE', pathOf(user))
        output.done(`${user} may no longer ask for targets`)
      },
    },
  ],
}
