/**
 * Standard INQUIRY data (SPC-3 6.4.2, with the SPC-4 value of VERSION): what a logical unit says of itself before anything
 * else is known. A pure function of the logical unit's identity. Called by INQUIRY only.
 */

import type { LogicalUnitIdentity, LogicalUnitProperties } from '../logical-unit-properties.ts'
import type { Nexus } from '../nexus.ts'
import { ascii, bit, bits, uint, writeFields } from './parameter-fields.ts'
import { PERIPHERAL, type Peripheral } from './vpd-pages.ts'

const LENGTH_BYTES = 96
/** ADDITIONAL LENGTH counts the bytes after itself. */
const ADDITIONAL_LENGTH = LENGTH_BYTES - 5

const FIELDS = {
  PERIPHERAL: uint(0, 1),
  RMB: bit(1, 7),
  VERSION: uint(2, 1),
  NORMACA: bit(3, 5),
  HISUP: bit(3, 4),
  RESPONSE_DATA_FORMAT: bits(3, 3, 0),
  ADDITIONAL_LENGTH: uint(4, 1),
  TPGS: bits(5, 5, 4),
  /** 3PC. */
  THIRD_PARTY_COPY: bit(5, 3),
  MULTIP: bit(6, 4),
  CMDQUE: bit(7, 1),
  T10_VENDOR_IDENTIFICATION: ascii(8, 8),
  PRODUCT_IDENTIFICATION: ascii(16, 16),
  PRODUCT_REVISION_LEVEL: ascii(32, 4),
  ARCHITECTURE_VERSION_DESCRIPTOR: uint(58, 2),
  TRANSPORT_VERSION_DESCRIPTOR: uint(60, 2),
  PRIMARY_COMMANDS_VERSION_DESCRIPTOR: uint(62, 2),
  DEVICE_TYPE_VERSION_DESCRIPTOR: uint(64, 2),
} as const

/** VERSION: SPC-4. */
const VERSION_SPC_4 = 0x06
/** RESPONSE DATA FORMAT: the only one that is not obsolete. */
const RESPONSE_DATA_FORMAT = 2

/** TPGS: the access states of target port groups change by SET TARGET PORT GROUPS, and also without it. */
const TPGS_IMPLICIT_AND_EXPLICIT = 0b11
/** TPGS of a CD or DVD device, whose operation code of SET TARGET PORT GROUPS means something else. */
const TPGS_IMPLICIT = 0b01

/** Standards without a revision claimed, in the order that SPC-3 6.4.2 recommends; the transport's comes second. */
const VERSION_DESCRIPTORS = { SAM_5: 0x00a0, SPC_4: 0x0460, SBC_3: 0x04c0, MMC_5: 0x0420 } as const

type InquiryIdentity = Pick<LogicalUnitIdentity, 'vendor' | 'product' | 'revision'>

/** Where nothing is mapped; initiators take a blank vendor for a broken target and stop looking at further numbers. */
const ABSENT_UNIT: InquiryIdentity = { vendor: 'LUNETTE', product: 'NO LOGICAL UNIT', revision: '0001' }

/** Standard INQUIRY data of a logical unit, as `nexus` sees it through one of so many target ports. */
export function standardInquiryData(
  { identity, deviceType, isRemovable }: LogicalUnitProperties,
  nexus: Nexus,
  targetPortCount = 1,
): Buffer {
  const peripheral = deviceType === 'cdDvd' ? PERIPHERAL.CD_DVD : PERIPHERAL.DISK
  return inquiryData(peripheral, identity, nexus, isRemovable, targetPortCount > 1)
}

/** Standard INQUIRY data of a logical unit number without a logical unit. */
export function absentUnitInquiryData(nexus: Nexus): Buffer {
  return inquiryData(PERIPHERAL.ABSENT, ABSENT_UNIT, nexus)
}

function inquiryData(
  peripheral: Peripheral,
  { vendor, product, revision }: InquiryIdentity,
  { transportVersionDescriptor }: Nexus,
  isRemovable = false,
  hasSeveralPorts = false,
): Buffer {
  const isCdDvd = peripheral === PERIPHERAL.CD_DVD
  const data = Buffer.alloc(LENGTH_BYTES)
  writeFields(data, FIELDS, {
    PERIPHERAL: peripheral,
    RMB: isRemovable,
    VERSION: VERSION_SPC_4,
    NORMACA: peripheral !== PERIPHERAL.ABSENT,
    HISUP: true,
    RESPONSE_DATA_FORMAT,
    ADDITIONAL_LENGTH,
    TPGS: isCdDvd ? TPGS_IMPLICIT : peripheral === PERIPHERAL.DISK ? TPGS_IMPLICIT_AND_EXPLICIT : 0,
    THIRD_PARTY_COPY: peripheral === PERIPHERAL.DISK,
    MULTIP: hasSeveralPorts,
    CMDQUE: true,
    T10_VENDOR_IDENTIFICATION: vendor,
    PRODUCT_IDENTIFICATION: product,
    PRODUCT_REVISION_LEVEL: revision,
    ARCHITECTURE_VERSION_DESCRIPTOR: VERSION_DESCRIPTORS.SAM_5,
    TRANSPORT_VERSION_DESCRIPTOR: transportVersionDescriptor,
    PRIMARY_COMMANDS_VERSION_DESCRIPTOR: VERSION_DESCRIPTORS.SPC_4,
    DEVICE_TYPE_VERSION_DESCRIPTOR: isCdDvd ? VERSION_DESCRIPTORS.MMC_5 : VERSION_DESCRIPTORS.SBC_3,
  })
  return data
}
