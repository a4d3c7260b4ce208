/**
 * An application client and its transport for device server tests: sends CDBs through a `ScsiTarget` and records what
 * comes back. The recorder checks the rules of `TransportServices` as it goes: an end comes once and last, memory is
 * asked for in order and within the buffer sizes.
 */

import { expect } from 'vitest'
import { Command, TASK_ATTRIBUTE, type TaskAttribute } from '../../scsi/command.ts'
import type { CommandDefinition } from '../../scsi/define-command.ts'
import { LogicalUnit, type LogicalUnitOptions } from '../../scsi/logical-unit.ts'
import { writeLun } from '../../scsi/lun.ts'
import type { Nexus, NexusObserver } from '../../scsi/nexus.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { DATA_IN_PIECE_BYTES_MAX, type DataOutSink, type TransportServices } from '../../scsi/transport-services.ts'
import { TestStore } from './scsi-store.ts'

export const TEST_IDENTITY = {
  vendor: 'LUNETTE',
  product: 'TEST DISK',
  revision: '0001',
  serialNumber: 'T0000001',
  naa: Buffer.from('3000000000000001', 'hex'),
} as const

/** What an initiator sees of one command, and what its transport holds for it. */
export class Exchange implements TransportServices {
  command!: Command
  readonly pieces: Buffer[] = []
  /** Data-Out not yet given to the sink. */
  readonly #dataOut: Buffer
  readonly #options: SendOptions
  #sink: DataOutSink | null = null
  #wantedBytes = 0
  #givenBytes = 0
  #sentBytes = 0
  #hasSentLast = false
  #pendingDelivered: (() => void) | null = null
  consumedBytes = 0
  end: 'none' | 'completed' | 'aborted' = 'none'

  constructor(options: SendOptions) {
    this.#options = options
    this.#dataOut = options.dataOut ?? Buffer.alloc(0)
  }

  get dataIn(): Buffer {
    return Buffer.concat(this.pieces)
  }

  get status(): number {
    expect(this.end).toBe('completed')
    return this.command.status
  }

  /** `key/asc/ascq` in hexadecimal, e.g. `5/24/00`; null without sense data. */
  get senseText(): string | null {
    const { sense } = this.command
    if (sense === null) return null
    return [sense[2]! & 0xf, sense[12]!, sense[13]!]
      .map((n, i) => n.toString(16).padStart(i === 0 ? 1 : 2, '0'))
      .join('/')
  }

  /** Where the sense data points: `byte` or `byte.bit`; null when it points nowhere. */
  get pointedAt(): string | null {
    const { sense } = this.command
    if (sense === null || (sense[15]! & 0xc0) !== 0xc0) return null
    const byte = sense.readUInt16BE(16)
    return (sense[15]! & 0x08) === 0 ? `${byte}` : `${byte}.${sense[15]! & 0x07}`
  }

  /** The same for sense data that points into the parameter list. */
  get pointedAtInList(): string | null {
    const { sense } = this.command
    if (sense === null || (sense[15]! & 0xc0) !== 0x80) return null
    const byte = sense.readUInt16BE(16)
    return (sense[15]! & 0x08) === 0 ? `${byte}` : `${byte}.${sense[15]! & 0x07}`
  }

  /** Positive: overflow; negative: underflow; as the transport would derive it. */
  get residual(): number {
    return this.command.presentedDataBytes - (this.command.dataInCapacityBytes + this.command.dataOutCapacityBytes)
  }

