/** CDBs and parameter lists of third-party copy, written as raw bytes, and two disks that one initiator can reach. */

import { CopyManager, type CopyManagerOptions } from '../../scsi/copy/copy-manager.ts'
import { LogicalUnit, type LogicalUnitOptions } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { type Exchange, fillWithPattern, type SendOptions, TEST_IDENTITY, TestInitiator } from './scsi-initiator.ts'
import { TestStore } from './scsi-store.ts'

export interface CopyBench {
  readonly initiator: TestInitiator
  readonly target: ScsiTarget
  readonly stores: readonly TestStore[]
  readonly logicalUnits: readonly LogicalUnit[]
  /** The copy manager's. */
  readonly clock: { nowMs: number }
}

export interface CopyDisk {
  readonly blockLengthBytes?: number
  readonly blockCount?: number
  readonly isReadOnly?: boolean
  readonly isThin?: boolean
}

/** A target with a disk for each of `disks`, all of one copy manager; each holds a pattern of its own. */
export function copyBench(
  disks: readonly CopyDisk[] = [{}, {}],
  options: CopyManagerOptions = {},
  onInternalError: (error: unknown) => void = fail,
): CopyBench {
  const clock = { nowMs: 0 }
  const copyManager = new CopyManager({ now: () => clock.nowMs, ...options })
  const stores: TestStore[] = []
  const logicalUnits = disks.map((disk, lun) => {
    const { blockLengthBytes = 512, blockCount = 4096, isReadOnly = false, isThin = true } = disk
    const store = new TestStore(blockCount * blockLengthBytes, { thin: isThin })
    fillWithPattern(store.bytes)
    for (let at = 0; at < store.bytes.length; at += 512) store.bytes[at] = lun
    stores.push(store)
    const unit: LogicalUnitOptions = {
      identity: { ...TEST_IDENTITY, serialNumber: `T000000${lun}`, naa: naaOf(lun) },
      blockLengthBytes,
      isReadOnly,
      copyManager,
    }
    return new LogicalUnit(unit, store)
  })
  const target = new ScsiTarget({
    logicalUnits: new Map(logicalUnits.map((logicalUnit, lun) => [lun, logicalUnit])),
    onInternalError,
  })
  const initiator = new TestInitiator(target).clearUnitAttentions(...disks.keys())
  return { initiator, target, stores, logicalUnits, clock }
}

function fail(error: unknown): never {
  throw error
}

/** The NAA designator of the disk at a LUN. */
export function naaOf(lun: number): Buffer {
  return Buffer.from(`300000000000010${lun}`, 'hex')
}

/** An identification descriptor by NAA designator. */
export function cscd(lun: number, blockLengthBytes = 512): Buffer {
  const bytes = Buffer.alloc(32)
  bytes[0] = 0xe4
  bytes[4] = 0x01
  bytes[5] = 0x03
  const naa = naaOf(lun)
  bytes[7] = naa.length
  naa.copy(bytes, 8)
  bytes.writeUIntBE(blockLengthBytes, 29, 3)
  return bytes
}

export interface Segment {
  readonly from?: number
  readonly to?: number
  readonly sourceLba?: number
  readonly destinationLba?: number
  readonly blocks: number
  /** DC and CAT. */
  readonly flags?: number
}

/** Block device to block device (02h); `from` and `to` are CSCD descriptor indices. */
export function blockSegment({
  from = 0,
  to = 1,
  sourceLba = 0,
  destinationLba = 0,
  blocks,
  flags = 0,
}: Segment): Buffer {
  const bytes = Buffer.alloc(28)
  bytes[0] = 0x02
  bytes[1] = flags
  bytes.writeUInt16BE(24, 2)
  bytes.writeUInt16BE(from, 4)
  bytes.writeUInt16BE(to, 6)
  bytes.writeUInt16BE(blocks, 10)
  bytes.writeBigUInt64BE(BigInt(sourceLba), 12)
  bytes.writeBigUInt64BE(BigInt(destinationLba), 20)
  return bytes
}

/** Block device with offset to block device with offset (0Ah): byte positions on disks with 512-byte blocks. */
export function byteSegment(sourceBytes: number, destinationBytes: number, byteCount: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes[0] = 0x0a
  bytes.writeUInt16BE(28, 2)
  bytes.writeUInt16BE(1, 6)
  bytes.writeUInt32BE(byteCount, 8)
  bytes.writeBigUInt64BE(BigInt(Math.floor(sourceBytes / 512)), 12)
  bytes.writeBigUInt64BE(BigInt(Math.floor(destinationBytes / 512)), 20)
  bytes.writeUInt16BE(sourceBytes % 512, 28)
  bytes.writeUInt16BE(destinationBytes % 512, 30)
  return bytes
}

export interface ListHeader {
  readonly listIdentifier?: number
  /** LIST ID USAGE, 0 to 3. */
  readonly usage?: number
  readonly isImmediate?: boolean
}

export function lid1List(cscds: readonly Buffer[], segments: readonly Buffer[], header: ListHeader = {}): Buffer {
  const bytes = Buffer.alloc(16)
  const [cscdList, segmentList] = [Buffer.concat(cscds), Buffer.concat(segments)]
  bytes[0] = header.listIdentifier ?? 1
  bytes[1] = (header.usage ?? 0) << 3
  bytes.writeUInt16BE(cscdList.length, 2)
  bytes.writeUInt32BE(segmentList.length, 8)
  return Buffer.concat([bytes, cscdList, segmentList])
}

