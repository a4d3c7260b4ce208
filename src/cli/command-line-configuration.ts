/**
 * What the command line of `lunette serve` declares, as a configuration: one target with the disks as its LUNs, which are
 * for everybody who may log in, and a portal for every address. Pure; the caller mints the ids.
 */

import type { PortalAddress } from '../../protocol/target-directory.ts'
import type {
  ChapUser,
  LunRecord,
  MutualSecret,
  ObjectId,
  PortalGroupRecord,
  PortalRecord,
  TargetRecord,
  UnmaskList,
} from '../management/configuration.ts'
import type { CommandLineObjects } from '../management/operations/merge-command-line.ts'
import type { LunOptions, ServerOptions } from '../server-options.ts'

const FOR_EVERYBODY: UnmaskList = { initiators: '*', networks: [], readOnlyInitiators: [] }

/** The part of a server's options that is configuration; `mintId` gives a new GUID at each call. */
export function commandLineConfiguration(options: ServerOptions, mintId: () => ObjectId): CommandLineObjects {
  const { tls } = options
  const { users } = readPolicy(options.authentication)
  const plain = options.listen.map((address) => ({ address, record: portalRecord(address, false, mintId()) }))
  const secured = (tls?.listen ?? []).map((address) => ({ address, record: portalRecord(address, true, mintId()) }))
  const portals = [...plain, ...secured]
  const target = targetRecord(options, portals, mintId)
  return {
    subSystem: { discoveryUsers: users },
    luns: new Map(options.luns.map(lunRecord).map((lun) => [lun.id, lun])),
    targets: new Map([[target.id, target]]),
    portals: new Map(portals.map(({ record }) => [record.id, record])),
  }
}

function targetRecord(
  { target: { name, alias }, authentication, luns }: ServerOptions,
  portals: readonly DeclaredPortal[],
  mintId: () => ObjectId,
): TargetRecord {
  const { users, mutual } = readPolicy(authentication)
  return {
    id: mintId(),
    origin: 'commandLine',
    iscsiName: name,
    friendlyName: alias,
    portalGroups: portalGroups(portals, mintId),
    luns: new Map(luns.map(({ id, lun }) => [id, lun])),
    sharedSecret: null,
    chapUsers: users,
    rememberedSecrets: new Map(mutual === null ? [] : [['*', mutual]]),
  }
}

function readPolicy(policy: ServerOptions['authentication']): { users: ChapUser[]; mutual: MutualSecret | null } {
  if (policy.kind === 'none') return { users: [], mutual: null }
  const users = policy.initiators.map(({ user, secret, initiatorNames = [] }) => ({ user, secret, initiatorNames }))
  return { users, mutual: policy.target }
}

function portalRecord({ host, port }: PortalAddress, hasTls: boolean, id: ObjectId): PortalRecord {
  return { id, origin: 'commandLine', host, port, hasTls, status: 'online' }
}

interface DeclaredPortal {
  readonly address: PortalAddress
  readonly record: PortalRecord
}

function portalGroups(portals: readonly DeclaredPortal[], mintId: () => ObjectId): PortalGroupRecord[] {
  const byTag = Map.groupBy(portals, ({ address }) => address.portalGroupTag)
  return [...byTag].map(([tag, members]) => ({ id: mintId(), tag, portalIds: members.map(({ record }) => record.id) }))
}

function lunRecord(disk: LunOptions): LunRecord {
  const { id, lun, path, deviceType = 'disk', blockLengthBytes, physicalBlockBytes, readOnly, identity } = disk
  return {
    id,
    origin: 'commandLine',
    friendlyName: path,
    number: lun,
    path,
    format: 'raw',
    deviceType,
    blockLengthBytes,
    physicalBlockBytes,
    isRemovable: disk.isRemovable ?? deviceType === 'cdDvd',
    isReadOnly: readOnly,
    isEjected: false,
    serialNumber: identity.serialNumber,
    naa: identity.naa.toString('hex'),
    status: 'online',
    unmask: FOR_EVERYBODY,
  }
}
