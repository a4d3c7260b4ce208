/**
 * Random calls of the object model over a real store. After each one the configuration keeps its promises, the store holds
 * exactly what memory holds, and the data plane has been told of it; a call that failed has changed nothing.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { VdsError } from '../../../src/management/hresult.ts'
import { checkInvariants } from '../../support/configuration-invariants.ts'
import { openStoredManagement, type StoredManagement } from '../../support/stored-management.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const INITIATORS = ['iqn.2000-01.org.example:a', 'iqn.2000-01.org.example:b', 'eui.0123456789abcdef']
const TARGET_NAMES = [
  null,
  '',
  'iqn.2000-01.org.example:t1',
  'IQN.2000-01.ORG.EXAMPLE:T1',
  'iqn.2000-01.org.example:t2',
  'x',
]
const SECRETS = [
  null,
  Buffer.alloc(0),
  Buffer.from('short'),
  Buffer.from('abcdefghijklmn'),
  Buffer.from('nmlkjihgfedcba'),
]

interface Draw {
  /** An index into whatever list a call picks from. */
  readonly pick: readonly number[]
  readonly text: string
}

type Call = (world: StoredManagement, draw: Draw) => Promise<unknown> | unknown

const pickFrom = <T>(list: readonly T[], index: number | undefined): T | undefined =>
  list[(index ?? 0) % Math.max(1, list.length)]
const lunOf = ({ subSystem }: StoredManagement, index?: number) => pickFrom(subSystem.queryLuns(), index)
const targetOf = ({ subSystem }: StoredManagement, index?: number) => pickFrom(subSystem.queryTargets(), index)
const portalOf = ({ subSystem }: StoredManagement, index?: number) => pickFrom(subSystem.queryPortals(), index)
const groupOf = ({ subSystem }: StoredManagement, index?: number) =>
  pickFrom(
    subSystem.queryTargets().flatMap((target) => target.queryPortalGroups()),
    index,
  )
const initiator = (index: number | undefined) => pickFrom(INITIATORS, index)!
const UNKNOWN_ID = '11111111-1111-4111-8111-111111111111'

