/**
 * What a logical unit is, apart from what it does: the facts that INQUIRY, VPD pages, READ CAPACITY and mode pages
 * report. Pages are pure functions of these facts and of the nexus that asks.
 */

import type { BackingCapabilities } from './backing/backing-store.ts'
import type { DeviceType } from './device-type.ts'

/** Identity that initiators remember a disk by; stays the same for the life of the disk. */
export interface LogicalUnitIdentity {
  /** T10 vendor identification, 1 to 8 ASCII characters. */
  readonly vendor: string
  /** Product identification, 1 to 16 ASCII characters. */
  readonly product: string
  /** Product revision level, 1 to 4 ASCII characters. */
  readonly revision: string
  /** Unit serial number, printable ASCII. */
  readonly serialNumber: string
  /** NAA designator, 16 bytes (NAA 6h) or 8 bytes (NAA 3h, locally assigned). */
  readonly naa: Buffer
}

export interface LogicalUnitProperties {
  readonly identity: LogicalUnitIdentity
  readonly deviceType: DeviceType
  /** RMB: the medium can be ejected and another one inserted. */
  readonly isRemovable: boolean
  /** 512 or 4096; 2048 of a CD or DVD. */
  readonly blockLengthBytes: number
  /** Bytes that the medium writes at a time: a power of two of logical blocks. */
  readonly physicalBlockBytes: number
  /** The first logical block that begins a physical block. */
  readonly lowestAlignedLba: number
  /** Zero while there is no medium. */
  readonly blockCount: number
  readonly capabilities: BackingCapabilities
  /** Write protected towards initiators, whatever the store could do. */
  readonly isReadOnly: boolean
}
