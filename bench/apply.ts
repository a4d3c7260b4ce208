/**
 * `npm run bench:apply`: how long a large declaration takes against a server as a user starts it. By default 200 targets with
 * five LUNs each are made, found to be there already, and served again by a restarted server.
 */

import { parseArgs } from 'node:util'
import { startManagedServer } from '../test/support/managed-server.ts'
import { temporaryDirectory } from '../test/support/temporary-directory.ts'

const { values: options } = parseArgs({
  options: { targets: { type: 'string', default: '200' }, luns: { type: 'string', default: '1000' } },
})
const [targetCount, lunCount] = [Number(options.targets), Number(options.luns)]

const lunNames = Array.from({ length: lunCount }, (_, index) => `lun-${index}`)
const declaration = {
  portals: [{ host: '127.0.0.1', port: 0 }],
  luns: lunNames.map((name) => ({ name, size: '1G', mask: { initiators: ['iqn.2026-01.test.host:one'] } })),
  targets: Array.from({ length: targetCount }, (_, target) => ({
    iscsiName: `iqn.2026-01.test.array:${target}`,
    friendlyName: `target-${target}`,
    portalGroups: [{ tag: 1, portals: ['127.0.0.1:0'] }],
    luns: lunNames.filter((_, index) => index % targetCount === target).map((name, number) => ({ name, number })),
  })),
}

interface Changes {
  readonly changes: readonly unknown[]
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const beganAtMs = performance.now()
  const result = await work()
  console.log(`${what.padEnd(32)} ${((performance.now() - beganAtMs) / 1000).toFixed(2)} s`)
  return result
}

function demandChanges(count: number, { changes }: Changes): void {
  if (changes.length !== count) throw new Error(`${changes.length} objects change, not ${count}`)
}

using directory = temporaryDirectory()
const start = () => startManagedServer({ directory: directory.path })
{
  await using managed = await timed('start without anything', start)
  const post = async (path: string) =>
    (await managed.api.request<Changes>('POST', path, { body: { declaration } })).body
  demandChanges(lunCount + targetCount, await timed('apply', () => post('/configuration/apply')))
  demandChanges(0, await timed('apply again', () => post('/configuration/apply')))
  demandChanges(0, await timed('plan', () => post('/configuration/plan')))
}
await using restarted = await timed('start with all of it', start)
await timed('stop', () => restarted.server.stop())
