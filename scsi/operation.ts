/**
 * A command's work that goes on after its handler returned: backing I/O in flight, Data-In under way, Data-Out to
 * come. Subclasses say what to do next in `advance`; this class keeps the rules that all of them share:
 * - the command ends exactly once, and only when none of its backing I/O is in flight, so that nothing of an ended or
 *   aborted command can still reach the medium;
 * - callbacks from the store and the transport may come at once, inside the call that asked for them: they note what
 *   happened and call `step`, which loops instead of recursing;
 * - an exception becomes INTERNAL TARGET FAILURE for this command.
 */

import type { AllocationMap } from './backing/allocation-map.ts'
import type { BackingDone, BackingError, BackingSpace } from './backing/backing-store.ts'
import { type Command, type RunningOperation, STATUS, type Status } from './command.ts'
import { checkCondition, completeGood, completeWithStatus, endAborted } from './completion.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { type SenseData, senseOf, senseOfBackingError } from './sense.ts'
import { SENSE } from './sense-codes.ts'
import type { DataOutSink } from './transport-services.ts'

export abstract class Operation implements RunningOperation {
  protected readonly command: Command
  protected readonly logicalUnit: LogicalUnit
  /** Data transferred so far, from which the residual derives if the command fails. */
  protected transferredBytes = 0
  #ioInFlight = 0
  #failure: SenseData | null = null
  #isFinished = false
  #status: Status = STATUS.GOOD
  #hasEnded = false
  /** Something was written that may sit in the store's volatile cache. */
  #hasCachedWrites = false
  #isStepping = false
  #mustStepAgain = false

  constructor(command: Command, logicalUnit: LogicalUnit) {
    this.command = command
    this.logicalUnit = logicalUnit
    command.operation = this
  }

  /** Start what can be started now, given what has happened so far; called again after each `step`. */
  protected abstract advance(): void

  abort(): void {
    this.#settle()
  }

  /** Something happened: go on. */
  protected step(): void {
    if (this.#isStepping) {
      this.#mustStepAgain = true
      return
    }
    this.#isStepping = true
    do {
      this.#mustStepAgain = false
      try {
        if (!this.isStopping) this.advance()
      } catch (error) {
        this.failInternally(error)
      }
    } while (this.#mustStepAgain)
    this.#isStepping = false
    this.#settle()
  }

  /** Nothing new is to be started: the command has ended, was aborted, or failed and waits for I/O to come to rest. */
  protected get isStopping(): boolean {
    return this.#hasEnded || this.#failure !== null || this.command.isAborted
  }

  /** All work is done; the command ends with GOOD, or with another status that needs no sense data. */
  protected finish(status: Status = STATUS.GOOD): void {
    this.#isFinished = true
    this.#status = status
  }

  /** The command ends with CHECK CONDITION as soon as nothing is in flight. The first failure counts. */
  protected fail(sense: SenseData): void {
    this.#failure ??= sense
  }

  protected failInternally(error: unknown): void {
    this.command.itlNexus?.target.onInternalError(error, this.command)
    this.fail(senseOf(SENSE.INTERNAL_TARGET_FAILURE))
  }

  protected startRead(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    this.#ioInFlight++
    try {
      this.logicalUnit.store.readv(buffers, offsetBytes, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  protected startWrite(
    buffers: readonly Buffer[],
    offsetBytes: number,
    forceUnitAccess: boolean,
    done: BackingDone,
  ): void {
    this.#ioInFlight++
    try {
      if (!forceUnitAccess) this.#hasCachedWrites = true
      this.logicalUnit.store.writev(buffers, offsetBytes, forceUnitAccess, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  /** A write that is there as a whole or not at all, over `previous` in blocks that the command has acquired. */
  protected startAtomicWrite(
    data: Buffer,
    previous: Buffer,
    offsetBytes: number,
    forceUnitAccess: boolean,
    done: BackingDone,
  ): void {
    this.#ioInFlight++
    try {
      if (!forceUnitAccess) this.#hasCachedWrites = true
      this.logicalUnit.atomicWriter.write(data, previous, offsetBytes, forceUnitAccess, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  protected startWriteZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    this.#ioInFlight++
    try {
      this.#hasCachedWrites = true
      this.logicalUnit.store.writeZeroes(offsetBytes, byteCount, mayUnmap, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  protected startReadAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    this.#ioInFlight++
    try {
      this.logicalUnit.store.readAllocation(map, offsetBytes, byteCount, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  protected startReadSpace(space: BackingSpace, done: BackingDone): void {
    this.#ioInFlight++
    try {
      this.logicalUnit.store.readSpace(space, done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  protected startFlush(done: BackingDone): void {
    this.#ioInFlight++
    try {
      this.logicalUnit.store.flush(done)
    } catch (error) {
      this.#storeThrew(error)
    }
  }

  /** Have `byteCount` bytes of Data-Out delivered to `sink`, which may drop them once `isStopping`. */
  protected receiveDataOut(byteCount: number, sink: DataOutSink): void {
    try {
      this.command.transport.receiveDataOut(this.command, byteCount, sink)
    } catch (error) {
      this.failInternally(error)
      this.step()
    }
  }

  /**
   * Receive one logical block of Data-Out, which may arrive in parts.
   * Ownership: `received` gets a copy, and the transport has its memory back.
   */
  protected receiveBlock(blockBytes: number, received: (block: Buffer) => void): void {
    const block = Buffer.alloc(blockBytes)
    this.receiveDataOut(blockBytes, (slices, bufferOffsetBytes, byteCount) => {
      if (this.isStopping) return
      let at = bufferOffsetBytes
      for (const slice of slices) at += slice.copy(block, at)
      this.transferredBytes += byteCount
      this.dataOutConsumed(byteCount)
      if (this.transferredBytes === blockBytes) received(block)
    })
  }

  /** Let the transport ask for more Data-Out, unless no more of it is wanted. */
  protected dataOutConsumed(byteCount: number): void {
    if (this.isStopping) return
    try {
      this.command.transport.dataOutConsumed(this.command, byteCount)
    } catch (error) {
      this.failInternally(error)
    }
  }

  /** Each `done` given to the store calls this first. */
  protected ioEnded(error: BackingError | null, direction: 'read' | 'write'): void {
    this.#ioInFlight--
    if (error !== null) this.fail(senseOfBackingError(error, direction))
  }

  /** A store hands errors to `done`; one that throws refused the call and will not call `done`. */
  #storeThrew(error: unknown): void {
    this.#ioInFlight--
    this.failInternally(error)
  }

  #settle(): void {
    const { command } = this
    if (this.#hasEnded || this.#ioInFlight > 0 || this.#isStepping) return
    if (!command.isAborted && this.#failure === null) {
      if (!this.#isFinished) return
      if (this.logicalUnit.mustFlushWrites && this.#hasCachedWrites) {
        this.#flushCachedWrites()
        return
      }
    }
    this.#hasEnded = true
    try {
      if (command.isAborted) endAborted(command)
      else if (this.#failure !== null) checkCondition(command, this.#failure, this.transferredBytes)
      else if (this.#status === STATUS.GOOD) completeGood(command)
      else completeWithStatus(command, this.#status, this.transferredBytes)
    } catch (error) {
      command.itlNexus?.target.onInternalError(error, command)
    }
  }

  /** Make what was written durable, and settle again. */
  #flushCachedWrites(): void {
    this.#hasCachedWrites = false
    this.startFlush((error) => {
      this.ioEnded(error, 'write')
      this.#settle()
    })
    this.#settle()
  }
}
