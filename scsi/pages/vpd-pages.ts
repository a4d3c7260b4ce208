/**
 * The vital product data pages (SPC-4, SBC-4) of a disk, one row a page. A page is a pure function of the logical
 * unit's properties and of the I_T nexus that asks. Page 00h and the refusal of unknown pages come from the table itself.
 * Called by INQUIRY only.
 */

import { PERIPHERAL_DEVICE_TYPE } from '../device-type.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import type { Nexus, TargetPort } from '../nexus.ts'
import { THRESHOLD_SET_BYTES } from '../provisioning-watch.ts'
import {
  MAXIMUM_ATOMIC_BLOCKS,
  MAXIMUM_COMPARE_AND_WRITE_BYTES,
  MAXIMUM_TRANSFER_BYTES,
  MAXIMUM_UNMAP_BYTES,
  MAXIMUM_UNMAP_DESCRIPTORS,
  MAXIMUM_WRITE_SAME_BYTES,
  OPTIMAL_TRANSFER_BYTES,
  WRITE_SAME_NON_ZERO,
} from '../transfer-limits.ts'
import { designators } from './designators.ts'
import { modePagePolicyDescriptors } from './mode-page-policy-page.ts'
import { bit, bits, type FieldTable, type FieldValues, paddedAscii, uint, writeFields } from './parameter-fields.ts'
import { scsiPortDescriptors } from './scsi-ports-page.ts'
import { thirdPartyCopyPage } from './third-party-copy-page.ts'

/** PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE (SPC-3 6.4.2), together byte 0 of every INQUIRY answer. */
export const PERIPHERAL = {
  /** 000b: a direct access block device is connected. */
  DISK: PERIPHERAL_DEVICE_TYPE.disk,
  /** 000b: a CD or DVD device is connected. */
  CD_DVD: PERIPHERAL_DEVICE_TYPE.cdDvd,
  /** 011b, 1Fh: this logical unit number can not have a device. */
  ABSENT: 0x7f,
} as const
/** PERIPHERAL QUALIFIER 001b: the device cannot be reached for now. */
export const QUALIFIER_NOT_CONNECTED = 0x20
export type Peripheral = (typeof PERIPHERAL)[keyof typeof PERIPHERAL]

export interface VpdPage {
  readonly pageCode: number
  readonly name: string
  /** The document that defines it. */
  readonly standard: string
  /** What follows PAGE LENGTH. */
  readonly parameters: (unit: LogicalUnitProperties, nexus: Nexus, targetPorts: readonly TargetPort[]) => Buffer
}

/** PERIPHERAL, PAGE CODE and PAGE LENGTH: byte offsets in the standards' tables count from here. */
const HEADER_BYTES = 4

const SUPPORTED_VPD_PAGES: VpdPage = {
  pageCode: 0x00,
  name: 'Supported VPD Pages',
  standard: 'SPC-4',
  parameters: (unit) => Buffer.from(pagesOf(unit).map((page) => page.pageCode)),
}

const UNIT_SERIAL_NUMBER: VpdPage = {
  pageCode: 0x80,
  name: 'Unit Serial Number',
  standard: 'SPC-4',
  parameters: ({ identity }) =>
    paddedAscii(identity.serialNumber, identity.serialNumber.length, 'PRODUCT SERIAL NUMBER'),
}

const DEVICE_IDENTIFICATION: VpdPage = {
  pageCode: 0x83,
  name: 'Device Identification',
  standard: 'SPC-4',
  parameters: ({ identity }, nexus) => designators(identity, nexus),
}

const EXTENDED_INQUIRY_DATA = fixedPage({
  pageCode: 0x86,
  name: 'Extended INQUIRY Data',
  standard: 'SPC-4',
  pageLengthBytes: 0x3c,
  fields: {
    PRIOR_SUP: bit(5, 3),
    HEADSUP: bit(5, 2),
    ORDSUP: bit(5, 1),
    SIMPSUP: bit(5, 0),
    V_SUP: bit(6, 0),
  },
  values: ({ capabilities }) => ({
    PRIOR_SUP: true,
    HEADSUP: true,
    ORDSUP: true,
    SIMPSUP: true,
    V_SUP: capabilities.volatileWriteCache,
  }),
})

const MODE_PAGE_POLICY: VpdPage = {
  pageCode: 0x87,
  name: 'Mode Page Policy',
  standard: 'SPC-4',
  parameters: modePagePolicyDescriptors,
}

const SCSI_PORTS: VpdPage = {
  pageCode: 0x88,
  name: 'SCSI Ports',
  standard: 'SPC-4',
  parameters: (_unit, _nexus, targetPorts) => scsiPortDescriptors(targetPorts),
}

