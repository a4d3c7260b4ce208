/**
 * LUNs as the configuration knows them: identity, file, names, status, medium. Their bytes and sizes are the data plane's;
 * making and deleting files goes around these operations (`lun-storage.ts`).
 */

import { BLOCK_LENGTHS_BYTES, type DeviceType } from '../../../scsi/device-type.ts'
import type { Configuration, LunRecord, ObjectId, TargetRecord, UnmaskList } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import type { ObjectStatus } from '../vds-types.ts'
import {
  type Change,
  changed,
  demandManaged,
  invalidArgument,
  lowestFree,
  lunOf,
  type OperationRules,
  withLun,
  withoutEntry,
} from './change.ts'
import { MASKED, prepareUnmaskList } from './mask.ts'
import { prepareFriendlyName } from './names.ts'

/** The identity of a LUN, which its initiators remember it by. */
export interface LunIdentity {
  readonly id: ObjectId
  readonly serialNumber: string
  /** 16 hexadecimal digits. */
  readonly naa: string
}

export interface LunRequest {
  readonly friendlyName?: string
  readonly deviceType?: DeviceType
  /** Default: 512 for a disk, 2048 for a CD. */
  readonly blockLengthBytes?: number
  /** Default: the block length. */
  readonly physicalBlockBytes?: number
  readonly isReadOnly?: boolean
  readonly isRemovable?: boolean
  /** Default: nobody. */
  readonly unmask?: UnmaskList
}

const PHYSICAL_BLOCK_BYTES_MAX = 1024 ** 2
const FIRST_LUN_NUMBER = 0

/**
 * A new LUN whose blocks are in the file at `path`, online and associated with no target. Result: its id;
 * VDS_S_NAME_TRUNCATED when its friendly name was.
 * Errors: E_INVALIDARG, VDS_E_OBJECT_EXISTS when another LUN has this file, VDS_E_CONFIG_LIMIT.
 */
export function addLun(
  configuration: Configuration,
  identity: LunIdentity,
  path: string,
  request: LunRequest,
  { limits }: OperationRules,
): Change<ObjectId> {
  const deviceType = request.deviceType ?? 'disk'
  const { friendlyName, hresult } = prepareFriendlyName(request.friendlyName ?? '', limits)
  const blockLengthBytes = prepareBlockLength(deviceType, request.blockLengthBytes)
  const physicalBlockBytes = preparePhysicalBlock(blockLengthBytes, request.physicalBlockBytes)
  const unmask = request.unmask === undefined ? MASKED : prepareUnmaskList(request.unmask, limits)
  demandFreePath(configuration, path)
  if (configuration.luns.size >= limits.lunsMax) {
    throw new VdsError('VDS_E_CONFIG_LIMIT', `there are ${limits.lunsMax} LUNs already, and no more are allowed`)
  }
  const lun: LunRecord = {
    ...identity,
    origin: 'managed',
    friendlyName,
    number: nextLunNumber(configuration),
    path,
    format: 'raw',
    deviceType,
    blockLengthBytes,
    physicalBlockBytes,
    isRemovable: request.isRemovable === true || deviceType === 'cdDvd',
    isReadOnly: request.isReadOnly === true || deviceType === 'cdDvd',
    isEjected: false,
    status: 'online',
    unmask,
  }
  return changed(withLun(configuration, lun), hresult, lun.id)
}

export function prepareBlockLength(deviceType: DeviceType, given?: number): LunRecord['blockLengthBytes'] {
  const allowed: readonly LunRecord['blockLengthBytes'][] = BLOCK_LENGTHS_BYTES[deviceType]
  const length = given === undefined ? allowed[0] : allowed.find((candidate) => candidate === given)
  if (length !== undefined) return length
  throw invalidArgument(`the block length is ${allowed.join(' or ')} bytes, not ${given}`)
}

function preparePhysicalBlock(blockLengthBytes: number, given = blockLengthBytes): number {
  const factor = given / blockLengthBytes
  if (Number.isInteger(Math.log2(factor)) && factor >= 1 && given <= PHYSICAL_BLOCK_BYTES_MAX) return given
  throw invalidArgument(
    `a physical block is ${blockLengthBytes} bytes times a power of two, at most ${PHYSICAL_BLOCK_BYTES_MAX}, not ${given}`,
  )
}

