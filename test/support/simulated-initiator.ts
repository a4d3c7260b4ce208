/**
 * An initiator for simulations, without sockets and without waiting: it begins commands, answers what comes, and judges
 * it. What travels either way lies in a pipe of which the simulation moves some on, in pieces of any size. It keeps its
 * own commands from overlapping, so that `DiskModel` knows what every block may hold.
 */

import assert from 'node:assert/strict'
import { Connection } from '../../protocol/connection/connection.ts'
import type { ConnectionTransport } from '../../protocol/connection/connection-transport.ts'
import { type NodeHarness, receiveFromPool, TARGET_NAME } from './connection-harness.ts'
import { crc32cDigest } from './crc32c.ts'
import type { SeededRandom } from './seeded-random.ts'
import { BLOCK_BYTES, type DiskModel, dataOf } from './simulated-disk.ts'
import { hasStatus, TargetPduChecker } from './wire-invariants.ts'
import {
  BHS_BYTES,
  type Digests,
  FINAL,
  isSerialAfter,
  NO_TAG,
  OPCODE,
  paddingBytes,
  type RequestFields,
  requestBytes,
  TargetPdu,
} from './wire-pdu.ts'
import { decodeText, encodeText } from './wire-text.ts'

const LOGIN_TAG = 1
const ABORT_TASK = 1
const ABORT_TASK_SET = 2
const CLEAR_TASK_SET = 4
const LOGICAL_UNIT_RESET = 5
const UNIT_ATTENTION = 6
const MEDIUM_ERROR = 3
const STRAIGHT_TO_FULL_FEATURE = 0x87

type CommandKind = 'read' | 'write' | 'verify' | 'other'

interface Outstanding {
  readonly kind: CommandKind
  readonly cmdSN: number
  readonly lba: number
  readonly blocks: number
  /** The number of the write, for its data. */
  readonly write: number
  readonly dataIn: Buffer
  dataInBytes: number
  dataSN: number
  sequenceBytes: number
  r2tSN: number
  solicitedBytes: number
  /** A reset by somebody else may have ended it without a response. */
  mayBeLost: boolean
}

interface ManagementRequest {
  readonly function: number
  /** The tags of the commands that it covers. */
  readonly covered: readonly number[]
}

/** What all initiators of a simulation share. */
export interface Surroundings {
  readonly node: NodeHarness
  readonly random: SeededRandom
  readonly model: DiskModel
  nextWrite: number
  /** Whether disks may have failed. */
  readonly isFaulty: boolean
  /** Told when a function ended that ends commands of others without a response. */
  readonly othersAborted: (by: SimulatedInitiator) => void
}

/** What the target handed over, and must leave alone until it is told that it left. */
interface Batch {
  readonly buffers: readonly Buffer[]
  readonly bytes: Buffer
  readonly sent: () => void
}

export class SimulatedInitiator implements ConnectionTransport {
  readonly outstanding = new Map<number, Outstanding>()
  /** Commands that ended with GOOD. */
  goodCount = 0
  connection: Connection
  isLoggedIn = false
  isClosed = false
  readonly #around: Surroundings
  readonly #name: string
  /** The blocks that nobody else writes. */
  readonly #firstLba: number
  readonly #blocks: number
  readonly #management = new Map<number, ManagementRequest>()
  readonly #pings = new Map<number, Buffer>()
  #toTarget: Buffer[] = []
  #toInitiator: Batch[] = []
  #received: Buffer = Buffer.alloc(0)
  #checker = new TargetPduChecker()
  #digests: Digests = { header: false, data: false }
  #isPaused = false
  #cmdSN = 1
  #maxCmdSN = 1
  #tag = 0x100
  #keys: Record<string, string> = {}
  #offered: Record<string, string> = {}

  constructor(around: Surroundings, name: string, firstLba: number, blocks: number) {
    this.#around = around
    this.#name = name
    this.#firstLba = firstLba
    this.#blocks = blocks
    this.connection = this.#connect()
  }

  get hasTraffic(): boolean {
    return this.#toTarget.length > 0 || this.#toInitiator.length > 0
  }

