/**
 * The configuration as a declaration: applied to the same server it changes nothing, applied to another it makes the same
 * targets, LUNs and portals there. What the command line declares is left out, and so are secrets.
 */

import type { ChapUser, Configuration, LunRecord, ObjectId, TargetRecord } from '../configuration.ts'
import { isOwnStorage } from '../lun-storage.ts'
import { isClearName, type Names, namesIn, portalName } from './references.ts'
import {
  type Declaration,
  type DeclaredChap,
  type DeclaredLun,
  type DeclaredTarget,
  type DeclaredUser,
  UNCHANGED,
} from './schema.ts'

const isManaged = ({ origin }: { readonly origin: string }) => origin === 'managed'

export function exportDeclaration(configuration: Configuration, sizeOf: (id: ObjectId) => number | null): Declaration {
  const { subSystem, luns, targets, portals, importTargets } = configuration
  const names = namesIn(configuration)
  return {
    subsystem: { friendlyName: subSystem.friendlyName, status: subSystem.status },
    discoveryUsers: subSystem.discoveryUsers.map(exportUser),
    portals: [...portals.values()].filter(isManaged).map((portal) => ({
      ...(isClearName(portalName(portal), names.portals) ? {} : { id: portal.id }),
      host: portal.host,
      port: portal.port,
      hasTls: portal.hasTls,
      status: portal.status,
    })),
    luns: [...luns.values()].filter(isManaged).map((lun) => exportLun(lun, names, sizeOf(lun.id))),
    targets: [...targets.values()].filter(isManaged).map((target) => exportTarget(target, configuration, names)),
    importTargets: [...importTargets].flatMap(([host, id]) => {
      const iscsiName = targets.get(id)?.iscsiName
      return iscsiName === undefined ? [] : [{ host, iscsiName }]
    }),
  }
}

function exportLun(lun: LunRecord, names: Names, sizeBytes: number | null): DeclaredLun {
  const { initiators, networks, readOnlyInitiators } = lun.unmask
  return {
    ...(isClearName(lun.friendlyName, names.luns) ? {} : { id: lun.id }),
    name: lun.friendlyName,
    ...(isOwnStorage(lun) ? (sizeBytes === null ? {} : { size: exactSize(sizeBytes) }) : { path: lun.path }),
    deviceType: lun.deviceType,
    blockLengthBytes: lun.blockLengthBytes,
    physicalBlockBytes: lun.physicalBlockBytes,
    isReadOnly: lun.isReadOnly,
    isRemovable: lun.isRemovable,
    status: lun.status,
    mask: {
      initiators: copyNames(initiators),
      networks: [...networks],
      readOnlyInitiators: copyNames(readOnlyInitiators),
    },
  }
}

const copyNames = (names: '*' | readonly string[]) => (names === '*' ? names : [...names])

const UNITS = ['P', 'T', 'G', 'M', 'K'] as const

/** The shortest way to write it exactly. */
function exactSize(bytes: number): number | string {
  const exponent = UNITS.findIndex((_, index) => bytes % 1024 ** (UNITS.length - index) === 0)
  return exponent < 0 ? bytes : `${bytes / 1024 ** (UNITS.length - exponent)}${UNITS[exponent]}`
}

function exportTarget(target: TargetRecord, configuration: Configuration, names: Names): DeclaredTarget {
  const { iscsiName, friendlyName, portalGroups, luns } = target
  return {
    iscsiName,
    friendlyName,
    portalGroups: portalGroups.map(({ tag, portalIds }) => ({
      tag,
      portals: portalIds.map((id) => {
        const name = portalName(configuration.portals.get(id)!)
        return isClearName(name, names.portals) ? name : id
      }),
    })),
    luns: [...luns].map(([id, number]) => {
      const { friendlyName: name } = configuration.luns.get(id)!
      return { name: isClearName(name, names.luns) ? name : id, number }
    }),
    chap: exportChap(target),
  }
}

function exportChap({ sharedSecret, chapUsers, rememberedSecrets }: TargetRecord): DeclaredChap {
  return {
    sharedSecret: sharedSecret === null ? null : { secret: UNCHANGED },
    users: chapUsers.map(exportUser),
    remembered: [...rememberedSecrets].map(([initiator, { user }]) => ({
      initiator,
      ...(user === null ? {} : { user }),
      secret: UNCHANGED,
    })),
  }
}

function exportUser({ user, initiatorNames }: ChapUser): DeclaredUser {
  return { user, initiators: [...initiatorNames], secret: UNCHANGED }
}
