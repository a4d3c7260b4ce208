/** `lunette import-target`: the target that imported snapshots of a computer are associated with. */

import { hostname } from 'node:os'
import { findObject, TARGETS } from '../client/find-object.ts'
import type { ImportTarget } from '../client/resources.ts'
import type { Column } from '../output.ts'
import type { Noun } from './noun.ts'

const COLUMNS: readonly Column<ImportTarget>[] = [
  ['Host', ({ host }) => host],
  ['Target', ({ iscsiName }) => iscsiName],
]

const pathOf = (host = hostname()) => `/import-targets/${encodeURIComponent(host.toLowerCase())}`

export const IMPORT_TARGET: Noun = {
  name: 'import-target',
  summary: 'import targets: where imported snapshots of a computer appear',
  verbs: [
    {
      usage: 'list',
      summary: 'list the import targets of all computers',
      run: async ({ api, output }) => output.list(await api.get<readonly ImportTarget[]>('/import-targets'), COLUMNS),
    },
    {
      usage: 'get [HOST]',
      summary: 'show the import target of a computer (default: this one)',
      run: async ({ api, output }, [host]) => output.show(await api.get<ImportTarget>(pathOf(host)), COLUMNS),
    },
    {
      usage: 'set <TARGET> [HOST]',
      summary: 'make a target the import target of a computer',
      async run({ api, output }, [word = '', host]) {
        const { iscsiName } = await findObject(api, TARGETS, word)
        const { body } = await api.request('PUT', pathOf(host), { body: { iscsiName } })
        output.done(`${iscsiName} is the import target of ${host ?? hostname()}`, body)
      },
    },
    {
      usage: 'clear [HOST]',
      summary: 'let a computer have no import target',
      async run({ api, output }, [host]) {
        await api.request('DELETE', pathOf(host))
        output.done(`${host ?? hostname()} has no import target`)
      },
    },
  ],
}