/** All conditions can be asked for, and none takes time to leave. */
const POWER_CONDITION = fixedPage({
  pageCode: 0x8a,
  name: 'Power Condition',
  standard: 'SPC-4',
  pageLengthBytes: 0x0e,
  fields: {
    STANDBY_Y: bit(4, 1),
    STANDBY_Z: bit(4, 0),
    IDLE_C: bit(5, 2),
    IDLE_B: bit(5, 1),
    IDLE_A: bit(5, 0),
  },
  values: () => ({ STANDBY_Y: true, STANDBY_Z: true, IDLE_C: true, IDLE_B: true, IDLE_A: true }),
})

const THIRD_PARTY_COPY: VpdPage = {
  pageCode: 0x8f,
  name: 'Third-Party Copy',
  standard: 'SPC-4',
  parameters: ({ blockLengthBytes }) => thirdPartyCopyPage(blockLengthBytes),
}

const BLOCK_LIMITS = fixedPage({
  pageCode: 0xb0,
  name: 'Block Limits',
  standard: 'SBC-4',
  pageLengthBytes: 0x3c,
  fields: {
    WSNZ: bit(4, 0),
    MAXIMUM_COMPARE_AND_WRITE_LENGTH: uint(5, 1),
    OPTIMAL_TRANSFER_LENGTH_GRANULARITY: uint(6, 2),
    MAXIMUM_TRANSFER_LENGTH: uint(8, 4),
    OPTIMAL_TRANSFER_LENGTH: uint(12, 4),
    MAXIMUM_UNMAP_LBA_COUNT: uint(20, 4),
    MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: uint(24, 4),
    OPTIMAL_UNMAP_GRANULARITY: uint(28, 4),
    UGAVALID: bit(32, 7),
    UNMAP_GRANULARITY_ALIGNMENT_LOW: uint(34, 2),
    MAXIMUM_WRITE_SAME_LENGTH: uint(36, 8),
    MAXIMUM_ATOMIC_TRANSFER_LENGTH: uint(44, 4),
  },
  values: ({ blockLengthBytes, physicalBlockBytes, lowestAlignedLba, capabilities }) => {
    const granularityBytes = Math.max(capabilities.optimalIoBytes, physicalBlockBytes)
    const granularityBlocks = Math.max(1, Math.floor(granularityBytes / blockLengthBytes))
    return {
      WSNZ: WRITE_SAME_NON_ZERO,
      MAXIMUM_COMPARE_AND_WRITE_LENGTH: MAXIMUM_COMPARE_AND_WRITE_BYTES / blockLengthBytes,
      OPTIMAL_TRANSFER_LENGTH_GRANULARITY: Math.min(granularityBlocks, 0xffff),
      MAXIMUM_TRANSFER_LENGTH: MAXIMUM_TRANSFER_BYTES / blockLengthBytes,
      OPTIMAL_TRANSFER_LENGTH: OPTIMAL_TRANSFER_BYTES / blockLengthBytes,
      MAXIMUM_UNMAP_LBA_COUNT: capabilities.thin ? MAXIMUM_UNMAP_BYTES / blockLengthBytes : 0,
      MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: capabilities.thin ? MAXIMUM_UNMAP_DESCRIPTORS : 0,
      OPTIMAL_UNMAP_GRANULARITY: capabilities.thin ? granularityBlocks : 0,
      UGAVALID: capabilities.thin,
      UNMAP_GRANULARITY_ALIGNMENT_LOW: capabilities.thin ? lowestAlignedLba : 0,
      MAXIMUM_WRITE_SAME_LENGTH: MAXIMUM_WRITE_SAME_BYTES / blockLengthBytes,
      MAXIMUM_ATOMIC_TRANSFER_LENGTH: MAXIMUM_ATOMIC_BLOCKS,
    }
  },
})

const BLOCK_DEVICE_CHARACTERISTICS = fixedPage({
  pageCode: 0xb1,
  name: 'Block Device Characteristics',
  standard: 'SBC-4',
  pageLengthBytes: 0x3c,
  fields: {
    MEDIUM_ROTATION_RATE: uint(4, 2),
    WABEREQ: bits(7, 7, 6),
    WACEREQ: bits(7, 5, 4),
    FUAB: bit(8, 1),
    VBULS: bit(8, 0),
  },
  values: () => ({
    MEDIUM_ROTATION_RATE: NON_ROTATING_MEDIUM,
    WABEREQ: READABLE_AFTER_ERASE,
    WACEREQ: READABLE_AFTER_ERASE,
    FUAB: true,
    VBULS: true,
  }),
})
/** After a sanitize operation, blocks can be read before they are written. */
const READABLE_AFTER_ERASE = 0b01
const NON_ROTATING_MEDIUM = 0x0001

