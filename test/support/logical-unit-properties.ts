/** A disk's properties and an I_T nexus with known values, for tests of pages that are pure functions of the two. */

import type { LogicalUnitProperties } from '../../scsi/logical-unit-properties.ts'
import type { Nexus } from '../../scsi/nexus.ts'

export const PROPERTIES: LogicalUnitProperties = {
  identity: {
    vendor: 'LUNETTE',
    product: 'DISK',
    revision: '0001',
    serialNumber: '8c4d2f10a7b93e56',
    naa: Buffer.from('6001405a1b2c3d4e5f60718293a4b5c6', 'hex'),
  },
  deviceType: 'disk',
  isRemovable: false,
  blockLengthBytes: 512,
  physicalBlockBytes: 512,
  lowestAlignedLba: 0,
  blockCount: 0x20_0000,
  capabilities: { readOnly: false, volatileWriteCache: true, thin: true, optimalIoBytes: 4096 },
  isReadOnly: false,
}

/** The same disk with other capabilities of its store. */
export function withCapabilities(capabilities: Partial<LogicalUnitProperties['capabilities']>): LogicalUnitProperties {
  return { ...PROPERTIES, capabilities: { ...PROPERTIES.capabilities, ...capabilities } }
}

export const NEXUS: Nexus = {
  initiatorPortName: 'iqn.1993-08.org.debian:01:abc,i,0x00023d000001',
  initiatorDeviceName: 'iqn.1993-08.org.debian:01:abc',
  targetPortName: 'iqn.2026-11.example:disk,t,0x0001',
  relativeTargetPort: 1,
  initiatorAddress: '192.0.2.1',
  transportVersionDescriptor: 0x0961,
}

/** Bytes written in hexadecimal, spaces where they help. */
export function bytes(hex: string): Buffer {
  return Buffer.from(hex.replace(/\s/g, ''), 'hex')
}
