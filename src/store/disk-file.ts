/**
 * Disk files on the way to being served: found or made, checked, locked and matched with their identity. A file that
 * exists is never truncated, grown or overwritten here; a file that is made is made complete or not at all.
 *
 * Invariant: the identity is recorded before the file of a new disk appears, so that a crash in between can never leave
 * an empty disk under the name of one that initiators knew.
 */

import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { DeviceType } from '../../scsi/device-type.ts'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import { formatSize } from '../size.ts'
import { syncDirectory } from './database.ts'
import { acquireExclusiveLock, type ExclusiveLock } from './exclusive-lock.ts'
import { isIsoImage } from './iso-image.ts'
import type { DiskRecord, Store } from './store.ts'

export interface DiskRequest {
  /** As given by the person. */
  readonly path: string
  /** The size to make the disk with, or that an existing one must have; null to take what is there. */
  readonly sizeBytes: number | null
  /** The size to make it with when `sizeBytes` is null and there is no such file. */
  readonly sizeBytesIfAbsent?: number
  /** Null for what the disk had before, or 512. */
  readonly blockLengthBytes: 512 | 4096 | null
  readonly readOnly: boolean
  /** Null to look at the file: an ISO image is a CD. */
  readonly isCd?: boolean | null
}

export interface Disk {
  /** Real and absolute. */
  readonly path: string
  readonly sizeBytes: number
  readonly deviceType: DeviceType
  /** That of its device type, which for a disk is that of its record. */
  readonly blockLengthBytes: 512 | 2048 | 4096
  readonly readOnly: boolean
  readonly record: DiskRecord
  /** The file was made just now. */
  readonly isNew: boolean
  /** Let another server have it. */
  release(): void
}

const BLOCK_LENGTH_BYTES_DEFAULT = 512
const CD_BLOCK_LENGTH_BYTES = 2048

/** Get every disk ready, or none: on an error those that were locked already are released. Errors: `Failure`. */
export function prepareDisks(store: Store, requests: readonly DiskRequest[]): Disk[] {
  const paths = requests.map((request) => realPathOf(request.path))
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice !== undefined) throw new Failure(`${twice} is given twice: one disk cannot be two LUNs`)
  const disks: Disk[] = []
  try {
    for (const [index, request] of requests.entries()) disks.push(prepareDisk(store, paths[index]!, request))
    return disks
  } catch (error) {
    for (const disk of disks) disk.release()
    throw error
  }
}

function prepareDisk(store: Store, path: string, request: DiskRequest): Disk {
  if (isCd(path, request)) return prepareCd(store, path, request)
  if (inspect(path) === null) sizeToMake(path, request)
  const lock = request.readOnly ? NO_LOCK : acquireExclusiveLock(besideIt(path, 'lunette-lock'), path)
  try {
    // What was seen before the lock may have changed by whoever held it.
    if (!request.readOnly) rmSync(besideIt(path, 'lunette-new'), { force: true })
    const stat = inspect(path)
    const disk = stat === null ? makeDisk(store, path, request) : adoptDisk(store, path, request, stat)
    const { blockLengthBytes } = disk.record
    return {
      ...disk,
      deviceType: 'disk',
      blockLengthBytes,
      path,
      readOnly: request.readOnly,
      release: () => lock.release(),
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function isCd(path: string, { isCd: isWanted = null }: DiskRequest): boolean {
  if (isWanted !== null) return isWanted
  try {
    return inspect(path) !== null && isIsoImage(path)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`cannot serve ${path}: ${causeOf(error)}`, { cause: error })
  }
}

/** An image of a CD or DVD: never made, never changed, and of no block length but one. */
function prepareCd(store: Store, path: string, request: DiskRequest): Disk {
  const stat = inspect(path)
  if (stat === null) throw new Failure(`${path} does not exist: check the name of the CD image`)
  if (request.blockLengthBytes !== null) {
    throw new Failure(
      `${path} is the image of a CD, which has blocks of ${CD_BLOCK_LENGTH_BYTES} bytes: ` +
        'leave --block-size out, or add --no-cd to serve it as a disk',
    )
  }
  demandAccess(path, true)
  if (stat.size === 0) throw new Failure(`cannot serve ${path}: it is empty, and no image of a CD`)
  demandWholeBlocks(path, stat.size, CD_BLOCK_LENGTH_BYTES)
  const record = store.findDisk(path) ?? store.addDisk(path, BLOCK_LENGTH_BYTES_DEFAULT)
  const cd = { deviceType: 'cdDvd', blockLengthBytes: CD_BLOCK_LENGTH_BYTES, readOnly: true, isNew: false } as const
  return { ...cd, path, sizeBytes: stat.size, record, release: () => NO_LOCK.release() }
}

/** Any number of servers may read the same disk. */
const NO_LOCK: ExclusiveLock = { release: () => undefined }

/** A hidden name next to the disk, on the same file system and as movable as the disk itself. */
const besideIt = (path: string, suffix: string) => join(dirname(path), `.${basename(path)}.${suffix}`)

/** With all symbolic links resolved; for a file that does not exist yet, those of its directory. */
function realPathOf(givenPath: string): string {
  const path = resolve(givenPath)
  try {
    return realpathSync(path)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw new Failure(`cannot serve ${givenPath}: ${causeOf(error)}`)
  }
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw new Failure(`cannot serve ${givenPath}: it is a symbolic link to a file that does not exist`)
  }
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch (error) {
    throw new Failure(`cannot serve ${givenPath}: directory ${dirname(path)}: ${causeOf(error)}`, { cause: error })
  }
}

/** Null when there is no such file. */
function inspect(path: string): Stats | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return null
    if (!stat.isFile()) throw new Failure(`cannot serve ${path}: it is ${kindOf(stat)}; only regular files are served`)
    return stat
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`cannot serve ${path}: ${causeOf(error)}`, { cause: error })
  }
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a directory'
  if (stat.isBlockDevice()) return 'a block device'
  return 'a special file'
}