/** PROVISIONING TYPE (SBC-4, Logical Block Provisioning VPD page). */
const PROVISIONING_TYPE = { FULL: 0, THIN: 2 } as const

const LOGICAL_BLOCK_PROVISIONING = fixedPage({
  pageCode: 0xb2,
  name: 'Logical Block Provisioning',
  standard: 'SBC-4',
  pageLengthBytes: 4,
  fields: {
    THRESHOLD_EXPONENT: uint(4, 1),
    LBPU: bit(5, 7),
    LBPWS: bit(5, 6),
    LBPWS10: bit(5, 5),
    LBPRZ: bits(5, 4, 2),
    PROVISIONING_TYPE: bits(6, 2, 0),
  },
  values: ({ blockLengthBytes, capabilities: { thin } }) => ({
    THRESHOLD_EXPONENT: thin ? Math.log2(THRESHOLD_SET_BYTES / blockLengthBytes) : 0,
    LBPU: thin,
    LBPWS: thin,
    LBPWS10: thin,
    LBPRZ: thin,
    PROVISIONING_TYPE: thin ? PROVISIONING_TYPE.THIN : PROVISIONING_TYPE.FULL,
  }),
})

/** Every supported page in ascending order, as page 00h lists them. */
export const VPD_PAGES: readonly VpdPage[] = [
  SUPPORTED_VPD_PAGES,
  UNIT_SERIAL_NUMBER,
  DEVICE_IDENTIFICATION,
  EXTENDED_INQUIRY_DATA,
  MODE_PAGE_POLICY,
  SCSI_PORTS,
  POWER_CONDITION,
  THIRD_PARTY_COPY,
  BLOCK_LIMITS,
  BLOCK_DEVICE_CHARACTERISTICS,
  LOGICAL_BLOCK_PROVISIONING,
]

/** The pages that say something of disks only. */
const OF_DISKS: ReadonlySet<VpdPage> = new Set([
  POWER_CONDITION,
  THIRD_PARTY_COPY,
  BLOCK_LIMITS,
  BLOCK_DEVICE_CHARACTERISTICS,
  LOGICAL_BLOCK_PROVISIONING,
])

function pagesOf({ deviceType }: LogicalUnitProperties): readonly VpdPage[] {
  return deviceType === 'disk' ? VPD_PAGES : VPD_PAGES.filter((page) => !OF_DISKS.has(page))
}

/**
 * The VPD page `pageCode` with its header, or null when the disk has no such page. `targetPorts` are those of the target
 * that `nexus` leads to; without them, the one of `nexus`.
 */
export function vpdPage(
  pageCode: number,
  unit: LogicalUnitProperties,
  nexus: Nexus,
  targetPorts: readonly TargetPort[] = [{ name: nexus.targetPortName, relativeTargetPort: nexus.relativeTargetPort }],
): Buffer | null {
  const page = pagesOf(unit).find((row) => row.pageCode === pageCode)
  return page
    ? withHeader(PERIPHERAL_DEVICE_TYPE[unit.deviceType], pageCode, page.parameters(unit, nexus, targetPorts))
    : null
}

/** The same for a logical unit number without a logical unit, which has page 00h and nothing to list in it but that. */
export function absentUnitVpdPage(pageCode: number): Buffer | null {
  const { pageCode: supported } = SUPPORTED_VPD_PAGES
  return pageCode === supported ? withHeader(PERIPHERAL.ABSENT, pageCode, Buffer.from([supported])) : null
}

function withHeader(peripheral: Peripheral, pageCode: number, parameters: Buffer): Buffer {
  const header = Buffer.from([peripheral, pageCode, parameters.length >> 8, parameters.length & 0xff])
  return Buffer.concat([header, parameters])
}

/** A page of constant length, declared by its fields; offsets count from the page's byte 0. */
function fixedPage<T extends FieldTable>(row: {
  readonly pageCode: number
  readonly name: string
  readonly standard: string
  readonly pageLengthBytes: number
  readonly fields: T
  readonly values: (unit: LogicalUnitProperties) => FieldValues<T>
}): VpdPage {
  const { pageCode, name, standard } = row
  return {
    pageCode,
    name,
    standard,
    parameters: (unit) => {
      const page = Buffer.alloc(HEADER_BYTES + row.pageLengthBytes)
      writeFields(page, row.fields, row.values(unit))
      return page.subarray(HEADER_BYTES)
    },
  }
}
