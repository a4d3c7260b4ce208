/**
 * Designation descriptors (SPC-3 7.6.3): the names by which initiators recognise a disk on every path and the port that
 * they reached it through. Used by the Device Identification and SCSI Ports VPD pages.
 */

import type { LogicalUnitIdentity } from '../logical-unit-properties.ts'
import type { Nexus } from '../nexus.ts'
import { paddedAscii } from './parameter-fields.ts'

/** PROTOCOL IDENTIFIER (SPC-3 7.5.1): Internet SCSI. */
const PROTOCOL_ISCSI = 0x5

const CODE_SET = { BINARY: 1, ASCII: 2, UTF_8: 3 } as const
const ASSOCIATION = { LOGICAL_UNIT: 0, TARGET_PORT: 1, TARGET_DEVICE: 2 } as const
const DESIGNATOR_TYPE = {
  T10_VENDOR_ID: 1,
  NAA: 3,
  RELATIVE_TARGET_PORT: 4,
  TARGET_PORT_GROUP: 5,
  SCSI_NAME_STRING: 8,
} as const

interface Designation {
  readonly codeSet: (typeof CODE_SET)[keyof typeof CODE_SET]
  readonly association: (typeof ASSOCIATION)[keyof typeof ASSOCIATION]
  readonly type: (typeof DESIGNATOR_TYPE)[keyof typeof DESIGNATOR_TYPE]
  readonly designator: Buffer
}

/** The designation descriptor list; the NAA name, which initiators prefer, comes first. */
export function designators(identity: LogicalUnitIdentity, nexus: Nexus): Buffer {
  return Buffer.concat(
    [
      naaDesignation(identity),
      t10VendorIdDesignation(identity),
      targetPortDesignation(DESIGNATOR_TYPE.RELATIVE_TARGET_PORT, nexus),
      targetPortDesignation(DESIGNATOR_TYPE.TARGET_PORT_GROUP, nexus),
      nameStringDesignation(ASSOCIATION.TARGET_PORT, nexus.targetPortName),
      nameStringDesignation(ASSOCIATION.TARGET_DEVICE, targetDeviceName(nexus)),
    ].map(encode),
  )
}

/** The descriptors that name the logical unit itself, the NAA name first: how third-party copy finds it. */
export function logicalUnitDesignators(identity: LogicalUnitIdentity): Buffer[] {
  return [naaDesignation(identity), t10VendorIdDesignation(identity)].map(encode)
}

/** NAA (SPC-3 7.6.3.6). */
function naaDesignation({ naa }: LogicalUnitIdentity): Designation {
  return {
    codeSet: CODE_SET.BINARY,
    association: ASSOCIATION.LOGICAL_UNIT,
    type: DESIGNATOR_TYPE.NAA,
    designator: naa,
  }
}

/** T10 vendor ID (SPC-3 7.6.3.4): product and serial number make the vendor specific part unique, as it recommends. */
function t10VendorIdDesignation({ vendor, product, serialNumber }: LogicalUnitIdentity): Designation {
  return {
    codeSet: CODE_SET.ASCII,
    association: ASSOCIATION.LOGICAL_UNIT,
    type: DESIGNATOR_TYPE.T10_VENDOR_ID,
    designator: Buffer.concat([
      paddedAscii(vendor, 8, 'T10 VENDOR IDENTIFICATION'),
      paddedAscii(product, 16, 'PRODUCT IDENTIFICATION'),
      paddedAscii(serialNumber, serialNumber.length, 'PRODUCT SERIAL NUMBER'),
    ]),
  }
}

/** The name of a target port, as one descriptor. */
export function targetPortNameDesignator(name: string): Buffer {
  return encode(nameStringDesignation(ASSOCIATION.TARGET_PORT, name))
}

/** The name of the target device behind a nexus, as one descriptor. */
export function targetDeviceDesignator(nexus: Nexus): Buffer {
  return encode(nameStringDesignation(ASSOCIATION.TARGET_DEVICE, targetDeviceName(nexus)))
}

/**
 * Relative target port (SPC-3 7.6.3.7) or target port group (SPC-3 7.6.3.8): two reserved bytes, then the identifier,
 * which is the same of both because every target port is a group of its own (`access-states.ts`).
 */
function targetPortDesignation(
  type: typeof DESIGNATOR_TYPE.RELATIVE_TARGET_PORT | typeof DESIGNATOR_TYPE.TARGET_PORT_GROUP,
  { relativeTargetPort }: Nexus,
): Designation {
  const designator = Buffer.alloc(4)
  designator.writeUInt16BE(relativeTargetPort, 2)
  return {
    codeSet: CODE_SET.BINARY,
    association: ASSOCIATION.TARGET_PORT,
    type,
    designator,
  }
}

/** SCSI name string (SPC-3 7.6.3.11): UTF-8, ended by at least one zero byte, filled up to a multiple of four. */
function nameStringDesignation(association: Designation['association'], name: string): Designation {
  const text = Buffer.from(name, 'utf8')
  const designator = Buffer.alloc(Math.ceil((text.length + 1) / 4) * 4)
  text.copy(designator)
  return { codeSet: CODE_SET.UTF_8, association, type: DESIGNATOR_TYPE.SCSI_NAME_STRING, designator }
}

/** An iSCSI target port name is the target's name, ",t,0x" and the portal group tag (RFC 7143 4.4.2). */
function targetDeviceName({ targetPortName }: Nexus): string {
  return targetPortName.replace(/,t,0x[0-9a-f]+$/i, '')
}

/** Errors: RangeError for a designator that DESIGNATOR LENGTH can not express. */
function encode({ codeSet, association, type, designator }: Designation): Buffer {
  if (designator.length > 0xff) {
    throw new RangeError(`a designator has at most 255 bytes, got ${designator.length}`)
  }
  // Only designators of ports and devices belong to a transport: PIV tells that PROTOCOL IDENTIFIER means something.
  const isOfTransport = association !== ASSOCIATION.LOGICAL_UNIT
  const header = Buffer.from([
    (isOfTransport ? PROTOCOL_ISCSI << 4 : 0) | codeSet,
    (isOfTransport ? 0x80 : 0) | (association << 4) | type,
    0,
    designator.length,
  ])
  return Buffer.concat([header, designator])
}
