/** `lunette portal-group`: which portals a target is reached at. A group is called by its id or as `TARGET,TAG`. */

import { findObject, type NamedPortalGroup, PORTAL_GROUPS, PORTALS, TARGETS } from '../client/find-object.ts'
import { formatEndpoint } from '../listen-address.ts'
import type { Column } from '../output.ts'
import type { Noun, Verb } from './noun.ts'

const nameOf = ({ target, tag }: NamedPortalGroup) => `${target.iscsiName},${tag}`

const COLUMNS: readonly Column<NamedPortalGroup>[] = [
  ['ID', ({ id }) => id],
  ['Target', ({ target }) => target.iscsiName],
  ['Tag', ({ tag }) => tag],
  ['Portals', ({ portalIds }) => portalIds.length],
]

const move = (verb: string, method: 'PUT' | 'DELETE', summary: string, said: string): Verb => ({
  usage: `${verb} <GROUP> <PORTAL>`,
  summary,
  async run({ api, output, finish }, [groupWord = '', portalWord = '']) {
    const group = await findObject(api, PORTAL_GROUPS, groupWord)
    const portal = await findObject(api, PORTALS, portalWord)
    await finish(await api.start(method, `/portal-groups/${group.id}/portals/${portal.id}`))
    output.done(`portal ${formatEndpoint(portal)} ${said} portal group ${nameOf(group)}`)
  },
})

export const PORTAL_GROUP: Noun = {
  name: 'portal-group',
  summary: 'portal groups: the portals that a target is reached at',
  verbs: [
    {
      usage: 'list',
      summary: 'list the portal groups of all targets',
      run: async ({ api, output }) => output.list(await PORTAL_GROUPS.list(api), COLUMNS),
    },
    {
      usage: 'create <TARGET>',
      summary: 'create a portal group; the server chooses the tag',
      async run({ api, output, finish }, [word = '']) {
        const target = await findObject(api, TARGETS, word)
        const job = await finish(await api.start('POST', `/targets/${target.id}/portal-groups`))
        output.done(`portal group of ${target.iscsiName}: ${job.output?.id}`, job.output)
      },
    },
    {
      usage: 'delete <GROUP>',
      summary: 'delete a portal group that has no portals',
      async run({ api, output, finish }, [word = '']) {
        const group = await findObject(api, PORTAL_GROUPS, word)
        await finish(await api.start('DELETE', `/portal-groups/${group.id}`))
        output.done(`portal group ${nameOf(group)} was deleted`)
      },
    },
    move('add', 'PUT', 'put a portal into a portal group', 'is in'),
    move('remove', 'DELETE', 'take a portal out of a portal group', 'is no longer in'),
  ],
}
