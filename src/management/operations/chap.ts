/**
 * CHAP secrets (IVdsIscsiTarget.SetSharedSecret, RememberInitiatorSharedSecret), further users of a target, and who may ask
 * for targets. A secret belongs to the side that verifies it: "set" ones initiators prove to the target, "remembered" ones
 * the target proves to initiators. No message quotes one.
 */

import type { ChapUser, Configuration, MutualSecret, ObjectId, TargetRecord } from '../configuration.ts'
import {
  type Change,
  changed,
  demandManaged,
  invalidArgument,
  notFound,
  type OperationRules,
  targetOf,
  withEntry,
  withoutEntry,
  withTarget,
} from './change.ts'
import { prepareInitiatorName, prepareInitiatorNames } from './names.ts'

/** RFC 7143 9.2.1: 96 bits at least, because whoever listens can try shorter ones out. */
const SECRET_BYTES_MIN = 12
const SECRET_BYTES_MAX = 255
const USER_BYTES_MAX = 255
/** In `rememberedSecrets`: all initiators that have no secret of their own there. */
export const EVERY_INITIATOR = '*'

/**
 * What initiators have to prove under their own iSCSI name: `initiatorName` alone, or with null all that have no secret of
 * their own. A secret of null or without bytes clears it.
 * Errors: E_INVALIDARG for a secret of less than 12 or more than 255 bytes, and for one that the target proves itself with.
 */
export function setSharedSecret(
  configuration: Configuration,
  targetId: ObjectId,
  secret: Buffer | null,
  initiatorName: string | null,
  rules: OperationRules,
): Change {
  const given = emptyIsNone(secret)
  if (initiatorName !== null) {
    const name = prepareInitiatorName(initiatorName)
    return given === null
      ? removeUserIfAny(configuration, targetId, name)
      : setChapUser(configuration, targetId, { user: name, secret: given, initiatorNames: [name] }, rules)
  }
  const target = chapTargetOf(configuration, targetId)
  if (given !== null) demandOneWaySecret(target, given)
  return changed(withTarget(configuration, { ...target, sharedSecret: given }))
}

/** A user that may log in to the target, or its new secret and initiators. */
export function setChapUser(
  configuration: Configuration,
  targetId: ObjectId,
  { user, secret, initiatorNames }: ChapUser,
  { limits }: OperationRules,
): Change {
  demandUserName(user)
  const target = chapTargetOf(configuration, targetId)
  demandOneWaySecret(target, secret)
  const record = { user, secret: Buffer.from(secret), initiatorNames: prepareInitiatorNames(initiatorNames, limits) }
  const chapUsers = withUser(target.chapUsers, record)
  if (chapUsers.length > limits.listEntriesMax) {
    throw invalidArgument(`a target has at most ${limits.listEntriesMax} CHAP users`)
  }
  return changed(withTarget(configuration, { ...target, chapUsers }))
}

/** Errors: VDS_E_OBJECT_NOT_FOUND when there is no such user. */
export function removeChapUser(configuration: Configuration, targetId: ObjectId, user: string): Change {
  const target = chapTargetOf(configuration, targetId)
  if (!target.chapUsers.some((candidate) => candidate.user === user)) throw notFound('CHAP user', JSON.stringify(user))
  return removeUserIfAny(configuration, targetId, user)
}

function removeUserIfAny(configuration: Configuration, targetId: ObjectId, user: string): Change {
  const target = chapTargetOf(configuration, targetId)
  const chapUsers = target.chapUsers.filter((candidate) => candidate.user !== user)
  if (chapUsers.length === target.chapUsers.length) return changed(configuration)
  return changed(withTarget(configuration, { ...target, chapUsers }))
}

/**
 * What the target proves to this initiator, or with null to all that have none of their own, as `user` (null for the
 * target's iSCSI name). A secret of null or without bytes clears it.
 */
