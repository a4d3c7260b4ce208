/** From rows to the configuration: the whole of it, in the order in which its objects were made. */

import type {
  ChapUser,
  Configuration,
  LunRecord,
  MutualSecret,
  ObjectId,
  Origin,
  PortalGroupRecord,
  PortalRecord,
  SubSystemRecord,
  TargetRecord,
  UnmaskList,
} from '../management/configuration.ts'
import { SECRET_PLACE, type Secrets } from './secrets.ts'
import { bytesOf, type Row, type Statements } from './statements.ts'

const CD_BLOCK_LENGTH_BYTES = 2048

/** Within a transaction, so that all rows are of one moment. Errors: `Failure` when a secret cannot be opened. */
export function readConfiguration(statements: Statements, secrets: Secrets): Configuration {
  return {
    generation: Number(statements.get('SELECT generation FROM configuration')!.generation),
    subSystem: readSubSystem(statements, secrets),
    luns: readLuns(statements),
    targets: readTargets(statements, secrets),
    portals: readPortals(statements),
    importTargets: new Map(
      statements
        .all('SELECT host, target_id FROM import_target ORDER BY rowid')
        .map((row) => [String(row.host), String(row.target_id)]),
    ),
  }
}

function readSubSystem(statements: Statements, secrets: Secrets): SubSystemRecord {
  const row = statements.get('SELECT * FROM sub_system')!
  const initiators = groupBy(
    statements.all('SELECT * FROM discovery_user_initiator ORDER BY user, position'),
    ({ user }) => String(user),
  )
  const discoveryUsers = statements.all('SELECT * FROM discovery_user ORDER BY rowid').map((userRow): ChapUser => {
    const user = String(userRow.user)
    const secret = secrets.open(bytesOf(userRow.secret), SECRET_PLACE.discoveryUser(user))
    return { user, secret, initiatorNames: namesOf(initiators.get(user)) }
  })
  return {
    id: String(row.guid),
    friendlyName: String(row.friendly_name),
    identification: String(row.identification),
    status: statusOf(row),
    hasSimpleTargetConfig: row.has_simple_target_config === 1,
    discoveryUsers,
  }
}

function readLuns(statements: Statements): Map<ObjectId, LunRecord> {
  const lists = groupBy(statements.all('SELECT * FROM lun_unmask ORDER BY lun_id, list, position'), (row) =>
    String(row.lun_id),
  )
  const rows = statements.all('SELECT lun.*, disk.* FROM lun JOIN disk ON disk.guid = lun.id ORDER BY lun.rowid')
  return new Map(
    rows.map((row): [ObjectId, LunRecord] => {
      const id = String(row.id)
      const deviceType = row.device_type === 'cdDvd' ? 'cdDvd' : 'disk'
      const lun: LunRecord = {
        id,
        origin: originOf(row),
        friendlyName: String(row.friendly_name),
        number: Number(row.number),
        path: String(row.path),
        format: 'raw',
        deviceType,
        blockLengthBytes: deviceType === 'cdDvd' ? CD_BLOCK_LENGTH_BYTES : row.block_length_bytes === 4096 ? 4096 : 512,
        physicalBlockBytes: Number(row.physical_block_bytes),
        isRemovable: row.is_removable === 1,
        isReadOnly: row.is_read_only === 1,
        isEjected: row.is_ejected === 1,
        serialNumber: String(row.serial_number),
        naa: bytesOf(row.naa).toString('hex'),
        status: statusOf(row),
        unmask: unmaskListOf(row, lists.get(id) ?? []),
      }
      return [id, lun]
    }),
  )
}

function unmaskListOf(lun: Row, entries: readonly Row[]): UnmaskList {
  const list = (name: string) => entries.filter((row) => row.list === name).map(({ entry }) => String(entry))
  return {
    initiators: lun.is_unmasked_to_all === 1 ? '*' : list('initiators'),
    networks: list('networks'),
    readOnlyInitiators: lun.is_read_only_to_all === 1 ? '*' : list('readOnlyInitiators'),
  }
}

