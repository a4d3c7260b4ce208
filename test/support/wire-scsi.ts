/**
 * SCSI commands over the test initiator: CDBs, the data transfer of one command at a time with its R2Ts, and the
 * checks that hold for each of them (RFC 7143 11.7, 11.8, 4.2.2.4). Commands that a test wants to see in pieces go
 * through `sendCommand`, `readR2T` and `sendDataOut`.
 */

import assert from 'node:assert/strict'
import type { WireInitiator } from './wire-initiator.ts'
import { hasStatus } from './wire-invariants.ts'
import { FINAL, lunField, NO_TAG, OPCODE, type RequestFields, type TargetPdu } from './wire-pdu.ts'

export const GOOD = 0x00
export const CHECK_CONDITION = 0x02

export const SIMPLE = 1

export interface ScsiRequest {
  readonly cdb: Buffer
  readonly lun?: number
  /** Data-In that the initiator has room for. */
  readonly readBytes?: number
  readonly writeData?: Buffer
  /** By default what `readBytes` or `writeData` say. */
  readonly expectedDataTransferLength?: number
  /** How much of `writeData` goes with the command PDU. */
  readonly immediateBytes?: number
  /** How much of `writeData` goes in Data-Out PDUs right behind the command. */
  readonly unsolicitedBytes?: number
  /** Data segments of Data-Out PDUs; by default as much as the target takes. */
  readonly dataOutBytesMax?: number
  /** Header fields over those that follow from the rest. */
  readonly fields?: Partial<RequestFields>
}

export interface Sense {
  readonly key: number
  /** Additional sense code and qualifier as one number. */
  readonly code: number
}

export interface ScsiOutcome {
  readonly itt: number
  readonly response: number
  readonly status: number
  readonly sense: Sense | null
  readonly isOverflow: boolean
  readonly isUnderflow: boolean
  readonly residualBytes: number
  readonly data: Buffer
  readonly dataIns: readonly TargetPdu[]
  readonly readyToTransfers: readonly TargetPdu[]
  /** The PDU that carried the status. */
  readonly final: TargetPdu
}

/** READ (10). */
export function read10(lba: number, blocks: number): Buffer {
  return cdb10(0x28, lba, blocks)
}

/** WRITE (10). */
export function write10(lba: number, blocks: number): Buffer {
  return cdb10(0x2a, lba, blocks)
}

export function testUnitReady(): Buffer {
  return Buffer.alloc(6)
}

export function inquiry(allocationLengthBytes: number): Buffer {
  return Buffer.from([0x12, 0, 0, allocationLengthBytes >> 8, allocationLengthBytes & 0xff, 0])
}

export function reportLuns(allocationLengthBytes: number): Buffer {
  const cdb = Buffer.alloc(12)
  cdb[0] = 0xa0
  cdb.writeUInt32BE(allocationLengthBytes, 6)
  return cdb
}

function cdb10(operationCode: number, lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(10)
  cdb[0] = operationCode
  cdb.writeUInt32BE(lba, 2)
  cdb.writeUInt16BE(blocks, 7)
  return cdb
}

/** Bytes that differ from one 4-byte word to the next, so that a misplaced word shows. */
export function pattern(byteCount: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(byteCount)
  let state = seed >>> 0 || 1
  for (let offset = 0; offset < byteCount; offset++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[offset] = state >>> 24
  }
  return bytes
}

/** The command PDU alone, with its immediate data; gives the Initiator Task Tag. */
export async function sendCommand(initiator: WireInitiator, request: ScsiRequest): Promise<number> {
  const itt = request.fields?.itt ?? initiator.newTag()
  await initiator.send({ ...commandFields(request), itt })
  return itt
}

/** The header fields of a command; 16 bytes of CDB at most. */
export function commandFields(request: ScsiRequest): RequestFields {
  const { writeData, readBytes = 0, immediateBytes = 0, unsolicitedBytes = 0 } = request
  const isWrite = writeData !== undefined
  const direction = (readBytes > 0 ? 0x40 : 0) | (isWrite ? 0x20 : 0)
  const cdb = Buffer.alloc(16)
  request.cdb.copy(cdb)
  return {
    opcode: OPCODE.SCSI_COMMAND,
    byte1: (unsolicitedBytes > 0 ? 0 : FINAL) | direction | SIMPLE,
    lun: request.lun ?? 0,
    ...(immediateBytes > 0 ? { data: writeData!.subarray(0, immediateBytes) } : {}),
    ...request.fields,
    words: {
      20: request.expectedDataTransferLength ?? (isWrite ? writeData.length : readBytes),
      32: cdb.readUInt32BE(0),
      36: cdb.readUInt32BE(4),
      40: cdb.readUInt32BE(8),
      44: cdb.readUInt32BE(12),
      ...request.fields?.words,
    },
  }
}

