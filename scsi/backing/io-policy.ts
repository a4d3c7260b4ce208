/**
 * Decides, request by request, whether a file store makes its system call at once (synchronously) or through libuv's
 * thread pool. Pure: the clock and the end of the tick are injected.
 *
 * Why both. A 4 KiB read that the page cache answers takes about 2 microseconds as a synchronous call; the way through
 * the pool adds 2 to 30 microseconds of the event loop's processor time (the fewer requests share a wake-up, the more)
 * and 30 to 60 microseconds of latency. But the same call on cold data takes 80 microseconds on flash and 8
 * milliseconds on a spinning disk, a write that meets the kernel's throttling of dirty pages about as long, and
 * meanwhile nobody is served. The page cache cannot be asked, so the policy learns from what its calls cost.
 *
 * How it learns. A synchronous call is worth its copying plus the hop it saved. Each call adds that worth minus its
 * true duration to a small credit. Below zero, the direction (reads and writes are judged apart) goes to the pool and
 * the debt is paid off with `REPAYMENT_FACTOR` times as long a wait; then one request probes. So on cold disks the
 * time lost to blocking stays below 1/REPAYMENT_FACTOR of all time; a workload whose rare misses cost less than its
 * many saved hops stays synchronous; and one slow call of a spinning disk, soon after opening, is enough to leave.
 *
 * What is shared. The promise to other sessions is the process's, not one disk's: all stores draw on one
 * `SynchronousBudget`, which bounds the synchronous time of one tick and has all directions pay off their debts one
 * after the other, so that a hundred cold disks probe no more often than one.
 */

/** Microseconds from any fixed point on; fractions count. */
export type ClockUs = () => number

/** `performance.now` costs 50 nanoseconds a reading and, unlike the bigint clock, makes no garbage. */
export const monotonicClockUs: ClockUs = () => performance.now() * 1000

/**
 * The most synchronous time in one turn of the event loop. 32 hot reads of 4 KiB use a tenth of it; a queue of hot
 * 256 KiB reads fills it after twenty, and the rest goes to the pool, where the copying runs beside the sockets' work.
 */
const TICK_LIMIT_US = 1000

/**
 * What a call through the pool costs: 2.5 (32 in flight) to 30 (1 in flight) microseconds of the event loop, and 30 to
 * 60 of latency. With less than this, small writes to a journalling file system (15 to 25 a call) would not pay.
 */
const POOL_HOP_US = 30

/**
 * Expected duration of a call whose data are in memory: 2 microseconds and then 4 bytes a nanosecond. Measured: reads
 * 2, 10, 35 and 170 microseconds, writes 2 to 14, 15 to 40, 55 and 200, for 4 KiB, 64 KiB, 256 KiB and 1 MiB.
 */
const CALL_US = 2
const COPY_BYTES_PER_US = 4096

/**
 * How much luck can be saved up. A commit of the file system's journal holds up a write for milliseconds now and then;
 * after a few hundred fast calls that is no reason to leave.
 */
const CREDIT_LIMIT_US = 5000

/** One part of blocking to 32 parts of waiting: 3 %. */
const REPAYMENT_FACTOR = 32

/** A longer stall counts as this much, so that one frozen moment (a suspended machine) costs 8 seconds in the pool. */
const DEBT_LIMIT_US = 250_000

/** How long a call of `byteCount` bytes takes when it does not wait for a device. */
function expectedCallUs(byteCount: number): number {
  return CALL_US + byteCount / COPY_BYTES_PER_US
}

/** The synchronous time that all stores of a process may spend. One per process; tests make their own. */
export class SynchronousBudget {
  readonly #atEndOfTick: (callback: () => void) => void
  #spentUs = 0
  #isResetScheduled = false
  #probeNotBeforeUs = Number.NEGATIVE_INFINITY
  readonly #reset = (): void => {
    this.#spentUs = 0
    this.#isResetScheduled = false
  }

  constructor(atEndOfTick: (callback: () => void) => void) {
    this.#atEndOfTick = atEndOfTick
  }

  hasRoomFor(durationUs: number): boolean {
    return this.#spentUs + durationUs <= TICK_LIMIT_US
  }

  spend(durationUs: number): void {
    this.#spentUs += durationUs
    if (this.#isResetScheduled) return
    this.#isResetScheduled = true
    this.#atEndOfTick(this.#reset)
  }

  mayProbe(nowUs: number): boolean {
    return nowUs >= this.#probeNotBeforeUs
  }

  /** A direction went into debt: nobody probes until it is paid off, after the debts before it. */
  repay(nowUs: number, debtUs: number): void {
    const fromUs = Math.max(nowUs, this.#probeNotBeforeUs)
    this.#probeNotBeforeUs = fromUs + Math.min(debtUs, DEBT_LIMIT_US) * REPAYMENT_FACTOR
  }
}

/** The reads, or the writes, of one store. */
export class DirectionPolicy {
  readonly #clockUs: ClockUs
  readonly #budget: SynchronousBudget
  #creditUs = 0
  #isPooled = false

  constructor(clockUs: ClockUs, budget: SynchronousBudget) {
    this.#clockUs = clockUs
    this.#budget = budget
  }

  /** Whether the next call, of `byteCount` bytes, is to be synchronous. The caller then reports it with `called`. */
  isSynchronous(byteCount: number): boolean {
    if (!this.#budget.hasRoomFor(expectedCallUs(byteCount))) return false
    return !this.#isPooled || this.#budget.mayProbe(this.#clockUs())
  }

  /** A synchronous call of `byteCount` bytes lasted from `startUs` to `endUs`. */
  called(byteCount: number, startUs: number, endUs: number): void {
    const durationUs = endUs - startUs
    this.#budget.spend(durationUs)
    const creditUs = this.#creditUs + POOL_HOP_US + expectedCallUs(byteCount) - durationUs
    this.#isPooled = creditUs < 0
    this.#creditUs = this.#isPooled ? 0 : Math.min(creditUs, CREDIT_LIMIT_US)
    if (this.#isPooled) this.#budget.repay(endUs, -creditUs)
  }
}

/** The two directions of one store. */
export interface IoPolicy {
  readonly read: Pick<DirectionPolicy, 'isSynchronous' | 'called'>
  readonly write: Pick<DirectionPolicy, 'isSynchronous' | 'called'>
}

const processBudget = new SynchronousBudget(setImmediate)

/** The policy for a new store: adaptive, drawing on the process's budget unless told otherwise. */
export function adaptiveIoPolicy(clockUs: ClockUs = monotonicClockUs, budget = processBudget): IoPolicy {
  return { read: new DirectionPolicy(clockUs, budget), write: new DirectionPolicy(clockUs, budget) }
}

/** Every call through the pool. */
export const POOLED_IO: IoPolicy = fixedIoPolicy(false)

/** Every call at once, whatever it costs: for files that are certainly in memory, and for measuring. */
export const SYNCHRONOUS_IO: IoPolicy = fixedIoPolicy(true)

function fixedIoPolicy(isSynchronous: boolean): IoPolicy {
  const direction = { isSynchronous: () => isSynchronous, called: () => {} }
  return { read: direction, write: direction }
}
