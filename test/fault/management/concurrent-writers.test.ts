/** Several clients of the API change the same things at once, each as clients do that look first and then write. */

import { expect, it } from 'vitest'
import type { ApiClient } from '../../../src/cli/client/api-client.ts'
import type { Lun, Mask } from '../../../src/cli/client/resources.ts'
import { startManagedServer } from '../../support/managed-server.ts'

const WRITERS = 6
const CHANGES = 8
const names = (writer: number) =>
  Array.from({ length: CHANGES }, (_, change) => `iqn.2026-01.test.host:w${writer}-${change}`)

/** Read, change and write until nobody else was faster. Returns how often somebody was. */
async function addInitiator(api: ApiClient, id: string, name: string): Promise<number> {
  for (let losses = 0; ; losses++) {
    const { body, etag } = await api.request<Lun>('GET', `/luns/${id}`)
    const initiators = [...body.mask.initiators, name]
    const mask: Mask = { ...body.mask, initiators }
    try {
      await api.request('PUT', `/luns/${id}/mask`, { body: mask, ifMatch: etag })
      return losses
    } catch (error) {
      expect((error as { problem: unknown }).problem).toMatchObject({ status: 412 })
    }
  }
}

it('clients that write at once, each what it has read and If-Match, lose no update of another', async () => {
  await using managed = await startManagedServer()
  await managed.done('lun', 'create', 'shared', '--size', '1M')
  const [lun] = (await managed.json<Lun[]>('lun', 'list')).filter(({ friendlyName }) => friendlyName === 'shared')
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    let losses = 0
    for (const name of names(writer)) losses += await addInitiator(managed.api, lun!.id, name)
    return losses
  })
  const losses = (await Promise.all(writers)).reduce((sum, count) => sum + count, 0)
  expect(losses).toBeGreaterThan(0)
  const { mask } = await managed.json<Lun>('lun', 'show', 'shared')
  const all = Array.from({ length: WRITERS }, (_, writer) => names(writer)).flat()
  expect([...mask.initiators].toSorted()).toEqual(all.toSorted())
})

it('commands that make different things at once are all done', async () => {
  await using managed = await startManagedServer()
  const made = Array.from({ length: WRITERS * 2 }, (_, index) => `t${index}`)
  await Promise.all(
    made.map(async (name) => {
      await managed.done('target', 'create', name)
      await managed.done('lun', 'create', name, '--size', '1M')
      await managed.done('portal-group', 'create', name)
      await managed.done('lun', 'associate', name, name)
    }),
  )
  const { luns, targets } = await managed.api.get<{ luns: { name: string }[]; targets: { luns: unknown[] }[] }>(
    '/configuration',
  )
  expect(luns.map(({ name }) => name).toSorted()).toEqual(made.toSorted())
  expect(targets.map((target) => target.luns.length)).toEqual(made.map(() => 1))
})
