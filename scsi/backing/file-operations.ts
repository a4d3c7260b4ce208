/**
 * The system calls of the raw file store, and the place where tests put a misbehaving file system. Buffers are given
 * as vectors; a vector of one takes the plain call, which is cheaper. Node and the system may move fewer bytes than
 * asked (a signal, the end of the file, more buffers than IOV_MAX): callers go on from there.
 */

import * as fs from 'node:fs'
import type { AllocationMap } from './allocation-map.ts'
import { canPunchHoles, findExtents, punchHole, type SparseFileDone } from './sparse-file.ts'

/** Units: the count of bytes moved, which means nothing beside an error. */
export type FileDone = (error: Error | null, byteCount: number) => void

export interface FileOperations {
  /** Throws the system's error. */
  readSync(fd: number, buffers: readonly Buffer[], offsetBytes: number): number
  /** Throws the system's error. */
  writeSync(fd: number, buffers: readonly Buffer[], offsetBytes: number): number
  read(fd: number, buffers: readonly Buffer[], offsetBytes: number, done: FileDone): void
  write(fd: number, buffers: readonly Buffer[], offsetBytes: number, done: FileDone): void
  /** The space that the file takes on its file system, in bytes: less than its size if it has holes. */
  allocatedBytes(fd: number, done: FileDone): void
  /** The space that the file system at `path` has left for us, in bytes. */
  availableBytes(path: string, done: FileDone): void
  /** Whether the next two work on the file. */
  canPunchHoles(fd: number, fileBytes: number, isReadOnly: boolean): Promise<boolean>
  /** Zeroes for ever, whose whole blocks take no space any more. */
  punchHole(fd: number, offsetBytes: number, byteCount: number, done: SparseFileDone): void
  /** Adds at most `extentsMax` extents of the range to `map`. */
  findExtents(
    fd: number,
    map: AllocationMap,
    offsetBytes: number,
    byteCount: number,
    extentsMax: number,
    done: SparseFileDone,
  ): void
  /** Makes the file so long; what is new reads as zeroes. */
  truncate(fd: number, sizeBytes: number, done: (error: Error | null) => void): void
  /** Data, and what is needed to find them again, are durable afterwards. */
  dataSync(fd: number, done: (error: Error | null) => void): void
  close(fd: number, done: (error: Error | null) => void): void
}

/** POSIX counts `st_blocks` in 512 bytes, whatever the file system's block size. */
const STAT_BLOCK_BYTES = 512

export const NODE_FILE_OPERATIONS: FileOperations = {
  readSync(fd, buffers, offsetBytes) {
    if (buffers.length > 1) return fs.readvSync(fd, buffers, offsetBytes)
    return fs.readSync(fd, buffers[0]!, 0, buffers[0]!.length, offsetBytes)
  },
  writeSync(fd, buffers, offsetBytes) {
    if (buffers.length > 1) return fs.writevSync(fd, buffers, offsetBytes)
    return fs.writeSync(fd, buffers[0]!, 0, buffers[0]!.length, offsetBytes)
  },
  read(fd, buffers, offsetBytes, done) {
    if (buffers.length > 1) fs.readv(fd, buffers, offsetBytes, done)
    else fs.read(fd, buffers[0]!, 0, buffers[0]!.length, offsetBytes, done)
  },
  write(fd, buffers, offsetBytes, done) {
    if (buffers.length > 1) fs.writev(fd, buffers, offsetBytes, done)
    else fs.write(fd, buffers[0]!, 0, buffers[0]!.length, offsetBytes, done)
  },
  allocatedBytes(fd, done) {
    fs.fstat(fd, (error, stats) => done(error, error === null ? stats.blocks * STAT_BLOCK_BYTES : 0))
  },
  availableBytes(path, done) {
    fs.statfs(path, (error, stats) => done(error, error === null ? stats.bavail * stats.bsize : 0))
  },
  canPunchHoles,
  punchHole,
  findExtents,
  truncate: fs.ftruncate,
  dataSync: fs.fdatasync,
  close: fs.close,
}
