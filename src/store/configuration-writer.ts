/**
 * From one configuration to the next in rows: only what differs is written, and records that are the same object in both are
 * not looked at. What goes is deleted first, so that its name or number is free for what comes.
 */

import { isAbsolute } from 'node:path'
import type {
  ChapUser,
  Configuration,
  LunRecord,
  PortalRecord,
  SubSystemRecord,
  TargetRecord,
} from '../management/configuration.ts'
import { SECRET_PLACE, type Secrets } from './secrets.ts'
import type { Statements } from './statements.ts'

/** What `disk` says of a CD: what it had to say before there were any. */
const BLOCK_LENGTH_BYTES_OF_CD_IN_DISK = 512

/** Within a transaction. */
export class ConfigurationWriter {
  readonly #statements: Statements
  readonly #secrets: Secrets
  readonly #pathKey: (path: string) => string

  /** `pathKey` gives the one form in which a path is stored, so that the identity of its file is found by it. */
  constructor(statements: Statements, secrets: Secrets, pathKey: (path: string) => string) {
    this.#statements = statements
    this.#secrets = secrets
    this.#pathKey = pathKey
  }

  write(before: Configuration, after: Configuration): void {
    this.#delete('target', before.targets, after.targets)
    this.#delete('portal', before.portals, after.portals)
    this.#deleteLuns(before.luns, after.luns)
    if (before.subSystem !== after.subSystem) this.#writeSubSystem(before.subSystem, after.subSystem)
    this.#moveFiles(before.luns, after.luns)
    for (const lun of changedIn(before.luns, after.luns)) this.#writeLun(before.luns.get(lun.id), lun)
    for (const portal of changedIn(before.portals, after.portals)) this.#writePortal(portal)
    for (const target of changedIn(before.targets, after.targets))
      this.#writeTarget(before.targets.get(target.id), target)
    if (before.importTargets !== after.importTargets)
      this.#writeImportTargets(before.importTargets, after.importTargets)
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#statements.run(sql, ...values)
  }

