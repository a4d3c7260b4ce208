/**
 * A disk in a regular file (sparse or not) or a block device: byte n of the disk is byte n of the file.
 *
 * Reads and writes go to the system's page cache by the call that `io-policy.ts` chooses; no byte is copied on the way.
 * The page cache is volatile, which `capabilities` say, and `flush` is fdatasync. Force unit access is a write and
 * then a share in the next coalesced fdatasync. After a failed fdatasync (see `flush-coalescer.ts`) every flush, every
 * write with force unit access and the close answer `io` until the store is opened again; reads and other writes go
 * on, since they promise nothing about the medium.
 *
 * Sparse files stay sparse: `writeZeroes` leaves alone what reads as zeroes already, and with `mayUnmap` it punches a hole
 * where the system can (`sparse-file.ts`; elsewhere `thin` is false). A hole is a change of the file like a write: the
 * one that a write follows is gone, the one that follows a write stays, and a flush makes it durable. What takes space
 * is asked from the file system every time, so that nothing of it has to be remembered or can be wrong.
 *
 * Ranges are checked by `checked.ts`, which wraps every store: without it, a write behind the end would grow the file.
 */

import type { AllocationMap } from './allocation-map.ts'
import { backingError, closedError, isTransient, isUnsupported, readOnlyError, systemError } from './backing-errors.ts'
import type { BackingCapabilities, BackingDone, BackingError, BackingSpace, BackingStore } from './backing-store.ts'
import { type DiskFile, type DiskFileOptions, openDiskFile } from './disk-file.ts'
import { type FileDone, type FileOperations, NODE_FILE_OPERATIONS } from './file-operations.ts'
import { FlushCoalescer } from './flush-coalescer.ts'
import { adaptiveIoPolicy, type ClockUs, type IoPolicy, monotonicClockUs } from './io-policy.ts'
import { byteLengthOf, sliceVector } from './iovec.ts'
import { OperationGate } from './operation-gate.ts'

export interface RawFileOptions extends DiskFileOptions {
  /** Default: adaptive, sharing the process's budget. */
  readonly policy?: IoPolicy
  /** Default: `node:fs`. Tests put a misbehaving file system here. */
  readonly operations?: FileOperations
}

/** How often a call may move nothing, one time after the other, before that counts as an error. */
const IDLE_CALLS_MAX = 100

/** What `optimalIoBytes` is at least: the page cache works in pages. */
const PAGE_BYTES = 4096

/** `writeZeroes` works in pieces of this size, and leaves a piece alone if all of it is zeroes already. */
const ZERO_PIECE_BYTES = 256 * 1024
const ZEROES = Buffer.alloc(ZERO_PIECE_BYTES)

/**
 * A hole is punched in pieces of this size, so that disks take turns at the one thread that does it. The system writes
 * dirty pages out before it drops them; 1 GiB that was in memory and clean took ext4 0.1 to 0.4 seconds, 4 KiB up to 2
 * milliseconds.
 */
const HOLE_PIECE_BYTES = 64 * 1024 * 1024

/** Reading, or writing: the calls, and who decides between them. */
interface Direction {
  readonly name: 'read' | 'write'
  readonly policy: IoPolicy['read']
  readonly now: (fd: number, buffers: readonly Buffer[], offsetBytes: number) => number
  readonly later: (fd: number, buffers: readonly Buffer[], offsetBytes: number, done: FileDone) => void
}

/** One request on its way through the pool, in as many calls as the system makes of it. */
interface Transfer {
  readonly direction: Direction
  readonly buffers: readonly Buffer[]
  readonly offsetBytes: number
  readonly byteCount: number
  readonly done: BackingDone
  movedBytes: number
  /** Calls in a row that moved nothing. */
  idleCalls: number
}

/** Opens `path` as a store. Rejects with `DiskFileError` (see `disk-file.ts` for what is allowed). */
export async function openRawFile(path: string, options: RawFileOptions = {}): Promise<RawFileStore> {
  const file = await openDiskFile(path, options)
  const operations = options.operations ?? NODE_FILE_OPERATIONS
  const isReadOnly = options.isReadOnly ?? false
  const isThin = !file.isBlockDevice && (await operations.canPunchHoles(file.fd, file.sizeBytes, isReadOnly))
  return new RawFileStore(file, { isReadOnly, isThin }, operations, options.policy ?? adaptiveIoPolicy())
}

