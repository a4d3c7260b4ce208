/**
 * The SCSI Ports VPD page (SPC-4; SPC-3 7.6.7): every target port by which the target can be reached, with its name.
 * Called by the table of VPD pages only.
 */

import type { TargetPort } from '../nexus.ts'
import { targetPortNameDesignator } from './designators.ts'

/** A SCSI port identification descriptor without an initiator port, up to its target port descriptors. */
const HEADER_BYTES = 12
const RELATIVE_PORT_IDENTIFIER = 2
const TARGET_PORT_DESCRIPTORS_LENGTH = 10

/** The SCSI port identification descriptor list, by relative port identifier. */
export function scsiPortDescriptors(targetPorts: readonly TargetPort[]): Buffer {
  const inOrder = targetPorts.toSorted((a, b) => a.relativeTargetPort - b.relativeTargetPort)
  return Buffer.concat(inOrder.map(scsiPortDescriptor))
}

function scsiPortDescriptor({ name, relativeTargetPort }: TargetPort): Buffer {
  const designator = targetPortNameDesignator(name)
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(relativeTargetPort, RELATIVE_PORT_IDENTIFIER)
  header.writeUInt16BE(designator.length, TARGET_PORT_DESCRIPTORS_LENGTH)
  return Buffer.concat([header, designator])
}
