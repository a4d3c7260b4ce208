/**
 * What initiators recognise a LUN by, as VDS writes it down (VDS_LUN_INFORMATION): the fields of standard INQUIRY data and of
 * the VPD pages 80h and 83h, from where those come from.
 */

import { PERIPHERAL_DEVICE_TYPE } from '../../scsi/device-type.ts'
import { logicalUnitDesignators } from '../../scsi/pages/designators.ts'
import { logicalUnitIdentity } from '../store/disk-identity.ts'
import type { LunRecord } from './configuration.ts'
import { BUS_TYPE_ISCSI } from './vds-types.ts'

/** VER_VDS_LUN_INFORMATION. */
const INFORMATION_VERSION = 1
const GUID_NULL = '00000000-0000-0000-0000-000000000000'
/** A designation descriptor's header (SPC-3 7.6.3.1): code set, type, reserved, length. */
const DESCRIPTOR_HEADER_BYTES = 4

export interface LunInformation {
  readonly version: number
  /** PERIPHERAL DEVICE TYPE. */
  readonly deviceType: number
  readonly deviceTypeModifier: number
  readonly hasCommandQueueing: boolean
  readonly busType: number
  readonly vendorId: string
  readonly productId: string
  readonly productRevision: string
  /** VPD page 80h. */
  readonly serialNumber: string
  /** Null GUID: what is on the disk is the initiators'. */
  readonly diskSignature: string
  /** VPD page 83h, of the logical unit itself. */
  readonly deviceIdentifiers: readonly DeviceIdentifier[]
  readonly interconnects: readonly never[]
}

export interface DeviceIdentifier {
  readonly codeSet: number
  readonly type: number
  readonly identifier: Buffer
}

export function lunInformation({ id, serialNumber, naa, deviceType }: LunRecord): LunInformation {
  const identity = logicalUnitIdentity({ guid: id, serialNumber, naa: Buffer.from(naa, 'hex') }, deviceType)
  return {
    version: INFORMATION_VERSION,
    deviceType: PERIPHERAL_DEVICE_TYPE[deviceType],
    deviceTypeModifier: 0,
    hasCommandQueueing: true,
    busType: BUS_TYPE_ISCSI,
    vendorId: identity.vendor,
    productId: identity.product,
    productRevision: identity.revision,
    serialNumber,
    diskSignature: GUID_NULL,
    deviceIdentifiers: logicalUnitDesignators(identity).map(decodeDesignator),
    interconnects: [],
  }
}

function decodeDesignator(descriptor: Buffer): DeviceIdentifier {
  return {
    codeSet: descriptor[0]! & 0x0f,
    type: descriptor[1]! & 0x0f,
    identifier: descriptor.subarray(DESCRIPTOR_HEADER_BYTES),
  }
}