export class RawFileStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  #sizeBytes: number
  readonly #file: DiskFile
  readonly #operations: FileOperations
  readonly #clockUs: ClockUs = monotonicClockUs
  readonly #reading: Direction
  readonly #writing: Direction
  readonly #gate = new OperationGate()
  readonly #flusher: FlushCoalescer

  /** Takes over `file.fd` and closes it in `close`. */
  constructor(
    file: DiskFile,
    { isReadOnly, isThin }: { readonly isReadOnly: boolean; readonly isThin: boolean },
    operations: FileOperations,
    policy: IoPolicy,
  ) {
    this.#file = file
    this.#operations = operations
    this.#sizeBytes = file.sizeBytes
    this.capabilities = {
      readOnly: isReadOnly,
      volatileWriteCache: !isReadOnly,
      thin: isThin,
      optimalIoBytes: powerOfTwoAtLeast(Math.max(file.preferredIoBytes, PAGE_BYTES)),
    }
    this.#reading = { name: 'read', policy: policy.read, now: operations.readSync, later: operations.read }
    this.#writing = { name: 'write', policy: policy.write, now: operations.writeSync, later: operations.write }
    this.#flusher = new FlushCoalescer((done) => this.#sync(done))
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('readv'))
    else this.#transfer(this.#reading, buffers, offsetBytes, done)
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    const refusal = this.#refuseChange('writev')
    if (refusal !== null) done(refusal)
    else if (forceUnitAccess) this.#writeThrough(buffers, offsetBytes, done)
    else this.#transfer(this.#writing, buffers, offsetBytes, done)
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    const refusal = this.#refuseChange('writeZeroes')
    if (refusal !== null) done(refusal)
    else if (mayUnmap) this.#punchHoles(offsetBytes, offsetBytes + byteCount, this.#gate.begin(done))
    else this.#writeZeroes(offsetBytes, byteCount, this.#gate.begin(done))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    if (this.#gate.isClosed) {
      done(closedError('readAllocation'))
    } else if (this.capabilities.thin) {
      const finish = this.#gate.begin(done)
      this.#operations.findExtents(this.#file.fd, map, offsetBytes, byteCount, map.room, (cause) =>
        finish(cause === null ? null : systemError('read', this.#place(offsetBytes, byteCount), cause)),
      )
    } else {
      map.add(byteCount, true)
      done(null)
    }
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('readSpace'))
    else this.#readSpace(space, this.#gate.begin(done))
  }

  resize(sizeBytes: number, done: BackingDone): void {
    const refusal = this.#refuseChange('resize')
    if (refusal !== null) done(refusal)
    else if (this.#file.isBlockDevice) done(backingError('unsupported', `${this.#file.path} is a block device`))
    else this.#resize(sizeBytes, this.#gate.begin(done))
  }

  flush(done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('flush'))
    else this.#syncIfWritable(this.#gate.begin(done))
  }

  close(done: BackingDone): void {
    if (this.#gate.isClosed) {
      done(closedError('close'))
    } else {
      this.#gate.close(() => this.#syncIfWritable((syncError) => this.#release(syncError, done)))
    }
  }

  /** The new size is as durable as what will be written behind the old one. */
  #resize(sizeBytes: number, done: BackingDone): void {
    this.#operations.truncate(this.#file.fd, sizeBytes, (cause) => {
      if (cause !== null) {
        done(systemError('write', `${this.#file.path} to ${sizeBytes} bytes`, cause))
        return
      }
      this.#sizeBytes = sizeBytes
      this.#flusher.request(done)
    })
  }

  #release(syncError: BackingError | null, done: BackingDone): void {
    this.#operations.close(this.#file.fd, (cause) => {
      done(syncError ?? (cause === null ? null : systemError('close', this.#file.path, cause)))
    })
  }

  #refuseChange(operation: string): BackingError | null {
    if (this.#gate.isClosed) return closedError(operation)
    return this.capabilities.readOnly ? readOnlyError(operation) : null
  }

  /** One call at once if the policy says so; the pool does the whole, or what that call left. */
  #transfer(direction: Direction, buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    const byteCount = byteLengthOf(buffers)
    if (!direction.policy.isSynchronous(byteCount)) {
      this.#transferPooled(direction, buffers, offsetBytes, byteCount, 0, done)
      return
    }
    const startUs = this.#clockUs()
    let movedBytes = 0
    let failure: unknown = null
    try {
      movedBytes = direction.now(this.#file.fd, buffers, offsetBytes)
    } catch (cause) {
      failure = isTransient(cause) ? null : cause
    }
    direction.policy.called(byteCount, startUs, this.#clockUs())
    if (failure !== null) done(systemError(direction.name, this.#place(offsetBytes, byteCount), failure))
    else if (movedBytes === byteCount) done(null)
    else this.#transferPooled(direction, buffers, offsetBytes, byteCount, movedBytes, done)
  }

  /** Bytes `[movedBytes, byteCount)` of the request through the pool. */
  #transferPooled(
    direction: Direction,
    buffers: readonly Buffer[],
    offsetBytes: number,
    byteCount: number,
    movedBytes: number,
    done: BackingDone,
  ): void {
    this.#step({ direction, buffers, offsetBytes, byteCount, movedBytes, idleCalls: 0, done: this.#gate.begin(done) })
  }

  #step(transfer: Transfer): void {
    const { direction, buffers, offsetBytes, byteCount, movedBytes, done } = transfer
    const rest = movedBytes === 0 ? buffers : sliceVector(buffers, movedBytes)
    direction.later(this.#file.fd, rest, offsetBytes + movedBytes, (cause, stepBytes) => {
      if (cause !== null && !isTransient(cause)) {
        return done(systemError(direction.name, this.#place(offsetBytes, byteCount), cause))
      }
      const isIdle = cause !== null || stepBytes === 0
      if (cause === null) transfer.movedBytes += stepBytes
      transfer.idleCalls = isIdle ? transfer.idleCalls + 1 : 0
      if (transfer.movedBytes === byteCount) return done(null)
      const isAtEndOfFile = direction.name === 'read' && cause === null && isIdle
      if (isAtEndOfFile || transfer.idleCalls > IDLE_CALLS_MAX) return done(this.#stuckError(transfer, isAtEndOfFile))
      this.#step(transfer)
    })
  }

  /** A read that gets nothing has reached the end of a file that was longer when it was opened. */
  #stuckError({ direction, offsetBytes, movedBytes }: Transfer, isAtEndOfFile: boolean): BackingError {
    const reason = isAtEndOfFile ? `the file no longer has its ${this.sizeBytes} bytes` : 'the system moves no bytes'
    return backingError('io', `${direction.name} ${this.#file.path} at byte ${offsetBytes + movedBytes}: ${reason}`)
  }

  /** Force unit access: no write that could not be made durable is begun. */
  #writeThrough(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    if (this.#flusher.failure !== null) {
      done(this.#flusher.failure)
      return
    }
    const finish = this.#gate.begin(done)
    this.#transfer(this.#writing, buffers, offsetBytes, (error) => {
      if (error !== null) finish(error)
      else this.#flusher.request(finish)
    })
  }

  /** Punches `[atBytes, endBytes)` piece by piece; writes zeroes where the file system refuses that after all. */
  #punchHoles(atBytes: number, endBytes: number, done: BackingDone): void {
    const byteCount = Math.min(HOLE_PIECE_BYTES, endBytes - atBytes)
    this.#operations.punchHole(this.#file.fd, atBytes, byteCount, (cause) => {
      if (cause !== null && isTransient(cause)) this.#punchHoles(atBytes, endBytes, done)
      else if (cause !== null && isUnsupported(cause)) this.#writeZeroes(atBytes, endBytes - atBytes, done)
      else if (cause !== null) done(systemError('write', this.#place(atBytes, byteCount), cause))
      else if (atBytes + byteCount === endBytes) done(null)
      else this.#punchHoles(atBytes + byteCount, endBytes, done)
    })
  }

  /** A block device is all taken, by whoever made it. */
  #readSpace(space: BackingSpace, done: BackingDone): void {
    const { fd, path, isBlockDevice } = this.#file
    this.#operations.allocatedBytes(fd, (usedCause, usedBytes) => {
      this.#operations.availableBytes(path, (availableCause, availableBytes) => {
        space.usedBytes = isBlockDevice ? this.sizeBytes : usedBytes
        space.availableBytes = isBlockDevice ? 0 : availableBytes
        const cause = usedCause ?? availableCause
        done(cause === null ? null : systemError('read', path, cause))
      })
    })
  }

  #writeZeroes(offsetBytes: number, byteCount: number, done: BackingDone): void {
    this.#operations.allocatedBytes(this.#file.fd, (cause, allocatedBytes) => {
      if (cause !== null) return done(systemError('write', this.#place(offsetBytes, byteCount), cause))
      const mayHaveHoles = !this.#file.isBlockDevice && allocatedBytes < this.sizeBytes
      const scratch = mayHaveHoles ? Buffer.alloc(Math.min(byteCount, ZERO_PIECE_BYTES)) : null
      this.#zeroPieces(offsetBytes, offsetBytes + byteCount, scratch, done)
    })
  }

  /**
   * Zeroes `[atBytes, endBytes)` piece by piece, always through the pool: it may be the whole disk. With `scratch`,
   * looks before it writes, so that holes stay holes.
   */
  #zeroPieces(atBytes: number, endBytes: number, scratch: Buffer | null, done: BackingDone): void {
    const pieceBytes = Math.min(ZERO_PIECE_BYTES, endBytes - atBytes)
    const zeroes = ZEROES.subarray(0, pieceBytes)
    const goOn: BackingDone = (error) => {
      if (error !== null || atBytes + pieceBytes === endBytes) done(error)
      else this.#zeroPieces(atBytes + pieceBytes, endBytes, scratch, done)
    }
    const write = () => this.#transferPooled(this.#writing, [zeroes], atBytes, pieceBytes, 0, goOn)
    if (scratch === null) {
      write()
    } else {
      const seen = scratch.subarray(0, pieceBytes)
      this.#transferPooled(this.#reading, [seen], atBytes, pieceBytes, 0, (error) => {
        if (error === null && seen.equals(zeroes)) goOn(null)
        else write()
      })
    }
  }

  /** Read-only, nothing of ours can be dirty, and some systems refuse to sync such a descriptor. */
  #syncIfWritable(done: BackingDone): void {
    if (this.capabilities.readOnly) done(null)
    else this.#flusher.request(done)
  }

  #sync(done: BackingDone): void {
    this.#operations.dataSync(this.#file.fd, (cause) => {
      done(cause === null ? null : systemError('sync', this.#file.path, cause))
    })
  }

  #place(offsetBytes: number, byteCount: number): string {
    return `${this.#file.path} bytes ${offsetBytes} to ${offsetBytes + byteCount - 1}`
  }
}

function powerOfTwoAtLeast(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}
