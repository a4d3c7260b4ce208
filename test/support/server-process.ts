/**
 * The server as a user starts it: `node src/main.ts serve ...` in a process and a directory of its own, on a port that
 * the system picks. What it is and where it listens comes from the lines that it prints for machines, `listening on
 * ADDRESS:PORT`, `target NAME` and `api on URL`. Interop tests, fault tests and benchmarks use it; hold it with `await using`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { adoptChild, describeExit, type ExitStatus } from './child-processes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface ServerOptions {
  /** What stands after `serve`, without --listen and, unless given here, --data. */
  readonly args?: readonly string[]
  /** Working directory and home of `lunette-data`; default: a fresh one that is removed with the server. */
  readonly directory?: string
  /** Run what `npm run build` has made instead of the sources. */
  readonly isBuilt?: boolean
  /** With the management API, on a port that the system picks; by default without it. */
  readonly hasApi?: boolean
  /** Listen on this port; default: one that the system picks. */
  readonly port?: number
}

/** libiscsi's URL: with a user name and password for CHAP, and options such as `header_digest=crc32c`. */
export interface UrlOptions {
  readonly user?: string
  readonly password?: string
  readonly query?: string
  /** Another port on the same host, of a relay in front of the server. */
  readonly port?: number
}

export interface ServerProcess extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly targetName: string
  /** Of the management API; empty without it. */
  readonly apiUrl: string
  readonly pid: number
  readonly directory: string
  /** iscsi://HOST:PORT, for discovery. */
  readonly portalUrl: string
  url(lun: number, options?: UrlOptions): string
  /** Everything it has printed, stdout and stderr as they came. */
  output(): string
  /** SIGTERM; the promise says how it ended. */
  stop(): Promise<ExitStatus>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

const ROOT = resolve(import.meta.dirname, '../..')
const MAIN = resolve(ROOT, 'src/main.ts')
const BUILT_MAIN = resolve(ROOT, 'dist/src/main.js')
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 30_000

/**
 * Starts a server and waits until it listens.
 * Errors: rejects with everything the server printed when it ends or says nothing instead.
 */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const ownDirectory = options.directory === undefined ? temporaryDirectory() : null
  const directory = options.directory ?? ownDirectory!.path
  const args = options.args ?? []
  const data = args.includes('--data') ? [] : ['--data', resolve(directory, 'lunette-data')]
  const main = options.isBuilt === true ? BUILT_MAIN : MAIN
  const listen = ['--listen', `127.0.0.1:${options.port ?? 0}`]
  const api = options.hasApi === true ? ['--api-listen', '127.0.0.1:0'] : ['--no-api']
  const child = spawn(process.execPath, [main, 'serve', ...args, ...listen, ...data, ...api], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = adoptChild(child)
  const transcript = collectOutput(child)
  try {
    const [, host, port] = await transcript.waitFor(/^listening on (.+):(\d+)$/m, ended)
    await transcript.waitFor(/^Stop with /m, ended)
    const [, targetName] = await transcript.waitFor(/^target (\S+)$/m, ended)
    const [, apiUrl = ''] = /^api on (\S+)$/m.exec(transcript.text()) ?? []
    return describeServer(
      {
        child,
        ended,
        output: transcript.text,
        directory,
        host: host!,
        port: Number(port),
        targetName: targetName!,
        apiUrl,
      },
      () => ownDirectory?.[Symbol.dispose](),
    )
  } catch (error) {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
    ownDirectory?.[Symbol.dispose]()
    throw error
  }
}

interface StartedServer {
  readonly child: ChildProcess
  readonly ended: Promise<ExitStatus>
  readonly output: () => string
  readonly directory: string
  readonly host: string
  readonly port: number
  readonly targetName: string
  readonly apiUrl: string
}

function describeServer(started: StartedServer, cleanUp: () => void): ServerProcess {
  const { child, ended, output, directory, host, port, targetName, apiUrl } = started
  const stop = async (): Promise<ExitStatus> => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const status = await ended
    clearTimeout(timer)
    return status
  }
  return {
    host,
    port,
    targetName,
    apiUrl,
    pid: child.pid!,
    directory,
    output,
    portalUrl: `iscsi://${host}:${port}`,
    url: (lun, options = {}) => libiscsiUrl(host, options.port ?? port, targetName, lun, options),
    stop,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      cleanUp()
    },
  }
}

function libiscsiUrl(host: string, port: number, targetName: string, lun: number, options: UrlOptions): string {
  const credentials = options.user === undefined ? '' : `${options.user}%${options.password ?? ''}@`
  const query = options.query === undefined ? '' : `?${options.query}`
  return `iscsi://${credentials}${host}:${port}/${targetName}/${lun}${query}`
}

interface Transcript {
  readonly text: () => string
  waitFor(pattern: RegExp, ended: Promise<ExitStatus>): Promise<RegExpExecArray>
}

function collectOutput(child: ChildProcess): Transcript {
  let text = ''
  let checkForMatch = (): void => undefined
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      checkForMatch()
    })
  }
  const waitFor = (pattern: RegExp, ended: Promise<ExitStatus>): Promise<RegExpExecArray> =>
    new Promise((resolveMatch, reject) => {
      const fail = (what: string): void => reject(new Error(`${what}; expected ${pattern}; it printed:\n${text}`))
      const timer = setTimeout(() => fail(`the server said nothing for ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS)
      checkForMatch = () => {
        const match = pattern.exec(text)
        if (match === null) return
        clearTimeout(timer)
        resolveMatch(match)
      }
      checkForMatch()
      ended
        .then(
          (status) => fail(`the server ended with ${describeExit(status)}`),
          (error: unknown) => reject(error),
        )
        .finally(() => clearTimeout(timer))
    })
  return { text: () => text, waitFor }
}
