/**
 * ROD tokens (SPC-4, SBC-4): 512 bytes that stand for the contents of some blocks at the moment when the token was made.
 * A token here is a "point in time copy - change vulnerable": it names blocks of a logical unit and is void as soon as one
 * of them changes, because a raw file keeps no old contents. It is valid for whoever shows it, through any I_T nexus and
 * on any logical unit of its copy manager, and 64 random bytes keep it from being guessed.
 */

import type { LogicalUnit } from '../logical-unit.ts'
import { type ByteExtent, totalBytes } from './byte-extent.ts'
import { writeIdentificationCscd } from './cscd-descriptor.ts'
import type { WatchedToken } from './rod-watch.ts'

export const ROD_TOKEN_BYTES = 512
/** The part that REPORT ALL ROD TOKENS shows: what the token is, without what makes it valid. */
export const ROD_MANAGEMENT_TOKEN_BYTES = 96

/** ROD TYPE (SPC-4). */
export const ROD_TYPE = {
  POINT_IN_TIME_CHANGE_VULNERABLE: 0x00800001,
  /** Asks for whatever point in time copy the copy manager makes. */
  POINT_IN_TIME_ANY: 0x0080ffff,
  BLOCK_DEVICE_ZERO: 0xffff0001,
} as const

/** Where the fields of a token lie (SPC-4, SBC-4). */
const AT = {
  rodType: 0,
  tokenLength: 6,
  copyManagerRodTokenIdentifier: 8,
  creatorLogicalUnitDescriptor: 16,
  /** The lower half of NUMBER OF BYTES REPRESENTED. */
  bytesRepresented: 56,
  logicalBlockLength: 96,
  /** A designation descriptor, of up to 228 bytes for an iSCSI name. What follows it is the creator's own. */
  targetDeviceDescriptor: 128,
  secret: 448,
} as const
export const ROD_TOKEN_SECRET_BYTES = 64

export type RodTokenState = 'alive' | 'revoked' | 'expired' | 'deleted'

export class RodToken implements WatchedToken {
  readonly identifier: bigint
  readonly bytes: Buffer
  readonly logicalUnit: LogicalUnit
  /** In the order in which the token lays them end to end. */
  readonly extents: readonly ByteExtent[]
  readonly byteCount: number
  readonly #inactivityMs: number
  readonly #now: () => number
  #state: RodTokenState = 'alive'
  /** Copies that read from it: as long as there is one, it is not inactive. */
  #useCount = 0
  #lastUsedMs: number

  /** `targetDevice` is the designation descriptor of the target that makes the token. */
  constructor(
    identifier: bigint,
    logicalUnit: LogicalUnit,
    targetDevice: Buffer,
    extents: readonly ByteExtent[],
    inactivityMs: number,
    secret: Buffer,
    now: () => number,
  ) {
    this.identifier = identifier
    this.logicalUnit = logicalUnit
    this.extents = extents
    this.byteCount = totalBytes(extents)
    this.#inactivityMs = inactivityMs
    this.#now = now
    this.#lastUsedMs = now()
    this.bytes = encodeToken(identifier, logicalUnit, targetDevice, this.byteCount, secret)
    logicalUnit.copies.watch.add(this)
  }

  get state(): RodTokenState {
    this.expire()
    return this.#state
  }

  /** A copy begins to read from it. */
  beginUse(): void {
    this.#useCount++
  }

  endUse(): void {
    this.#useCount--
    this.#lastUsedMs = this.#now()
  }

  revoke(): void {
    this.#die('revoked')
  }

  delete(): void {
    this.#die('deleted')
  }

  expire(): boolean {
    if (this.#state !== 'alive') return true
    if (this.#useCount > 0 || this.#now() - this.#lastUsedMs <= this.#inactivityMs) return false
    this.#die('expired')
    return true
  }

  #die(state: RodTokenState): void {
    if (this.#state !== 'alive') return
    this.#state = state
    this.logicalUnit.copies.watch.remove(this)
  }
}

export function readRodType(token: Buffer): number {
  return token.readUInt32BE(AT.rodType)
}

/** Whether ROD TOKEN LENGTH says what every token says: the bytes behind it. */
export function hasValidLength(token: Buffer): boolean {
  return token.readUInt16BE(AT.tokenLength) === ROD_TOKEN_BYTES - AT.copyManagerRodTokenIdentifier
}

export function readTokenIdentifier(token: Buffer): bigint {
  return token.readBigUInt64BE(AT.copyManagerRodTokenIdentifier)
}

function encodeToken(
  identifier: bigint,
  { properties }: LogicalUnit,
  targetDevice: Buffer,
  byteCount: number,
  secret: Buffer,
): Buffer {
  const token = Buffer.alloc(ROD_TOKEN_BYTES)
  token.writeUInt32BE(ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE, AT.rodType)
  token.writeUInt16BE(ROD_TOKEN_BYTES - AT.copyManagerRodTokenIdentifier, AT.tokenLength)
  token.writeBigUInt64BE(identifier, AT.copyManagerRodTokenIdentifier)
  writeIdentificationCscd(properties, token.subarray(AT.creatorLogicalUnitDescriptor))
  token.writeBigUInt64BE(BigInt(byteCount), AT.bytesRepresented)
  token.writeUInt32BE(properties.blockLengthBytes, AT.logicalBlockLength)
  targetDevice.copy(token, AT.targetDeviceDescriptor, 0, AT.secret - AT.targetDeviceDescriptor)
  secret.copy(token, AT.secret, 0, ROD_TOKEN_SECRET_BYTES)
  return token
}
