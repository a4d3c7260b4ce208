/**
 * Debian's iSNS server, `isnsd` of open-isns, as a process of its own on a port of 127.0.0.1 that the system picks, with
 * everything it keeps in a directory of its own. Linux only. Hold it with `await using`.
 */

import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { adoptChild, describeExit } from './child-processes.ts'
import { runTool } from './run-tool.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { TOOL_SEARCH_PATH } from './tools.ts'

export interface IsnsDaemon extends AsyncDisposable {
  readonly port: number
  /** What is in its database, as it prints it. */
  database(): Promise<string>
  /** Run `isnsadm` as the node `source`, or as the administrator when that is null. */
  administer(source: string | null, args: readonly string[]): Promise<string>
  /** SIGKILL, lose the database when `isForgetful`, and start again on the same port. */
  restart(isForgetful: boolean): Promise<void>
}

const CONTROL = 'iqn.2026-01.test.isns:control'
const POLL_MS = 50
const WAIT_MAX_MS = 30_000

/** Start it. Errors: rejects with what it printed when it does not listen. */
export async function startIsnsd(): Promise<IsnsDaemon> {
  const directory = temporaryDirectory()
  const database = directory.file('database')
  mkdirSync(database)
  const configuration = (port: number) => {
    const path = directory.file('isnsd.conf')
    const lines = [
      'SourceName = iqn.2026-01.test.isns:server',
      `BindAddress = 127.0.0.1:${port}`,
      'Security = 0',
      `PIDFile = ${directory.file('isnsd.pid')}`,
      `ControlSocket = ${directory.file('control')}`,
      `Database = ${database}`,
      `Control.SourceName = ${CONTROL}`,
      'RegistrationPeriod = 5m',
      'DefaultDiscoveryDomain = 0',
      'SLPRegister = 0',
    ]
    writeFileSync(path, `${lines.join('\n')}\n`)
    return path
  }
  let daemon = await spawnIsnsd(configuration(0)).catch((error) => {
    directory[Symbol.dispose]()
    throw error
  })
  const { port } = daemon
  return {
    port,
    database: () => runTool('isnsd', ['-c', configuration(port), '--dump-db']),
    administer(source, args) {
      const path = directory.file('isnsadm.conf')
      writeFileSync(
        path,
        [
          `SourceName = ${source ?? CONTROL}`,
          `ServerAddress = 127.0.0.1:${port}`,
          'Security = 0',
          `ControlSocket = ${directory.file('control')}\n`,
        ].join('\n'),
      )
      return runTool('isnsadm', ['-c', path, ...(source === null ? ['--local'] : []), ...args])
    },
    async restart(isForgetful) {
      await daemon.kill()
      for (const file of ['isnsd.pid', 'control']) rmSync(directory.file(file), { force: true })
      if (isForgetful) rmSync(database, { recursive: true })
      mkdirSync(database, { recursive: true })
      daemon = await spawnIsnsd(configuration(port))
    },
    async [Symbol.asyncDispose]() {
      await daemon.kill()
      directory[Symbol.dispose]()
    },
  }
}

interface Daemon {
  readonly port: number
  kill(): Promise<void>
}

async function spawnIsnsd(configuration: string): Promise<Daemon> {
  const child = spawn('isnsd', ['-4', '-f', '-c', configuration], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: TOOL_SEARCH_PATH },
  })
  const ended = adoptChild(child)
  let output = ''
  let isOver = false
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const over = ended.then(
    (status) => {
      isOver = true
      return describeExit(status)
    },
    (error: Error) => {
      isOver = true
      return error.message
    },
  )
  for (const deadlineMs = performance.now() + WAIT_MAX_MS; !isOver && performance.now() < deadlineMs; ) {
    const port = listeningPort(child.pid!)
    if (port !== null) {
      return {
        port,
        async kill() {
          child.kill('SIGKILL')
          await over
        },
      }
    }
    await sleep(POLL_MS)
  }
  child.kill('SIGKILL')
  throw new Error(`isnsd does not listen (${await over}):\n${output}`)
}

/** The TCP port that a process listens on: a socket in state 0Ah whose inode is among its descriptors. */
function listeningPort(pid: number): number | null {
  try {
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
    for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === '0A' && links.includes(`socket:[${inode}]`)) return Number.parseInt(local.split(':')[1]!, 16)
    }
  } catch {
    // It is just beginning, or gone.
  }
  return null
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
