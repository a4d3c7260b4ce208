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
const GROWING_LUNS = 10
/** From before the first file is made to after the last one that goes is deleted. */
const KILL_AFTER_MS = [10, 30, 60, 80, 100, 140, 200]

interface Lun {
  readonly id: string
  readonly friendlyName: string
  readonly path: string
  readonly sizeBytes: number
  readonly status: string
}

/**
 * One array after another: even and odd ones have nothing in common but the LUN `kept`, which one reaches through other
 * targets, and those that grow each time.
 */
function declarationOf(generation: number) {
  const side = generation % 2 === 0 ? 'left' : 'right'
  const names = Array.from({ length: LUNS }, (_, index) => `${side}-${index}`)
  const mask = { initiators: [`iqn.2026-01.test.host:${side}`], networks: [], readOnlyInitiators: [] }
  return {
    luns: [
      { name: 'kept', size: KEPT_BYTES, mask },
      ...Array.from({ length: GROWING_LUNS }, (_, index) => ({ name: `grows-${index}`, size: generation * MIB })),
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

/** All of it, in one change. */
const apply = ({ api }: ManagedServer, generation: number) =>
  api.request('POST', '/configuration/apply', { body: { declaration: declarationOf(generation), prune: true } })

/** Whether an apply would change nothing; one that is refused is of an array that has gone on since. */
async function isServed({ api }: ManagedServer, generation: number): Promise<boolean> {
  const body = { declaration: declarationOf(generation), prune: true }
  const plan = api.request<{ changes: unknown[] }>('POST', '/configuration/plan', { body })
  return plan.then(
    (answer) => answer.body.changes.length === 0,
    () => false,
  )
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
  let served = 1
  let running = await start()
  try {
    await apply(running, served)
    writeFileSync(pathOf((await managedLuns(running)).find(isKept)!), contents, { flag: 'r+' })
    for (const delayMs of KILL_AFTER_MS) {
      const next = served + 1
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
