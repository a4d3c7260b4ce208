/** What every configuration promises (`src/management/configuration.ts`), looked at from outside. */

import { expect } from 'vitest'
import type { Configuration } from '../../src/management/configuration.ts'

export function checkInvariants({ luns, targets, portals, importTargets }: Configuration): void {
  const allTargets = [...targets.values()]
  const names = allTargets.map(({ iscsiName }) => iscsiName.toLowerCase())
  expect(new Set(names).size).toBe(names.length)
  for (const [id, target] of targets) {
    expect(target.id).toBe(id)
    for (const lunId of target.luns.keys()) expect(luns.has(lunId)).toBe(true)
    expectDistinct([...target.luns.values()])
    expectDistinct(target.portalGroups.map(({ tag }) => tag))
    for (const { tag } of target.portalGroups) expect(tag).toBeGreaterThanOrEqual(1)
    const portalIds = target.portalGroups.flatMap((group) => group.portalIds)
    expectDistinct(portalIds)
    for (const portalId of portalIds) expect(portals.has(portalId)).toBe(true)
  }
  expectDistinct(allTargets.flatMap(({ portalGroups }) => portalGroups.map(({ id }) => id)))
  expectDistinct([...luns.values()].map(({ path }) => path))
  expectDistinct([...luns.values()].map(({ number }) => number))
  expectDistinct([...luns.values()].map(({ serialNumber }) => serialNumber))
  for (const targetId of importTargets.values()) expect(targets.has(targetId)).toBe(true)
}

function expectDistinct(values: readonly unknown[]): void {
  expect(new Set(values).size).toBe(values.length)
}