export function nextLunNumber({ luns }: Configuration): number {
  return lowestFree(
    [...luns.values()].map(({ number }) => number),
    FIRST_LUN_NUMBER,
  )
}

function demandFreePath(configuration: Configuration, path: string): void {
  const other = findLunByPath(configuration, path)
  if (other !== null) {
    throw new VdsError('VDS_E_OBJECT_EXISTS', `${path} is LUN ${other.id} already: one file cannot be two LUNs`)
  }
}

export function findLunByPath({ luns }: Configuration, path: string): LunRecord | null {
  for (const lun of luns.values()) {
    if (lun.path === path) return lun
  }
  return null
}

/** Remove a LUN and its associations with targets. Errors: VDS_E_OPERATION_DENIED for one of the command line. */
export function deleteLun(configuration: Configuration, id: ObjectId): Change {
  demandManaged('LUN', lunOf(configuration, id))
  return changed(withoutLun(configuration, id))
}

export function withoutLun(configuration: Configuration, id: ObjectId): Configuration {
  const targets = new Map<ObjectId, TargetRecord>()
  for (const target of configuration.targets.values()) {
    targets.set(target.id, target.luns.has(id) ? { ...target, luns: withoutEntry(target.luns, id) } : target)
  }
  return { ...configuration, targets, luns: withoutEntry(configuration.luns, id) }
}

export function setLunFriendlyName(
  configuration: Configuration,
  id: ObjectId,
  given: string,
  { limits }: OperationRules,
): Change {
  const { friendlyName, hresult } = prepareFriendlyName(given, limits)
  return changed(withLun(configuration, { ...lunOf(configuration, id), friendlyName }), hresult)
}

/** Errors: E_INVALIDARG for `unknown`, VDS_E_NOT_SUPPORTED for what is only reported. */
export function setLunStatus(configuration: Configuration, id: ObjectId, status: ObjectStatus): Change {
  const settable = settableStatus('LUN', status)
  const lun = lunOf(configuration, id)
  if (lun.status === settable) return changed(configuration)
  return changed(withLun(configuration, { ...lun, status: settable }))
}

/** What SetStatus of LUNs and sub-systems can set, among what they can report. */
export function settableStatus(kind: string, status: string): 'online' | 'offline' {
  if (status === 'online' || status === 'offline') return status
  if (status === 'unknown') throw invalidArgument(`the status of a ${kind} cannot be set to unknown`)
  throw new VdsError(
    'VDS_E_NOT_SUPPORTED',
    `the status of a ${kind} can be set to online and offline, not to ${status}`,
  )
}

/** Take the medium out of a removable LUN. Errors: VDS_E_NOT_SUPPORTED when it is none, VDS_E_INVALID_STATE when it is out. */
export function ejectMedium(configuration: Configuration, id: ObjectId): Change {
  const lun = removableLunOf(configuration, id)
  if (lun.isEjected) throw new VdsError('VDS_E_INVALID_STATE', `LUN ${id} has no medium in it`)
  return changed(withLun(configuration, { ...lun, isEjected: true }))
}

/**
 * Put a medium into a removable LUN: the file at `path`, or with null the one that was in it last.
 * Errors: VDS_E_NOT_SUPPORTED when it is not removable, VDS_E_INVALID_STATE when one is in, VDS_E_OBJECT_EXISTS when the file
 * is another LUN's.
 */
export function insertMedium(configuration: Configuration, id: ObjectId, path: string | null): Change {
  const lun = removableLunOf(configuration, id)
  if (!lun.isEjected) throw new VdsError('VDS_E_INVALID_STATE', `LUN ${id} has a medium in it: eject it first`)
  if (path !== null && path !== lun.path) demandFreePath(configuration, path)
  return changed(withLun(configuration, { ...lun, path: path ?? lun.path, isEjected: false }))
}

function removableLunOf(configuration: Configuration, id: ObjectId): LunRecord {
  const lun = lunOf(configuration, id)
  if (lun.isRemovable) return lun
  throw new VdsError('VDS_E_NOT_SUPPORTED', `the medium of LUN ${id} is not removable`)
}
