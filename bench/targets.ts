/**
 * The two servers that are compared, on the same file at the same time: Lunette, started as a user starts it, and tgtd
 * of Debian's package `tgt`. Only one of them has work at any moment.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { adoptChild } from '../test/support/child-processes.ts'
import { runTool } from '../test/support/run-tool.ts'
import { startServer } from '../test/support/server-process.ts'
import { TOOL_SEARCH_PATH } from '../test/support/tools.ts'

export interface BenchTarget extends AsyncDisposable {
  readonly name: 'lunette' | 'tgtd'
  readonly pid: number
  /** libiscsi's URL of the logical unit. */
  readonly url: string
}

export async function startLunette(disk: string): Promise<BenchTarget> {
  const server = await startServer({ args: [disk] })
  return {
    name: 'lunette',
    pid: server.pid,
    url: server.url(0),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const TGTD_TARGET = 'iqn.2000-01.local.bench:tgtd'
const START_ATTEMPTS = 100
const START_PAUSE_MS = 50

/**
 * tgtd takes no port from the system, so one that is free now is chosen; it names the control socket as well, which
 * takes 15 bits. SIGTERM does not end a tgtd that has targets, and it has nothing to save.
 */
export async function startTgtd(disk: string): Promise<BenchTarget> {
  const port = await freePort()
  const control = ['--control-port', `${port & 0x7fff}`]
  const child = spawn('tgtd', ['--foreground', ...control, '--iscsi', `portal=127.0.0.1:${port}`], {
    stdio: 'ignore',
    env: { ...process.env, PATH: TOOL_SEARCH_PATH },
  })
  const ended = adoptChild(child)
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  const administer = (...args: string[]): Promise<string> => runTool('tgtadm', [...control, '--lld', 'iscsi', ...args])
  try {
    await waitForPort(port)
    await administer('--op', 'new', '--mode', 'target', '--tid', '1', '--targetname', TGTD_TARGET)
    await administer('--op', 'new', '--mode', 'logicalunit', '--tid', '1', '--lun', '1', '--backing-store', disk)
    await administer('--op', 'bind', '--mode', 'target', '--tid', '1', '--initiator-address', 'ALL')
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name: 'tgtd',
    pid: child.pid!,
    url: `iscsi://127.0.0.1:${port}/${TGTD_TARGET}/1`,
    [Symbol.asyncDispose]: stop,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function waitForPort(port: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw new Error(`tgtd does not listen on port ${port}`, { cause: error })
      await setTimeout(START_PAUSE_MS)
    } finally {
      socket.destroy()
    }
  }
}
