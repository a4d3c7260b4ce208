/**
 * Portal groups as the SCSI side sees them: each is a target port (RFC 7143 4.4.2), which SPC-4 numbers with a relative
 * target port identifier from 1 to 65535, while portal group tags go from 0 to 65535.
 */

import type { GroupAccess } from '../scsi/access-states.ts'
import type { TargetPort } from '../scsi/nexus.ts'

/** The identifier of tag 0; that of every other group is its tag. */
const RELATIVE_TARGET_PORT_OF_TAG_0 = 0xffff

/** The relative target port identifier of the portal group with this tag. */
export function relativeTargetPort(portalGroupTag: number): number {
  return portalGroupTag === 0 ? RELATIVE_TARGET_PORT_OF_TAG_0 : portalGroupTag
}

/** The target port that the portal group with this tag is (RFC 7143 4.4.2). */
export function targetPort(targetName: string, portalGroupTag: number): TargetPort {
  return {
    name: `${targetName},t,0x${portalGroupTag.toString(16).padStart(4, '0')}`,
    relativeTargetPort: relativeTargetPort(portalGroupTag),
  }
}

/** What is known by portal group tag, by target port group: each portal group is one. */
export function accessByTargetPort(byTag: ReadonlyMap<number, GroupAccess>): ReadonlyMap<number, GroupAccess> {
  return new Map([...byTag].map(([tag, access]) => [relativeTargetPort(tag), access]))
}

/** Two tags that would be the same target port, null when there are none. */
export function findPortClash(portalGroupTags: readonly number[]): readonly [number, number] | null {
  const isClash = portalGroupTags.includes(0) && portalGroupTags.includes(RELATIVE_TARGET_PORT_OF_TAG_0)
  return isClash ? [0, RELATIVE_TARGET_PORT_OF_TAG_0] : null
}
