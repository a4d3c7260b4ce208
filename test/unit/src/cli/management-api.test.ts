import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { readApi } from '../../../../src/cli/api-request.ts'
import { startManagementApi } from '../../../../src/cli/management-api.ts'
import { Failure } from '../../../../src/failure.ts'
import { openDataDirectory } from '../../../../src/store/data-directory.ts'
import { startManagement } from '../../../support/management-fixture.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

async function start(path: string, apiListen: string) {
  const dataDirectory = openDataDirectory(path)
  const { management } = await startManagement()
  const metricsSource = { logicalUnits: () => [], targets: () => [] }
  const parts = {
    management,
    metricsSource,
    dataDirectory: dataDirectory.path,
    store: dataDirectory.store,
    log: pino({ level: 'silent' }),
    version: '1',
  }
  try {
    const api = await startManagementApi(readApi({ apiListen })!, parts)
    return { url: api.url, close: () => api.close().then(() => dataDirectory.close()) }
  } catch (error) {
    dataDirectory.close()
    throw error
  }
}

describe('the API of a server', () => {
  it('lets in whoever can read the token in the data directory, also after a restart', async () => {
    using directory = temporaryDirectory()
    for (let round = 0; round < 2; round++) {
      const api = await start(directory.path, '127.0.0.1:0')
      const token = readFileSync(directory.file('api-token'), 'utf8').trim()
      const { status } = await fetch(`${api.url}/api/v1/tokens`, { headers: { authorization: `Bearer ${token}` } })
      expect(status).toBe(200)
      await api.close()
    }
  })

  it('that cannot listen says why, and what to do', async () => {
    using directory = temporaryDirectory()
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    const starting = start(directory.path, `127.0.0.1:${port}`)
    await expect(starting).rejects.toThrow(Failure)
    await expect(starting).rejects.toThrow(
      `127.0.0.1:${port}: another program does; choose another address with --api-listen`,
    )
    taken.close()
  })
})
