/**
 * Who may work on which blocks while a command changes some of them as one uninterrupted action (COMPARE AND WRITE, WRITE
 * ATOMIC, ORWRITE; SBC-4). Such a command acquires its range when it has everything that it needs from its initiator, and
 * waits until nobody else works there:
 * - a command that acquired an overlapping range before, or waits for one, goes first;
 * - an ordinary command that has begun, and whose CDB says that it touches these blocks, ends first.
 * An ordinary command that begins later waits in turn. So the order is that of arrival, nobody is overtaken for ever, and
 * nobody waits for one that waits for him: those who have begun never wait here any more.
 *
 * Ordinary commands are not registered. While nobody holds or wants a range they pay for one comparison of `size`; what
 * has begun is read from the task set when somebody wants a range, which is rare.
 */

import type { Command } from './command.ts'
import type { TaskSet } from './task-set.ts'

export interface ByteRange {
  readonly offsetBytes: number
  readonly byteCount: number
}

/** What a command touches: a range, everything because its CDB does not say, or nothing. */
export type TouchedBytes = ByteRange | 'all' | null

interface Claim {
  /** Null for the copy manager's own writes. */
  readonly command: Command | null
  readonly touched: ByteRange | 'all'
  /** A lock stays until it is released; an ordinary command only passes through. */
  readonly isLock: boolean
  readonly granted: () => void
  /** A lock that nobody in front of it stops any more: it has its range, or has it when those who have begun end. */
  isNext: boolean
}

export class BlockRangeLocks {
  readonly #taskSet: TaskSet
  readonly #touchedBy: (command: Command) => TouchedBytes
  /** In order of arrival: locks that are held, locks that are wanted, ordinary commands that wait. */
  #claims: Claim[] = []
  #isSettling = false
  #mustSettleAgain = false

  /** `touchedBy` says what an ordinary command that has begun touches; null for one that never does. */
  constructor(taskSet: TaskSet, touchedBy: (command: Command) => TouchedBytes) {
    this.#taskSet = taskSet
    this.#touchedBy = touchedBy
  }

  /** Claims that are held or waited for. Zero means that ordinary commands need not ask. */
  get size(): number {
    return this.#claims.length
  }

  /**
   * Acquire a range for `command`; `granted` comes once it is the only one there, possibly before this call returns.
   * It has the range, or waits for it, until it ends.
   */
  acquire(command: Command, range: ByteRange, granted: () => void): void {
    const claim = newClaim(command, range, true, granted)
    this.#claims.push(claim)
    this.#taskSet.whenEnded(
      (other) => other === command,
      () => this.#withdraw(claim),
    )
    this.#settle()
  }

  /** Acquire a range for work that is no command of this task set, until it calls `release`. */
  acquireForCopy(range: ByteRange, granted: (release: () => void) => void): void {
    const claim: Claim = newClaim(null, range, true, () => granted(() => this.#withdraw(claim)))
    this.#claims.push(claim)
    this.#settle()
  }

  /** The command goes on without the ranges that it has. */
  release(command: Command): void {
    for (const claim of this.#claims.filter((candidate) => candidate.command === command)) this.#withdraw(claim)
  }

  /** Whether an ordinary command must wait before it begins. */
  holdsUp(command: Command): boolean {
    const touched = this.#touchedBy(command)
    return touched !== null && this.#claims.some((claim) => overlaps(claim.touched, touched))
  }

  /** Let a command that is held up begin when it may: `begin` comes then, unless it is released before. */
  waitToBegin(command: Command, begin: () => void): void {
    this.#claims.push(newClaim(command, this.#touchedBy(command) ?? 'all', false, begin))
  }

  #withdraw(claim: Claim): void {
    const at = this.#claims.indexOf(claim)
    if (at < 0) return
    this.#claims.splice(at, 1)
    this.#settle()
  }

  /** Grants what can be granted. A loop, because who is granted something may release it at once. */
  #settle(): void {
    this.#mustSettleAgain = true
    if (this.#isSettling) return
    this.#isSettling = true
    try {
      while (this.#mustSettleAgain) {
        this.#mustSettleAgain = false
        this.#grantNext()
      }
    } finally {
      this.#isSettling = false
    }
  }

  #grantNext(): void {
    const claim = this.#claims.find((candidate, at) => this.#mayGoOn(candidate, at))
    if (claim === undefined) return
    this.#mustSettleAgain = true
    if (!claim.isLock) {
      this.#claims.splice(this.#claims.indexOf(claim), 1)
      claim.granted()
      return
    }
    claim.isNext = true
    this.#taskSet.whenEnded(
      (command) => this.#hasBegunIn(claim, command),
      () => {
        if (this.#claims.includes(claim)) claim.granted()
      },
    )
  }

  #mayGoOn(claim: Claim, at: number): boolean {
    if (claim.isNext) return false
    return !this.#claims.some(
      (earlier, index) => index < at && (earlier.isLock || claim.isLock) && overlaps(earlier.touched, claim.touched),
    )
  }

  /** An ordinary command that has begun, ends some day without our help, and touches the claim's blocks. */
  #hasBegunIn(claim: Claim, command: Command): boolean {
    if (command === claim.command || this.#claims.some((other) => other.command === command)) return false
    const touched = this.#touchedBy(command)
    return touched !== null && overlaps(touched, claim.touched)
  }
}

function newClaim(command: Command | null, touched: ByteRange | 'all', isLock: boolean, granted: () => void): Claim {
  return { command, touched, isLock, granted, isNext: false }
}

function overlaps(a: ByteRange | 'all', b: ByteRange | 'all'): boolean {
  if (a === 'all' || b === 'all') return true
  return a.offsetBytes < b.offsetBytes + b.byteCount && b.offsetBytes < a.offsetBytes + a.byteCount
}
