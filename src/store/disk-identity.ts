/**
 * The names that initiators remember a disk by (SPC-4: unit serial number and designators of VPD pages 80h and 83h),
 * minted once when Lunette first sees the disk and kept in the store from then on.
 *
 * The designator is NAA 3h, "locally assigned" (8 bytes, 60 of them free bits): NAA 5h and 6h begin with a
 * company identifier that the IEEE registered to somebody, and Lunette has none, so using them would mean claiming to
 * be another vendor. Linux makes links from it (wwn-0x3...); udev's rules rank the T10 designator above a locally
 * assigned NAA, so multipath's names come from that one.
 */

import { randomUUID } from 'node:crypto'
import type { DeviceType } from '../../scsi/device-type.ts'
import type { LogicalUnitIdentity } from '../../scsi/logical-unit-properties.ts'

export interface DiskIdentity {
  /** RFC 9562 version 4, lower case with hyphens. */
  readonly guid: string
  /** The GUID's 32 digits. */
  readonly serialNumber: string
  /** 8 bytes: NAA 3h, then the last 60 bits of the GUID, all of which are random. */
  readonly naa: Buffer
}

const NAA_LOCALLY_ASSIGNED = '3'

/** A new identity, derived from one GUID so that a person recognises the disk by any of its names. */
export function mintDiskIdentity(guid: string = randomUUID()): DiskIdentity {
  const digits = guid.replaceAll('-', '')
  return { guid, serialNumber: digits, naa: Buffer.from(NAA_LOCALLY_ASSIGNED + digits.slice(-15), 'hex') }
}

/** PRODUCT IDENTIFICATION. */
const PRODUCTS = { disk: 'VIRTUAL-DISK', cdDvd: 'VIRTUAL-CD' } as const satisfies Record<DeviceType, string>

/** What INQUIRY and the VPD pages report about every disk of ours, around what is its own. */
export function logicalUnitIdentity(disk: DiskIdentity, deviceType: DeviceType = 'disk'): LogicalUnitIdentity {
  return {
    vendor: 'LUNETTE',
    product: PRODUCTS[deviceType],
    revision: '0001',
    serialNumber: disk.serialNumber,
    naa: disk.naa,
  }
}
