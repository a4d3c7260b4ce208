/**
 * Who may do what, as one configuration says: which targets an initiator may log in to, and which LUNs it finds there.
 * Made anew for every configuration and asked at each login, at each discovery and when a nexus opens.
 *
 * A LUN is visible through a target when it is associated with it, online, and unmasked for the initiator's name and
 * address. A login is allowed where a portal group of the target has the portal, and with CHAP for who can authenticate,
 * without CHAP for who comes from this machine or would find a LUN.
 */

import { isDeepStrictEqual } from 'node:util'
import { isLoopback } from '../../protocol/ip-addresses.ts'
import type { AuthenticationPolicy, ChapCredential, ChapInitiator } from '../../protocol/target-directory.ts'
import type { InitiatorAccess } from '../../scsi/initiator-access.ts'
import type { ChapUser, Configuration, LunRecord, ObjectId, TargetRecord } from '../management/configuration.ts'
import { isInNetwork, type Network, parseNetwork } from './networks.ts'

/** A target as the configuration has it, with what follows from that. */
export interface TargetRules {
  readonly record: TargetRecord
  /** The groups that lead to it, by portal. */
  readonly tagOfPortal: ReadonlyMap<ObjectId, number>
  readonly hasChap: boolean
}

interface LunRules {
  readonly record: LunRecord
  /** Null for every name. */
  readonly initiators: ReadonlySet<string> | null
  readonly readOnlyInitiators: ReadonlySet<string> | null
  /** Null for every address. */
  readonly networks: readonly Network[] | null
}

export class AccessRules {
  readonly configuration: Configuration
  readonly #targets = new Map<string, TargetRules>()
  readonly #luns = new Map<ObjectId, LunRules>()

  constructor(configuration: Configuration) {
    this.configuration = configuration
    for (const record of configuration.targets.values()) {
      const hasChap = record.sharedSecret !== null || record.chapUsers.length > 0
      this.#targets.set(record.iscsiName, { record, tagOfPortal: tagsOf(record, configuration), hasChap })
    }
    for (const record of configuration.luns.values()) this.#luns.set(record.id, lunRules(record))
  }

  get targets(): Iterable<TargetRules> {
    return this.#targets.values()
  }

  targetNamed(name: string): TargetRules | undefined {
    return this.#targets.get(name)
  }

  /** What an initiator (normalised name, address) may do with a LUN through a target that is associated with it. */
  accessTo(lunId: ObjectId, initiatorName: string, address: string): InitiatorAccess {
    const rules = this.#luns.get(lunId)
    if (rules === undefined || rules.record.status === 'offline') return 'none'
    if (this.configuration.subSystem.status === 'offline') return 'none'
    if (rules.initiators !== null && !rules.initiators.has(initiatorName)) return 'none'
    if (rules.networks !== null && !rules.networks.some((network) => isInNetwork(address, network))) return 'none'
    const mayOnlyRead = rules.readOnlyInitiators === null || rules.readOnlyInitiators.has(initiatorName)
    return mayOnlyRead ? 'readOnly' : 'readWrite'
  }

  /** Whether a login could succeed, as far as names, addresses and the existence of a secret decide. */
  mayLogIn({ record, hasChap }: TargetRules, initiatorName: string, address: string): boolean {
    if (hasChap) return chapUsersOf(record, initiatorName).length > 0
    if (isLoopback(address)) return true
    return [...record.luns.keys()].some((id) => this.accessTo(id, initiatorName, address) !== 'none')
  }

  /** Whether an initiator finds the same from two addresses, so that one session may come from both. */
  isSameView({ record }: TargetRules, initiatorName: string, address: string, other: string): boolean {
    if (address === other) return true
    return [...record.luns.keys()].every(
      (id) => this.accessTo(id, initiatorName, address) === this.accessTo(id, initiatorName, other),
    )
  }

