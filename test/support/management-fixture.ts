/** A started object model over a store in memory and a data plane that serves nobody. */

import type { Actor } from '../../src/management/configuration-store.ts'
import { Management, type ManagementOptions } from '../../src/management/management.ts'
import type { Provider } from '../../src/management/provider.ts'
import type { SubSystem } from '../../src/management/sub-system.ts'
import { FakeDataPlane } from './fake-data-plane.ts'
import { MemoryConfigurationStore } from './memory-configuration-store.ts'

export const ADMINISTRATOR: Actor = { name: 'admin', role: 'administrator' }
export const VIEWER: Actor = { name: 'guest', role: 'viewer' }
/** The computer that import targets are for when none is named. */
export const HOST_NAME = 'computer-1'

export interface ManagementFixture {
  readonly management: Management
  readonly store: MemoryConfigurationStore
  readonly dataPlane: FakeDataPlane
  readonly provider: Provider
  readonly subSystem: SubSystem
}

export async function startManagement(
  options: Partial<Omit<ManagementOptions, 'store' | 'dataPlane'>> = {},
  store: MemoryConfigurationStore = new MemoryConfigurationStore(),
): Promise<ManagementFixture> {
  const dataPlane = new FakeDataPlane()
  const management = new Management({ hostName: HOST_NAME, ...options, store, dataPlane })
  await management.start()
  const provider = management.as(ADMINISTRATOR)
  return { management, store, dataPlane, provider, subSystem: provider.subSystem }
}
