/** Portals and LUNs of a declaration, each folded into the draft with the operations of the object model. */

import { isAbsolute } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseSize } from '../../size.ts'
import type { LunRecord, PortalRecord, UnmaskList } from '../configuration.ts'
import { VdsError } from '../hresult.ts'
import { demandWholeBlocks, knownBlockLength } from '../lun-creation.ts'
import { wholeBlocks } from '../lun-sizes.ts'
import { ownStoragePath } from '../lun-storage.ts'
import { invalidArgument, lunOf, notFound } from '../operations/change.ts'
import { addLun, type LunRequest, setLunFriendlyName, setLunStatus } from '../operations/luns.ts'
import { prepareUnmaskList, setAccess } from '../operations/mask.ts'
import { createPortal, setPortalStatus } from '../operations/portals.ts'
import { at, type Draft } from './draft.ts'
import { findByName, type Names, portalName } from './references.ts'
import type { DeclaredLun, DeclaredMask, DeclaredPortal } from './schema.ts'

/** The record that a declared portal is; null when there is none yet. */
export function findDeclaredPortal(draft: Draft, names: Names, { id, ...place }: DeclaredPortal): PortalRecord | null {
  const { portals } = draft.configuration
  if (id === undefined) return findByName('portal', portalName(place), portals, names.portals)
  const portal = portals.get(id.toLowerCase())
  if (portal === undefined) throw notFound('portal', id)
  return portal
}

export function foldPortal(draft: Draft, names: Names, declared: DeclaredPortal): void {
  at(`portal ${portalName(declared)}`, () => {
    const portal = findDeclaredPortal(draft, names, declared)
    const { host, port, hasTls, status } = declared
    if (portal !== null) demandSame('hasTls', portal.hasTls, hasTls)
    const request = { host, port, ...(hasTls === undefined ? {} : { hasTls }) }
    const id = portal?.id ?? draft.take(createPortal(draft.configuration, request, draft.rules))
    if (status !== undefined) draft.take(setPortalStatus(draft.configuration, id, status))
  })
}

/** The record that a declared LUN is; null when there is none yet. */
export function findDeclaredLun(draft: Draft, names: Names, { id, name }: DeclaredLun): LunRecord | null {
  const { luns } = draft.configuration
  if (id === undefined) return name === '' ? null : findByName('LUN', name, new Map(), names.luns)
  const lun = luns.get(id.toLowerCase())
  if (lun === undefined) throw notFound('LUN', id)
  return lun
}

export function foldLun(draft: Draft, names: Names, declared: DeclaredLun): void {
  at(`LUN ${declared.name || declared.id}`, () => {
    const lun = findDeclaredLun(draft, names, declared)
    if (lun === null) createLun(draft, declared)
    else changeLun(draft, lun, declared)
  })
}

function createLun(draft: Draft, declared: DeclaredLun): void {
  const { name, size, path, mask, status, ...rest } = declared
  const request = {
    ...rest,
    friendlyName: name,
    ...(mask === undefined ? {} : { unmask: unmaskOf(mask) }),
  } as LunRequest
  if (name === '') throw invalidArgument('a new LUN needs a name')
  if ((size === undefined) === (path === undefined)) {
    throw invalidArgument('a new LUN is made with a size or from the file at a path: give one of the two')
  }
  const id = path === undefined ? createEmptyLun(draft, request, sizeOf(size!)) : importFile(draft, request, path)
  if (status !== undefined) draft.take(setLunStatus(draft.configuration, id, status))
}

function createEmptyLun(draft: Draft, request: LunRequest, sizeBytes: number): string {
  if (request.deviceType === 'cdDvd') throw invalidArgument('a CD is made from an image: give its path')
  const identity = draft.surroundings.mintIdentity()
  const id = draft.take(addLun(draft.configuration, identity, ownStoragePath(identity.id), request, draft.rules))
  const lun = lunOf(draft.configuration, id)
  draft.newFiles.push({ lun, sizeBytes: wholeBlocks(lun, sizeBytes) })
  return id
}

function importFile(draft: Draft, request: LunRequest, path: string): string {
  const file = draft.surroundings.existingFile(path, request.isReadOnly === true)
  const deviceType = request.deviceType ?? (file.isCdImage ? 'cdDvd' : 'disk')
  const blockLengthBytes =
    deviceType === 'disk' ? knownBlockLength(file, request.blockLengthBytes) : request.blockLengthBytes
  const { id, serialNumber, naa } = file.known ?? draft.surroundings.mintIdentity()
  const complete = { ...request, deviceType, ...(blockLengthBytes === undefined ? {} : { blockLengthBytes }) }
  draft.take(addLun(draft.configuration, { id, serialNumber, naa }, file.path, complete, draft.rules))
  demandWholeBlocks(file, lunOf(draft.configuration, id).blockLengthBytes)
  return id
}

function changeLun(draft: Draft, lun: LunRecord, declared: DeclaredLun): void {
  for (const property of FIXED_PROPERTIES) demandSame(property, lun[property], declared[property])
  if (declared.path !== undefined && declared.path !== lun.path) demandSamePath(draft, lun, declared.path)
  if (declared.name !== lun.friendlyName) {
    draft.take(setLunFriendlyName(draft.configuration, lun.id, declared.name, draft.rules))
  }
  if (declared.mask !== undefined) {
    const unmask = prepareUnmaskList(unmaskOf(declared.mask), draft.rules.limits)
    if (!isDeepStrictEqual(unmask, lun.unmask)) draft.take(setAccess(draft.configuration, lun.id, unmask, draft.rules))
  }
  if (declared.status !== undefined) draft.take(setLunStatus(draft.configuration, lun.id, declared.status))
  if (declared.size !== undefined) grow(draft, lun, wholeBlocks(lun, sizeOf(declared.size)))
}

const FIXED_PROPERTIES = ['deviceType', 'blockLengthBytes', 'physicalBlockBytes', 'isReadOnly', 'isRemovable'] as const

function demandSame<T>(property: string, is: T, shall: T | undefined): void {
  if (shall === undefined || shall === is) return
  throw new VdsError('VDS_E_NOT_SUPPORTED', `${property} is ${is} and stays so: what exists cannot be made ${shall}`)
}

function demandSamePath(draft: Draft, lun: LunRecord, path: string): void {
  const isSame = !isAbsolute(lun.path) && draft.surroundings.existingFile(path, true).path === lun.path
  if (!isSame) demandSame('path', lun.path, path)
}

/** What is smaller grows; cutting off is too much for a file that somebody may have copied. */
function grow(draft: Draft, lun: LunRecord, toBytes: number): void {
  const fromBytes = draft.surroundings.sizeOf(lun.id)
  if (fromBytes === null || fromBytes === toBytes) return
  if (fromBytes > toBytes) {
    throw new VdsError('VDS_E_NOT_SUPPORTED', `it has ${fromBytes} bytes: a declaration never shrinks it to ${toBytes}`)
  }
  if (lun.isReadOnly) throw new VdsError('VDS_E_NOT_SUPPORTED', 'it can only be read')
  draft.growths.push({ id: lun.id, fromBytes, toBytes })
}

function sizeOf(size: number | string): number {
  if (typeof size === 'number') return size
  const parsed = parseSize(size)
  if (parsed.kind === 'size') return parsed.bytes
  throw invalidArgument(`the size ${size} ${parsed.reason}`)
}

function unmaskOf({ initiators, networks = [], readOnlyInitiators = [] }: DeclaredMask): UnmaskList {
  return { initiators, networks, readOnlyInitiators }
}
