/**
 * What scenarios work with: the server as a user starts it, built as it is published, and guests that reach it. Whatever
 * a scenario started ends with its lab.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { runTool } from '../../support/run-tool.ts'
import { type ServerOptions, type ServerProcess, startServer } from '../../support/server-process.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts'
import type { Tool } from '../../support/tools.ts'
import { type GuestOptions, MACHINE, networkArguments, type Reply, runGuest, runQemu } from './guest.ts'
import { guestImage } from './image.ts'
import { MeetingPlace } from './meeting-place.ts'

/** What the lab itself needs on this machine. */
export const LAB_TOOLS: readonly Tool[] = ['qemu-system-x86_64', 'cpio', 'depmod', 'xz']

/** Why this machine cannot be a lab, whatever is installed on it; null where it can. */
export function labObstacle(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'guests are made of Debian packages for x86_64 Linux'
  if (!existsSync('/etc/debian_version')) return 'guests are made of Debian packages, with apt-get and dpkg-deb'
  if (process.getuid?.() !== 0) return 'only root may fetch the Debian packages that guests are made of'
  return null
}

/** A guest's options without those that the lab knows. */
export type LabGuestOptions = Omit<GuestOptions, 'tell' | 'timeLimitMs'> & {
  /** What the console's lines begin with; default: nothing. */
  readonly name?: string
  /** Its target and port become the script's $TARGET and $PORT. */
  readonly server?: ServerProcess
  readonly timeLimitSeconds?: number
}

/** A machine that starts from its firmware or from somebody else's kernel. */
export interface MachineOptions {
  readonly qemuArguments: readonly string[]
  /** What to type on its console. */
  readonly replies?: readonly Reply[]
  readonly timeLimitSeconds?: number
}

const TIME_LIMIT_SECONDS = 180

export class Lab implements AsyncDisposable {
  readonly tell: (line: string) => void
  readonly #servers: ServerProcess[] = []
  readonly #directory: TemporaryDirectory = temporaryDirectory()

  /** `tell` gets the console of guests and what the lab does, a line at a time. */
  constructor(tell: (line: string) => void) {
    this.tell = tell
  }

  /** A folder of the scenario's own, gone with the lab. */
  get directory(): string {
    return this.#directory.path
  }

  /** The path of `name` in that folder. */
  file(name: string): string {
    return this.#directory.file(name)
  }

  /** Start the built server; stopped with the lab unless the scenario did. */
  async startServer(options: ServerOptions = {}): Promise<ServerProcess> {
    await buildOnce()
    const server = await startServer({ isBuilt: true, ...options })
    this.#servers.push(server)
    return server
  }

  /** Run a script in a fresh guest; gives its console. Errors: rejects when the script failed or took too long. */
  runGuest({ name, server, timeLimitSeconds = TIME_LIMIT_SECONDS, ...options }: LabGuestOptions): Promise<string> {
    const reach = server === undefined ? {} : { TARGET: server.targetName, PORT: server.port }
    return runGuest({
      ...options,
      environment: { ...reach, ...options.environment },
      timeLimitMs: timeLimitSeconds * 1000,
      tell: name === undefined ? this.tell : (line) => this.tell(`${name}: ${line}`),
    })
  }

  /**
   * Run guests at the same time, who may wait for each other with `host meet`; gives their consoles.
   * Errors: rejects when all have ended, with the failure that came first.
   */
  async runGuests(guests: readonly LabGuestOptions[]): Promise<string[]> {
    // Made before any of them wants it.
    await guestImage(this.tell)
    const place = new MeetingPlace(guests.length)
    const runs = guests.map((guest) =>
      this.runGuest({ ...guest, actions: { ...guest.actions, meet: () => place.meet() } }).catch((error: Error) => {
        place.fail(error)
        return ''
      }),
    )
    const consoles = await Promise.all(runs)
    if (place.failure !== null) throw place.failure
    return consoles
  }

  /** Run a machine with one network card until it ends by itself; gives its console. */
  runMachine({ qemuArguments, replies = [], timeLimitSeconds = TIME_LIMIT_SECONDS }: MachineOptions): Promise<string> {
    const timeLimitMs = timeLimitSeconds * 1000
    return runQemu([...MACHINE, ...networkArguments(1), ...qemuArguments], { tell: this.tell, timeLimitMs, replies })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]()
    this.#directory[Symbol.dispose]()
  }
}

const ROOT = resolve(import.meta.dirname, '../../..')
let built: Promise<string> | null = null

/** `npm run build`, once a process. */
function buildOnce(): Promise<string> {
  built ??= runTool('npm', ['run', '--silent', 'build'], { cwd: ROOT })
  return built
}
