/** `lunette portal`: the addresses that the server listens at. */

import { UsageError } from '../../failure.ts'
import { findObject, PORTALS } from '../client/find-object.ts'
import type { Portal } from '../client/resources.ts'
import { formatEndpoint, parseListenAddress } from '../listen-address.ts'
import { type Column, yesOrNo } from '../output.ts'
import type { Noun, Verb } from './noun.ts'

const COLUMNS: readonly Column<Portal>[] = [
  ['ID', ({ id }) => id],
  ['Address', formatEndpoint],
  ['TLS', ({ hasTls }) => yesOrNo(hasTls)],
  ['Status', ({ status }) => status],
  ['Port', ({ listeningPort }) => listeningPort],
  ['Reason', ({ reason }) => reason],
]

const setStatus = (status: 'online' | 'offline', summary: string): Verb => ({
  usage: `${status} <PORTAL>`,
  summary,
  async run({ api, output }, [word = '']) {
    const portal = await findObject(api, PORTALS, word)
    const { body } = await api.request('PATCH', `/portals/${portal.id}`, { body: { status } })
    output.done(`portal ${formatEndpoint(portal)} is ${status}`, body)
  },
})

export const PORTAL: Noun = {
  name: 'portal',
  summary: 'portals: the addresses that the server listens at',
  verbs: [
    {
      usage: 'list',
      summary: 'list the portals',
      run: async ({ api, output }) => output.list(await PORTALS.list(api), COLUMNS),
    },
    {
      usage: 'create <ADDRESS[:PORT]>',
      summary: 'listen at an address; no target uses it until it is in a portal group',
      options: [{ flags: '--tls', text: "speak TLS there, with the server's certificate" }],
      async run({ api, output }, [text = ''], { tls }) {
        const parsed = parseListenAddress(text)
        if (parsed.kind === 'invalid') throw new UsageError(`${text} ${parsed.reason}`)
        const body = { ...parsed.endpoint, hasTls: tls === true }
        const answer = await api.request<Portal>('POST', '/portals', { body })
        output.done(`portal ${formatEndpoint(parsed.endpoint)} was created: ${answer.body.id}`, answer.body)
      },
    },
    {
      usage: 'delete <PORTAL>',
      summary: 'end the sessions of a portal in order, and no longer listen there',
      async run({ api, output }, [word = '']) {
        const portal = await findObject(api, PORTALS, word)
        await api.request('DELETE', `/portals/${portal.id}`)
        output.done(`portal ${formatEndpoint(portal)} was deleted`)
      },
    },
    setStatus('online', 'listen at a portal again'),
    setStatus('offline', 'stop listening at a portal, but keep it'),
  ],
}
