/**
 * What the commands of DiskRAID act on: at most one object of each kind is selected, and selecting one lets go of those
 * that it excludes. Objects are called by their place in the current list, which stays as it was shown until it is listed
 * again, so that what others delete meanwhile never makes a number mean another object.
 */

import { DiskRaidSyntaxError } from './tokens.ts'

export type FocusKind =
  | ('provider' | 'subsystem' | 'controller' | 'port' | 'drive' | 'lun' | 'tportal' | 'target' | 'tpgroup')
  | ('hbaport' | 'iadapter' | 'iportal')

const IN_SUBSYSTEM = ['controller', 'drive', 'lun', 'tportal', 'target'] as const
const BELOW_SUBSYSTEM = [...IN_SUBSYSTEM, 'port', 'tpgroup'] as const

/** What is let go when an object of this kind is selected. */
const CLEARS: Readonly<Record<FocusKind, readonly FocusKind[]>> = {
  provider: ['subsystem', ...BELOW_SUBSYSTEM],
  subsystem: BELOW_SUBSYSTEM,
  controller: [...IN_SUBSYSTEM, 'port', 'tpgroup'],
  drive: [...IN_SUBSYSTEM, 'port', 'tpgroup'],
  lun: [...IN_SUBSYSTEM, 'port', 'tpgroup'],
  tportal: [...IN_SUBSYSTEM, 'port', 'tpgroup'],
  target: [...IN_SUBSYSTEM, 'port', 'tpgroup'],
  port: [],
  tpgroup: [],
  hbaport: ['iadapter', 'iportal'],
  iadapter: ['hbaport', 'iportal'],
  iportal: [],
}

/** What has to be selected before an object of this kind can be. */
const PARENTS: Partial<Record<FocusKind, FocusKind>> = {
  controller: 'subsystem',
  drive: 'subsystem',
  lun: 'subsystem',
  tportal: 'subsystem',
  target: 'subsystem',
  port: 'controller',
  tpgroup: 'target',
}

export class Focus {
  readonly #ids = new Map<FocusKind, string>()
  readonly #lists = new Map<FocusKind, string[]>()

  /** The id of the selected object of this kind. Errors: `DiskRaidSyntaxError` when none is. */
  demand(kind: FocusKind): string {
    const id = this.#ids.get(kind)
    if (id === undefined) throw new DiskRaidSyntaxError(`There is no ${kind} selected: use select ${kind}.`)
    return id
  }

  /** The selected object's id, or null. */
  find(kind: FocusKind): string | null {
    return this.#ids.get(kind) ?? null
  }

  demandParentOf(kind: FocusKind): void {
    const parent = PARENTS[kind]
    if (parent !== undefined) this.demand(parent)
  }

  select(kind: FocusKind, id: string): void {
    if (this.#ids.get(kind) === id && kind !== 'target') return
    for (const other of CLEARS[kind]) this.clear(other)
    this.#ids.set(kind, id)
  }

  clear(kind: FocusKind): void {
    this.#ids.delete(kind)
    if (kind === 'target') this.clear('tpgroup')
    if (kind === 'tpgroup') this.#lists.delete('tpgroup')
  }

  /** The ids of the current list; null when it has to be read first. */
  listed(kind: FocusKind): readonly string[] | null {
    return this.#lists.get(kind) ?? null
  }

  keepList(kind: FocusKind, ids: readonly string[]): void {
    this.#lists.set(kind, [...ids])
  }

  forgetLists(): void {
    this.#lists.clear()
  }

  /** A new object comes last in the list and is selected. */
  add(kind: FocusKind, id: string): void {
    const ids = this.#lists.get(kind)
    if (ids !== undefined && !ids.includes(id)) ids.push(id)
    this.select(kind, id)
  }

  /** An object that we have deleted leaves the list; those after it move up. */
  remove(kind: FocusKind, id: string): void {
    this.#lists.set(
      kind,
      (this.#lists.get(kind) ?? []).filter((other) => other !== id),
    )
    this.clear(kind)
  }
}
