/**
 * Memory that sockets receive into, used again and again: a fresh buffer for each read would cost more than the read, in
 * page faults and garbage collection. A buffer is free when nobody holds it; views of it (data segments) are valid as
 * long as their holder holds it. The socket that fills a buffer holds it, the reader holds it for a PDU whose data lies
 * in it, and a task takes these holds over until its data is consumed.
 */

export class ReceiveBuffer {
  readonly memory: Buffer
  readonly #pool: ReceiveBufferPool
  #holdCount = 0

  constructor(pool: ReceiveBufferPool, byteCount: number) {
    this.#pool = pool
    this.memory = Buffer.allocUnsafeSlow(byteCount)
  }

  /** Somebody besides the one who took it holds it. */
  get isShared(): boolean {
    return this.#holdCount > 1
  }

  hold(): void {
    this.#holdCount++
  }

  /** Errors: throws when nobody held it, which is a mistake of ours. */
  release(): void {
    if (this.#holdCount === 0) throw new Error('a receive buffer was released more often than it was held')
    if (--this.#holdCount === 0) this.#pool.giveBack(this)
  }
}

/** Sizes that sockets read with: most commands fit the first, streams of data fill the second. */
export const RECEIVE_BUFFER_BYTES = { small: 16 * 1024, large: 256 * 1024 } as const

export class ReceiveBufferPool {
  readonly #free = new Map<number, ReceiveBuffer[]>()
  readonly #keptBytesMax: number
  #keptBytes = 0
  #takenCount = 0

  /** `keptBytesMax`: how much idle memory is kept; the rest is left to the garbage collector. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax
  }

  /** Buffers that are out at the moment. */
  get takenCount(): number {
    return this.#takenCount
  }

  /** A buffer of `byteCount` bytes, held once. */
  take(byteCount: number): ReceiveBuffer {
    this.#takenCount++
    const idle = this.#free.get(byteCount)?.pop()
    if (idle !== undefined) this.#keptBytes -= byteCount
    const buffer = idle ?? new ReceiveBuffer(this, byteCount)
    buffer.hold()
    return buffer
  }

  /** Called by a buffer that nobody holds any more. */
  giveBack(buffer: ReceiveBuffer): void {
    this.#takenCount--
    const byteCount = buffer.memory.length
    if (this.#keptBytes + byteCount > this.#keptBytesMax) return
    this.#keptBytes += byteCount
    const free = this.#free.get(byteCount)
    if (free === undefined) this.#free.set(byteCount, [buffer])
    else free.push(buffer)
  }
}
