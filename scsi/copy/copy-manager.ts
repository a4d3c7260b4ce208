/**
 * The copy manager (SPC-4): what the logical units of a server share for third-party copy. It finds the logical units that
 * a command names, keeps the ROD tokens, and bounds the memory that copying takes.
 */

import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Nexus } from '../nexus.ts'
import { targetDeviceDesignator } from '../pages/designators.ts'
import type { SenseCondition } from '../sense-codes.ts'
import { SENSE } from '../sense-codes.ts'
import type { ByteExtent } from './byte-extent.ts'
import { CopyBuffers } from './copy-buffers.ts'
import { CopyJob, type CopyPlan } from './copy-job.ts'
import { TOKENS_PER_LOGICAL_UNIT_MAX, TOKENS_REMEMBERED_MAX } from './copy-limits.ts'
import {
  hasValidLength,
  ROD_TOKEN_SECRET_BYTES,
  ROD_TYPE,
  RodToken,
  type RodTokenState,
  readRodType,
  readTokenIdentifier,
} from './rod-token.ts'

/**
 * The logical units that the initiator behind a nexus may reach, each with the nexus that it is reached through: nothing
 * else can be copied from or to. Whoever runs several targets decides what makes an initiator of one the same at another.
 */
export type CopyDirectory = (itlNexus: ItlNexus) => Iterable<ItlNexus>

export interface CopyManagerOptions {
  /** By default the logical units of the same nexus. */
  readonly directory?: CopyDirectory
  /** Unpredictable bytes, which keep tokens from being guessed. */
  readonly randomBytes?: (byteCount: number) => Buffer
  /** Milliseconds since any fixed moment. */
  readonly now?: () => number
}

/** What the use of a dead token is answered with. */
const SENSE_OF_DEAD_TOKEN: Readonly<Record<Exclude<RodTokenState, 'alive'>, SenseCondition>> = {
  revoked: SENSE.INVALID_TOKEN_OPERATION_TOKEN_REVOKED,
  expired: SENSE.INVALID_TOKEN_OPERATION_TOKEN_EXPIRED,
  deleted: SENSE.INVALID_TOKEN_OPERATION_TOKEN_DELETED,
}

export class CopyManager {
  readonly directory: CopyDirectory
  readonly #randomBytes: (byteCount: number) => Buffer
  readonly #now: () => number
  readonly #buffers = new CopyBuffers()
  /** Live and dead ones, oldest first. */
  readonly #tokens = new Map<bigint, RodToken>()

  constructor(options: CopyManagerOptions = {}) {
    this.directory = options.directory ?? ((itlNexus) => itlNexus.target.itlNexusesOf(itlNexus.nexus))
    this.#randomBytes =
      options.randomBytes ?? ((byteCount) => Buffer.from(crypto.getRandomValues(new Uint8Array(byteCount))))
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * Start to copy; `ended` comes when the job has come to rest, possibly before this call returns.
   * Shape: `itlNexuses` are those whose loss ends the job, `logicalUnits` those whose reset does.
   */
  startJob(
    plan: CopyPlan,
    itlNexuses: readonly ItlNexus[],
    logicalUnits: ReadonlySet<LogicalUnit>,
    started: (job: CopyJob) => void,
    ended: (job: CopyJob) => void,
    onInternalError: (error: unknown) => void,
  ): void {
    const jobEnded = (job: CopyJob) => {
      ended(job)
      for (const { copies } of logicalUnits) copies.jobEnded(job)
    }
    const job = new CopyJob(plan, itlNexuses, this.#buffers, jobEnded, onInternalError)
    for (const { copies } of logicalUnits) copies.jobStarted(job)
    started(job)
    job.start()
  }

  /** A token for these bytes as they are now, made through this nexus; null when the logical unit has too many. */
  createToken(
    logicalUnit: LogicalUnit,
    nexus: Nexus,
    extents: readonly ByteExtent[],
    inactivityMs: number,
  ): RodToken | null {
    const { watch } = logicalUnit.copies
    watch.expire()
    if (watch.size >= TOKENS_PER_LOGICAL_UNIT_MAX || !this.#makeRoom()) return null
    const identifier = this.#randomBytes(8).readBigUInt64BE(0)
    const secret = this.#randomBytes(ROD_TOKEN_SECRET_BYTES)
    const targetDevice = targetDeviceDesignator(nexus)
    const token = new RodToken(identifier, logicalUnit, targetDevice, extents, inactivityMs, secret, this.#now)
    this.#tokens.set(identifier, token)
    return token
  }

  /** The live token that these 512 bytes are, or what is wrong with them. */
  findToken(bytes: Buffer): RodToken | SenseCondition {
    if (!hasValidLength(bytes)) return SENSE.INVALID_TOKEN_OPERATION_INVALID_TOKEN_LENGTH
    if (readRodType(bytes) !== ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE) {
      return SENSE.INVALID_TOKEN_OPERATION_UNSUPPORTED_TOKEN_TYPE
    }
    const token = this.#tokens.get(readTokenIdentifier(bytes))
    if (token === undefined) return SENSE.INVALID_TOKEN_OPERATION_TOKEN_UNKNOWN
    if (!token.bytes.equals(bytes)) return SENSE.INVALID_TOKEN_OPERATION_TOKEN_CORRUPT
    return senseOfToken(token) ?? token
  }

  /** The live tokens of a logical unit. */
  tokensOf(logicalUnit: LogicalUnit): RodToken[] {
    return [...this.#tokens.values()].filter((token) => token.logicalUnit === logicalUnit && token.state === 'alive')
  }

  /** Forget the token that has been dead longest, if there are too many; false when all are alive. */
  #makeRoom(): boolean {
    if (this.#tokens.size < TOKENS_REMEMBERED_MAX) return true
    for (const [identifier, token] of this.#tokens) {
      if (token.state !== 'alive') return this.#tokens.delete(identifier)
    }
    return false
  }
}

/** Why a token is not valid any more; null while it is. */
export function senseOfToken({ state }: RodToken): SenseCondition | null {
  return state === 'alive' ? null : SENSE_OF_DEAD_TOKEN[state]
}
