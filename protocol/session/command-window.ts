/**
 * The command window of a session (RFC 7143 4.2.2.1): which CmdSN is due, which may come, and what waits for a gap to
 * be filled. Requests are handed out strictly in CmdSN order; ExpCmdSN never has a hole behind it, MaxCmdSN never goes
 * back, and MaxCmdSN - ExpCmdSN + 1 plus the commands that are out never exceeds the width.
 */

import { isSerialLess, isSerialLessOrEqual, serialAdd } from '../serial.ts'

/** What a non-immediate request's CmdSN means: take it now, keep it until its turn, or ignore it. */
export type Admission = 'deliver' | 'hold' | 'ignore'

/** A request that waits for its turn. */
interface HeldRequest {
  /** Whom it belongs to: the connection that brought it, null for a CmdSN that only counts as received. */
  readonly owner: object | null
  readonly deliver: () => void
}

interface ReachWaiter {
  readonly cmdSN: number
  readonly reached: () => void
}

export class CommandWindow {
  #expCmdSN: number
  #maxCmdSN: number
  #announcedMaxCmdSN: number
  /** What waits for its turn, by CmdSN. At most as many as the window is wide. */
  readonly #held = new Map<number, HeldRequest>()
  #reachWaiters: ReachWaiter[] = []
  #isDelivering = false

  /** `firstCmdSN`: the CmdSN of the leading Login Request, which the first command uses too. */
  constructor(firstCmdSN: number, width: number) {
    this.#expCmdSN = firstCmdSN
    this.#maxCmdSN = serialAdd(firstCmdSN, width - 1)
    this.#announcedMaxCmdSN = this.#maxCmdSN
  }

  get expCmdSN(): number {
    return this.#expCmdSN
  }

  get maxCmdSN(): number {
    return this.#maxCmdSN
  }

  /** The window has opened since the initiator was last told. */
  get hasOpened(): boolean {
    return this.#maxCmdSN !== this.#announcedMaxCmdSN
  }

  /** The same, and what the initiator was told left room for no command. */
  get hasReopened(): boolean {
    return this.hasOpened && serialAdd(this.#announcedMaxCmdSN, 1) === this.#expCmdSN
  }

  /** MaxCmdSN for a PDU that goes out. */
  announceMaxCmdSN(): number {
    this.#announcedMaxCmdSN = this.#maxCmdSN
    return this.#maxCmdSN
  }

  /** Judge the CmdSN of a non-immediate request. `deliver` has consumed it: the caller now runs the request. */
  admit(cmdSN: number): Admission {
    if (cmdSN === this.#expCmdSN && isSerialLessOrEqual(cmdSN, this.#maxCmdSN)) {
      this.#expCmdSN = serialAdd(cmdSN, 1)
      return 'deliver'
    }
    return this.contains(cmdSN) && !this.#held.has(cmdSN) ? 'hold' : 'ignore'
  }

  /** True when `cmdSN` lies in the window: not delivered yet and not beyond MaxCmdSN. */
  contains(cmdSN: number): boolean {
    return isSerialLessOrEqual(this.#expCmdSN, cmdSN) && isSerialLessOrEqual(cmdSN, this.#maxCmdSN)
  }

  /** Keep a request of `owner` that `admit` said to hold; `deliver` runs when its turn has come. */
  hold(cmdSN: number, owner: object, deliver: () => void): void {
    this.#held.set(cmdSN, { owner, deliver })
  }

  /** Drop the request that is held for a CmdSN, which then counts as not received. Says whether there was one. */
  discard(cmdSN: number): boolean {
    return this.#held.delete(cmdSN)
  }

  /** Drop every request that is held for `owner`; their CmdSNs count as not received (RFC 7143 11.14). */
  discardHeldBy(owner: object): void {
    for (const [cmdSN, held] of this.#held) if (held.owner === owner) this.#held.delete(cmdSN)
  }

  /** Run what has become due. The caller calls it after it ran a delivered request. */
  deliverHeld(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    for (;;) {
      // What waits for the commands so far comes before those behind them.
      if (this.#reachWaiters.length > 0) this.#wakeReachWaiters()
      const held = this.#held.get(this.#expCmdSN)
      if (held === undefined) break
      this.#held.delete(this.#expCmdSN)
      this.#expCmdSN = serialAdd(this.#expCmdSN, 1)
      held.deliver()
    }
    this.#isDelivering = false
  }

  /**
   * Count a CmdSN of the window as received although its request never came, or drop the request that is held for it
   * (RFC 7143 11.6.1 b).
   */
  plug(cmdSN: number): void {
    if (!this.contains(cmdSN)) return
    this.#held.set(cmdSN, { owner: null, deliver: () => this.release() })
    this.deliverHeld()
  }

  /** The same for every CmdSN before `cmdSN` whose request has not come (RFC 7143 4.2.3.3 b). */
  plugUpTo(cmdSN: number): void {
    if (!this.contains(serialAdd(cmdSN, -1))) return
    for (let missing = this.#expCmdSN; missing !== cmdSN; missing = serialAdd(missing, 1)) {
      if (!this.#held.has(missing)) this.#held.set(missing, { owner: null, deliver: () => this.release() })
    }
    this.deliverHeld()
  }

  /** A request has come for this CmdSN and waits for its turn. */
  isHolding(cmdSN: number): boolean {
    const held = this.#held.get(cmdSN)
    return held !== undefined && held.owner !== null
  }

  /** Call `reached` as soon as every CmdSN before `cmdSN` has been delivered; at once when that is so already. */
  whenReached(cmdSN: number, reached: () => void): void {
    if (!isSerialLess(this.#expCmdSN, cmdSN) || !this.contains(serialAdd(cmdSN, -1))) reached()
    else this.#reachWaiters.push({ cmdSN, reached })
  }

  /** A delivered request is finished: the initiator may send one more. */
  release(): void {
    this.#maxCmdSN = serialAdd(this.#maxCmdSN, 1)
  }

  /** Forget everything that waits; the session has ended. */
  clear(): void {
    this.#held.clear()
    this.#reachWaiters = []
  }

  #wakeReachWaiters(): void {
    const waiters = this.#reachWaiters
    this.#reachWaiters = waiters.filter((waiter) => isSerialLess(this.#expCmdSN, waiter.cmdSN))
    for (const waiter of waiters) if (!isSerialLess(this.#expCmdSN, waiter.cmdSN)) waiter.reached()
  }
}