  /** What is not answered yet, for messages. */
  get open(): readonly string[] {
    const commands = [...this.outstanding].map(([tag, { kind, blocks, solicitedBytes, dataInBytes }]) => {
      return `command ${tag}: ${kind} of ${blocks} blocks, ${solicitedBytes} bytes out, ${dataInBytes} bytes in`
    })
    const requests = [...this.#management].map(([tag, request]) => `function ${request.function}: ${tag}`)
    return [...commands, ...requests, ...[...this.#pings.keys()].map((tag) => `ping ${tag}`)]
  }

  /** Nothing is asked that is not answered. */
  get isQuiet(): boolean {
    return this.isLoggedIn && this.outstanding.size + this.#management.size + this.#pings.size === 0
  }

  /** Single commands are being aborted, and no whole task sets. */
  get #isAbortingSingly(): boolean {
    const requests = [...this.#management.values()]
    return requests.length > 0 && requests.every((request) => request.function === ABORT_TASK)
  }

  send(buffers: readonly Buffer[], byteCount: number, sent: () => void): void {
    const bytes = Buffer.concat(buffers)
    assert.equal(bytes.length, byteCount)
    this.#toInitiator.push({ buffers, bytes, sent })
  }

  end(): void {
    this.isClosed = true
  }

  destroy(): void {
    this.isClosed = true
    this.#toTarget = []
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
  }

  /** Some bytes reach the target. */
  moveToTarget(): void {
    if (this.#isPaused || this.#toTarget.length === 0) return
    const bytes = this.#toTarget.length === 1 ? this.#toTarget[0]! : Buffer.concat(this.#toTarget)
    const { random, node } = this.#around
    const byteCount = random.chance(0.7) ? bytes.length : random.integer(1, bytes.length)
    this.#toTarget = byteCount === bytes.length ? [] : [bytes.subarray(byteCount)]
    receiveFromPool(this.connection, bytes.subarray(0, byteCount))
    node.clock.settle()
  }

  /** What the target handed over longest ago reaches the initiator. */
  moveToInitiator(): void {
    const batch = this.#toInitiator.shift()
    if (batch === undefined) return
    this.#left(batch)
    this.#received = this.#received.length === 0 ? batch.bytes : Buffer.concat([this.#received, batch.bytes])
    for (let pdu = this.#takePdu(); pdu !== null; pdu = this.#takePdu()) this.#handle(pdu)
  }

  /** The connection breaks; a new one is opened, which is another session on the same nexus. */
  reconnect(): void {
    const { random } = this.#around
    const old = this.connection
    const batches = this.#toInitiator.splice(0)
    const breaks = this.isClosed || !this.isLoggedIn || random.chance(0.7)
    if (breaks) old.transportClosed()
    // A socket that is destroyed reports what waited in it in no particular order.
    if (random.chance(0.5)) batches.reverse()
    for (const [tag] of this.outstanding) this.#giveUp(tag)
    this.#around.othersAborted(this)
    this.#management.clear()
    this.#pings.clear()
    this.#toTarget = []
    this.#received = Buffer.alloc(0)
    this.connection = this.#connect()
    for (const batch of batches) this.#left(batch)
  }

  /** The connection breaks for good. */
  leave(): void {
    this.connection.transportClosed()
    for (const batch of this.#toInitiator.splice(0)) this.#left(batch)
  }

  ping(): void {
    if (!this.isLoggedIn || this.isClosed) return
    const tag = this.#tag++
    const data = Buffer.alloc(this.#around.random.integer(0, 30), tag)
    this.#pings.set(tag, data)
    this.#send({ opcode: OPCODE.NOP_OUT, immediate: true, itt: tag, words: { 20: NO_TAG, 24: this.#cmdSN }, data })
  }

  /** Begin a command that the window has room for, if there is one. */
  begin(): void {
    const { random } = this.#around
    if (!this.isLoggedIn || this.isClosed || isSerialAfter(this.#cmdSN, this.#maxCmdSN)) return
    const kind = random.pick<CommandKind>(['read', 'read', 'write', 'write', 'write', 'verify', 'other'])
    const blocks = Math.min(random.pick([1, 2, 8, 33, 130, 700]), this.#blocks)
    const lba = this.#firstLba + random.integer(0, this.#blocks - blocks)
    const isFree = [...this.outstanding.values()].every(
      (other) => other.lba >= lba + blocks || other.lba + other.blocks <= lba,
    )
    if (kind !== 'other' && !isFree) return
    if (kind === 'other') this.#beginOther()
    else this.#beginTransfer(kind, lba, blocks)
  }

  /** Ask for the end of a command whose response a reset by somebody else has taken away. */
  abortLost(): void {
    for (const [tag, command] of this.outstanding) if (command.mayBeLost) this.#abort(tag, command)
  }

  abortSomething(): void {
    const { random } = this.#around
    if (!this.isLoggedIn || this.isClosed) return
    const tags = [...this.outstanding.keys()]
    if (tags.length > 0 && random.chance(0.7)) {
      const tag = random.pick(tags)
      this.#abort(tag, this.outstanding.get(tag)!)
    } else if (!this.#isAbortingSingly) {
      this.#manage(random.pick([ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET]), tags)
    }
  }

  #connect(): Connection {
    const { node, random } = this.#around
    this.isClosed = false
    this.isLoggedIn = false
    this.#isPaused = false
    this.#checker = new TargetPduChecker()
    this.#digests = { header: false, data: false }
    this.#cmdSN = random.pick([1, 0xffff_fff8])
    const endpoint = {
      localAddress: '127.0.0.1',
      localPort: 3260,
      remoteAddress: '127.0.0.2',
      portalId: '1',
      tls: null,
    }
    // Each connection has a way of its own, so that one which was left behind does not speak on the next one.
    const current = { send: this.send.bind(this), end: this.end.bind(this), destroy: this.destroy.bind(this) }
    const own = () => this.connection === connection
    const connection: Connection = new Connection(node.context, endpoint, {
      send: (buffers, byteCount, sent) => (own() ? current.send(buffers, byteCount, sent) : sent()),
      end: () => own() && current.end(),
      destroy: () => own() && current.destroy(),
      pause: () => own() && this.pause(),
      resume: () => own() && this.resume(),
    })
    this.connection = connection
    const yesOrNo = () => random.pick(['Yes', 'No'])
    this.#offered = {
      HeaderDigest: random.pick(['None', 'CRC32C']),
      DataDigest: random.pick(['None', 'CRC32C']),
      InitialR2T: yesOrNo(),
      ImmediateData: yesOrNo(),
      MaxRecvDataSegmentLength: String(random.pick([512, 1001, 8192, 262_144])),
      MaxBurstLength: String(random.pick([1024, 7001, 65_536])),
      FirstBurstLength: String(random.pick([512, 999])),
      MaxOutstandingR2T: String(random.pick([1, 2, 8])),
    }
    this.#send({
      opcode: OPCODE.LOGIN_REQUEST,
      immediate: true,
      byte1: STRAIGHT_TO_FULL_FEATURE,
      itt: LOGIN_TAG,
      words: { 8: 0x8000_0000, 12: 0x10000, 24: this.#cmdSN },
      data: encodeText({ InitiatorName: this.#name, TargetName: TARGET_NAME, ...this.#offered }),
    })
    return connection
  }

  #beginOther(): void {
    const cdb = Buffer.alloc(16)
    cdb[0] = this.#around.random.pick([0x00, 0x35])
    this.#command('other', cdb, 0, 0, 0, Buffer.alloc(0))
  }

  #beginTransfer(kind: CommandKind, lba: number, blocks: number): void {
    const { random } = this.#around
    const cdb = Buffer.alloc(16)
    cdb[0] = kind === 'read' ? 0x28 : kind === 'verify' ? 0x2e : 0x2a
    cdb[1] = random.chance(0.2) ? (kind === 'verify' ? 0x02 : 0x08) : 0
    cdb.writeUInt32BE(lba, 2)
    cdb.writeUInt16BE(blocks, 7)
    const write = kind === 'read' ? 0 : this.#around.nextWrite++
    this.#command(kind, cdb, lba, blocks, write, kind === 'read' ? Buffer.alloc(0) : dataOf(write, lba, blocks))
  }

  #command(kind: CommandKind, cdb: Buffer, lba: number, blocks: number, write: number, data: Buffer): void {
    const { random } = this.#around
    const tag = this.#tag++
    const cmdSN = this.#cmdSN
    this.#cmdSN = (cmdSN + 1) >>> 0
    const dataIn = Buffer.alloc(kind === 'read' ? blocks * BLOCK_BYTES : 0)
    const firstBurst = Math.min(this.#number('FirstBurstLength'), data.length)
    const maySendMore = this.#keys.InitialR2T === 'No' && random.chance(0.6)
    const immediateMax = this.#keys.ImmediateData === 'Yes' ? firstBurst : 0
    const immediateBytes = random.pick([0, immediateMax, random.integer(0, immediateMax)])
    const hasUnsolicited = maySendMore && immediateBytes < firstBurst
    const state = { dataInBytes: 0, dataSN: 0, sequenceBytes: 0, r2tSN: 0, mayBeLost: false }
    const solicitedBytes = hasUnsolicited ? firstBurst : immediateBytes
    this.outstanding.set(tag, { kind, cmdSN, lba, blocks, write, dataIn, solicitedBytes, ...state })
    const direction = dataIn.length > 0 ? 0x40 : data.length > 0 ? 0x20 : 0
    const attribute = random.chance(0.85) ? 1 : random.pick([0, 2, 3])
    this.#send({
      opcode: OPCODE.SCSI_COMMAND,
      byte1: (hasUnsolicited ? 0 : FINAL) | direction | attribute,
      itt: tag,
      words: {
        20: dataIn.length + data.length,
        24: cmdSN,
        ...Object.fromEntries([32, 36, 40, 44].map((at) => [at, cdb.readUInt32BE(at - 32)])),
      },
      data: data.subarray(0, immediateBytes),
    })
    if (hasUnsolicited) this.#sendDataOut(tag, NO_TAG, immediateBytes, data.subarray(immediateBytes, firstBurst))
  }

  #sendDataOut(tag: number, transferTag: number, offset: number, data: Buffer): void {
    const pduBytes = this.#around.random.pick([100, 512, 4096, 65_536])
    for (let at = 0, dataSN = 0; at < data.length; at += pduBytes, dataSN++) {
      const piece = data.subarray(at, at + pduBytes)
      const byte1 = at + piece.length === data.length ? FINAL : 0
      const words = { 20: transferTag, 36: dataSN, 40: offset + at }
      this.#send({ opcode: OPCODE.DATA_OUT, byte1, itt: tag, words, data: piece })
    }
  }

  #abort(tag: number, command: Outstanding): void {
    for (const request of this.#management.values()) if (request.covered.includes(tag)) return
    this.#manage(ABORT_TASK, [tag], { 20: tag, 32: command.cmdSN })
  }

  #manage(functionCode: number, covered: readonly number[], words: Record<number, number> = { 20: NO_TAG }): void {
    const tag = this.#tag++
    this.#management.set(tag, { function: functionCode, covered })
    const opcode = OPCODE.TASK_MANAGEMENT_REQUEST
    const byte1 = FINAL | functionCode
    this.#send({ opcode, immediate: true, byte1, itt: tag, words: { ...words, 24: this.#cmdSN } })
  }

  #send(fields: RequestFields): void {
    const words = { 28: this.#checker.expStatSN, ...fields.words }
    this.#toTarget.push(requestBytes({ ...fields, words }, this.#digests))
  }

  #left({ buffers, bytes, sent }: Batch): void {
    assert.ok(Buffer.concat(buffers).equals(bytes), 'memory was changed before it had left')
    sent()
    this.#around.node.clock.settle()
  }

  #takePdu(): TargetPdu | null {
    const bytes = this.#received
    if (bytes.length < BHS_BYTES) return null
    const header = bytes.subarray(0, BHS_BYTES)
    const dataBytes = header.readUIntBE(5, 3)
    const dataAt = BHS_BYTES + (this.#digests.header ? 4 : 0)
    const dataEnd = dataAt + dataBytes
    const segmentEnd = dataEnd + paddingBytes(dataBytes)
    const end = segmentEnd + (this.#digests.data && dataBytes > 0 ? 4 : 0)
    if (bytes.length < end) return null
    if (this.#digests.header) assert.ok(crc32cDigest(header).equals(bytes.subarray(BHS_BYTES, dataAt)), 'header digest')
    if (end > segmentEnd) {
      assert.ok(crc32cDigest(bytes.subarray(dataAt, segmentEnd)).equals(bytes.subarray(segmentEnd, end)), 'data digest')
    }
    this.#received = bytes.subarray(end)
    return new TargetPdu(header, bytes.subarray(dataAt, dataEnd), bytes.subarray(dataEnd, segmentEnd))
  }

  #handle(pdu: TargetPdu): void {
    const isLogin = pdu.opcode === OPCODE.LOGIN_RESPONSE
    this.#checker.check(pdu, isLogin ? 8192 : Number(this.#offered.MaxRecvDataSegmentLength))
    this.#maxCmdSN = pdu.maxCmdSN
    if (isLogin) this.#loggedIn(pdu)
    else if (pdu.opcode === OPCODE.NOP_IN) this.#pingAnswered(pdu)
    else if (pdu.opcode === OPCODE.TASK_MANAGEMENT_RESPONSE) this.#managed(pdu)
    else if (pdu.opcode === OPCODE.REJECT) assert.fail(`rejected ${pdu.data.toString('hex')}`)
    else if (pdu.opcode !== OPCODE.ASYNC) this.#handleOfTask(pdu)
  }

  #loggedIn(pdu: TargetPdu): void {
    assert.equal(pdu.header.readUInt16BE(36), 0, 'login status')
    this.#keys = { ...this.#offered, ...decodeText(pdu.data) }
    this.#digests = { header: this.#keys.HeaderDigest === 'CRC32C', data: this.#keys.DataDigest === 'CRC32C' }
    this.isLoggedIn = true
  }

  #pingAnswered(pdu: TargetPdu): void {
    if (pdu.itt === NO_TAG && pdu.ttt === NO_TAG) return
    const data = this.#pings.get(pdu.itt)
    assert.ok(data?.equals(pdu.data), `the answer to a ping of ours: ${pdu.describe()}`)
    this.#pings.delete(pdu.itt)
  }

  #managed(pdu: TargetPdu): void {
    const request = this.#management.get(pdu.itt)
    assert.ok(request !== undefined, `the answer to a request of ours: ${pdu.describe()}`)
    this.#management.delete(pdu.itt)
    const response = pdu.byte(2)
    if (request.function === ABORT_TASK) assert.ok(response <= 1, `response ${response} to ABORT TASK`)
    else assert.equal(response, 0, `response to function ${request.function}`)
    for (const tag of request.covered) this.#giveUp(tag)
    if (request.function >= CLEAR_TASK_SET) this.#around.othersAborted(this)
  }

