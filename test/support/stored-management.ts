/** A started object model over a real store in a directory of its own, and a data plane that serves nobody. */

import { Management, type ManagementOptions } from '../../src/management/management.ts'
import type { Provider } from '../../src/management/provider.ts'
import type { SubSystem } from '../../src/management/sub-system.ts'
import type { SqliteConfigurationStore } from '../../src/store/sqlite-configuration-store.ts'
import { Store } from '../../src/store/store.ts'
import { FakeDataPlane } from './fake-data-plane.ts'
import { ADMINISTRATOR, HOST_NAME } from './management-fixture.ts'

export interface StoredManagement extends AsyncDisposable {
  readonly store: Store
  readonly configurationStore: SqliteConfigurationStore
  readonly management: Management
  readonly dataPlane: FakeDataPlane
  readonly provider: Provider
  readonly subSystem: SubSystem
}

const AUDIT_ROWS_MAX = 1_000

export async function openStoredManagement(
  dataDirectory: string,
  options: Partial<Omit<ManagementOptions, 'store' | 'dataPlane'>> = {},
  dataPlane = new FakeDataPlane(),
): Promise<StoredManagement> {
  const store = new Store(dataDirectory)
  const configurationStore = store.configurationStore(AUDIT_ROWS_MAX)
  const management = new Management({ hostName: HOST_NAME, ...options, store: configurationStore, dataPlane })
  await management.start()
  const provider = management.as(ADMINISTRATOR)
  return {
    store,
    configurationStore,
    management,
    dataPlane,
    provider,
    subSystem: provider.subSystem,
    async [Symbol.asyncDispose]() {
      await management.close()
      store.close()
    },
  }
}
