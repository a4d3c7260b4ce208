/** `lunette session`: who is connected, to what and how, and how to end that. */

import { formatSize } from '../../size.ts'
import { findObject, SESSIONS, TARGETS } from '../client/find-object.ts'
import type { Session } from '../client/resources.ts'
import type { Column } from '../output.ts'
import type { Noun } from './noun.ts'

const COLUMNS: readonly Column<Session>[] = [
  ['ID', ({ id }) => id],
  ['Kind', ({ kind }) => kind],
  ['Initiator', ({ initiatorName }) => initiatorName],
  ['From', ({ connections }) => connections.map(({ remoteAddress }) => remoteAddress).join(', ')],
  ['LUNs', ({ luns }) => luns.length],
  ['Read', ({ counters }) => formatSize(counters.readBytes)],
  ['Written', ({ counters }) => formatSize(counters.writtenBytes)],
]

const ROWS: readonly Column<Session & { readonly parameters?: Readonly<Record<string, string>> }>[] = [
  ...COLUMNS.slice(0, 4),
  ['To', ({ connections }) => connections.map(({ localAddress }) => localAddress).join(', ')],
  ['Target', ({ targetId }) => targetId],
  ['Portal group', ({ portalGroupTag }) => portalGroupTag],
  ['CHAP user', ({ chapUser }) => chapUser],
  ['Since', ({ beganAt }) => beganAt],
  ['LUNs', ({ luns }) => luns.map(({ lun, lunId }) => `${lun}: ${lunId}`).join(', ')],
  ...COLUMNS.slice(5),
  [
    'Parameters',
    ({ parameters = {} }) =>
      Object.entries(parameters)
        .map((pair) => pair.join('='))
        .join(' '),
  ],
]

export const SESSION: Noun = {
  name: 'session',
  summary: 'sessions: the initiators that are logged in',
  verbs: [
    {
      usage: 'list',
      summary: 'list the sessions',
      options: [
        { flags: '--target <TARGET>', text: 'of this target' },
        { flags: '--initiator <NAME>', text: 'of this initiator' },
      ],
      async run({ api, output }, _args, { target, initiator }) {
        const query = new URLSearchParams()
        if (typeof target === 'string') query.set('targetId', (await findObject(api, TARGETS, target)).id)
        if (typeof initiator === 'string') query.set('initiator', initiator)
        output.list(await api.get<readonly Session[]>(`/sessions${query.size === 0 ? '' : `?${query}`}`), COLUMNS)
      },
    },
    {
      usage: 'show <SESSION>',
      summary: 'show everything about a session',
      async run({ api, output }, [word = '']) {
        const { id } = await findObject(api, SESSIONS, word)
        output.show(await api.get<Session>(`/sessions/${id}`), ROWS)
      },
    },
    {
      usage: 'end <SESSION>',
      summary: 'ask the initiator to log out, then end the session',
      async run({ api, output }, [word = '']) {
        const { id, initiatorName } = await findObject(api, SESSIONS, word)
        await api.request('DELETE', `/sessions/${id}`)
        output.done(`the session of ${initiatorName} was ended`)
      },
    },
  ],
}
