import { describe, expect, it } from 'vitest'
import { Turns } from '../../../../src/management/turns.ts'
import { openStoredManagement } from '../../../support/stored-management.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const PATIENT_MS = 10_000

describe('turns', () => {
  it('come one after the other, in the order of coming, for each key', async () => {
    const turns = new Turns()
    const order: string[] = []
    const take = async (key: string, name: string) => {
      const end = await turns.take(key, PATIENT_MS)
      order.push(`${name} begins`)
      await Promise.resolve()
      order.push(`${name} ends`)
      end!()
    }
    await Promise.all([take('a', 'first'), take('a', 'second'), take('b', 'other'), take('a', 'third')])
    const ofA = order.filter((entry) => !entry.startsWith('other'))
    expect(ofA).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]))
    expect(order.indexOf('other begins')).toBeLessThan(order.indexOf('first ends'))
  })

  it('are given up by who waits too long, and go to the next one', async () => {
    const turns = new Turns()
    const end = await turns.take('a', PATIENT_MS)
    const impatient = turns.take('a', 1)
    const patient = turns.take('a', PATIENT_MS)
    expect(await impatient).toBeNull()
    end!()
    end!()
    const endOfPatient = await patient
    expect(await turns.take('a', 1)).toBeNull()
    endOfPatient!()
    expect(await turns.take('a', 1)).not.toBeNull()
  })
})

it('many writers at a time lose no change', async () => {
  using directory = temporaryDirectory()
  await using world = await openStoredManagement(directory.path)
  const { subSystem, management } = world
  const { output: lun } = await (await subSystem.createLun({ sizeBytes: 512 })).wait()
  const before = management.configuration.generation
  const targets = await Promise.all(Array.from({ length: 40 }, () => subSystem.createTarget(null)))
  const outputs = await Promise.all(targets.map((job) => job.wait()))
  await Promise.all(outputs.map(({ output }, index) => output!.associateLun(lun!.id, index)))
  expect(management.configuration.generation).toBe(before + 80)
  expect(lun!.queryAssociatedTargets()).toHaveLength(40)
  expect(world.configurationStore.load()).toEqual(management.configuration)
})
