/** VDS_LUN_PROP, and what this array tells beyond it: from what is configured and what really is. */

import type { DeviceType } from '../../scsi/device-type.ts'
import type { LunRecord, ObjectId, Origin, UnmaskList } from './configuration.ts'
import type { IoCounters, LunState } from './data-plane.ts'
import type { SuccessName } from './hresult.ts'
import { formatUnmaskingList } from './operations/mask.ts'
import type { Health, ObjectStatus, TransitionState } from './vds-types.ts'

export interface LunProperties {
  /** VDS_S_PROPERTIES_INCOMPLETE when the size is not known. */
  readonly hresult: SuccessName
  readonly id: ObjectId
  readonly sizeBytes: number | null
  readonly friendlyName: string
  /** The serial number. */
  readonly identification: string
  /** `*` for everyone, empty for nobody. */
  readonly unmaskingList: string
  /** VDS_LF_. */
  readonly flags: number
  readonly type: 'simple'
  readonly status: ObjectStatus
  readonly health: Health
  readonly transitionState: TransitionState
  readonly rebuildPriority: number
  readonly origin: Origin
  readonly number: number
  readonly path: string
  readonly deviceType: DeviceType
  readonly blockLengthBytes: number
  readonly physicalBlockBytes: number
  readonly isRemovable: boolean
  readonly isReadOnly: boolean
  readonly isEjected: boolean
  readonly naa: string
  readonly unmask: UnmaskList
  /** Why it failed; null when it did not. */
  readonly reason: string | null
  readonly allocatedBytes: number | null
  readonly counters: IoCounters
}

/** VDS_LF_WRITE_CACHE_ENABLED: what is written is durable after SYNCHRONIZE CACHE. */
const WRITE_CACHE_ENABLED = 0x20

export function lunProperties(lun: LunRecord, state: LunState): LunProperties {
  const { serialNumber: identification, format: _, ...shown } = lun
  const { status, reason, sizeBytes, allocatedBytes, counters } = state
  return {
    ...shown,
    hresult: sizeBytes === null ? 'VDS_S_PROPERTIES_INCOMPLETE' : 'S_OK',
    sizeBytes,
    identification,
    unmaskingList: formatUnmaskingList(lun.unmask),
    flags: lun.isReadOnly ? 0 : WRITE_CACHE_ENABLED,
    type: 'simple',
    status,
    health: healthOf(status),
    transitionState: 'stable',
    rebuildPriority: 0,
    reason,
    allocatedBytes,
    counters,
  }
}

function healthOf(status: LunState['status']): Health {
  return ({ online: 'healthy', offline: 'unknown', failed: 'failed' } as const)[status]
}
