/** `lunette subsystem`: the array as a whole. */

import type { SubSystem } from '../client/resources.ts'
import type { Column } from '../output.ts'
import type { Noun, Verb } from './noun.ts'

const ROWS: readonly Column<SubSystem>[] = [
  ['ID', ({ id }) => id],
  ['Name', ({ friendlyName }) => friendlyName],
  ['Serial number', ({ identification }) => identification],
  ['Status', ({ status }) => status],
]

const patch = (usage: string, summary: string, body: (name: string) => Partial<SubSystem>, said: string): Verb => ({
  usage,
  summary,
  async run({ api, output }, [name = '']) {
    const answer = await api.request<SubSystem>('PATCH', '/subsystem', { body: body(name) })
    output.done(`the subsystem is ${said}${name}`, answer.body)
  },
})

export const SUBSYSTEM: Noun = {
  name: 'subsystem',
  summary: 'the array as a whole',
  verbs: [
    {
      usage: 'show',
      summary: 'show the array',
      run: async ({ api, output }) => output.show(await api.get<SubSystem>('/subsystem'), ROWS),
    },
    {
      usage: 'refresh',
      summary: 'read the configuration from the store again, when it was changed from outside',
      async run({ api, output }) {
        await api.request('POST', '/provider/reenumerate')
        await api.request('POST', '/provider/refresh')
        output.done('the configuration was read anew')
      },
    },
    patch('rename <NAME>', 'give the array another friendly name', (friendlyName) => ({ friendlyName }), 'now '),
    patch('online', 'serve all targets again', () => ({ status: 'online' }), 'online'),
    patch('offline', 'let nobody log in to any target', () => ({ status: 'offline' }), 'offline'),
  ],
}
