/**
 * PRE-FETCH (10) and (16) (SBC-4): blocks that will be read soon are read now and dropped, which leaves them in the memory
 * of the system under the store. CONDITION MET says that all of them are there; GOOD, that there are more than one
 * command brings. With IMMED nothing is promised and nothing is read: no read may outlive its command.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { type BlockFields, blockCdb } from '../block-cdb.ts'
import { checkBlockRange } from '../block-range.ts'
import { bit, bits, type CdbField, type CdbLayout, isSet, readField } from '../cdb.ts'
import { type Command, STATUS } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { PREFETCH_BYTES_MAX } from '../transfer-limits.ts'

const PIECE_BYTES_MAX = 256 * 1024

interface PreFetchFields extends BlockFields {
  readonly immed: CdbField
}

/** GROUP NUMBER says whom to count the command for, where somebody counts; a hint may carry it without harm. */
export const PRE_FETCH_COMMANDS = [
  preFetch('PRE-FETCH (10)', 0x34, blockCdb(10, { immed: bit(1, 1), groupNumber: bits(6, 5, 0) })),
  preFetch('PRE-FETCH (16)', 0x90, blockCdb(16, { immed: bit(1, 1), groupNumber: bits(14, 5, 0) })),
]

function preFetch(name: string, operationCode: number, layout: CdbLayout<PreFetchFields>) {
  return defineCommand({
    name,
    operationCode,
    standard: 'SBC-4',
    cdb: layout,
    data: 'none',
    reservationClass: 'read',
    taskClass: 'read',
    execute: (command, logicalUnit) => executePreFetch(command, logicalUnit, layout.fields),
  })
}

function executePreFetch(command: Command, logicalUnit: LogicalUnit, fields: PreFetchFields): void {
  const { properties } = logicalUnit
  const lba = readField(command.cdb, fields.lba)
  const requestedBlocks = readField(command.cdb, fields.lengthBlocks)
  const refusal = checkBlockRange(properties, lba, requestedBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
  } else if (isSet(command.cdb, fields.immed)) {
    completeGood(command)
  } else {
    const blocks = requestedBlocks === 0 ? properties.blockCount - lba : requestedBlocks
    const { blockLengthBytes } = properties
    new PreFetchOperation(command, logicalUnit, lba * blockLengthBytes, blocks * blockLengthBytes).start()
  }
}

class PreFetchOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  readonly #fitsWhole: boolean
  readonly #scratch: Buffer
  #fetchedBytes = 0
  #isReading = false

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, lengthBytes: number) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = Math.min(lengthBytes, PREFETCH_BYTES_MAX)
    this.#fitsWhole = lengthBytes <= PREFETCH_BYTES_MAX
    this.#scratch = Buffer.allocUnsafe(Math.min(this.#byteCount, PIECE_BYTES_MAX))
  }

  start(): void {
    this.step()
  }

  protected override advance(): void {
    if (this.#isReading) return
    const restBytes = this.#byteCount - this.#fetchedBytes
    if (restBytes === 0) {
      this.finish(this.#fitsWhole ? STATUS.CONDITION_MET : STATUS.GOOD)
      return
    }
    this.#isReading = true
    const piece = this.#scratch.subarray(0, Math.min(this.#scratch.length, restBytes))
    this.startRead([piece], this.#offsetBytes + this.#fetchedBytes, (error) => this.#fetched(piece.length, error))
  }

  #fetched(byteCount: number, error: BackingError | null): void {
    this.ioEnded(error, 'read')
    this.#isReading = false
    this.#fetchedBytes += byteCount
    this.step()
  }
}