/** One Data-Out PDU. */
export interface DataOut {
  readonly itt: number
  readonly ttt: number
  readonly dataSN: number
  readonly bufferOffsetBytes: number
  readonly data: Buffer
  readonly isFinal: boolean
  readonly lun?: number | Buffer
  readonly fields?: Partial<RequestFields>
}

export function dataOutFields(dataOut: DataOut): RequestFields {
  return {
    opcode: OPCODE.DATA_OUT,
    byte1: dataOut.isFinal ? FINAL : 0,
    lun: dataOut.lun ?? 0,
    itt: dataOut.itt,
    data: dataOut.data,
    ...dataOut.fields,
    words: { 20: dataOut.ttt, 36: dataOut.dataSN, 40: dataOut.bufferOffsetBytes, ...dataOut.fields?.words },
  }
}

/** Send `data` as one sequence: from `bufferOffsetBytes` on, in PDUs of at most `pduBytesMax`. */
export async function sendDataOut(
  initiator: WireInitiator,
  sequence: Omit<DataOut, 'dataSN' | 'isFinal'>,
  pduBytesMax = initiator.parameters.targetMaxRecvDataSegmentLength,
): Promise<void> {
  const { data, bufferOffsetBytes } = sequence
  for (let sent = 0, dataSN = 0; sent < data.length; dataSN++) {
    const piece = data.subarray(sent, sent + pduBytesMax)
    const isFinal = sent + piece.length === data.length
    const pdu = { ...sequence, dataSN, isFinal, data: piece, bufferOffsetBytes: bufferOffsetBytes + sent }
    await initiator.send(dataOutFields(pdu))
    sent += piece.length
  }
}

/** Give an R2T all that it asks for out of the whole transfer's `writeData`. */
export async function answerR2T(
  initiator: WireInitiator,
  r2t: TargetPdu,
  writeData: Buffer,
  pduBytesMax?: number,
): Promise<void> {
  const { bufferOffsetBytes, lengthBytes } = r2tRange(r2t)
  const data = writeData.subarray(bufferOffsetBytes, bufferOffsetBytes + lengthBytes)
  const lun = Buffer.from(r2t.header.subarray(8, 16))
  await sendDataOut(initiator, { itt: r2t.itt, ttt: r2t.ttt, lun, bufferOffsetBytes, data }, pduBytesMax)
}

export function r2tRange(r2t: TargetPdu): { bufferOffsetBytes: number; lengthBytes: number } {
  return { bufferOffsetBytes: r2t.word(40), lengthBytes: r2t.word(44) }
}

/** The next PDU, which must be an R2T for this task. */
export async function readR2T(initiator: WireInitiator, itt: number): Promise<TargetPdu> {
  return await initiator.expect(OPCODE.R2T, itt)
}

/** Start a write that waits for its data: nothing ends it but data or the initiator. Gives tag and R2T. */
export async function holdWrite(
  initiator: WireInitiator,
  writeData: Buffer,
  lba = 0,
  blockLengthBytes = 512,
): Promise<{ itt: number; r2t: TargetPdu; cmdSN: number }> {
  const { cmdSN } = initiator
  const itt = await sendCommand(initiator, { cdb: write10(lba, writeData.length / blockLengthBytes), writeData })
  return { itt, cmdSN, r2t: await readR2T(initiator, itt) }
}

/** Run one command to its end, answering every R2T. */
export async function execute(initiator: WireInitiator, request: ScsiRequest): Promise<ScsiOutcome> {
  const itt = await sendCommand(initiator, request)
  const { writeData, immediateBytes = 0, unsolicitedBytes = 0, dataOutBytesMax } = request
  if (unsolicitedBytes > 0) {
    const data = writeData!.subarray(immediateBytes, immediateBytes + unsolicitedBytes)
    await sendDataOut(initiator, { itt, ttt: NO_TAG, bufferOffsetBytes: immediateBytes, data }, dataOutBytesMax)
  }
  return await finishCommand(initiator, itt, request)
}

/** Follow a command that was sent to its end: data, R2Ts (answered from `writeData`), status. */
export async function finishCommand(initiator: WireInitiator, itt: number, request: ScsiRequest): Promise<ScsiOutcome> {
  const dataIns: TargetPdu[] = []
  const readyToTransfers: TargetPdu[] = []
  const sentUnasked = (request.immediateBytes ?? 0) + (request.unsolicitedBytes ?? 0)
  for (;;) {
    const pdu = await initiator.read()
    assert.equal(pdu.itt, itt >>> 0, `Initiator Task Tag of ${pdu.describe()}`)
    if (pdu.opcode === OPCODE.R2T) {
      checkR2T(initiator, request, pdu, readyToTransfers, sentUnasked)
      readyToTransfers.push(pdu)
      await answerR2T(initiator, pdu, request.writeData!, request.dataOutBytesMax)
      continue
    }
    if (pdu.opcode === OPCODE.DATA_IN) {
      checkDataIn(initiator, request, pdu, dataIns)
      dataIns.push(pdu)
      if (!hasStatus(pdu)) continue
    } else {
      assert.equal(pdu.opcode, OPCODE.SCSI_RESPONSE, `neither data nor status: ${pdu.describe()}`)
      assert.equal(pdu.word(36), pdu.byte(2) === 0 ? dataIns.length : 0, 'ExpDataSN (RFC 7143 11.4.8)')
    }
    return outcome(itt, pdu, dataIns, readyToTransfers)
  }
}

