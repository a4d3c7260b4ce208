/**
 * A server that scenarios take away and bring back with the same port, data directory and disks, as a machine does that
 * restarts or crashes.
 */

import { describeExit } from '../../support/child-processes.ts'
import type { ServerProcess } from '../../support/server-process.ts'
import type { HostActions } from './guest.ts'
import type { Lab } from './lab.ts'

export interface RestartingServer {
  /** The first of them; what it says of its target and port holds for all. */
  readonly server: ServerProcess
  /** For the guest: `host stop_server` (SIGTERM), `host kill_server` (SIGKILL), `host start_server`. */
  readonly actions: HostActions
  /** Start it with other arguments from now on. */
  setArguments(args: readonly string[]): void
}

/** Starts a server in the lab's folder. */
export async function startRestartingServer(lab: Lab, args: readonly string[]): Promise<RestartingServer> {
  let currentArgs = args
  const server = await lab.startServer({ directory: lab.directory, args })
  let current = server
  return {
    server,
    actions: {
      stop_server: async () => {
        const status = await current.stop()
        if (status.exitCode !== 0)
          throw new Error(`the server ended with ${describeExit(status)}:\n${current.output()}`)
      },
      kill_server: () => current.kill(),
      start_server: async () => {
        current = await lab.startServer({ directory: lab.directory, args: currentArgs, port: server.port })
      },
    },
    setArguments: (newArgs) => {
      currentArgs = newArgs
    },
  }
}
