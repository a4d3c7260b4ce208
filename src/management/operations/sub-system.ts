/** The sub-system itself: its friendly name and whether it serves at all (IVdsSubSystemNaming, IVdsSubSystem.SetStatus). */

import type { Configuration } from '../configuration.ts'
import type { SubSystemStatus } from '../vds-types.ts'
import { type Change, changed, type OperationRules } from './change.ts'
import { settableStatus } from './luns.ts'
import { prepareFriendlyName } from './names.ts'

export function setSubSystemFriendlyName(
  configuration: Configuration,
  given: string,
  { limits }: OperationRules,
): Change {
  const { friendlyName, hresult } = prepareFriendlyName(given, limits)
  return changed({ ...configuration, subSystem: { ...configuration.subSystem, friendlyName } }, hresult)
}

/** Errors: E_INVALIDARG for `unknown`, VDS_E_NOT_SUPPORTED for what is only reported. */
export function setSubSystemStatus(configuration: Configuration, status: SubSystemStatus): Change {
  const settable = settableStatus('sub-system', status)
  if (configuration.subSystem.status === settable) return changed(configuration)
  return changed({ ...configuration, subSystem: { ...configuration.subSystem, status: settable } })
}
