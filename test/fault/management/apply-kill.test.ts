/**
 * kill -9 while a server applies a declaration: the next start serves what was there before or what was declared, with the
 * files of exactly that, and what is stored in a LUN that stays is as it was.
 */

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type ManagedServer, startManagedServer } from '../../support/managed-server.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const MIB = 2 ** 20
const KEPT_BYTES = 4 * MIB
const LUNS = 40
/** From before the first file is made to after the last one that goes is deleted. */
const KILL_AFTER_MS = [10, 30, 60, 80, 100, 140, 200]

interface Lun {
  readonly id: string
  readonly friendlyName: string
  readonly path: string
  readonly sizeBytes: number
  readonly status: string
}

/** One of two arrays that have nothing in common but the LUN `kept`, which one reaches through other targets. */
function declarationOf(side: 'left' | 'right') {
  const names = Array.from({ length: LUNS }, (_, index) => `${side}-${index}`)
  const mask = { initiators: [`iqn.2026-01.test.host:${side}`], networks: [], readOnlyInitiators: [] }
  return {
    luns: [
      { name: 'kept', size: KEPT_BYTES, mask },
      ...names.map((name, index) => ({ name, size: (1 + (index % 3)) * MIB, mask })),
    ],
    targets: [0, 1, 2].map((target) => ({
      iscsiName: `iqn.2026-01.test.array:${side}-${target}`,
      friendlyName: side,
      portalGroups: [{ tag: 1, portals: ['127.0.0.1:0'] }],
      luns: ['kept', ...names.filter((_, index) => index % 3 === target)].map((name, number) => ({ name, number })),
    })),
  }
}

const SIDES = { left: declarationOf('left'), right: declarationOf('right') } as const
type Side = keyof typeof SIDES

/** All of one side, in one change. */
const apply = ({ api }: ManagedServer, side: Side) =>
  api.request('POST', '/configuration/apply', { body: { declaration: SIDES[side], prune: true } })

/** Whether an apply would change nothing. */
async function isServed({ api }: ManagedServer, side: Side): Promise<boolean> {
  const body = { declaration: SIDES[side], prune: true }
  return (await api.request<{ changes: unknown[] }>('POST', '/configuration/plan', { body })).body.changes.length === 0
}

const isKept = ({ friendlyName }: Lun) => friendlyName === 'kept'

const managedLuns = async ({ api }: ManagedServer) =>
  (await api.get<readonly (Lun & { origin: string })[]>('/luns')).filter(({ origin }) => origin === 'managed')

/** The file of each LUN, and what keeps other servers from it. */
const filesOf = (luns: readonly Lun[]) => {
  const names = luns.map(({ path }) => basename(path))
  return [...names, ...names.map((name) => `.${name}.lunette-lock`)].toSorted()
}

it('a server that is killed amid an apply comes back with the old or the new configuration and no other file', {
  timeout: 120_000,
}, async () => {
  using directory = temporaryDirectory()
  const pathOf = ({ path }: Lun) => resolve(directory.file('lunette-data'), path)
  const start = () => startManagedServer({ directory: directory.path })
  const contents = randomBytes(KEPT_BYTES)
  let served: Side = 'left'
  let running = await start()
  try {
    await apply(running, served)
    writeFileSync(pathOf((await managedLuns(running)).find(isKept)!), contents, { flag: 'r+' })
    for (const delayMs of KILL_AFTER_MS) {
      const next: Side = served === 'left' ? 'right' : 'left'
      const applied = apply(running, next).then(
        () => true,
        () => false,
      )
      await setTimeout(delayMs)
      await running.server.kill()
      const isAcknowledged = await applied
      running = await start()
      const [isOld, isNew] = [await isServed(running, served), await isServed(running, next)]
      expect([isOld, isNew]).toEqual(isAcknowledged ? [false, true] : [!isNew, isNew])
      const luns = await managedLuns(running)
      expect(luns.filter(({ status }) => status !== 'online')).toEqual([])
      expect(readdirSync(directory.file('lunette-data/luns')).toSorted()).toEqual(filesOf(luns))
      for (const lun of luns) expect(statSync(pathOf(lun)).size).toBe(lun.sizeBytes)
      expect(readFileSync(pathOf(luns.find(isKept)!)).equals(contents)).toBe(true)
      if (isNew) served = next
    }
  } finally {
    await running[Symbol.asyncDispose]()
  }
})
