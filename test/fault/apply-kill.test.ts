import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Declaration } from '../../src/management/declaration/schema.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** While the first files are made, while the last are, amid the commit and what serves it. */
const KILL_AFTER_MS = [5, 20, 45, 80, 130]
const LUNS = 60

/** Two states that have nothing in common. */
const STATES = ['a', 'b'].map((name): Declaration => {
  const luns = Array.from({ length: LUNS }, (_, index) => ({ name: `${name}-${index}`, size: '1M' }))
  return {
    luns,
    targets: [{ iscsiName: `iqn.2024-01.org.example:${name}`, luns: luns.map((lun) => ({ name: lun.name })) }],
  }
})

function call(server: ServerProcess, path: string, body?: unknown): Promise<Response> {
  const token = readFileSync(join(server.directory, 'lunette-data/api-token'), 'utf8').trim()
  return fetch(`${server.apiUrl}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
}

const namesOf = ({ luns = [], targets = [] }: Declaration) => ({
  luns: luns.map(({ name }) => name),
  targets: targets.map(({ iscsiName, luns: behind = [] }) => [iscsiName, behind.map(({ name }) => name)]),
})

it('a server that is killed amid an apply comes back with the old state or the new one, and no file of another', async () => {
  using directory = temporaryDirectory()
  let before: Declaration = {}
  for (const [round, delayMs] of KILL_AFTER_MS.entries()) {
    const after = STATES[round % 2]!
    let isAcknowledged = false
    {
      await using server = await startServer({ hasApi: true, directory: directory.path })
      const applied = call(server, '/configuration/apply', { declaration: after, prune: true }).then(
        ({ ok }) => {
          isAcknowledged = ok
        },
        () => undefined,
      )
      await setTimeout(delayMs)
      await server.kill()
      await applied
    }
    await using restarted = await startServer({ hasApi: true, directory: directory.path })
    const found = (await (await call(restarted, '/configuration')).json()) as Declaration
    const allowed = isAcknowledged ? [after] : [before, after]
    expect(allowed.map(namesOf)).toContainEqual(namesOf(found))
    const folder = join(directory.path, 'lunette-data/luns')
    const files = existsSync(folder)
      ? readdirSync(folder).filter((name) => name.endsWith('.img') && !name.startsWith('.'))
      : []
    expect(files).toHaveLength(found.luns?.length ?? 0)
    before = found
  }
})