  /** What a normal login has to prove. */
  authentication({ record, hasChap }: TargetRules, initiatorName: string): AuthenticationPolicy {
    if (!hasChap) return { kind: 'none' }
    const initiators = chapUsersOf(record, initiatorName)
    return { kind: 'chap', initiators, target: mutualCredential(record, initiatorName) }
  }

  /**
   * What a discovery without a target name has to prove. Without discovery users nothing; but initiators that want to prove
   * what their target demands of them may do so, since some can do nothing else. The array proves itself as its targets
   * do towards this initiator, when all that prove themselves do it with the same credentials.
   */
  discoveryAuthentication(initiatorName: string): AuthenticationPolicy {
    const { discoveryUsers } = this.configuration.subSystem
    const records = [...this.#targets.values()].map(({ record }) => record)
    const [first = null, ...others] = records.flatMap((record) => mutualCredential(record, initiatorName) ?? [])
    const isOne = others.every(({ user, secret }) => user === first?.user && secret.equals(first.secret))
    const target = isOne ? first : null
    if (discoveryUsers.length === 0) {
      const initiators = records.flatMap((record) => chapUsersOf(record, initiatorName))
      return initiators.length === 0 ? { kind: 'none' } : { kind: 'chap', initiators, target, isOptional: true }
    }
    const initiators = discoveryUsers.filter((user) => isFor(user, initiatorName)).map(credentialOf)
    return { kind: 'chap', initiators, target }
  }
}

/** Whether both configurations show a LUN through the same targets to the same initiators. */
export function isShownAlike(lunId: ObjectId, before: Configuration, after: Configuration): boolean {
  const viewOf = ({ luns, targets, subSystem }: Configuration) => [
    luns.get(lunId)?.unmask,
    subSystem.status,
    ...[...targets.values()].flatMap((target) => (target.luns.has(lunId) ? [target.id] : [])),
  ]
  return isDeepStrictEqual(viewOf(before), viewOf(after))
}

/** A group that was given portals with TLS and portals without it counts as one with TLS: the others do not lead there. */
function tagsOf({ portalGroups }: TargetRecord, { portals }: Configuration): Map<ObjectId, number> {
  const tags = new Map<ObjectId, number>()
  for (const { tag, portalIds } of portalGroups) {
    const hasTls = portalIds.some((id) => portals.get(id)?.hasTls)
    for (const id of portalIds) if (portals.get(id)?.hasTls === hasTls) tags.set(id, tag)
  }
  return tags
}

function lunRules(record: LunRecord): LunRules {
  const { initiators, networks, readOnlyInitiators } = record.unmask
  return {
    record,
    initiators: initiators === '*' ? null : new Set(initiators),
    readOnlyInitiators: readOnlyInitiators === '*' ? null : new Set(readOnlyInitiators),
    // What cannot be read as a network has no address in it.
    networks: networks.length === 0 ? null : networks.flatMap((text) => parseNetwork(text) ?? []),
  }
}

function isFor({ initiatorNames }: ChapUser, initiatorName: string): boolean {
  return initiatorNames.length === 0 || initiatorNames.includes(initiatorName)
}

const credentialOf = ({ user, secret }: ChapUser): ChapInitiator => ({ user, secret })

/** Who has a secret of its own does not get in with the one for all others, which those others know. */
function chapUsersOf({ chapUsers, sharedSecret }: TargetRecord, initiatorName: string): readonly ChapInitiator[] {
  const users = chapUsers.filter((user) => isFor(user, initiatorName)).map(credentialOf)
  const hasOwn = users.some(({ user }) => user === initiatorName)
  return sharedSecret === null || hasOwn ? users : [...users, { user: initiatorName, secret: sharedSecret }]
}

function mutualCredential(
  { rememberedSecrets, iscsiName }: TargetRecord,
  initiatorName: string,
): ChapCredential | null {
  const remembered = rememberedSecrets.get(initiatorName) ?? rememberedSecrets.get('*')
  return remembered === undefined ? null : { user: remembered.user ?? iscsiName, secret: remembered.secret }
}
