/**
 * SendTargets (RFC 7143 Appendix C): which targets an initiator may reach, and where, as the text of a Text Response.
 * Pure. Called by the Text Request handling of full feature phase; cutting long answers into PDUs is the caller's.
 */

import type { SessionType } from '../login/parameters.ts'
import { encodeText, type TextPair } from '../login/text.ts'
import { prepareName } from '../names.ts'
import type { DiscoveredTarget, PortalEndpoint, TargetDirectory } from '../target-directory.ts'
import { formatPortalAddress, usablePortals } from './target-address.ts'

/** The session that asks. */
export interface DiscoveringSession {
  readonly sessionType: SessionType
  readonly initiatorName: string
  /** The target that the session is logged in to; null for a discovery session without a target name. */
  readonly targetName: string | null
  readonly endpoint: PortalEndpoint
}

/**
 * Answers `SendTargets=value`: target records, or nothing when there is no such target for this initiator. A normal
 * session must not support All: it gets nothing for it, since no other key may be in an answer to SendTargets, not even one
 * that says so.
 *
 * Ownership: a new buffer. Spec: RFC 7143 Appendix C, 13.8.
 */
export function answerSendTargets(value: string, session: DiscoveringSession, directory: TargetDirectory): Buffer {
  const { sessionType, initiatorName, targetName, endpoint } = session
  const visible = directory.discover(initiatorName, endpoint)
  if (value === 'All') return sessionType === 'Normal' ? NOTHING : encodeRecords(visible, endpoint)
  const wanted = value === '' ? targetName : prepareName(value)
  if (sessionType === 'Normal') {
    return wanted === targetName ? encodeRecords([ownTarget(targetName!, visible)], endpoint) : NOTHING
  }
  const asked = visible.filter(({ name }) => name === wanted)
  return encodeRecords(asked, endpoint)
}

const NOTHING = Buffer.alloc(0)

/** A session may always ask about its own target; without addresses the record means the address of this connection. */
function ownTarget(targetName: string, visible: readonly DiscoveredTarget[]): DiscoveredTarget {
  return visible.find(({ name }) => name === targetName) ?? { name: targetName, addresses: [] }
}

function encodeRecords(targets: readonly DiscoveredTarget[], endpoint: PortalEndpoint): Buffer {
  return encodeText(targets.flatMap((target) => encodeRecord(target, endpoint)))
}

function encodeRecord({ name, addresses }: DiscoveredTarget, endpoint: PortalEndpoint): TextPair[] {
  const usable = usablePortals(addresses, endpoint)
  return [
    { key: 'TargetName', value: name },
    ...usable.map((portal) => ({ key: 'TargetAddress', value: formatPortalAddress(portal) })),
  ]
}
