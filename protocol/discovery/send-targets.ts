/**
 * SendTargets (RFC 7143 Appendix C): which targets an initiator may reach, and where, as the text of a Text Response.
 * Pure. Called by the Text Request handling of full feature phase; cutting long answers into PDUs is the caller's.
 */

import type { SessionType } from '../login/parameters.ts'
import { encodeText, type TextPair } from '../login/text.ts'
import { prepareName } from '../names.ts'
import type { DiscoveredTarget, PortalAddress, PortalEndpoint, TargetDirectory } from '../target-directory.ts'

/** The session that asks. */
export interface DiscoveringSession {
  readonly sessionType: SessionType
  readonly initiatorName: string
  /** The target that the session is logged in to; null for a discovery session without a target name. */
  readonly targetName: string | null
  readonly endpoint: PortalEndpoint
}

/**
 * Answers `SendTargets=value`: target records, or nothing when there is no such target for this initiator. Null when
 * the session may not ask for this value: All is for discovery sessions only.
 *
 * Ownership: a new buffer. Spec: RFC 7143 Appendix C, 13.8.
 */
export function answerSendTargets(
  value: string,
  session: DiscoveringSession,
  directory: TargetDirectory,
): Buffer | null {
  const { sessionType, initiatorName, targetName, endpoint } = session
  const isAll = value === 'All'
  if (isAll && sessionType === 'Normal') return null
  const visible = directory.discover(initiatorName, endpoint)
  if (isAll) return encodeRecords(visible)
  const wanted = value === '' ? targetName : prepareName(value)
  if (sessionType === 'Normal')
    return wanted === targetName ? encodeRecords([ownTarget(targetName!, visible)]) : NOTHING
  return encodeRecords(visible.filter(({ name }) => name === wanted))
}

const NOTHING = Buffer.alloc(0)

/** A session may always ask about its own target; without addresses the record means the address of this connection. */
function ownTarget(targetName: string, visible: readonly DiscoveredTarget[]): DiscoveredTarget {
  return visible.find(({ name }) => name === targetName) ?? { name: targetName, addresses: [] }
}

function encodeRecords(targets: readonly DiscoveredTarget[]): Buffer {
  return encodeText(targets.flatMap(encodeRecord))
}

function encodeRecord({ name, addresses }: DiscoveredTarget): TextPair[] {
  const usable = addresses.filter(({ host }) => !isLinkLocal(host))
  return [
    { key: 'TargetName', value: name },
    ...usable.map((address) => ({ key: 'TargetAddress', value: encodeAddress(address) })),
  ]
}

/** `host:port,tag`, an IPv6 host in brackets (RFC 7143 13.8). */
function encodeAddress({ host, port, portalGroupTag }: PortalAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port},${portalGroupTag}`
}

/** fe80::/10 and zone identifiers mean nothing to another host, and open-iscsi fails a whole discovery over one. */
function isLinkLocal(host: string): boolean {
  return host.includes('%') || /^fe[89ab][0-9a-f]:/i.test(host)
}
