/** A target (IVdsIscsiTarget): a name that initiators log in to, its portal groups, its LUNs and its secrets. */

import type { Async } from './async.ts'
import type { Configuration, ObjectId, Origin, TargetRecord } from './configuration.ts'
import type { SuccessName } from './hresult.ts'
import type { Lun } from './lun.ts'
import { ModelObject } from './model-object.ts'
import { associateTargetAs, lunsOf } from './operations/association.ts'
import {
  isChapEnabled,
  rememberInitiatorSharedSecret,
  removeChapUser,
  setChapUser,
  setSharedSecret,
} from './operations/chap.ts'
import { createPortalGroup } from './operations/portal-groups.ts'
import { deleteTarget, setTargetFriendlyName } from './operations/targets.ts'
import type { PortalGroup } from './portal-group.ts'
import type { SubSystem } from './sub-system.ts'

/** VDS_ISCSI_TARGET_PROP, and who made it. */
export interface TargetProperties {
  readonly id: ObjectId
  readonly origin: Origin
  readonly iscsiName: string
  /** The iSCSI alias. */
  readonly friendlyName: string
  /** A secret is needed to log in. */
  readonly isChapEnabled: boolean
}

/** Which secrets are set; never the secrets. */
export interface ChapSettings {
  /** For all initiators that have none of their own. */
  readonly hasSharedSecret: boolean
  /** Those that setSharedSecret was called for by name. */
  readonly sharedSecretInitiators: readonly string[]
  /** Further users. */
  readonly users: readonly { readonly user: string; readonly initiatorNames: readonly string[] }[]
  /** Whom the target proves itself to, `*` for all others, and as which user (null: by its iSCSI name). */
  readonly remembered: readonly { readonly initiatorName: string; readonly user: string | null }[]
}

export interface AssociatedLun {
  /** The logical unit number on this target. */
  readonly number: number
  readonly lun: Lun
}

export class IscsiTarget extends ModelObject<TargetRecord> {
  protected readonly kind = 'IscsiTarget'

  protected find({ targets }: Configuration): TargetRecord | null {
    return targets.get(this.id) ?? null
  }

  getProperties(): TargetProperties {
    const { record } = this.read('getProperties')
    const { id, origin, iscsiName, friendlyName } = record
    return { id, origin, iscsiName, friendlyName, isChapEnabled: isChapEnabled(record) }
  }

  getSubSystem(): SubSystem {
    return this.context.objects.subSystem(this.read('getSubSystem').configuration.subSystem.id)
  }

  queryPortalGroups(): PortalGroup[] {
    return this.read('queryPortalGroups').record.portalGroups.map(({ id }) => this.context.objects.portalGroup(id))
  }

  /** By their numbers on this target. */
  queryAssociatedLuns(): Lun[] {
    const { configuration, record } = this.read('queryAssociatedLuns')
    return lunsOf(configuration, record).map(({ id }) => this.context.objects.lun(id))
  }

  /** Extension: with the numbers that initiators see. */
  queryLunNumbers(): AssociatedLun[] {
    const { configuration, record } = this.read('queryLunNumbers')
    return lunsOf(configuration, record).map(({ id }) => ({
      number: record.luns.get(id)!,
      lun: this.context.objects.lun(id),
    }))
  }

  /** Extension: the number of a LUN on this target; null when it is not behind it. */
  numberOf(lunId: ObjectId): number | null {
    return this.read('numberOf').record.luns.get(lunId) ?? null
  }

  /** At the limit, VDS_S_ALREADY_EXISTS with the oldest group. */
  createPortalGroup(): Promise<Async<PortalGroup>> {
    return this.changeAsync(
      'createPortalGroup',
      'createPortalGroup',
      {},
      (configuration, rules) => createPortalGroup(configuration, this.id, rules),
      (id) => this.context.objects.portalGroup(id),
    )
  }

