/**
 * Holes in regular files: punched to give space back to the file system, and found to tell what takes space. Node has
 * no call for either, so one thread for the whole process makes them (`sparse-file-worker.ts`), started with the first
 * file that asks. Where that cannot be (no `node:ffi`, another system than Linux, a file system without holes),
 * `canPunchHoles` says no, and a file is served as one that takes all of its space.
 *
 * Every request is answered on a later turn of the event loop; requests are done one after the other.
 */

import { Worker } from 'node:worker_threads'
import type { AllocationMap } from './allocation-map.ts'
import type { SparseFileReply, SparseFileRequest } from './sparse-file-worker.ts'

/** Gets the system's error, with its `code`, or null. */
export type SparseFileDone = (error: Error | null) => void

/** The C library's calls take 64-bit offsets under their plain names on these. */
const IS_SYSTEM_KNOWN =
  process.platform === 'linux' && ['x64', 'arm64', 'riscv64', 'ppc64', 's390x'].includes(process.arch)

/** The worker is this file's neighbour, in TypeScript or built. */
const WORKER_URL = new URL(import.meta.url.replace(/sparse-file(\.[jt]s)$/, 'sparse-file-worker$1'))

/** `node:ffi` announces itself on the standard error as experimental. */
const WORKER_ARGS = ['--disable-warning=ExperimentalWarning']

type Unsent<R> = R extends unknown ? Omit<R, 'id'> : never
type PendingReply = (error: Error | null, reply: SparseFileReply | null) => void

class SparseFileThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, PendingReply>()
  #lastId = 0
  #failure: Error | null = null

  constructor() {
    this.#worker = new Worker(WORKER_URL, { execArgv: WORKER_ARGS })
    this.#worker.on('message', (reply: SparseFileReply) => this.#settle(reply))
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('exit', () => this.#fail(new Error('the thread for sparse files ended')))
    this.#worker.unref()
  }

  request(request: Unsent<SparseFileRequest>, replied: PendingReply): void {
    if (this.#failure !== null) {
      setImmediate(replied, this.#failure, null)
      return
    }
    this.#lastId += 1
    this.#pending.set(this.#lastId, replied)
    // The process stays for what is under way, and only for that.
    if (this.#pending.size === 1) this.#worker.ref()
    this.#worker.postMessage({ ...request, id: this.#lastId })
  }

  #settle(reply: SparseFileReply): void {
    const replied = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) this.#worker.unref()
    replied?.(reply.errorCode === null ? null : systemError(reply.errorCode), reply)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const replied of waiting) replied(this.#failure, null)
  }
}

let thread: SparseFileThread | null = null

function request(content: Unsent<SparseFileRequest>, replied: PendingReply): void {
  thread ??= new SparseFileThread()
  thread.request(content, replied)
}

/**
 * Whether holes can be punched in the file under `fd` and be found again. Asks the system by punching behind the end,
 * where nothing is, or, in a file that is open for reading only, by looking for a hole.
 */
export function canPunchHoles(fd: number, fileBytes: number, isReadOnly: boolean): Promise<boolean> {
  if (!IS_SYSTEM_KNOWN) return Promise.resolve(false)
  return new Promise((resolve) => {
    const replied: PendingReply = (error) => resolve(error === null)
    if (isReadOnly) request({ kind: 'findExtents', fd, offsetBytes: 0, byteCount: 1, extentsMax: 1 }, replied)
    else request({ kind: 'punchHole', fd, offsetBytes: fileBytes, byteCount: 4096 }, replied)
  })
}

/** Make `[offsetBytes, + byteCount)` a hole as far as it covers whole blocks of the file system, and zeroes beside them. */
export function punchHole(fd: number, offsetBytes: number, byteCount: number, done: SparseFileDone): void {
  request({ kind: 'punchHole', fd, offsetBytes, byteCount }, done)
}

/** Add the extents of `[offsetBytes, + byteCount)` to `map`, at most `extentsMax` of them. */
export function findExtents(
  fd: number,
  map: AllocationMap,
  offsetBytes: number,
  byteCount: number,
  extentsMax: number,
  done: SparseFileDone,
): void {
  request({ kind: 'findExtents', fd, offsetBytes, byteCount, extentsMax }, (error, reply) => {
    for (const extent of reply?.extents ?? []) map.add(Math.abs(extent), extent > 0)
    done(error)
  })
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}
