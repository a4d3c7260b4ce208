/**
 * `src/main.ts` with a server that only listens: it shows how the application shell deals with a server that starts,
 * drains, hangs or fails. `FAKE_DRAIN` is `hang` or `fail`, `FAKE_START` is `throw`.
 */

import { createServer, type Server } from 'node:net'
import { reportInternalErrors, surviveClosedOutput } from '../../src/cli/process-guards.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import type { Endpoint, ServerOptions } from '../../src/server-options.ts'

const DRAIN_TIMEOUT_MS = process.env.FAKE_DRAIN_TIMEOUT_MS ?? '30000'

async function startServer(options: ServerOptions) {
  if (process.env.FAKE_START === 'throw') throw new TypeError('a bug in the server')
  const plain = await Promise.all(options.listen.map(listen))
  const tls = await Promise.all((options.tls?.listen ?? []).map(listen))
  return {
    endpoints: plain.map(({ endpoint }) => endpoint),
    tlsEndpoints: tls.map(({ endpoint }) => endpoint),
    apiUrl: null,
    renewTls: () => {},
    drain: async () => {
      options.log.info('the fake server drains')
      if (process.env.FAKE_DRAIN === 'hang') await new Promise(() => undefined)
      if (process.env.FAKE_DRAIN === 'fail') throw new Error('the fake disk is broken')
      for (const { server } of [...plain, ...tls]) server.close()
    },
  }
}

function listen({ host, port }: Endpoint): Promise<{ server: Server; endpoint: Endpoint }> {
  return new Promise((done, fail) => {
    const server = createServer()
    server.once('error', fail)
    server.listen(port, host, () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return
      done({ server, endpoint: { host: address.address, port: address.port } })
    })
  })
}

surviveClosedOutput()
reportInternalErrors()
process.exit(
  await runCommandLine(process.argv.slice(2), {
    startServer,
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    exitNow: (exitCode) => process.exit(exitCode),
    drainTimeoutMs: Number(DRAIN_TIMEOUT_MS),
  }),
)