  /** With all its portal groups. Errors: VDS_E_ASSOCIATED_LUNS_EXIST, VDS_E_OPERATION_DENIED. */
  delete(): Promise<Async<null>> {
    const work = (configuration: Configuration) => deleteTarget(configuration, this.id)
    return this.changeAsync('deleteTarget', 'delete', {}, work, () => null)
  }

  /** VDS_S_NAME_TRUNCATED when it was too long. */
  setFriendlyName(friendlyName: string): Promise<SuccessName> {
    return this.change('setFriendlyName', { friendlyName }, (configuration, rules) =>
      setTargetFriendlyName(configuration, this.id, friendlyName, rules),
    )
  }

  /**
   * What initiators have to prove: this one alone, or with null all that have no secret of their own. A secret of null or
   * without bytes clears it. Ownership: the bytes are copied. Errors: E_INVALIDARG.
   */
  setSharedSecret(secret: Buffer | null, initiatorName: string | null = null): Promise<SuccessName> {
    return this.change('setSharedSecret', { initiatorName, ...withoutSecret(secret) }, (configuration, rules) =>
      setSharedSecret(configuration, this.id, secret, initiatorName, rules),
    )
  }

  /**
   * What the target proves to this initiator; null, an extension, for all others. As `user`, by default its iSCSI name. A
   * secret of null or without bytes clears it. Ownership: the bytes are copied. Errors: E_INVALIDARG.
   */
  rememberInitiatorSharedSecret(
    initiatorName: string | null,
    secret: Buffer | null,
    user: string | null = null,
  ): Promise<SuccessName> {
    const given = { initiatorName, user, ...withoutSecret(secret) }
    return this.change('rememberInitiatorSharedSecret', given, (configuration) =>
      rememberInitiatorSharedSecret(configuration, this.id, initiatorName, secret, user),
    )
  }

  /** Extension: a user that may log in, from these initiators or with none named from any. */
  setChapUser(user: string, secret: Buffer, initiatorNames: readonly string[] = []): Promise<SuccessName> {
    return this.change('setChapUser', { user, initiatorNames, ...withoutSecret(secret) }, (configuration, rules) =>
      setChapUser(configuration, this.id, { user, secret, initiatorNames }, rules),
    )
  }

  /** Extension. Errors: VDS_E_OBJECT_NOT_FOUND. */
  removeChapUser(user: string): Promise<SuccessName> {
    return this.change('removeChapUser', { user }, (configuration) => removeChapUser(configuration, this.id, user))
  }

  /** Extension: which secrets are set. */
  queryChapSettings(): ChapSettings {
    const { sharedSecret, chapUsers, rememberedSecrets } = this.read('queryChapSettings').record
    const users = chapUsers.map(({ user, initiatorNames }) => ({ user, initiatorNames }))
    const isOfInitiator = ({ user, initiatorNames }: (typeof users)[number]) =>
      initiatorNames.length === 1 && initiatorNames[0] === user
    return {
      hasSharedSecret: sharedSecret !== null,
      sharedSecretInitiators: users.filter(isOfInitiator).map(({ user }) => user),
      users: users.filter((user) => !isOfInitiator(user)),
      remembered: [...rememberedSecrets].map(([initiatorName, { user }]) => ({ initiatorName, user })),
    }
  }

  /** Extension: associate a LUN under a number of the caller's choice, beside what it is associated with. */
  associateLun(lunId: ObjectId, number: number): Promise<SuccessName> {
    return this.change('associateLun', { lunId, number }, (configuration, rules) =>
      associateTargetAs(configuration, lunId, this.id, number, rules),
    )
  }

  /** Names of the initiators that have a session right now, each once. */
  getConnectedInitiators(): string[] {
    this.read('getConnectedInitiators')
    const sessions = this.management.dataPlane.sessions().filter(({ targetId }) => targetId === this.id)
    return [...new Set(sessions.map(({ initiatorName }) => initiatorName))]
  }
}

/** For the audit log. */
function withoutSecret(secret: Buffer | null) {
  return { hasSecret: secret !== null && secret.length > 0 }
}
