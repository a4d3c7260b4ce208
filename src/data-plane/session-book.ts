/**
 * What management sees of sessions: who they are, what they negotiated and moved, and the logins that were refused.
 */

import type { SessionParameters } from '../../protocol/login/parameters.ts'
import type { RefusedLogin } from '../../protocol/node-context.ts'
import type { Session } from '../../protocol/session/session.ts'
import { BridgedNexus } from '../bridge.ts'
import type { ConnectionInfo, IoCounters, LoginRefusal, SessionInfo } from '../management/data-plane.ts'
import type { ServedTarget } from './served-target.ts'

/** Refused logins that are remembered: enough for a day's mistakes, and peers cannot make it more. */
const REFUSALS_MAX = 256

const NO_IO: IoCounters = { readCommands: 0, readBytes: 0, writeCommands: 0, writtenBytes: 0 }

interface SessionEntry {
  readonly id: string
  readonly beganAt: Date
}

export class SessionBook {
  readonly #entries = new WeakMap<Session, SessionEntry>()
  readonly #refusals: LoginRefusal[] = []
  #lastId = 0

  began(session: Session): void {
    this.#lastId++
    this.#entries.set(session, { id: String(this.#lastId), beganAt: new Date() })
  }

  /** Null for a session that has not begun. */
  idOf(session: Session): string | null {
    return this.#entries.get(session)?.id ?? null
  }

  refused({ initiatorName, targetName, remoteAddress, statusClass, statusDetail, reason }: RefusedLogin): LoginRefusal {
    const status = (statusClass << 8) | statusDetail
    const refusal = { at: new Date(), initiatorName, targetName, remoteAddress, status, reason }
    this.#refusals.push(refusal)
    if (this.#refusals.length > REFUSALS_MAX) this.#refusals.shift()
    return refusal
  }

  /** The last ones, the oldest first. */
  get refusals(): readonly LoginRefusal[] {
    return [...this.#refusals]
  }

  /** `target` is that of the session; null for a discovery session. The session has begun. */
  describe(session: Session, target: ServedTarget | null): SessionInfo {
    const { identity, parameters, tsih, portalGroupTag, isDiscovery } = session
    const nexus = session.nexusOrNull instanceof BridgedNexus ? session.nexusOrNull : null
    const { readCommands, readBytes, writeCommands, writtenBytes } = nexus?.counters ?? NO_IO
    return {
      ...this.#entries.get(session)!,
      kind: isDiscovery ? 'discovery' : 'normal',
      initiatorName: identity.initiatorName,
      initiatorAlias: identity.initiatorAlias,
      isid: identity.isid.toString('hex'),
      tsih,
      targetId: target?.id ?? null,
      portalGroupTag: isDiscovery ? null : portalGroupTag,
      chapUser: identity.chapUser,
      connections: [...session.connections.values()].map(describeConnection),
      parameters: describeParameters(parameters),
      luns: new Map(
        (nexus?.logicalUnitNumbers ?? []).flatMap((lun) => {
          const id = target?.lunAt(lun)
          return id === undefined ? [] : [[lun, id] as const]
        }),
      ),
      counters: { readCommands, readBytes, writeCommands, writtenBytes },
    }
  }
}

function describeConnection({ cid, endpoint, parameters }: SessionConnection): ConnectionInfo {
  return {
    cid,
    localAddress: endpoint.localAddress,
    remoteAddress: endpoint.remoteAddress,
    portalId: endpoint.portalId,
    hasTls: endpoint.tls !== null,
    headerDigest: parameters.headerDigest ? 'CRC32C' : 'None',
    dataDigest: parameters.dataDigest ? 'CRC32C' : 'None',
  }
}

type SessionConnection = Session['connections'] extends ReadonlyMap<number, infer C> ? C : never

/** By the names of the keys: those of the parameters, with a capital except iSCSIProtocolLevel. */
function describeParameters(parameters: SessionParameters): Record<string, string> {
  const pairs = Object.entries(parameters).map(([name, value]) => {
    const key = name.startsWith('iSCSI') ? name : name[0]!.toUpperCase() + name.slice(1)
    return [key, typeof value === 'boolean' ? (value ? 'Yes' : 'No') : String(value)] as const
  })
  return Object.fromEntries(pairs)
}
