/**
 * A configuration in the making: operations are folded into it one after another, and what they need from outside (files to
 * make, sizes to change) is noted for whoever commits it. Nothing here has any effect.
 */

import type { Configuration, ObjectId } from '../configuration.ts'
import type { ExistingFile, Growth } from '../configuration-store.ts'
import { VdsError } from '../hresult.ts'
import type { NewFile } from '../lun-storage.ts'
import type { Change, OperationRules } from '../operations/change.ts'
import type { LunIdentity } from '../operations/luns.ts'

/** What a declaration is compared with beyond the configuration. */
export interface Surroundings {
  readonly rules: OperationRules
  /** Null when it is not known. */
  readonly sizeOf: (id: ObjectId) => number | null
  /** Errors: `VdsError` when it cannot become a LUN. */
  readonly existingFile: (path: string, isReadOnly: boolean) => ExistingFile
  readonly mintIdentity: () => LunIdentity
}

export class Draft {
  configuration: Configuration
  readonly surroundings: Surroundings
  readonly newFiles: NewFile[] = []
  readonly growths: Growth[] = []

  constructor(configuration: Configuration, surroundings: Surroundings) {
    this.configuration = configuration
    this.surroundings = surroundings
  }

  get rules(): OperationRules {
    return this.surroundings.rules
  }

  /** Take over what an operation made. Returns its result. */
  take<T>({ configuration, result }: Change<T>): T {
    this.configuration = configuration
    return result
  }
}

/** Run `work`; a failure names the place in the declaration. */
export function at<T>(place: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof VdsError)) throw error
    throw new VdsError(error.name, `${place}: ${error.message}`, { cause: error })
  }
}

/** By key. Errors: E_INVALIDARG when two have the same. */
export function indexed<T>(what: string, list: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T> {
  const map = new Map<string, T>()
  for (const item of list) {
    const key = keyOf(item)
    if (map.has(key)) throw new VdsError('E_INVALIDARG', `${what} ${key} is declared twice`)
    map.set(key, item)
  }
  return map
}