export function rememberInitiatorSharedSecret(
  configuration: Configuration,
  targetId: ObjectId,
  initiatorName: string | null,
  secret: Buffer | null,
  user: string | null = null,
): Change {
  const key = initiatorName === null ? EVERY_INITIATOR : prepareInitiatorName(initiatorName)
  if (user !== null) demandUserName(user)
  const given = emptyIsNone(secret)
  const target = chapTargetOf(configuration, targetId)
  if (given === null) {
    const rememberedSecrets = withoutEntry(target.rememberedSecrets, key)
    if (rememberedSecrets === target.rememberedSecrets) return changed(configuration)
    return changed(withTarget(configuration, { ...target, rememberedSecrets }))
  }
  demandSecret(given)
  const isOneWay = [target.sharedSecret, ...target.chapUsers.map((candidate) => candidate.secret)].some((other) =>
    other?.equals(given),
  )
  if (isOneWay) throw invalidArgument(SAME_SECRET)
  const remembered: MutualSecret = { user, secret: given }
  const rememberedSecrets = withEntry(target.rememberedSecrets, key, remembered)
  return changed(withTarget(configuration, { ...target, rememberedSecrets }))
}

/** A user that may ask for targets, or its new secret; with the first one nobody else may. */
export function setDiscoveryUser(configuration: Configuration, given: ChapUser, { limits }: OperationRules): Change {
  demandUserName(given.user)
  demandSecret(given.secret)
  const initiatorNames = prepareInitiatorNames(given.initiatorNames, limits)
  const { subSystem } = configuration
  const record = { user: given.user, secret: Buffer.from(given.secret), initiatorNames }
  const discoveryUsers = withUser(subSystem.discoveryUsers, record)
  if (discoveryUsers.length > limits.listEntriesMax) {
    throw invalidArgument(`there are at most ${limits.listEntriesMax} discovery users`)
  }
  return changed({ ...configuration, subSystem: { ...subSystem, discoveryUsers } })
}

/** Errors: VDS_E_OBJECT_NOT_FOUND when there is no such user. */
export function removeDiscoveryUser(configuration: Configuration, user: string): Change {
  const { subSystem } = configuration
  const discoveryUsers = subSystem.discoveryUsers.filter((candidate) => candidate.user !== user)
  if (discoveryUsers.length === subSystem.discoveryUsers.length) throw notFound('discovery user', JSON.stringify(user))
  return changed({ ...configuration, subSystem: { ...subSystem, discoveryUsers } })
}

/** Whether a secret is needed to log in (bChapEnabled). */
export function isChapEnabled({ sharedSecret, chapUsers }: TargetRecord): boolean {
  return sharedSecret !== null || chapUsers.length > 0
}

const SAME_SECRET =
  'the secret that initiators prove and the one that the target proves must differ: whoever knows one could pose as the other side'

/** The command line states who logs in to its target, and revokes by saying it no longer. */
function chapTargetOf(configuration: Configuration, id: ObjectId): TargetRecord {
  const target = targetOf(configuration, id)
  demandManaged('target', target)
  return target
}

function demandOneWaySecret(target: TargetRecord, secret: Buffer): void {
  demandSecret(secret)
  for (const remembered of target.rememberedSecrets.values()) {
    if (remembered.secret.equals(secret)) throw invalidArgument(SAME_SECRET)
  }
}

function demandSecret(secret: Buffer): void {
  if (secret.length >= SECRET_BYTES_MIN && secret.length <= SECRET_BYTES_MAX) return
  throw invalidArgument(`a CHAP secret has ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes, not ${secret.length}`)
}

function demandUserName(user: string): void {
  const bytes = Buffer.byteLength(user)
  if (bytes < 1 || bytes > USER_BYTES_MAX || /\p{Cc}|\p{Cs}/u.test(user)) {
    throw invalidArgument(`a CHAP user has 1 to ${USER_BYTES_MAX} bytes and no control characters`)
  }
}

function emptyIsNone(secret: Buffer | null): Buffer | null {
  return secret === null || secret.length === 0 ? null : Buffer.from(secret)
}

function withUser(users: readonly ChapUser[], record: ChapUser): readonly ChapUser[] {
  const index = users.findIndex(({ user }) => user === record.user)
  return index < 0 ? [...users, record] : users.with(index, record)
}
