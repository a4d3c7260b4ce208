/**
 * Portals: IP endpoints that belong to the sub-system. VDS only finds them and takes them online and offline; that the array
 * can be told to listen elsewhere, or no longer, is an extension.
 */

import { parseIpAddress, withoutZone } from '../../../protocol/ip-addresses.ts'
import type { Configuration, ObjectId, PortalRecord, TargetRecord } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import type { ObjectStatus } from '../vds-types.ts'
import {
  type Change,
  changed,
  demandManaged,
  invalidArgument,
  type OperationRules,
  portalOf,
  withoutEntry,
  withPortal,
} from './change.ts'

export interface CreatePortalRequest {
  /** An IP address without brackets, or the name of a host. */
  readonly host: string
  /** 0 for any that is free, found anew at every start. */
  readonly port: number
  readonly hasTls?: boolean
}

const PORT_MAX = 65_535
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i

/**
 * A new portal, online, in no portal group yet. Result: its id.
 * Errors: E_INVALIDARG, VDS_E_OBJECT_EXISTS when there is a portal with this address and port, VDS_E_CONFIG_LIMIT.
 */
export function createPortal(
  configuration: Configuration,
  { host: givenHost, port, hasTls = false }: CreatePortalRequest,
  { limits, mint }: OperationRules,
): Change<ObjectId> {
  const host = prepareHost(givenHost)
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw invalidArgument(`a port is a whole number from 0 to ${PORT_MAX}, not ${port}`)
  }
  const isTaken = [...configuration.portals.values()].some(
    (other) => port !== 0 && other.port === port && other.host === host,
  )
  if (isTaken) throw new VdsError('VDS_E_OBJECT_EXISTS', `there is a portal ${host} port ${port} already`)
  if (configuration.portals.size >= limits.portalsMax) {
    throw new VdsError('VDS_E_CONFIG_LIMIT', `there are ${limits.portalsMax} portals already, and no more are allowed`)
  }
  const portal: PortalRecord = { id: mint.objectId(), origin: 'managed', host, port, hasTls, status: 'online' }
  return changed(withPortal(configuration, portal), 'S_OK', portal.id)
}

function prepareHost(given: string): string {
  const host = given.toLowerCase()
  const looksLikeIpv4 = /^[\d.]+$/.test(host)
  if (parseIpAddress(withoutZone(host)) !== null || (!looksLikeIpv4 && HOST_NAME.test(host))) return host
  throw invalidArgument(`${JSON.stringify(given)} is neither an IP address nor the name of a host`)
}

/**
 * Listen no more. The portal leaves all groups that it is in.
 * Errors: VDS_E_OPERATION_DENIED for one of the command line.
 */
export function deletePortal(configuration: Configuration, id: ObjectId): Change {
  demandManaged('portal', portalOf(configuration, id))
  return changed(withoutPortal(configuration, id))
}

export function withoutPortal(configuration: Configuration, id: ObjectId): Configuration {
  const targets = new Map<ObjectId, TargetRecord>()
  for (const target of configuration.targets.values()) targets.set(target.id, targetWithoutPortal(target, id))
  return { ...configuration, targets, portals: withoutEntry(configuration.portals, id) }
}

function targetWithoutPortal(target: TargetRecord, portalId: ObjectId): TargetRecord {
  if (!target.portalGroups.some(({ portalIds }) => portalIds.includes(portalId))) return target
  const portalGroups = target.portalGroups.map((group) =>
    group.portalIds.includes(portalId)
      ? { ...group, portalIds: group.portalIds.filter((other) => other !== portalId) }
      : group,
  )
  return { ...target, portalGroups }
}

/** Errors: E_INVALIDARG for all but `online` and `offline`: the others are only reported. */
export function setPortalStatus(configuration: Configuration, id: ObjectId, status: ObjectStatus): Change {
  if (status !== 'online' && status !== 'offline') {
    throw invalidArgument(`the status of a portal can be set to online and offline, not to ${status}`)
  }
  const portal = portalOf(configuration, id)
  if (portal.status === status) return changed(configuration)
  return changed(withPortal(configuration, { ...portal, status }))
}
