/**
 * The data of a simulated initiator's commands: answers R2Ts, takes Data-In, acknowledges it where the target asks for it,
 * and asks again for what is missing, by Data SNACK or R-Data SNACK (RFC 7143 7.8, 11.16).
 */

import assert from 'node:assert/strict'
import { dataOf } from '../simulated-disk.ts'
import { FINAL, NO_TAG, OPCODE, type TargetPdu } from '../wire-pdu.ts'
import { coversTaskSet, type ManagementExchange } from './exchanges.ts'
import type { InitiatorConnection } from './initiator-connection.ts'
import type { SimulatedCommand } from './simulated-command.ts'
import { agreed, type SessionNumbers, type Surroundings } from './surroundings.ts'

const DATA_SNACK = 0
const DATA_ACK = 2
const R_DATA_SNACK = 3
/** How long data may be missing before it is asked for again. */
const PATIENCE_MS = 3_000

export class DataTransfer {
  readonly #around: Surroundings
  readonly #session: SessionNumbers
  readonly #functionsOver: (command: SimulatedCommand) => readonly ManagementExchange[]

  /** `functionsOver`: the task management requests that are out and cover a command. */
  constructor(
    around: Surroundings,
    session: SessionNumbers,
    functionsOver: (command: SimulatedCommand) => readonly ManagementExchange[],
  ) {
    this.#around = around
    this.#session = session
    this.#functionsOver = functionsOver
  }

  get #nowMs(): number {
    return this.#around.node.clock.nowMs()
  }

  get #isStrict(): boolean {
    return this.#session.errorRecoveryLevel === 0
  }

  /** Whether the command's status may be taken: `wait` while data is missing, `discard` when a newer copy is due. */
  judge(command: SimulatedCommand, pdu: TargetPdu): 'take' | 'wait' | 'discard' {
    if (command.isAbandoned) return 'take'
    if (pdu.opcode === OPCODE.DATA_IN) this.dataInArrived(command, pdu)
    const expDataSN = pdu.opcode === OPCODE.DATA_IN ? pdu.word(36) + 1 : pdu.word(36)
    if (pdu.opcode === OPCODE.SCSI_RESPONSE && pdu.word(20) !== command.snackTag) {
      assert.ok(command.snackTag !== 0 || command.hadRecovery, `SNACK Tag: ${pdu.describe()}`)
      return 'discard'
    }
    if (command.isWaitingForRestart) return 'wait'
    if (command.dataIn.length === 0 || expDataSN <= command.nextDataSN) return 'take'
    this.askForData(command, expDataSN)
    return 'wait'
  }

  sendDataOut(command: SimulatedCommand, transferTag: number, offset: number, end: number): void {
    const { tag, write, lba, blocks } = command.identity
    const data = dataOf(write, lba, blocks)
    const pduBytes = this.#around.random.pick([500, 512, 4096, 65_536])
    for (let at = offset, dataSN = 0; at < end; at += pduBytes, dataSN++) {
      const piece = data.subarray(at, Math.min(at + pduBytes, end))
      const byte1 = at + piece.length === end ? FINAL : 0
      const words = { 20: transferTag, 36: dataSN, 40: at }
      const request = { opcode: OPCODE.DATA_OUT, byte1, itt: tag, words, data: piece }
      if (command.connection.send(request, this.#nowMs) !== 'arrives') command.wasSpoiled = true
    }
  }

  r2tArrived(command: SimulatedCommand, pdu: TargetPdu): void {
    const isNew = command.r2tCame(pdu, this.#isStrict, agreed(this.#session, 'MaxBurstLength'))
    const { connection } = command
    if (command.missingR2T !== null && this.#around.random.chance(0.2)) this.#askForR2T(command, command.missingR2T)
    if (!isNew || connection.phase !== 'up') return
    const functions = this.#functionsOver(command)
    const isFastAbort = this.#session.keys.TaskReporting === 'FastAbort'
    // 4.2.3.4 a; and initiators in the field forget the R2Ts of a command while they abort it alone.
    const covering = functions.filter((other) => coversTaskSet(other.function))
    if (isFastAbort && covering.some((other) => other.connection === connection)) return
    if (covering.length === 0 && command.isBeingAborted && this.#around.random.chance(0.5)) return
    const [offset, byteCount] = [pdu.word(40), pdu.word(44)]
    this.sendDataOut(command, pdu.ttt, offset, offset + byteCount)
  }

  #askForR2T(command: SimulatedCommand, r2tSN: number): void {
    this.#around.count('R2T SNACK')
    command.hadRecovery = true
    this.#snack(command, DATA_SNACK, NO_TAG, r2tSN, 1)
  }

  dataInArrived(command: SimulatedCommand, pdu: TargetPdu): void {
    if (command.isAbandoned) return
    command.dataInCame(pdu, this.#isStrict, agreed(this.#session, 'MaxBurstLength'))
    const { connection } = command
    if (!isListening(connection)) return
    const due = command.takeAcknowledgement()
    if (due !== null && !this.#isStrict) {
      this.#around.count('DataACK')
      const words = { 20: due.transferTag, 24: 0, 40: due.nextDataSN, 44: 0 }
      const request = { opcode: OPCODE.SNACK, byte1: FINAL | DATA_ACK, lun: due.lun, itt: NO_TAG, words }
      connection.send(request, this.#nowMs)
    }
    this.askForData(command, 0)
  }

  /** Ask again for Data-In that is known to be missing (RFC 7143 7.8). */
  askForData(command: SimulatedCommand, expDataSN: number): void {
    const { connection } = command
    const missing = command.missing(expDataSN)
    const isStuck = command.isWaitingForRestart
    if ((missing === null && !isStuck) || !isListening(connection) || this.#nowMs - command.askedMs < PATIENCE_MS)
      return
    command.askedMs = this.#nowMs
    command.hadRecovery = true
    const { random } = this.#around
    const isResegmented = command.segmentEpoch !== connection.segmentEpoch
    if (missing === null || isResegmented || (!command.askedPlainly && random.chance(0.2))) {
      const snackTag = command.identity.tag * 0x1000 + random.integer(1, 0xfff)
      command.restartedBy(snackTag)
      this.#around.count('R-Data SNACK')
      this.#snack(command, R_DATA_SNACK, snackTag, 0, 0)
      return
    }
    command.askedPlainly = true
    this.#around.count('Data SNACK')
    this.#snack(command, DATA_SNACK, NO_TAG, missing.begRun, random.chance(0.2) ? 0 : missing.runLength)
  }

  #snack(command: SimulatedCommand, type: number, tag: number, begRun: number, runLength: number): void {
    const words = { 20: tag, 40: begRun, 44: runLength }
    const request = { opcode: OPCODE.SNACK, byte1: FINAL | type, itt: command.identity.tag, words }
    command.connection.send(request, this.#nowMs)
  }
}

/** What comes on a connection is still looked at, and may be asked for again. */
function isListening({ phase }: InitiatorConnection): boolean {
  return phase === 'up' || phase === 'logout'
}