/** Errors: `Failure` when the disk does not exist and must not be made. */
function sizeToMake(path: string, request: DiskRequest): number {
  if (request.readOnly) throw new Failure(`${path} does not exist, and --read-only makes no new disk`)
  const sizeBytes = request.sizeBytes ?? request.sizeBytesIfAbsent
  if (sizeBytes !== undefined) return sizeBytes
  throw new Failure(`${path} does not exist: check the name, or give --size (such as --size 10G) to make it`)
}

function makeDisk(store: Store, path: string, request: DiskRequest) {
  const sizeBytes = sizeToMake(path, request)
  const blockLengthBytes = request.blockLengthBytes ?? BLOCK_LENGTH_BYTES_DEFAULT
  demandWholeBlocks(path, sizeBytes, blockLengthBytes)
  const record = store.addDisk(path, blockLengthBytes)
  makeThinFile(path, sizeBytes)
  return { sizeBytes, record, isNew: true }
}

function adoptDisk(store: Store, path: string, request: DiskRequest, stat: Stats) {
  const sizeBytes = stat.size
  demandAccess(path, request.readOnly)
  if (!request.readOnly && stat.nlink > 1) {
    throw new Failure(
      `cannot serve ${path}: it has ${stat.nlink} names (hard links), and another server could use it under another one; ` +
        'give it a single name or add --read-only',
    )
  }
  if (sizeBytes === 0) throw new Failure(`cannot serve ${path}: it is empty; remove it to have it made with --size`)
  if (request.sizeBytes !== null && request.sizeBytes !== sizeBytes) {
    throw new Failure(
      `${path} exists with ${sizeBytes} bytes (${formatSize(sizeBytes)}), not the ${request.sizeBytes} of --size: ` +
        'nothing was changed; leave --size out to serve it as it is',
    )
  }
  const known = store.findDisk(path)
  const blockLengthBytes = request.blockLengthBytes ?? known?.blockLengthBytes ?? BLOCK_LENGTH_BYTES_DEFAULT
  if (known !== null && known.blockLengthBytes !== blockLengthBytes) {
    throw new Failure(
      `${path} has been served with ${known.blockLengthBytes}-byte blocks, and what is on it was written so: ` +
        `--block-size ${blockLengthBytes} would make it unreadable`,
    )
  }
  demandWholeBlocks(path, sizeBytes, blockLengthBytes)
  return { sizeBytes, record: known ?? store.addDisk(path, blockLengthBytes), isNew: false }
}

function demandAccess(path: string, readOnly: boolean): void {
  try {
    accessSync(path, constants.R_OK | (readOnly ? 0 : constants.W_OK))
  } catch (error) {
    const way = readOnly ? '' : ' to read and write it; --read-only needs less'
    throw new Failure(`cannot serve ${path}: ${causeOf(error)}${way}`, { cause: error })
  }
}

function demandWholeBlocks(path: string, sizeBytes: number, blockLengthBytes: number): void {
  const excessBytes = sizeBytes % blockLengthBytes
  if (excessBytes === 0) return
  throw new Failure(
    `cannot serve ${path}: its ${sizeBytes} bytes are no multiple of the block size ${blockLengthBytes} (${excessBytes} too many)`,
  )
}

/** A file of `sizeBytes` zeroes that takes no space, durable; it gets its name only when complete, and never replaces another. */
function makeThinFile(path: string, sizeBytes: number): void {
  const unfinishedPath = besideIt(path, 'lunette-new')
  try {
    const fd = openSync(unfinishedPath, 'wx', 0o600)
    try {
      ftruncateSync(fd, sizeBytes)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    linkSync(unfinishedPath, path)
    unlinkSync(unfinishedPath)
    syncDirectory(dirname(path))
  } catch (error) {
    rmSync(unfinishedPath, { force: true })
    throw new Failure(`cannot create ${path} with ${formatSize(sizeBytes)}: ${causeOf(error)}`, { cause: error })
  }
}
