/** Steps of recovery within a connection over the connection harness: SNACKs, acknowledgements, reads and writes served. */

import { borrowDataIn, sendDataIn } from '../../protocol/connection/data-in.ts'
import { receiveDataOut } from '../../protocol/connection/data-out.ts'
import { dataOutConsumed } from '../../protocol/connection/data-out-memory.ts'
import { completeTask } from '../../protocol/connection/task-lifecycle.ts'
import type { Task } from '../../protocol/session/task.ts'
import type { Limits } from '../../src/limits.ts'
import { type ConnectionHarness, NodeHarness } from './connection-harness.ts'
import { NO_TAG, OPCODE, type TargetPdu } from './wire-pdu.ts'

export const SNACK = { data: 0, status: 1, dataAck: 2, rData: 3 } as const
export const REJECT = { digest: 0x02, snack: 0x03, protocol: 0x04, dataAck: 0x08, field: 0x09 } as const

export interface RecoveringHost {
  readonly node: NodeHarness
  readonly host: ConnectionHarness
}

/** A session at error recovery level 1, or another one, whose login has been read. */
export function openRecovering(
  keys: Readonly<Record<string, string>> = {},
  limits: Partial<Limits> = {},
  errorRecoveryLevel: 0 | 1 | 2 = 1,
): RecoveringHost {
  const node = new NodeHarness(limits, null, { errorRecoveryLevel })
  const host = node.connect()
  host.login({ keys: { ErrorRecoveryLevel: String(errorRecoveryLevel), ...keys } })
  host.dataDigest = keys.DataDigest === 'CRC32C'
  host.take()
  return { node, host }
}

/** The task of the command with this Initiator Task Tag, which the SCSI layer has. */
export function taskOf(node: NodeHarness, itt: number): Task {
  return node.scsi.tasks.find(({ initiatorTaskTag }) => initiatorTaskTag === itt)!
}

/** The SCSI layer brings the next piece of a read, in memory that it has borrowed. */
export function bring(node: NodeHarness, itt: number, data: Buffer, offset: number, isLast = false): void {
  const task = taskOf(node, itt)
  const memory = borrowDataIn(task, data.length)
  data.copy(memory)
  sendDataIn(task, memory, offset, isLast, null)
  node.clock.settle()
}

/** The SCSI layer completes a command. */
export function complete(node: NodeHarness, itt: number, presentedBytes: number, status = 0): void {
  const task = taskOf(node, itt)
  node.scsi.ended(task)
  completeTask(task, status, null, presentedBytes)
  node.clock.settle()
}

/** Send a read, and serve it in one piece. */
export function read({ node, host }: RecoveringHost, itt: number, data: Buffer): void {
  host.command({ itt, read: true, edtl: data.length })
  bring(node, itt, data, 0, true)
  complete(node, itt, data.length)
}

/** The SCSI layer wants `byteCount` bytes of a write, and consumes them as they come. Gives what has come so far. */
export function collect(node: NodeHarness, itt: number, byteCount: number): Buffer {
  const task = taskOf(node, itt)
  const into = Buffer.alloc(byteCount)
  let expectedOffset = 0
  receiveDataOut(task, byteCount, (slices, offset, pieceBytes) => {
    if (offset !== expectedOffset) throw new Error(`Data-Out at ${offset} was delivered when ${expectedOffset} was due`)
    expectedOffset += pieceBytes
    Buffer.concat([...slices]).copy(into, offset)
    dataOutConsumed(task, pieceBytes)
  })
  node.clock.settle()
  return into
}

/** Send a SNACK Request; `tag` is a Target Transfer Tag or a SNACK Tag. */
export function snack(
  host: ConnectionHarness,
  type: number,
  fields: {
    readonly itt?: number
    readonly tag?: number
    readonly begRun?: number
    readonly runLength?: number
    readonly lun?: number
  } = {},
): void {
  const { itt = NO_TAG, tag = NO_TAG, begRun = 0, runLength = 0, lun = 0 } = fields
  const words = { 20: tag, 40: begRun, 44: runLength }
  host.request({ opcode: OPCODE.SNACK, byte1: 0x80 | type, itt, lun, words })
}

/** Acknowledge every status before `expStatSN`, by default all that came. */
export function acknowledge(host: ConnectionHarness, expStatSN = host.expStatSN): void {
  const words = { 20: NO_TAG, 24: host.cmdSN, 28: expStatSN }
  host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: NO_TAG, words })
}

/** A PDU as bytes, with zeroes where a replica may differ: ExpCmdSN and MaxCmdSN. */
export function replicaBytes({ header, data }: TargetPdu): string {
  const bytes = Buffer.concat([header, data])
  bytes.fill(0, 28, 36)
  return bytes.toString('hex')
}

/** Bytes 36 to 47 of an R2T or a Data-In as numbers: R2TSN or DataSN, Buffer Offset, length. */
export function runOf(pdu: TargetPdu): number[] {
  return [pdu.word(36), pdu.word(40), pdu.opcode === OPCODE.R2T ? pdu.word(44) : pdu.data.length]
}

/** The reasons of the Rejects among `pdus`, and their DataSN/R2TSN fields. */
export function rejections(pdus: readonly TargetPdu[]): number[][] {
  return pdus.filter(({ opcode }) => opcode === OPCODE.REJECT).map((pdu) => [pdu.byte(2), pdu.word(36)])
}