const CALLS: Readonly<Record<string, Call>> = {
  createTarget: ({ subSystem }, { pick: [a], text }) => subSystem.createTarget(pickFrom(TARGET_NAMES, a)!, text),
  deleteTarget: (world, { pick: [a] }) => targetOf(world, a)?.delete(),
  renameTarget: (world, { pick: [a], text }) => targetOf(world, a)?.setFriendlyName(text.repeat(60)),
  createPortal: ({ subSystem }, { pick: [a, b] }) =>
    subSystem.createPortal({ host: '127.0.0.1', port: 3260 + (a! % 3), hasTls: b! % 2 === 1 }),
  deletePortal: (world, { pick: [a] }) => portalOf(world, a)?.delete(),
  setPortalStatus: (world, { pick: [a, b] }) => portalOf(world, a)?.setStatus(b! % 2 === 0 ? 'online' : 'offline'),
  createPortalGroup: (world, { pick: [a] }) => targetOf(world, a)?.createPortalGroup(),
  deletePortalGroup: (world, { pick: [a] }) => groupOf(world, a)?.delete(),
  addPortal: (world, { pick: [a, b] }) => groupOf(world, a)?.addPortal(portalOf(world, b)?.id ?? UNKNOWN_ID),
  removePortal: (world, { pick: [a, b] }) => groupOf(world, a)?.removePortal(portalOf(world, b)?.id ?? UNKNOWN_ID),
  createLun: async ({ subSystem }, { pick: [a], text }) =>
    (
      await subSystem.createLun({ sizeBytes: a! + 1, friendlyName: text, blockLengthBytes: a! % 2 ? 4096 : 512 })
    ).wait(),
  deleteLun: (world, { pick: [a] }) => lunOf(world, a)?.delete(),
  setMask: (world, { pick: [a, b, c] }) =>
    lunOf(world, a)?.setMask(
      pickFrom(['*', '', initiator(b), `${initiator(b)};${initiator(c)}`, `*;${initiator(b)}`], c)!,
    ),
  setAccess: (world, { pick: [a, b, c] }) =>
    lunOf(world, a)?.setAccess({
      initiators: b! % 2 ? '*' : [initiator(b), initiator(c)],
      networks: ['10.0.0.0/8', 'fd00::/8'].slice(0, c! % 3),
      readOnlyInitiators: c! % 2 ? '*' : [initiator(b)],
    }),
  associate: (world, { pick: [a, b, c] }) =>
    lunOf(world, a)?.associateTargets(
      [b, c]
        .slice(0, c! % 3)
        .map((index) => (index! % 7 === 6 ? UNKNOWN_ID : (targetOf(world, index)?.id ?? UNKNOWN_ID))),
    ),
  associateAs: (world, { pick: [a, b, c] }) =>
    targetOf(world, a)?.associateLun(lunOf(world, b)?.id ?? UNKNOWN_ID, c! % 4),
  extend: async (world, { pick: [a, b] }) => (await lunOf(world, a)?.extend(b! * 100 + 1))?.wait(),
  setLunStatus: (world, { pick: [a, b] }) => lunOf(world, a)?.setStatus(b! % 2 ? 'online' : 'offline'),
  renameLun: (world, { pick: [a], text }) => lunOf(world, a)?.setFriendlyName(text),
  setSharedSecret: (world, { pick: [a, b, c] }) =>
    targetOf(world, a)?.setSharedSecret(pickFrom(SECRETS, b)!, c! % 3 === 0 ? null : initiator(c)),
  remember: (world, { pick: [a, b, c] }) =>
    targetOf(world, a)?.rememberInitiatorSharedSecret(
      c! % 3 === 0 ? null : initiator(c),
      pickFrom(SECRETS, b)!,
      c! % 2 ? 'me' : null,
    ),
  setChapUser: (world, { pick: [a, b, c], text }) =>
    targetOf(world, a)?.setChapUser(text, pickFrom(SECRETS.slice(2), b)!, c! % 2 ? [initiator(c)] : []),
  removeChapUser: (world, { pick: [a], text }) => targetOf(world, a)?.removeChapUser(text),
  setDiscoveryUser: ({ subSystem }, { pick: [b, c], text }) =>
    subSystem.setDiscoveryUser(text, pickFrom(SECRETS.slice(2), b)!, c! % 2 ? [initiator(c)] : []),
  removeDiscoveryUser: ({ subSystem }, { text }) => subSystem.removeDiscoveryUser(text),
  setImportTarget: (world, { pick: [a, b] }) =>
    world.subSystem.setImportTarget(a! % 3 === 0 ? null : (targetOf(world, a)?.id ?? UNKNOWN_ID), `host-${b! % 2}`),
  setSubSystemStatus: ({ subSystem }, { pick: [a] }) => subSystem.setStatus(a! % 2 ? 'online' : 'offline'),
  renameSubSystem: ({ subSystem }, { text }) => subSystem.setFriendlyName(text),
  refresh: ({ provider }) => provider.refresh(),
}

const draws = fc.record({
  pick: fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }),
  text: fc.constantFrom('', 'a', 'b', 'Größe', '名前', 'bad\u0000name'),
})
/** There is something of everything before chance takes over. */
const PRELUDE = ['createTarget', 'createTarget', 'createLun', 'createLun', 'createPortal', 'createPortal'].map(
  (name, index): [string, Draw] => [name, { pick: [index % 2 === 0 ? 0 : 2, 0, 0], text: 'a' }],
)
const scripts = fc.array(fc.tuple(fc.constantFrom(...Object.keys(CALLS)), draws), { minLength: 40, maxLength: 120 })

it('keeps its promises, and the store in step, whatever is called', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      using directory = temporaryDirectory()
      await using world = await openStoredManagement(directory.path, {
        limits: { portalGroupsPerTargetMax: 2, lunsPerTargetMax: 3 },
      })
      for (const [name, draw] of [...PRELUDE, ...script]) {
        const before = world.management.configuration
        let hasFailed = false
        try {
          await CALLS[name]!(world, draw)
        } catch (error) {
          if (!(error instanceof VdsError)) throw error
          hasFailed = true
        }
        await world.management.jobs.settle()
        const after = world.management.configuration
        if (hasFailed) expect(after).toBe(before)
        checkInvariants(after)
        expect(world.configurationStore.load()).toEqual(after)
        expect(world.dataPlane.configuration).toEqual(after)
        expect(after.generation - before.generation).toBe(after === before || name === 'refresh' ? 0 : 1)
      }
    }),
    { numRuns: 50 },
  )
}, 120_000)
