/** What is served before anything was applied: nothing. */

import type { Configuration } from '../management/configuration.ts'

export const EMPTY_CONFIGURATION: Configuration = {
  generation: 0,
  subSystem: {
    id: '00000000-0000-0000-0000-000000000000',
    friendlyName: '',
    identification: '',
    status: 'online',
    hasSimpleTargetConfig: false,
    discoveryUsers: [],
  },
  luns: new Map(),
  targets: new Map(),
  portals: new Map(),
  importTargets: new Map(),
}