/** Any command's Unit Attentions out of the way, and the logical unit ready. */
export async function clearUnitAttentions(initiator: WireInitiator, lun = 0): Promise<void> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { status, sense } = await execute(initiator, { cdb: testUnitReady(), lun })
    if (status === GOOD) return
    assert.equal(sense?.key, 0x06, `LUN ${lun} is not ready`)
  }
  assert.fail(`unit attentions of LUN ${lun} do not end`)
}

function outcome(
  itt: number,
  final: TargetPdu,
  dataIns: readonly TargetPdu[],
  readyToTransfers: readonly TargetPdu[],
): ScsiOutcome {
  const isResponse = final.opcode === OPCODE.SCSI_RESPONSE
  const data = Buffer.concat(dataIns.map((pdu) => pdu.data))
  return {
    itt,
    response: isResponse ? final.byte(2) : 0,
    status: final.byte(3),
    sense: isResponse ? senseOf(final) : null,
    isOverflow: (final.byte(1) & 0x04) !== 0,
    isUnderflow: (final.byte(1) & 0x02) !== 0,
    residualBytes: final.word(44),
    data,
    dataIns,
    readyToTransfers,
    final,
  }
}

/** Sense of a SCSI Response in fixed or descriptor format (SPC-4 4.5), null without. */
export function senseOf(response: TargetPdu): Sense | null {
  if (response.data.length < 4) return null
  const sense = response.data.subarray(2)
  const isDescriptorFormat = (sense[0]! & 0x7e) === 0x72
  return isDescriptorFormat
    ? { key: sense[1]! & 0x0f, code: sense.readUInt16BE(2) }
    : { key: sense[2]! & 0x0f, code: sense.readUInt16BE(12) }
}

function checkR2T(
  initiator: WireInitiator,
  request: ScsiRequest,
  r2t: TargetPdu,
  earlier: readonly TargetPdu[],
  sentUnasked: number,
): void {
  const { bufferOffsetBytes, lengthBytes } = r2tRange(r2t)
  assert.ok(request.writeData !== undefined, 'R2T for a command without Data-Out')
  const expected = request.expectedDataTransferLength ?? request.writeData.length
  const last = earlier.at(-1)
  const due = last === undefined ? sentUnasked : r2tRange(last).bufferOffsetBytes + r2tRange(last).lengthBytes
  assert.equal(r2t.word(36), earlier.length, 'R2TSN counts from 0 (RFC 7143 4.2.2.4)')
  assert.equal(bufferOffsetBytes, due, 'R2Ts tile the transfer (RFC 7143 13.19)')
  assert.ok(lengthBytes <= initiator.parameters.maxBurstLength, 'R2T beyond MaxBurstLength (RFC 7143 11.8)')
  assert.ok(bufferOffsetBytes + lengthBytes <= expected, 'R2T beyond the Expected Data Transfer Length')
  assert.deepEqual(r2t.header.subarray(8, 16), lunField(request.lun ?? 0), 'LUN of an R2T')
}

function checkDataIn(
  initiator: WireInitiator,
  request: ScsiRequest,
  dataIn: TargetPdu,
  earlier: readonly TargetPdu[],
): void {
  const offsetDue = earlier.reduce((sum, pdu) => sum + pdu.data.length, 0)
  assert.equal(dataIn.word(36), earlier.length, 'DataSN counts from 0 (RFC 7143 4.2.2.4)')
  assert.equal(dataIn.word(40), offsetDue, 'Buffer Offset of Data-In')
  const room = request.expectedDataTransferLength ?? request.readBytes ?? 0
  assert.ok(offsetDue + dataIn.data.length <= room, 'Data-In beyond the Expected Data Transfer Length')
  if (!dataIn.isFinal) assert.equal(dataIn.data.length % 4, 0, 'Data-In segment inside a sequence (RFC 7143 11.7.7)')
  const sequenceStart = earlier.findLastIndex((pdu) => pdu.isFinal) + 1
  const inSequence = earlier.slice(sequenceStart).reduce((sum, pdu) => sum + pdu.data.length, dataIn.data.length)
  assert.ok(inSequence <= initiator.parameters.maxBurstLength, 'Data-In sequence beyond MaxBurstLength')
}
