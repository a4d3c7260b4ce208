/**
 * Opens the file or block device under a raw store: finds out how large it is, and refuses what cannot hold a disk. Only
 * `raw-file.ts` calls this. The promise style is confined to opening.
 *
 * The size of a regular file is the disk's capacity, and nothing here ever changes it: making disks is the application's
 * business.
 */

import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { systemCode } from './backing-errors.ts'

const openDescriptor = promisify(fs.open)
const closeDescriptor = promisify(fs.close)
const statDescriptor = promisify(fs.fstat)

/** The unit of the `size` attribute in sysfs, whatever the device's own block length. */
const SYSFS_SECTOR_BYTES = 512

/** A disk that cannot be opened. The message names the path, what was wrong, and what is allowed. */
export class DiskFileError extends Error {
  override readonly name = 'DiskFileError'
}

export interface DiskFileOptions {
  readonly isReadOnly?: boolean
}

/** An open disk; whoever asked for it closes `fd`. */
export interface DiskFile {
  readonly fd: number
  readonly path: string
  readonly sizeBytes: number
  readonly isBlockDevice: boolean
  /** The file system's preferred I/O size, in bytes, as it says. */
  readonly preferredIoBytes: number
}

/** Rejects with `DiskFileError`. */
export async function openDiskFile(path: string, options: DiskFileOptions): Promise<DiskFile> {
  const isReadOnly = options.isReadOnly ?? false
  // Looked at before it is opened: opening a named pipe would wait for its other end.
  const isBlockDevice = isBlockDeviceOrFile(path, await statPath(path))
  const fd = await openExisting(path, isReadOnly, isBlockDevice)
  try {
    const stats = await statDescriptor(fd)
    if (isBlockDeviceOrFile(path, stats) !== isBlockDevice)
      throw new DiskFileError(`${path}: was replaced while opened`)
    const sizeBytes = isBlockDevice ? await blockDeviceSizeBytes(path, stats.rdev) : stats.size
    assertServable(path, sizeBytes)
    return { fd, path, sizeBytes, isBlockDevice, preferredIoBytes: stats.blksize }
  } catch (error) {
    await closeDescriptor(fd)
    throw error instanceof DiskFileError ? error : new DiskFileError(`${path}: ${describe(error)}`, { cause: error })
  }
}

function assertServable(path: string, sizeBytes: number): void {
  if (sizeBytes === 0) throw new DiskFileError(`${path}: is empty; a disk needs at least one block`)
  if (!Number.isSafeInteger(sizeBytes)) {
    throw new DiskFileError(`${path}: is too large; a disk may have up to ${Number.MAX_SAFE_INTEGER} bytes`)
  }
}

async function statPath(path: string): Promise<fs.Stats> {
  try {
    return await fs.promises.stat(path)
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be used: ${describe(error)}`
    throw new DiskFileError(`${path}: ${reason}; a disk is a regular file or a block device`, { cause: error })
  }
}

/** True for a block device, false for a regular file; throws for everything else. */
function isBlockDeviceOrFile(path: string, stats: fs.Stats): boolean {
  if (stats.isBlockDevice()) return true
  if (stats.isFile()) return false
  const kind = stats.isDirectory() ? 'a directory' : stats.isCharacterDevice() ? 'a character device' : 'a special file'
  throw new DiskFileError(`${path}: is ${kind}; a disk is a regular file or a block device`)
}

/**
 * A block device is opened for writing with O_EXCL, which Linux refuses while a file system on it is mounted: two
 * writers who do not know of each other would destroy it.
 */
async function openExisting(path: string, isReadOnly: boolean, isBlockDevice: boolean): Promise<number> {
  const { O_RDONLY, O_RDWR, O_EXCL } = fs.constants
  const flags = isReadOnly ? O_RDONLY : isBlockDevice ? O_RDWR | O_EXCL : O_RDWR
  try {
    return await openDescriptor(path, flags)
  } catch (error) {
    const purpose = isReadOnly ? 'reading' : 'writing'
    const hint = OPEN_HINTS[systemCode(error)] ?? ''
    throw new DiskFileError(`${path}: cannot be opened for ${purpose}: ${describe(error)}${hint}`, { cause: error })
  }
}

const OPEN_HINTS: Readonly<Record<string, string>> = {
  EACCES: '; change its permissions, or serve it read-only',
  EPERM: '; change its permissions, or serve it read-only',
  EROFS: '; it lies on a read-only file system, serve it read-only',
  EBUSY: '; the device is mounted or in use, unmount it or serve it read-only',
}

/**
 * The size of a block device. `stat` says 0, and the ioctl that would tell is out of reach of JavaScript; Linux also
 * tells it in sysfs, other systems do not.
 */
async function blockDeviceSizeBytes(path: string, rdev: number): Promise<number> {
  if (process.platform !== 'linux') {
    throw new DiskFileError(`${path}: the size of a block device can be found out on Linux only; use a regular file`)
  }
  const { major, minor } = deviceNumbers(rdev)
  const text = await fs.promises.readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8')
  return Number(text.trim()) * SYSFS_SECTOR_BYTES
}

/** The two halves of a device number as Linux packs it: 12 bits of major between 8 low and 12 high bits of minor. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}

function describe(error: unknown): string {
  return systemCode(error) || String(error)
}
