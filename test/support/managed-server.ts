/**
 * The server as a user starts it, with its management API, and the commands that manage it: for tests that manage the real
 * thing. Hold it with `await using`.
 */

import { resolve } from 'node:path'
import { ApiClient } from '../../src/cli/client/api-client.ts'
import { locateServer } from '../../src/cli/client/server-location.ts'
import { type CommandResult, runCommand } from './run-command.ts'
import { type ServerOptions, type ServerProcess, startServer } from './server-process.ts'

export interface ManagedServer extends AsyncDisposable {
  readonly server: ServerProcess
  /** A client of the API with the token of the local administrator. */
  readonly api: ApiClient
  /** `lunette ARGS`, however it ends. */
  run(...args: string[]): Promise<CommandResult>
  /** `lunette ARGS`, which must succeed: what it printed. */
  done(...args: string[]): Promise<string>
  /** `lunette ARGS --json`, which must succeed: what it printed. */
  json<T>(...args: string[]): Promise<T>
}

export async function startManagedServer(options: ServerOptions = {}): Promise<ManagedServer> {
  const server = await startServer({ ...options, hasApi: true })
  const tokenFile = resolve(server.directory, 'lunette-data/api-token')
  const api = new ApiClient(() => locateServer({ server: server.apiUrl, tokenFile }))
  const run = (...args: string[]) => runCommand([...args, '--server', server.apiUrl, '--token-file', tokenFile])
  const done = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await run(...args)
    if (exitCode !== 0) throw new Error(`lunette ${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`)
    return stdout
  }
  return {
    server,
    api,
    run,
    done,
    json: async (...args) => JSON.parse(await done(...args, '--json')),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
