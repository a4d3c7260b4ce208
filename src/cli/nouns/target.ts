/** `lunette target`: iSCSI targets, and with `chap` who has to prove what to log in to them. */

import { findObject, PORTALS, TARGETS } from '../client/find-object.ts'
import type { Lun, Portal, Target } from '../client/resources.ts'
import { formatEndpoint } from '../listen-address.ts'
import { type Column, yesOrNo } from '../output.ts'
import { CHAP_VERB } from './chap.ts'
import type { Noun } from './noun.ts'
import { given } from './words.ts'

const COLUMNS: readonly Column<Target>[] = [
  ['ID', ({ id }) => id],
  ['iSCSI name', ({ iscsiName }) => iscsiName],
  ['Friendly name', ({ friendlyName }) => friendlyName],
  ['CHAP', ({ isChapEnabled }) => yesOrNo(isChapEnabled)],
  ['Portal groups', ({ portalGroups }) => portalGroups.length],
]

interface Whole extends Target {
  readonly luns: readonly Lun[]
}

const rows = (portals: readonly Portal[]): readonly Column<Whole>[] => [
  ...COLUMNS.slice(0, 4),
  [
    'Portal groups',
    ({ portalGroups }) =>
      portalGroups
        .map(({ tag, portalIds }) => {
          const places = portals.filter(({ id }) => portalIds.includes(id)).map(formatEndpoint)
          return `${tag}: ${places.join(' ') || 'no portal'}`
        })
        .join(', '),
  ],
  [
    'LUNs',
    ({ id, luns }) =>
      luns
        .map((lun) => `${lun.targets.find(({ targetId }) => targetId === id)?.lun}: ${lun.friendlyName || lun.id}`)
        .join(', '),
  ],
]

export const TARGET: Noun = {
  name: 'target',
  summary: 'iSCSI targets: the names that initiators log in to',
  verbs: [
    {
      usage: 'list',
      summary: 'list the targets',
      run: async ({ api, output }) => output.list(await TARGETS.list(api), COLUMNS),
    },
    {
      usage: 'show <TARGET>',
      summary: 'show everything about a target',
      async run({ api, output }, [word = '']) {
        const target = await findObject(api, TARGETS, word)
        const luns = await api.get<readonly Lun[]>(`/targets/${target.id}/luns`)
        output.show({ ...target, luns }, rows(output.isJson ? [] : await PORTALS.list(api)))
      },
    },
    {
      usage: 'create <FRIENDLY-NAME>',
      summary: 'create a target, without portals, LUNs or secrets',
      options: [{ flags: '--iscsi-name <NAME>', text: 'its iSCSI name (default: one that the server makes)' }],
      async run({ api, output, finish }, [friendlyName = ''], { iscsiName }) {
        const job = await finish(await api.start('POST', '/targets', given({ friendlyName, iscsiName })))
        output.done(`target ${friendlyName} was created: ${job.output?.id}`, job.output)
      },
    },
    {
      usage: 'delete <TARGET>',
      summary: 'delete a target that no LUN is associated with',
      async run({ api, output, finish }, [word = '']) {
        const { id, iscsiName } = await findObject(api, TARGETS, word)
        await finish(await api.start('DELETE', `/targets/${id}`))
        output.done(`target ${iscsiName} was deleted`)
      },
    },
    {
      usage: 'rename <TARGET> <FRIENDLY-NAME>',
      summary: 'give a target another friendly name, which is its alias',
      async run({ api, output }, [word = '', friendlyName = '']) {
        const { id, iscsiName } = await findObject(api, TARGETS, word)
        const { body } = await api.request('PATCH', `/targets/${id}`, { body: { friendlyName } })
        output.done(`target ${iscsiName} is now ${friendlyName}`, body)
      },
    },
    CHAP_VERB,
  ],
}