function readPortals(statements: Statements): Map<ObjectId, PortalRecord> {
  return new Map(
    statements.all('SELECT * FROM portal ORDER BY rowid').map((row): [ObjectId, PortalRecord] => {
      const id = String(row.id)
      const portal: PortalRecord = {
        id,
        origin: originOf(row),
        host: String(row.host),
        port: Number(row.port),
        hasTls: row.has_tls === 1,
        status: statusOf(row),
      }
      return [id, portal]
    }),
  )
}

function readTargets(statements: Statements, secrets: Secrets): Map<ObjectId, TargetRecord> {
  const byTarget = (sql: string) => groupBy(statements.all(sql), (row) => String(row.target_id))
  const luns = byTarget('SELECT * FROM target_lun ORDER BY rowid')
  const groups = byTarget('SELECT * FROM portal_group ORDER BY target_id, position')
  const groupPortals = groupBy(
    statements.all('SELECT * FROM portal_group_portal ORDER BY portal_group_id, position'),
    (row) => String(row.portal_group_id),
  )
  const chapUsers = byTarget('SELECT * FROM target_chap_user ORDER BY rowid')
  const userInitiators = byTarget('SELECT * FROM target_chap_user_initiator ORDER BY target_id, user, position')
  const remembered = byTarget('SELECT * FROM target_remembered_secret ORDER BY rowid')
  return new Map(
    statements.all('SELECT * FROM target ORDER BY rowid').map((row): [ObjectId, TargetRecord] => {
      const id = String(row.id)
      const target: TargetRecord = {
        id,
        origin: originOf(row),
        iscsiName: String(row.iscsi_name),
        friendlyName: String(row.friendly_name),
        portalGroups: (groups.get(id) ?? []).map((group) => portalGroupOf(group, groupPortals)),
        luns: new Map((luns.get(id) ?? []).map((lun) => [String(lun.lun_id), Number(lun.number)])),
        sharedSecret:
          row.shared_secret === null ? null : secrets.open(bytesOf(row.shared_secret), SECRET_PLACE.shared(id)),
        chapUsers: (chapUsers.get(id) ?? []).map((user) => chapUserOf(id, user, userInitiators.get(id) ?? [], secrets)),
        rememberedSecrets: new Map((remembered.get(id) ?? []).map((secret) => rememberedOf(id, secret, secrets))),
      }
      return [id, target]
    }),
  )
}

function portalGroupOf(row: Row, portals: ReadonlyMap<string, readonly Row[]>): PortalGroupRecord {
  const id = String(row.id)
  return { id, tag: Number(row.tag), portalIds: (portals.get(id) ?? []).map((portal) => String(portal.portal_id)) }
}

function chapUserOf(targetId: ObjectId, row: Row, initiators: readonly Row[], secrets: Secrets): ChapUser {
  const user = String(row.user)
  return {
    user,
    secret: secrets.open(bytesOf(row.secret), SECRET_PLACE.chapUser(targetId, user)),
    initiatorNames: namesOf(initiators.filter((initiator) => initiator.user === user)),
  }
}

function rememberedOf(targetId: ObjectId, row: Row, secrets: Secrets): [string, MutualSecret] {
  const name = String(row.initiator_name)
  const secret = secrets.open(bytesOf(row.secret), SECRET_PLACE.remembered(targetId, name))
  return [name, { user: row.user === null ? null : String(row.user), secret }]
}

function namesOf(rows: readonly Row[] = []): string[] {
  return rows.map(({ initiator_name }) => String(initiator_name))
}

function originOf({ origin }: Row): Origin {
  return origin === 'commandLine' ? 'commandLine' : 'managed'
}

function statusOf({ status }: Row): 'online' | 'offline' {
  return status === 'offline' ? 'offline' : 'online'
}

function groupBy(rows: readonly Row[], key: (row: Row) => string): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(rows, key)
}