  #handleOfTask(pdu: TargetPdu): void {
    const command = this.outstanding.get(pdu.itt)
    assert.ok(command !== undefined, `a PDU of a command that has ended: ${pdu.describe()}`)
    if (pdu.opcode === OPCODE.R2T) {
      this.#answerR2T(pdu, command)
      return
    }
    if (pdu.opcode === OPCODE.DATA_IN) this.#takeDataIn(pdu, command)
    else assert.equal(pdu.opcode, OPCODE.SCSI_RESPONSE, pdu.describe())
    if (pdu.opcode === OPCODE.SCSI_RESPONSE || hasStatus(pdu)) this.#ended(pdu, command)
  }

  #answerR2T(pdu: TargetPdu, command: Outstanding): void {
    const [offset, byteCount] = [pdu.word(40), pdu.word(44)]
    assert.equal(pdu.word(36), command.r2tSN++, 'R2TSN')
    assert.equal(offset, command.solicitedBytes, 'R2Ts tile the transfer')
    assert.ok(byteCount <= this.#number('MaxBurstLength'), 'R2T beyond MaxBurstLength')
    command.solicitedBytes += byteCount
    const data = dataOf(command.write, command.lba, command.blocks)
    assert.ok(offset + byteCount <= data.length, 'R2T beyond the data')
    // Initiators in the field forget the R2Ts of a command while they abort it.
    const isBeingAborted = [...this.#management.values()].some(({ covered }) => covered.includes(pdu.itt))
    if (isBeingAborted && this.#isAbortingSingly && this.#around.random.chance(0.5)) return
    this.#sendDataOut(pdu.itt, pdu.ttt, offset, data.subarray(offset, offset + byteCount))
  }

  #takeDataIn(pdu: TargetPdu, command: Outstanding): void {
    assert.equal(pdu.word(36), command.dataSN++, 'DataSN')
    assert.equal(pdu.word(40), command.dataInBytes, 'Buffer Offset')
    command.dataInBytes += pdu.data.copy(command.dataIn, command.dataInBytes)
    command.sequenceBytes += pdu.data.length
    assert.ok(command.sequenceBytes <= this.#number('MaxBurstLength'), 'a sequence beyond MaxBurstLength')
    if (pdu.isFinal) command.sequenceBytes = 0
    else assert.equal(pdu.data.length % 4, 0, 'a segment inside a sequence')
  }

  #ended(pdu: TargetPdu, command: Outstanding): void {
    const { kind, write, lba, blocks } = command
    this.outstanding.delete(pdu.itt)
    if (pdu.byte(3) !== 0) {
      assert.equal(pdu.byte(3), 2, 'status')
      const key = pdu.data[4]! & 0xf
      const isExpected = key === UNIT_ATTENTION || (key === MEDIUM_ERROR && this.#around.isFaulty)
      assert.ok(isExpected, `sense ${pdu.data.toString('hex')} of a ${kind}`)
      if (write > 0) this.#around.model.mayHaveHappened(write, lba, blocks)
      return
    }
    assert.equal(pdu.byte(1) & 0x06, 0, 'no residual')
    this.goodCount++
    if (write > 0) this.#around.model.succeeded(write, lba, blocks)
    if (kind !== 'read') return
    assert.equal(command.dataInBytes, command.dataIn.length, 'all of the data came')
    this.#around.model.check(command.dataIn, lba)
  }

  /** The command has ended without a response, or is not followed any more. */
  #giveUp(tag: number): void {
    const command = this.outstanding.get(tag)
    if (command === undefined) return
    this.outstanding.delete(tag)
    if (command.write > 0) this.#around.model.mayHaveHappened(command.write, command.lba, command.blocks)
  }

  #number(key: string): number {
    return Number(this.#keys[key])
  }
}
