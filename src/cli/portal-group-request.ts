/** `--portal-group-state` of `lunette serve`: how well the disks can be reached through each portal group. */

import type { PortalAddress } from '../../protocol/target-directory.ts'
import type { AccessState, GroupAccess } from '../../scsi/access-states.ts'
import { UsageError } from '../failure.ts'

/** What a person calls the states; a transition is none that somebody asks for. */
const STATES: Readonly<Record<string, AccessState>> = {
  optimized: 'optimized',
  'non-optimized': 'nonOptimized',
  standby: 'standby',
  unavailable: 'unavailable',
  offline: 'offline',
}
const PREFERRED = 'preferred'

export const PORTAL_GROUP_STATES = Object.keys(STATES)

const FORM = `TAG=STATE or TAG=STATE,${PREFERRED}, where STATE is ${PORTAL_GROUP_STATES.join(', ')}`

/**
 * By portal group tag.
 * Errors: `UsageError`, naming the value and what is allowed, also for a tag that none of `portals` has.
 */
export function readPortalGroupAccess(
  texts: readonly string[] = [],
  portals: readonly PortalAddress[],
): ReadonlyMap<number, GroupAccess> {
  const tags = new Set(portals.map(({ portalGroupTag }) => portalGroupTag))
  const groups = new Map<number, GroupAccess>()
  for (const text of texts) {
    const complain = (reason: string) => new UsageError(`--portal-group-state ${text} ${reason}`)
    const [, tagText = '', stateText = '', suffix] = /^(\d{1,5})=([^,]*)(,.*)?$/s.exec(text) ?? []
    const state = Object.hasOwn(STATES, stateText) ? STATES[stateText] : undefined
    if (state === undefined) throw complain(`is not possible: allowed is ${FORM}`)
    if (suffix !== undefined && suffix !== `,${PREFERRED}`) throw complain(`is not possible: allowed is ${FORM}`)
    const tag = Number(tagText)
    if (!tags.has(tag)) {
      const known = [...tags].sort((a, b) => a - b).join(', ')
      throw complain(`names a portal group that has no portal: those that have one are ${known}`)
    }
    if (groups.has(tag)) throw complain(`is the second for portal group ${tag}`)
    groups.set(tag, { state, isPreferred: suffix !== undefined })
  }
  return groups
}
