/**
 * The thread that makes the system calls on sparse files which Node does not have: fallocate(2) to punch holes and
 * lseek(2) to find them. They go through `node:ffi` into the C library that this process has loaded anyway, and on a
 * thread of their own, because a hole is punched only after the dirty pages in it were written, which can take as long
 * as the disk likes. Started by `sparse-file.ts`, the only one that talks to it; the descriptors are the process's.
 */

import { dlopen, getInt32 } from 'node:ffi'
import { getSystemErrorName } from 'node:util'
import { parentPort } from 'node:worker_threads'

export type SparseFileRequest = { readonly id: number; readonly fd: number } & (
  | { readonly kind: 'punchHole'; readonly offsetBytes: number; readonly byteCount: number }
  | {
      readonly kind: 'findExtents'
      readonly offsetBytes: number
      readonly byteCount: number
      readonly extentsMax: number
    }
)

/** An extent in file order: negative for so many bytes of hole, positive for so many of data. */
export type SignedByteCount = number

export interface SparseFileReply {
  readonly id: number
  /** The system's name of the error, e.g. `EOPNOTSUPP`; null for success. */
  readonly errorCode: string | null
  readonly extents: readonly SignedByteCount[]
}

/** Linux's numbers, the same on all architectures: linux/falloc.h and lseek(2). */
const FALLOC_FL_KEEP_SIZE = 0x01
const FALLOC_FL_PUNCH_HOLE = 0x02
const SEEK_DATA = 3
const SEEK_HOLE = 4

const { functions: libc } = dlopen(null, {
  fallocate: { arguments: ['i32', 'i32', 'i64', 'i64'], return: 'i32' },
  lseek: { arguments: ['i32', 'i64', 'i32'], return: 'i64' },
  __errno_location: { arguments: [], return: 'pointer' },
})

parentPort!.on('message', (request: SparseFileRequest) => {
  parentPort!.postMessage(request.kind === 'punchHole' ? punchHole(request) : findExtents(request))
})

function punchHole({ id, fd, offsetBytes, byteCount }: SparseFileRequest): SparseFileReply {
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
  const failed = libc.fallocate(fd, mode, BigInt(offsetBytes), BigInt(byteCount)) !== 0
  return { id, errorCode: failed ? lastErrorCode() : null, extents: [] }
}

function findExtents(request: SparseFileRequest & { kind: 'findExtents' }): SparseFileReply {
  const { id, fd, offsetBytes, byteCount, extentsMax } = request
  const endBytes = offsetBytes + byteCount
  const extents: SignedByteCount[] = []
  let at = offsetBytes
  let isData = seek(fd, at, SEEK_HOLE) !== at
  while (at < endBytes && extents.length < extentsMax) {
    const found = seek(fd, at, isData ? SEEK_HOLE : SEEK_DATA)
    const errorCode = found < 0 ? lastErrorCode() : null
    // No data up to the end of the file: all of the rest is one hole.
    if (errorCode !== null && (isData || errorCode !== 'ENXIO')) return { id, errorCode, extents: [] }
    const next = found < 0 ? endBytes : Math.min(found, endBytes)
    // Somebody changed the file between two questions: the kind at this place is another one by now.
    if (next > at) extents.push(isData ? next - at : at - next)
    at = next
    isData = !isData
  }
  return { id, errorCode: null, extents }
}

/** The offset of the descriptor moves, which no other call here depends on: reads and writes say where. */
function seek(fd: number, offsetBytes: number, whence: number): number {
  return Number(libc.lseek(fd, BigInt(offsetBytes), whence))
}

function lastErrorCode(): string {
  return getSystemErrorName(-getInt32(libc.__errno_location()))
}
