/**
 * Commands that move no blocks, sent straight to a logical unit: a store that can only be flushed, an I_T_L nexus, and what
 * the transport was told in the end.
 */

import type { BackingCapabilities, BackingDone, BackingStore } from '../../scsi/backing/backing-store.ts'
import { Command, STATUS, type Status, TASK_ATTRIBUTE } from '../../scsi/command.ts'
import { ClassLatencies } from '../../scsi/command-latencies.ts'
import { ItlNexus } from '../../scsi/itl-nexus.ts'
import { LogicalUnit, type LogicalUnitOptions } from '../../scsi/logical-unit.ts'
import type { TransportServices } from '../../scsi/transport-services.ts'
import { bytes, NEXUS, PROPERTIES } from './logical-unit-properties.ts'

/** Keeps each flush until the test lets it end; every other operation is a mistake of the command under test. */
export class FlushOnlyStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  readonly sizeBytes: number
  readonly flushes: BackingDone[] = []

  constructor(sizeBytes: number, capabilities: BackingCapabilities) {
    this.sizeBytes = sizeBytes
    this.capabilities = capabilities
  }

  flush(done: BackingDone): void {
    this.flushes.push(done)
  }

  readv(): void {
    throw new Error('read')
  }

  writev(): void {
    throw new Error('write')
  }

  writeZeroes(): void {
    throw new Error('write zeroes')
  }

  readAllocation(): void {
    throw new Error('read allocation')
  }

  readSpace(): void {
    throw new Error('read space')
  }

  resize(): void {
    throw new Error('resize')
  }

  close(done: BackingDone): void {
    done(null)
  }
}

interface DiskOptions extends Partial<LogicalUnitOptions> {
  readonly blockCount?: number
  readonly capabilities?: Partial<BackingCapabilities>
}

/** A logical unit with known properties. */
export function disk(options: DiskOptions = {}): { logicalUnit: LogicalUnit; store: FlushOnlyStore } {
  const { identity, blockLengthBytes, isReadOnly } = { ...PROPERTIES, ...options }
  const sizeBytes = (options.blockCount ?? PROPERTIES.blockCount) * blockLengthBytes
  const store = new FlushOnlyStore(sizeBytes, { ...PROPERTIES.capabilities, ...options.capabilities })
  return { logicalUnit: new LogicalUnit({ identity, blockLengthBytes, isReadOnly }, store), store }
}

/** A nexus to a logical unit, or to a logical unit number without one. */
export function reach(logicalUnit: LogicalUnit | null): ItlNexus {
  const target = {
    logicalUnitNumbersOf: () => (logicalUnit === null ? [] : [0]),
    itlNexusesOf: () => [],
    latencies: new ClassLatencies(),
    targetPorts: () => [{ name: NEXUS.targetPortName, relativeTargetPort: NEXUS.relativeTargetPort }],
    onInternalError: (error: unknown) => {
      throw error
    },
  }
  const itlNexus = new ItlNexus(NEXUS, { commandsClearedByAnother: () => {} }, target, logicalUnit)
  logicalUnit?.attach(itlNexus)
  return itlNexus
}

/** What became of a command, as the initiator sees it. */
export interface Outcome {
  readonly status: Status
  readonly data: Buffer
  readonly sense: Buffer | null
  readonly presentedDataBytes: number
}

/** Start a command; `outcome` stays null until it ends, and if it is aborted for good. */
export function start(itlNexus: ItlNexus, cdbHex: string, dataInCapacityBytes = 65_535): { outcome: Outcome | null } {
  const pending: { outcome: Outcome | null } = { outcome: null }
  const dataIn: Buffer[] = []
  const transport: TransportServices = {
    dataInBuffer: (_command, byteCount) => Buffer.alloc(byteCount),
    sendDataIn: (_command, data, _offset, _isLast, delivered) => {
      dataIn.push(Buffer.from(data))
      delivered?.()
    },
    receiveDataOut: () => {
      throw new Error('no Data-Out')
    },
    dataOutConsumed: () => {
      throw new Error('no Data-Out')
    },
    sendCommandComplete: ({ status, sense, presentedDataBytes }) => {
      if (pending.outcome !== null) throw new Error('a command completed twice')
      pending.outcome = { status, data: Buffer.concat(dataIn), sense, presentedDataBytes }
    },
    commandAborted: () => {},
  }
  const command = new Command(NEXUS, transport, null, bytes(cdbHex), TASK_ATTRIBUTE.SIMPLE, dataInCapacityBytes, 0)
  command.itlNexus = itlNexus
  itlNexus.taskSet.insert(command)
  return pending
}

/** Run a command that ends at once. */
export function run(itlNexus: ItlNexus, cdbHex: string, dataInCapacityBytes?: number): Outcome {
  const { outcome } = start(itlNexus, cdbHex, dataInCapacityBytes)
  if (outcome === null) throw new Error('the command has not ended')
  return outcome
}

/** The parameter data of a command that must end with GOOD. */
export function dataOf({ status, data }: Outcome): Buffer {
  if (status !== STATUS.GOOD) throw new Error(`status ${status}`)
  return data
}

/** Sense key, additional sense code and qualifier in hexadecimal, then where the field pointer points, e.g. `5/24/00 cdb[1].3`. */
export function senseText({ status, sense }: Outcome): string {
  if (status !== STATUS.CHECK_CONDITION || sense === null) return `status ${status}`
  const condition = [sense[2]! & 0x0f, sense[12]!, sense[13]!].map((value) => value.toString(16).padStart(2, '0'))
  const specific = sense[15]!
  const pointer = (specific & 0x80) === 0 ? '' : ` cdb[${sense.readUInt16BE(16)}]`
  const bit = (specific & 0x08) === 0 ? '' : `.${specific & 0x07}`
  return condition.join('/') + pointer + bit
}
