/**
 * What every command of DiskRAID works with: the API, the focus, the current lists and the printer; and what becomes of a
 * line, also when it fails. The exit codes are DiskRAID's own.
 */

import { Failure } from '../../failure.ts'
import type { ApiClient, RequestOptions } from '../client/api-client.ts'
import type { Declared, Job, Lun, Portal, PortalGroup, SubSystem, Target } from '../client/resources.ts'
import { printable } from '../output.ts'
import { Focus, type FocusKind } from './focus.ts'
import type { CommandSyntax, ParsedCommand } from './parser.ts'
import { parseLine } from './parser.ts'
import { DiskRaidSyntaxError } from './tokens.ts'

export const DISKRAID_EXIT = { fine: 0, fatal: 1, arguments: 2, cannotOpen: 3, serviceFailed: 4, syntax: 5 } as const

/** This array cannot do it, or it is no business of an array; said in words. Continues with `noerr`, as other failures do. */
export class NotSupported extends Failure {
  constructor(what: string) {
    super(`${what} (VDS_E_NOT_SUPPORTED 0x80042400)`)
  }
}

export interface Command extends CommandSyntax {
  /** What has to be selected. */
  readonly needs?: FocusKind
  run(shell: Shell, parsed: ParsedCommand<Command>): Promise<void> | void
}

/** What `list` shows. */
interface Lists {
  readonly provider: { readonly id: string }
  readonly subsystem: SubSystem
  readonly lun: Lun
  readonly tportal: Portal
  readonly target: Target
  readonly tpgroup: PortalGroup
}

export type ListedKind = keyof Lists

interface ShellOptions {
  readonly api: ApiClient
  readonly print: (text: string) => void
  readonly finish: (job: Job) => Promise<Job>
  readonly commands: readonly Command[]
}

export class Shell {
  readonly focus = new Focus()
  readonly api: ApiClient
  readonly finish: (job: Job) => Promise<Job>
  readonly commands: readonly Command[]
  readonly #print: (text: string) => void
  hasExited = false

  constructor({ api, print, finish, commands }: ShellOptions) {
    this.api = api
    this.finish = finish
    this.commands = commands
    this.#print = print
  }

  /** Run one line. The code is `fine` unless a script has to end here. */
  async run(line: string): Promise<number> {
    let hasNoerr = false
    try {
      const parsed = parseLine(line, this.commands)
      if (parsed === null) return DISKRAID_EXIT.fine
      hasNoerr = parsed.flags.has('noerr')
      if (parsed.row.needs !== undefined) this.focus.demand(parsed.row.needs)
      await parsed.row.run(this, parsed)
      return DISKRAID_EXIT.fine
    } catch (error) {
      if (error instanceof DiskRaidSyntaxError) {
        this.say(error.message)
        return DISKRAID_EXIT.syntax
      }
      if (!(error instanceof Failure)) throw error
      this.say(error.message)
      return hasNoerr ? DISKRAID_EXIT.fine : DISKRAID_EXIT.serviceFailed
    }
  }

  /** A sentence, followed by an empty line. */
  say(sentence: string): void {
    this.#print(`\n${printable(sentence)}\n`)
  }

  write(text: string): void {
    this.#print(text)
  }

  /** Send it and, when a job comes back, wait for it. Returns what it made or became. */
  async change<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { body } = await this.api.request<T | Job>(method, path, { ...options, waitSeconds: 2 })
    const isJob = typeof body === 'object' && body !== null && 'percent' in body
    return (isJob ? (await this.finish(body)).output : body) as T
  }

  /** All objects of a kind as they are now; those in the current list first and in its order. */
  async read<K extends ListedKind>(kind: K): Promise<readonly Lists[K][]> {
    const now = (await this.#fetch(kind)) as readonly Lists[K][]
    const order = new Map((this.focus.listed(kind) ?? []).map((id, index) => [id, index]))
    return now.toSorted(
      (a, b) => (order.get(a.id) ?? Number.POSITIVE_INFINITY) - (order.get(b.id) ?? Number.POSITIVE_INFINITY) || 0,
    )
  }

  async #fetch(kind: ListedKind): Promise<readonly { readonly id: string }[]> {
    switch (kind) {
      case 'provider':
        return [await this.api.get('/provider')]
      case 'subsystem':
        return [await this.api.get('/subsystem')]
      case 'tpgroup':
        return this.api.get(`/targets/${this.focus.demand('target')}/portal-groups`)
      default:
        return managedFirst(await this.api.get({ lun: '/luns', tportal: '/portals', target: '/targets' }[kind]))
    }
  }

  /** Read them anew, so that numbers mean their places from now on. */
  async relist<K extends ListedKind>(kind: K): Promise<readonly Lists[K][]> {
    const objects = (await this.#fetch(kind)) as readonly Lists[K][]
    this.focus.keepList(
      kind,
      objects.map(({ id }) => id),
    )
    return objects
  }

  /** The id at this place of the current list; null when there is none. */
  async idAt(kind: ListedKind, index: number): Promise<string | null> {
    if (this.focus.listed(kind) === null) await this.relist(kind)
    return this.focus.listed(kind)?.[index] ?? null
  }

  /** Errors: `DiskRaidSyntaxError` when no object has this place. */
  async demandIdAt(kind: ListedKind, index: number): Promise<string> {
    const id = await this.idAt(kind, index)
    if (id === null) throw new DiskRaidSyntaxError(`There is no ${kind} ${index}: use list ${kind}s.`)
    return id
  }

  /** The place of an object, for sentences. */
  async indexOf(kind: ListedKind, id: string): Promise<number> {
    if (this.focus.listed(kind)?.includes(id) !== true) await this.relist(kind)
    return this.focus.listed(kind)!.indexOf(id)
  }
}

/** In the order of the API, but what the command line of the server declares comes last: scripts count what they make. */
function managedFirst<T extends Declared>(objects: readonly T[]): readonly T[] {
  return objects.toSorted((a, b) => Number(a.origin === 'commandLine') - Number(b.origin === 'commandLine'))
}
