/**
 * ORWRITE (16) (SBC-4): Data-Out is ORed into the blocks. Each delivery of it is read, ORed and written as one
 * uninterrupted action; as the order of ORs does not matter, no bit that anybody sets is lost, and no initiator keeps
 * others from blocks whose data it has not sent.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { blockCdb } from '../block-cdb.ts'
import { checkBlockRange, checkLengthLimit, checkWritable, dataOutBytes } from '../block-range.ts'
import { bit, isSet, readField, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { MAXIMUM_TRANSFER_BYTES } from '../transfer-limits.ts'

const CDB = blockCdb(16, { orProtect: unsupported(1, 7, 5), dpo: bit(1, 4), fua: bit(1, 3), fuaNv: bit(1, 1) })

const ORWRITE_16 = defineCommand({
  name: 'ORWRITE (16)',
  operationCode: 0x8b,
  standard: 'SBC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  isAtomic: true,
  execute: executeOrWrite,
})

export const ORWRITE_COMMANDS = [ORWRITE_16]

function executeOrWrite(command: Command, logicalUnit: LogicalUnit): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const { lengthBlocks, fua, fuaNv } = CDB.fields
  const lba = readField(command.cdb, CDB.fields.lba)
  const blocks = readField(command.cdb, lengthBlocks)
  const refusal =
    checkWritable(properties) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_TRANSFER_BYTES, lengthBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = blocks * blockLengthBytes
  const byteCount = dataOutBytes(command)
  const isForced = isSet(command.cdb, fua) || isSet(command.cdb, fuaNv)
  if (byteCount === 0) completeGood(command)
  else new OrWriteOperation(command, logicalUnit, lba * blockLengthBytes, byteCount, isForced).start()
}

interface Delivery {
  readonly slices: readonly Buffer[]
  readonly offsetBytes: number
  readonly byteCount: number
}

class OrWriteOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  readonly #isForced: boolean
  /** Data-Out that has arrived, oldest first; the first entry is being worked on. */
  readonly #deliveries: Delivery[] = []
  #blocks: Buffer | null = null
  #phase: 'next' | 'wait' | 'read' | 'write' | 'flush' = 'next'
  #writtenBytes = 0

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, byteCount: number, isForced: boolean) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = byteCount
    this.#isForced = isForced && logicalUnit.properties.capabilities.volatileWriteCache
  }

  start(): void {
    this.receiveDataOut(this.#byteCount, (slices, bufferOffsetBytes, byteCount) => {
      if (this.isStopping) return
      this.transferredBytes += byteCount
      this.#deliveries.push({ slices, offsetBytes: this.#offsetBytes + bufferOffsetBytes, byteCount })
      this.step()
    })
  }

  protected override advance(): void {
    switch (this.#phase) {
      case 'next':
        this.#acquireNext()
        break
      case 'read':
        this.#read(this.#deliveries[0]!)
        break
      case 'write':
        this.#write(this.#deliveries[0]!)
        break
      case 'flush':
        this.#flush()
        break
      case 'wait':
    }
  }

  #acquireNext(): void {
    const delivery = this.#deliveries[0]
    if (delivery === undefined) return
    this.#phase = 'wait'
    this.logicalUnit.rangeLocks.acquire(this.command, delivery, () => {
      this.#phase = 'read'
      this.step()
    })
  }

  #read(delivery: Delivery): void {
    this.#phase = 'wait'
    this.#blocks = Buffer.alloc(delivery.byteCount)
    this.startRead([this.#blocks], delivery.offsetBytes, (error) => {
      this.ioEnded(error, 'read')
      this.#phase = 'write'
      this.step()
    })
  }

  #write(delivery: Delivery): void {
    this.#phase = 'wait'
    const blocks = this.#blocks!
    let at = 0
    for (const slice of delivery.slices) for (const byte of slice) blocks[at++]! |= byte
    this.startWrite([blocks], delivery.offsetBytes, false, (error) => this.#written(delivery, error))
  }

  #written(delivery: Delivery, error: BackingError | null): void {
    this.ioEnded(error, 'write')
    this.#deliveries.shift()
    this.#writtenBytes += delivery.byteCount
    this.logicalUnit.rangeLocks.release(this.command)
    this.dataOutConsumed(delivery.byteCount)
    if (this.#writtenBytes < this.#byteCount) this.#phase = 'next'
    else if (this.#isForced) this.#phase = 'flush'
    else this.finish()
    this.step()
  }

  #flush(): void {
    this.#phase = 'wait'
    this.startFlush((error) => {
      this.ioEnded(error, 'write')
      this.finish()
      this.step()
    })
  }
}