  #delete(
    table: 'target' | 'portal' | 'lun',
    before: ReadonlyMap<string, unknown>,
    after: ReadonlyMap<string, unknown>,
  ) {
    if (before === after) return
    for (const id of before.keys()) if (!after.has(id)) this.#run(`DELETE FROM ${table} WHERE id = ?`, id)
  }

  /** The identity of a file outlives its LUN; what the LUN kept for its initiators only if the command line may bring it back. */
  #deleteLuns(before: Configuration['luns'], after: Configuration['luns']): void {
    this.#delete('lun', before, after)
    for (const { id, origin } of before.values()) {
      if (origin === 'managed' && !after.has(id)) this.#run('DELETE FROM disk_state WHERE guid = ?', id)
    }
  }

  #writeSubSystem(before: SubSystemRecord, subSystem: SubSystemRecord): void {
    const { id, friendlyName, identification, status, hasSimpleTargetConfig, discoveryUsers } = subSystem
    this.#run(
      `UPDATE sub_system
       SET guid = ?, friendly_name = ?, identification = ?, status = ?, has_simple_target_config = ?`,
      ...[id, friendlyName, identification, status, Number(hasSimpleTargetConfig)],
    )
    if (before.discoveryUsers === discoveryUsers) return
    this.#run('DELETE FROM discovery_user')
    for (const { user, secret, initiatorNames } of discoveryUsers) {
      const sealed = this.#secrets.seal(secret, SECRET_PLACE.discoveryUser(user))
      this.#run('INSERT INTO discovery_user (user, secret) VALUES (?, ?)', user, sealed)
      for (const [position, name] of initiatorNames.entries()) {
        this.#run('INSERT INTO discovery_user_initiator VALUES (?, ?, ?)', user, position, name)
      }
    }
  }

  /** Media may change places among LUNs in one commit: none has a file while that happens. */
  #moveFiles(before: Configuration['luns'], after: Configuration['luns']): void {
    for (const { id, path } of changedIn(before, after)) {
      const old = before.get(id)
      if (old === undefined || old.path === path) continue
      this.#run("UPDATE disk SET path = 'moving:' || guid WHERE guid = ?", id)
    }
  }

  #writeLun(before: LunRecord | undefined, lun: LunRecord): void {
    const { id, path, serialNumber, naa, deviceType, unmask } = lun
    const blockLengthBytes = deviceType === 'cdDvd' ? BLOCK_LENGTH_BYTES_OF_CD_IN_DISK : lun.blockLengthBytes
    if (isAbsolute(path) && this.#pathKey(path) !== path)
      throw new Error(`${path} is to be relative to the data directory`)
    this.#run('DELETE FROM disk WHERE path = ? AND guid <> ?', path, id)
    this.#run(
      `INSERT INTO disk (guid, path, serial_number, naa, block_length_bytes) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (guid) DO UPDATE SET path = excluded.path, block_length_bytes = excluded.block_length_bytes`,
      ...[id, path, serialNumber, Buffer.from(naa, 'hex'), blockLengthBytes],
    )
    this.#run(
      `INSERT INTO lun (id, origin, friendly_name, number, format, device_type, physical_block_bytes, is_removable,
         is_read_only, is_ejected, status, is_unmasked_to_all, is_read_only_to_all)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, friendly_name = excluded.friendly_name,
         number = excluded.number, format = excluded.format, device_type = excluded.device_type,
         physical_block_bytes = excluded.physical_block_bytes, is_removable = excluded.is_removable,
         is_read_only = excluded.is_read_only, is_ejected = excluded.is_ejected, status = excluded.status,
         is_unmasked_to_all = excluded.is_unmasked_to_all, is_read_only_to_all = excluded.is_read_only_to_all`,
      ...[id, lun.origin, lun.friendlyName, lun.number, lun.format, deviceType, lun.physicalBlockBytes],
      ...[lun.isRemovable, lun.isReadOnly, lun.isEjected].map(Number),
      lun.status,
      ...[unmask.initiators === '*', unmask.readOnlyInitiators === '*'].map(Number),
    )
    this.#run('DELETE FROM doomed_file WHERE path = ?', path)
    if (before?.unmask === unmask) return
    this.#run('DELETE FROM lun_unmask WHERE lun_id = ?', id)
    for (const list of ['initiators', 'networks', 'readOnlyInitiators'] as const) {
      const entries = unmask[list]
      if (entries === '*') continue
      for (const [position, entry] of entries.entries()) {
        this.#run('INSERT INTO lun_unmask VALUES (?, ?, ?, ?)', id, list, position, entry)
      }
    }
  }

  #writePortal({ id, origin, host, port, hasTls, status }: PortalRecord): void {
    this.#run(
      `INSERT INTO portal (id, origin, host, port, has_tls, status) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, host = excluded.host, port = excluded.port,
         has_tls = excluded.has_tls, status = excluded.status`,
      ...[id, origin, host, port, Number(hasTls), status],
    )
  }

  #writeTarget(before: TargetRecord | undefined, target: TargetRecord): void {
    const { id, origin, iscsiName, friendlyName, sharedSecret } = target
    this.#run(
      `INSERT INTO target (id, origin, iscsi_name, friendly_name) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, iscsi_name = excluded.iscsi_name,
         friendly_name = excluded.friendly_name`,
      ...[id, origin, iscsiName, friendlyName],
    )
    if ((before?.sharedSecret ?? null) !== sharedSecret) {
      const sealed = sharedSecret === null ? null : this.#secrets.seal(sharedSecret, SECRET_PLACE.shared(id))
      this.#run('UPDATE target SET shared_secret = ? WHERE id = ?', sealed, id)
    }
    if (before?.luns !== target.luns) this.#writeTargetLuns(before?.luns ?? new Map(), target)
    if (before?.chapUsers !== target.chapUsers) this.#writeChapUsers(target.id, target.chapUsers)
    if (before?.rememberedSecrets !== target.rememberedSecrets) this.#writeRememberedSecrets(target)
    if (before?.portalGroups !== target.portalGroups) this.#writePortalGroups(target)
  }

  #writeTargetLuns(before: TargetRecord['luns'], { id, luns }: TargetRecord): void {
    for (const [lunId, number] of before) {
      if (luns.get(lunId) !== number) {
        this.#run('DELETE FROM target_lun WHERE target_id = ? AND lun_id = ?', id, lunId)
      }
    }
    for (const [lunId, number] of luns) {
      if (before.get(lunId) !== number) {
        this.#run('INSERT INTO target_lun (target_id, lun_id, number) VALUES (?, ?, ?)', id, lunId, number)
      }
    }
  }

  #writeChapUsers(targetId: string, users: readonly ChapUser[]): void {
    this.#run('DELETE FROM target_chap_user WHERE target_id = ?', targetId)
    for (const { user, secret, initiatorNames } of users) {
      const sealed = this.#secrets.seal(secret, SECRET_PLACE.chapUser(targetId, user))
      this.#run('INSERT INTO target_chap_user (target_id, user, secret) VALUES (?, ?, ?)', targetId, user, sealed)
      for (const [position, name] of initiatorNames.entries()) {
        this.#run('INSERT INTO target_chap_user_initiator VALUES (?, ?, ?, ?)', targetId, user, position, name)
      }
    }
  }

  #writeRememberedSecrets({ id, rememberedSecrets }: TargetRecord): void {
    this.#run('DELETE FROM target_remembered_secret WHERE target_id = ?', id)
    for (const [name, { user, secret }] of rememberedSecrets) {
      const sealed = this.#secrets.seal(secret, SECRET_PLACE.remembered(id, name))
      this.#run('INSERT INTO target_remembered_secret VALUES (?, ?, ?, ?)', id, name, user, sealed)
    }
  }

  #writePortalGroups({ id: targetId, portalGroups }: TargetRecord): void {
    this.#run('DELETE FROM portal_group WHERE target_id = ?', targetId)
    for (const [position, { id, tag, portalIds }] of portalGroups.entries()) {
      this.#run(
        'INSERT INTO portal_group (id, target_id, tag, position) VALUES (?, ?, ?, ?)',
        id,
        targetId,
        tag,
        position,
      )
      for (const [index, portalId] of portalIds.entries()) {
        this.#run(
          'INSERT INTO portal_group_portal (portal_group_id, target_id, portal_id, position) VALUES (?, ?, ?, ?)',
          ...[id, targetId, portalId, index],
        )
      }
    }
  }

  #writeImportTargets(before: Configuration['importTargets'], after: Configuration['importTargets']): void {
    for (const host of before.keys()) {
      if (!after.has(host)) this.#run('DELETE FROM import_target WHERE host = ?', host)
    }
    for (const [host, targetId] of after) {
      if (before.get(host) === targetId) continue
      this.#run(
        `INSERT INTO import_target (host, target_id) VALUES (?, ?)
         ON CONFLICT (host) DO UPDATE SET target_id = excluded.target_id`,
        ...[host, targetId],
      )
    }
  }
}

function changedIn<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): T[] {
  if (before === after) return []
  return [...after].filter(([id, record]) => before.get(id) !== record).map(([, record]) => record)
}