export function lid4List(cscds: readonly Buffer[], segments: readonly Buffer[], header: ListHeader = {}): Buffer {
  const bytes = Buffer.alloc(48)
  const [cscdList, segmentList] = [Buffer.concat(cscds), Buffer.concat(segments)]
  bytes[0] = 0x01
  bytes[1] = (header.usage ?? 0) << 3
  bytes.writeUInt16BE(0x20, 2)
  bytes[15] = header.isImmediate ? 1 : 0
  bytes[16] = 0xff
  bytes.writeUInt32BE(header.listIdentifier ?? 1, 20)
  bytes.writeUInt16BE(cscdList.length, 42)
  bytes.writeUInt16BE(segmentList.length, 44)
  return Buffer.concat([bytes, cscdList, segmentList])
}

/** A third-party copy command with a parameter list. */
export function sendList(
  initiator: TestInitiator,
  serviceAction: number,
  list: Buffer,
  { listIdentifier = 0, ...options }: SendOptions & { readonly listIdentifier?: number } = {},
): Exchange {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x83
  cdb[1] = serviceAction
  if (serviceAction >= 0x10) cdb.writeUInt32BE(listIdentifier, 6)
  cdb.writeUInt32BE(list.length, 10)
  return initiator.send(cdb, { dataOut: list, ...options })
}

/** A command that reports on copies. LID1 forms have one byte of list identifier, the others four. */
export function receive(
  initiator: TestInitiator,
  serviceAction: number,
  listIdentifier = 0,
  { allocationLength = 8192, lun = 0 }: { readonly allocationLength?: number; readonly lun?: number } = {},
): Exchange {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x84
  cdb[1] = serviceAction
  if (serviceAction < 5) cdb[2] = listIdentifier
  else cdb.writeUInt32BE(listIdentifier, 2)
  cdb.writeUInt32BE(allocationLength, 10)
  return initiator.send(cdb, { lun })
}

export type BlockRange = readonly [lba: number, blocks: number]

export interface PopulateOptions {
  readonly inactivityTimeoutSeconds?: number
  readonly rodType?: number
  readonly isImmediate?: boolean
}

export function populateTokenList(ranges: readonly BlockRange[], options: PopulateOptions = {}): Buffer {
  const { inactivityTimeoutSeconds = 0, rodType, isImmediate = false } = options
  const header = Buffer.alloc(16)
  header.writeUInt16BE(14 + ranges.length * 16, 0)
  header[2] = (rodType === undefined ? 0 : 2) | (isImmediate ? 1 : 0)
  header.writeUInt32BE(inactivityTimeoutSeconds, 4)
  header.writeUInt32BE(rodType ?? 0, 8)
  header.writeUInt16BE(ranges.length * 16, 14)
  return Buffer.concat([header, rangeList(ranges)])
}

export interface WriteOptions {
  readonly offsetBlocks?: number
  readonly deletesToken?: boolean
  readonly isImmediate?: boolean
}

export function writeUsingTokenList(token: Buffer, ranges: readonly BlockRange[], options: WriteOptions = {}): Buffer {
  const { offsetBlocks = 0, deletesToken = false, isImmediate = false } = options
  const header = Buffer.alloc(536)
  header.writeUInt16BE(534 + ranges.length * 16, 0)
  header[2] = (deletesToken ? 2 : 0) | (isImmediate ? 1 : 0)
  header.writeBigUInt64BE(BigInt(offsetBlocks), 8)
  token.copy(header, 16)
  header.writeUInt16BE(ranges.length * 16, 534)
  return Buffer.concat([header, rangeList(ranges)])
}

/** POPULATE TOKEN on a LUN and what RECEIVE ROD TOKEN INFORMATION gives. */
export function createToken(
  initiator: TestInitiator,
  lun: number,
  ranges: readonly BlockRange[],
  options: PopulateOptions = {},
): Buffer {
  const populated = sendList(initiator, 0x10, populateTokenList(ranges, options), { lun, listIdentifier: 7 })
  if (populated.status !== 0) throw new Error(`POPULATE TOKEN: ${populated.senseText}`)
  return tokenIn(receive(initiator, 0x07, 7, { lun }).dataIn)
}

/** The ROD token in the parameter data of RECEIVE ROD TOKEN INFORMATION. */
export function tokenIn(data: Buffer): Buffer {
  const descriptorsAt = 32 + data[13]!
  if (data.readUInt32BE(descriptorsAt) !== 514) throw new Error('no ROD token')
  return Buffer.from(data.subarray(descriptorsAt + 6, descriptorsAt + 518))
}

/** The block device zero ROD token. */
export function zeroToken(): Buffer {
  const token = Buffer.alloc(512)
  token.writeUInt32BE(0xffff0001, 0)
  token.writeUInt16BE(0x01f8, 6)
  return token
}

function rangeList(ranges: readonly BlockRange[]): Buffer {
  return Buffer.concat(
    ranges.map(([lba, blocks]) => {
      const range = Buffer.alloc(16)
      range.writeBigUInt64BE(BigInt(lba), 0)
      range.writeUInt32BE(blocks, 8)
      return range
    }),
  )
}
