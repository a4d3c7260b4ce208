/**
 * Random changes of masks, associations, states and portal groups while initiators are logged in: after each of them every
 * session that may stay sees exactly the LUNs that the configuration gives it, hears of a change of its LUNs exactly when
 * there was one, and sessions that may not stay are gone.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { LunRecord, TargetRecord } from '../../../src/management/configuration.ts'
import { LiveArray, lunRecord, portalRecord, targetRecord } from '../../support/live-array.ts'
import type { WireInitiator } from '../../support/wire-initiator.ts'
import { execute, reportLuns, testUnitReady } from '../../support/wire-scsi.ts'

const INITIATORS = ['iqn.2026-01.test:a', 'iqn.2026-01.test:b'] as const
const LUNS = ['x', 'y', 'z'] as const
const TARGETS = ['t', 'u'] as const
/** Nobody is masked here, so that every session has a LUN that can tell it of others. */
const ANCHOR = lunRecord('anchor')

interface LunChoice {
  readonly initiators: LunRecord['unmask']['initiators']
  readonly readOnlyInitiators: readonly string[]
  readonly status: LunRecord['status']
  /** On each target; null where it is not associated. */
  readonly numbers: readonly (number | null)[]
}

const someInitiators = fc.subarray([...INITIATORS])
const lunChoice: fc.Arbitrary<LunChoice> = fc.record({
  initiators: fc.oneof(fc.constant('*' as const), someInitiators),
  readOnlyInitiators: someInitiators,
  status: fc.constantFrom('online', 'online', 'online', 'offline'),
  numbers: fc.tuple(...TARGETS.map(() => fc.boolean())).map((are) => are.map((is) => (is ? 0 : null))),
})
const step = fc.record({
  luns: fc.tuple(lunChoice, lunChoice, lunChoice),
  /** A shift of the numbers, so that LUNs change places. */
  shift: fc.integer({ min: 0, max: 2 }),
  /** The target that is there always aside. */
  hasSecondTarget: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function objectsOf({ luns, shift, hasSecondTarget }: Step) {
  const records = luns.map(({ initiators, readOnlyInitiators, status }, index) =>
    lunRecord(LUNS[index]!, { status, unmask: { initiators, networks: [], readOnlyInitiators } }),
  )
  const targets = TARGETS.flatMap((id, targetIndex): TargetRecord[] => {
    if (targetIndex === 1 && !hasSecondTarget) return []
    const numbers = luns.flatMap(({ numbers: own }, index) =>
      own[targetIndex] === null ? [] : [[1 + ((index + shift) % 3), LUNS[index]!] as const],
    )
    return [targetRecord(id, { 1: ['p1'] }, { 0: 'anchor', ...Object.fromEntries(numbers) })]
  })
  return { luns: [ANCHOR, ...records], targets }
}

/** LUN by number, with `r` behind those that may only be read. */
function viewOf({ luns, targets }: ReturnType<typeof objectsOf>, targetId: string, initiator: string): string[] {
  const target = targets.find(({ id }) => id === targetId)!
  return [...target.luns]
    .sort(([, a], [, b]) => a - b)
    .flatMap(([id, number]) => {
      const { status, unmask } = luns.find((lun) => lun.id === id)!
      const isSeen = status === 'online' && (unmask.initiators === '*' || unmask.initiators.includes(initiator))
      return isSeen ? [`${number} ${id}${unmask.readOnlyInitiators.includes(initiator) ? ' r' : ''}`] : []
    })
}

const withoutMode = (view: readonly string[]) => view.map((entry) => entry.replace(' r', ''))

async function reported(initiator: WireInitiator): Promise<number[]> {
  const { data } = await execute(initiator, { cdb: reportLuns(4096), readBytes: 4096 })
  return Array.from({ length: data.readUInt32BE(0) / 8 }, (_, index) => data[9 + 8 * index]!)
}

/** Sense codes of the anchor until it is ready. */
async function attentions(initiator: WireInitiator): Promise<number[]> {
  const codes: number[] = []
  for (;;) {
    const { sense } = await execute(initiator, { cdb: testUnitReady() })
    if (sense === null) return codes
    codes.push(sense.code)
  }
}

it('sessions see what the configuration says, whatever it was before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 5 }), async (steps) => {
      let objects = objectsOf(steps[0]!)
      await using array = await LiveArray.start({ ...objects, portals: [portalRecord('p1')] })
      const sessions = new Map<string, { target: string; name: string; initiator: WireInitiator; view: string[] }>()
      const join = async () => {
        for (const { id: target } of objects.targets) {
          for (const name of INITIATORS) {
            if (sessions.has(`${target} ${name}`)) continue
            const initiator = await array.login(target, 'p1', { initiatorName: name })
            await attentions(initiator)
            sessions.set(`${target} ${name}`, { target, name, initiator, view: viewOf(objects, target, name) })
          }
        }
      }
      await join()
      for (const next of steps.slice(1)) {
        objects = objectsOf(next)
        await array.apply(objects)
        for (const [key, session] of sessions) {
          const { target, name, initiator, view } = session
          if (!objects.targets.some(({ id }) => id === target)) {
            await initiator.readUntilClosed()
            sessions.delete(key)
            continue
          }
          session.view = viewOf(objects, target, name)
          const hasChanged = withoutMode(view).join() !== withoutMode(session.view).join()
          expect(await attentions(initiator)).toEqual(hasChanged ? [0x3f0e] : [])
          expect(await reported(initiator)).toEqual(session.view.map((entry) => Number(entry[0])))
        }
        await join()
        const listed = array.dataPlane.sessions().map(({ targetId, initiatorName, luns }) => {
          const seen = [...luns].map(([number, id]) => `${number} ${id}`)
          return [`${targetId} ${initiatorName}`, seen] as const
        })
        const expected = [...sessions].map(([key, { view }]) => [key, withoutMode(view)] as const)
        expect(new Map(listed)).toEqual(new Map(expected))
      }
    }),
    { numRuns: 12 },
  )
})