  dataInBuffer(command: Command, byteCount: number): Buffer {
    this.#expectRunning(command)
    expect(byteCount).toBeGreaterThan(0)
    expect(byteCount).toBeLessThanOrEqual(DATA_IN_PIECE_BYTES_MAX)
    expect(this.#sentBytes + byteCount).toBeLessThanOrEqual(command.dataInCapacityBytes)
    expect(this.#pendingDelivered).toBeNull()
    return Buffer.alloc(byteCount, 0xee)
  }

  sendDataIn(
    command: Command,
    data: Buffer,
    bufferOffsetBytes: number,
    isLast: boolean,
    delivered: (() => void) | null,
  ): void {
    this.#expectRunning(command)
    expect(this.#hasSentLast).toBe(false)
    expect(bufferOffsetBytes).toBe(this.#sentBytes)
    this.#sentBytes += data.length
    expect(this.#sentBytes).toBeLessThanOrEqual(command.dataInCapacityBytes)
    this.#hasSentLast = isLast
    this.pieces.push(Buffer.from(data))
    if (this.#options.isDeliveryManual) this.#pendingDelivered = delivered
    else delivered?.()
  }

  /** With `isDeliveryManual`: the transport wants the next piece. */
  deliver(): void {
    const delivered = this.#pendingDelivered
    this.#pendingDelivered = null
    delivered!()
  }

  receiveDataOut(command: Command, byteCount: number, sink: DataOutSink): void {
    this.#expectRunning(command)
    expect(byteCount).toBeGreaterThan(0)
    expect(byteCount).toBeLessThanOrEqual(command.dataOutCapacityBytes)
    expect(this.#sink).toBeNull()
    this.#sink = sink
    this.#wantedBytes = byteCount
    if (!this.#options.isDataOutManual) this.giveDataOut(byteCount)
  }

  /** Give the next `byteCount` bytes of Data-Out to the device server, in pieces of `dataOutPieceBytes`. */
  giveDataOut(byteCount: number): void {
    const end = Math.min(this.#givenBytes + byteCount, this.#wantedBytes)
    const pieceBytes = this.#options.dataOutPieceBytes ?? byteCount
    while (this.#givenBytes < end && (this.end === 'none' || this.#options.isLateDataSent)) {
      const at = this.#givenBytes
      const piece = this.#dataOut.subarray(at, Math.min(at + pieceBytes, end))
      this.#givenBytes += piece.length
      // Two slices, so that nothing takes a delivery for one buffer.
      const middle = piece.length >> 1
      this.#sink!([piece.subarray(0, middle), piece.subarray(middle)], at, piece.length)
    }
  }

  dataOutConsumed(command: Command, byteCount: number): void {
    this.#expectRunning(command)
    this.consumedBytes += byteCount
    expect(this.consumedBytes).toBeLessThanOrEqual(this.#givenBytes)
  }

  sendCommandComplete(command: Command): void {
    this.#expectRunning(command)
    expect(command.isAborted && !command.isAbortReported).toBe(false)
    this.end = 'completed'
  }

  commandAborted(command: Command): void {
    expect(this.end).toBe('none')
    expect(command.isAborted).toBe(true)
    this.end = 'aborted'
  }

  #expectRunning(command: Command): void {
    expect(command).toBe(this.command)
    expect(this.end).toBe('none')
  }
}

export interface SendOptions {
  readonly lun?: number
  readonly lunField?: Buffer
  readonly dataOut?: Buffer
  /** Defaults to 64 KiB for a command without Data-Out. */
  readonly dataInCapacityBytes?: number
  readonly attribute?: TaskAttribute
  readonly priority?: number
  readonly dataOutPieceBytes?: number
  readonly isDataOutManual?: boolean
  readonly isDeliveryManual?: boolean
  /** Data-Out is given even after the command ended, as a transport with data under way does. */
  readonly isLateDataSent?: boolean
}

/** One initiator port with a nexus to a target. */
export class TestInitiator {
  readonly nexus: Nexus
  readonly target: ScsiTarget

  constructor(target: ScsiTarget, name = 'a', observer?: NexusObserver, ports: Partial<Nexus> = {}) {
    this.target = target
    this.nexus = {
      initiatorPortName: `iqn.2026-11.example:${name},i,0x00023d000001`,
      initiatorDeviceName: `iqn.2026-11.example:${name}`,
      targetPortName: 'iqn.2026-11.example:disk,t,0x0001',
      relativeTargetPort: 1,
      initiatorAddress: '192.0.2.1',
      transportVersionDescriptor: 0x0961,
      ...ports,
    }
    target.openNexus(this.nexus, observer)
  }

  /** Send a CDB: `bytes` are padded with zeroes to 16, as iSCSI delivers them, unless they are more. */
  send(bytes: readonly number[] | Buffer, options: SendOptions = {}): Exchange {
    const exchange = new Exchange(options)
    const cdb = Buffer.alloc(Math.max(16, bytes.length))
    Buffer.from(bytes).copy(cdb)
    const dataOutBytes = options.dataOut?.length ?? 0
    exchange.command = new Command(
      this.nexus,
      exchange,
      null,
      cdb,
      options.attribute ?? TASK_ATTRIBUTE.SIMPLE,
      options.dataInCapacityBytes ?? (dataOutBytes > 0 ? 0 : 65536),
      dataOutBytes,
      options.priority,
    )
    this.target.execute(options.lunField ?? lunField(options.lun ?? 0), exchange.command)
    return exchange
  }

  /** TEST UNIT READY on each LUN until no unit attention is left. */
  clearUnitAttentions(...luns: number[]): this {
    for (const lun of luns.length === 0 ? [0] : luns) {
      while (this.send([0x00], { lun }).senseText !== null);
    }
    return this
  }
}

export function lunField(lun: number): Buffer {
  const field = Buffer.alloc(8)
  writeLun(lun, field, 0)
  return field
}

export interface TestBench {
  readonly store: TestStore
  readonly logicalUnit: LogicalUnit
  readonly target: ScsiTarget
  readonly initiator: TestInitiator
  readonly internalErrors: unknown[]
}

/** One target with a disk at LUN 0 that holds a pattern, and an initiator past its unit attentions. */
export function testBench(
  options: Partial<LogicalUnitOptions> & { blockCount?: number; store?: TestStore } = {},
): TestBench {
  const { blockCount = 2048, store, ...rest } = options
  const blockLengthBytes = rest.blockLengthBytes ?? 512
  const disk = store ?? new TestStore(blockCount * blockLengthBytes)
  fillWithPattern(disk.bytes)
  const logicalUnit = new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes, isReadOnly: false, ...rest }, disk)
  const internalErrors: unknown[] = []
  const target = new ScsiTarget({
    logicalUnits: new Map([[0, logicalUnit]]),
    onInternalError: (error) => internalErrors.push(error),
  })
  const initiator = new TestInitiator(target).clearUnitAttentions()
  return { store: disk, logicalUnit, target, initiator, internalErrors }
}

/** No two 512-byte blocks are alike. */
export function fillWithPattern(bytes: Buffer): void {
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32BE((Math.imul(at, 2654435761) ^ at) >>> 0, at)
}

/** The CDB of a command with zero in all its fields. */
export function emptyCdb({ operationCode, serviceAction, cdb: { lengthBytes } }: CommandDefinition): Buffer {
  const cdb = Buffer.alloc(Math.max(16, lengthBytes))
  cdb[0] = operationCode
  if (operationCode === 0x7f) {
    cdb[7] = lengthBytes - 8
    cdb.writeUInt16BE(serviceAction!, 8)
  } else {
    cdb[1] = serviceAction ?? 0
  }
  return cdb
}

/** READ, WRITE, VERIFY and WRITE AND VERIFY CDBs of each length: `flags` is byte 1. */
export function blockCdb(operationCode: number, lba: number, blocks: number, flags = 0): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = operationCode
  cdb[1] = flags
  switch (operationCode >> 5) {
    case 0:
      cdb.writeUIntBE(lba, 1, 3)
      cdb[4] = blocks
      break
    case 4:
      cdb.writeBigUInt64BE(BigInt(lba), 2)
      cdb.writeUInt32BE(blocks, 10)
      break
    case 5:
      cdb.writeUInt32BE(lba, 2)
      cdb.writeUInt32BE(blocks, 6)
      break
    default:
      cdb.writeUInt32BE(lba, 2)
      cdb.writeUInt16BE(blocks, 7)
  }
  return cdb
}
