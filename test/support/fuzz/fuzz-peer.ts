/**
 * A hostile initiator without a socket: it knows the protocol well enough to get deep into it, and breaks a rule now and
 * then. What the target sends teaches it tags and sequence numbers, so that its lies are close to the truth.
 */

import { Connection } from '../../../protocol/connection/connection.ts'
import type { ConnectionTransport } from '../../../protocol/connection/connection-transport.ts'
import type { NodeContext } from '../../../protocol/node-context.ts'
import { receiveFromPool } from '../connection-harness.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { BLOCK_BYTES } from '../simulated-disk.ts'
import {
  BHS_BYTES,
  type Digests,
  FINAL,
  NO_TAG,
  OPCODE,
  paddingBytes,
  type RequestFields,
  requestBytes,
} from '../wire-pdu.ts'
import { hostilePairs, noise } from './fuzz-text.ts'

export const HOSTILE_TARGET = 'iqn.2026-11.example:hostile'
const DIGEST_BYTES = 4
/** Login Request, byte 1: transit from operational negotiation to full feature phase. */
const STRAIGHT_TO_FULL_FEATURE = 0x87
/** Login Response, byte 1: transit, and the next stage is full feature phase. */
const FINAL_STEP = 0x83
/** None more often than not: a digest that is computed for every PDU hides what a wrong one does. */
const DIGESTS = ['None', 'None', 'CRC32C', 'CRC32C,None'] as const
const NONE: Digests = { header: false, data: false }
/** Names of hostile initiators; few, so that they get into each other's sessions. */
const INITIATORS = 4
/** Tags and numbers that it remembers. */
const MEMORY_MAX = 32

/** SCSI commands by what follows the operation code: a few that exist, with room for what does not fit. */
const CDBS: readonly (readonly number[])[] = [
  [0x00],
  [0x03, 0, 0, 0, 252],
  [0x12, 0, 0, 0, 255],
  [0x12, 1, 0x83, 0, 255],
  [0x25],
  [0x28, 0, 0, 0, 0, 5, 0, 0, 64],
  [0x28, 0, 0, 0, 0, 0, 0, 255, 255],
  [0x2a, 0, 0, 0, 0, 9, 0, 0, 64],
  [0x2a, 0x08, 0, 0, 0, 1, 0, 0, 1],
  [0x2f, 2, 0, 0, 0, 3, 0, 0, 8],
  [0x35],
  [0x41, 0, 0, 0, 0, 7, 0, 0, 16],
  [0x88, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 2, 0],
  [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32],
  [0xa0, 0, 0, 0, 0, 0, 0, 0, 16, 0],
  [0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 4, 0],
  [0x16],
  [0x17],
  [0x7f, 0, 0, 0, 0, 0, 0, 24],
]

/** Data that the target expects, or has asked for. */
interface Transfer {
  readonly itt: number
  readonly ttt: number
  readonly offset: number
  readonly bytes: number
  readonly dataSN: number
}

interface CommandShape {
  readonly isRead: boolean
  readonly isWrite: boolean
  readonly isFinal: boolean
  readonly expected: number
  readonly immediate: number
  readonly lun: number
}

export class FuzzPeer implements ConnectionTransport {
  readonly connection: Connection
  isClosed = false
  readonly #context: NodeContext
  readonly #random: SeededRandom
  /** What was negotiated; in force from the final Login Response on. */
  #digests: Digests = NONE
  #isLoggedIn = false
  #received: Buffer = Buffer.alloc(0)
  #cmdSN: number
  #statSN = 0
  #maxCmdSN = 0
  #nextTag = 1
  /** Its own task tags, and tags of transfers with the ranges that the target asked for. */
  readonly #tasks: number[] = []
  readonly #transfers: Transfer[] = []
  readonly #stalled: (() => void)[] = []
  /** The peer does not read for a while. */
  #isDeaf = false

  constructor(context: NodeContext, random: SeededRandom) {
    this.#context = context
    this.#random = random
    this.#cmdSN = random.pick([1, 0xffff_fff0, 0x7fff_fff0])
    const endpoint = {
      localAddress: '127.0.0.1',
      localPort: 3260,
      remoteAddress: '127.0.0.2',
      portalId: random.pick(['1', '2']),
      tls: null,
    }
    this.connection = new Connection(context, endpoint, this)
  }

  send(buffers: readonly Buffer[], _byteCount: number, sent: () => void): void {
    this.#learn(Buffer.concat(buffers))
    if (this.#isDeaf) this.#stalled.push(sent)
    else sent()
  }

  end(): void {
    this.close()
  }

  destroy(): void {
    this.close()
  }

  pause(): void {}

  resume(): void {}

  /** The transport goes, whoever wanted it. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    for (const sent of this.#stalled.splice(0)) sent()
    this.connection.transportClosed()
  }

  /** Do something. */
  act(): void {
    const random = this.#random
    const dice = random.next()
    if (dice < 0.004) this.close()
    else if (dice < 0.01) this.#isDeaf = !this.#isDeaf
    else if (dice < 0.015) this.#bring(Buffer.from(noise(random, random.integer(1, 200)), 'latin1'))
    else this.#bring(this.#distort(requestBytes(this.#request(), this.#digests)))
    if (!this.#isDeaf) for (const sent of this.#stalled.splice(0)) sent()
  }

  /** Now and then a byte is wrong, or the end is missing. */
  #distort(bytes: Buffer): Buffer {
    const random = this.#random
    if (random.chance(0.01)) bytes[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7)
    return random.chance(0.002) ? bytes.subarray(0, random.integer(1, bytes.length)) : bytes
  }

  #bring(bytes: Buffer): void {
    const cut = this.#random.chance(0.2) ? this.#random.integer(0, bytes.length) : bytes.length
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (piece.length > 0 && !this.isClosed) receiveFromPool(this.connection, piece)
    }
  }

  #request(): RequestFields {
    if (!this.#isLoggedIn) return this.#mutated(this.#login())
    const dice = this.#random.next()
    if (dice < 0.4) return this.#mutated(this.#command())
    if (dice < 0.65) return this.#mutated(this.#dataOut())
    if (dice < 0.73) return this.#mutated(this.#taskManagement())
    if (dice < 0.8) return this.#mutated(this.#ping())
    if (dice < 0.87) return this.#mutated(this.#snack())
    if (dice < 0.93) return this.#mutated(this.#text())
    if (dice < 0.95) return this.#mutated(this.#logout())
    if (dice < 0.96) return this.#mutated(this.#login())
    return { opcode: this.#random.integer(0, 63), byte1: this.#random.integer(0, 255), words: { 24: this.#cmdSN } }
  }

  /** A field, or several, that the request should not have. */
  #mutated(fields: RequestFields): RequestFields {
    const random = this.#random
    if (random.chance(0.75)) return fields
    return {
      ...fields,
      alterHeader: (header) => {
        for (let count = random.integer(1, 3); count > 0; count--) {
          const at = random.pick([
            0, 1, 1, 2, 4, 5, 7, 8, 9, 16, 19, 20, 23, 24, 27, 28, 31, 33, 36, 39, 40, 43, 44, 47,
          ])
          header[at] = random.chance(0.5) ? random.integer(0, 255) : header[at]! ^ (1 << random.integer(0, 7))
        }
        // A length that claims more than comes makes everything after it data; seldom, or nothing else is tried.
        if (random.chance(0.9)) {
          header[4] = (fields.ahs?.length ?? 0) / 4
          header.writeUIntBE(fields.data?.length ?? 0, 5, 3)
        }
      },
    }
  }

  #login(): RequestFields {
    const random = this.#random
    const isStraight = random.chance(0.7)
    const keys = [
      `InitiatorName=iqn.2026-11.example:fuzz${random.integer(1, INITIATORS)}`,
      random.chance(0.02) ? 'SessionType=Discovery' : `TargetName=${HOSTILE_TARGET}`,
      `HeaderDigest=${random.pick(DIGESTS)}`,
      `DataDigest=${random.pick(DIGESTS)}`,
      `ErrorRecoveryLevel=${random.integer(0, 2)}`,
      `MaxConnections=${random.integer(1, 4)}`,
      `InitialR2T=${random.pick(['Yes', 'No'])}`,
      `ImmediateData=${random.pick(['Yes', 'No'])}`,
      `MaxRecvDataSegmentLength=${random.pick([512, 4096, 65_536])}`,
      `MaxBurstLength=${random.pick([1024, 8192, 262_144])}`,
      `FirstBurstLength=${random.pick([512, 8192])}`,
      `DefaultTime2Wait=${random.pick([0, 2])}`,
      `TaskReporting=${random.pick(['RFC3720', 'ResponseFence,RFC3720', 'FastAbort,ResponseFence,RFC3720'])}`,
      'iSCSIProtocolLevel=2',
    ]
    const later = random.chance(0.3)
    const proper = later ? keys.filter((key) => /^(Init.*Name|Target|Header|Data|MaxRecv)/.test(key)) : keys
    const text = isStraight
      ? `${proper.join('\0')}\0${random.chance(0.1) ? hostilePairs(random) : ''}`
      : hostilePairs(random)
    return {
      opcode: OPCODE.LOGIN_REQUEST,
      immediate: true,
      byte1: isStraight ? STRAIGHT_TO_FULL_FEATURE : random.integer(0, 255),
      itt: 1,
      words: {
        8: 0x8000_0000,
        12: (random.integer(1, 2) << 16) | (later ? this.#someTsih() : 0),
        20: random.integer(0, 3) << 16,
        24: this.#cmdSN,
      },
      data: Buffer.from(text, 'latin1'),
    }
  }

  /** A session that exists, to be joined or taken over. */
  #someTsih(): number {
    const tsihs = [...this.#context.sessions.sessions()].map(({ tsih }) => tsih)
    return tsihs.length === 0 ? this.#random.integer(0, 0xffff) : this.#random.pick(tsihs)
  }

  #command(): RequestFields {
    return this.#random.chance(0.6) ? this.#transfer() : this.#anyCommand()
  }

  /** A read or a write in which everything fits together. */
  #transfer(): RequestFields {
    const random = this.#random
    const isWrite = random.chance(0.6)
    const blocks = random.pick([1, 8, 16, 64, 128, 300])
    const expected = blocks * BLOCK_BYTES
    const cdb = Buffer.alloc(16)
    cdb[0] = isWrite ? 0x2a : 0x28
    cdb.writeUInt32BE(random.integer(0, 1000), 2)
    cdb.writeUInt16BE(blocks, 7)
    const { immediateData, initialR2T, firstBurstLength } = this.#sessionParameters()
    const unsolicited = Math.min(expected, firstBurstLength)
    const immediate = isWrite && immediateData && random.chance(0.5) ? Math.min(unsolicited, 4096) : 0
    const isFinal = !isWrite || initialR2T || immediate === unsolicited || random.chance(0.5)
    const command = this.#scsiCommand(cdb, { isRead: !isWrite, isWrite, isFinal, expected, immediate, lun: 0 })
    if (!isFinal) {
      const bytes = unsolicited - immediate
      this.#transfers.push({ itt: command.itt!, ttt: NO_TAG, offset: immediate, bytes, dataSN: 0 })
    }
    return command
  }

  #sessionParameters(): { immediateData: boolean; initialR2T: boolean; firstBurstLength: number } {
    const { isLoggedIn } = this.connection
    return isLoggedIn
      ? this.connection.session.parameters
      : { immediateData: true, initialR2T: true, firstBurstLength: 0 }
  }

  /** Any command, whose parts need not fit. */
  #anyCommand(): RequestFields {
    const random = this.#random
    const [operationCode = 0, ...rest] = random.pick(CDBS)
    const cdb = Buffer.alloc(16)
    cdb[0] = random.chance(0.02) ? random.integer(0, 255) : operationCode
    Buffer.from(rest).copy(cdb, 1)
    if (random.chance(0.1)) cdb[random.integer(1, 15)] = random.integer(0, 255)
    const isWrite = random.chance(0.4)
    const isRead = random.chance(isWrite ? 0.05 : 0.95)
    const isFinal = !isWrite || random.chance(0.7)
    const expected = random.pick([0, 36, 512, 4096, 32_768, 65_536, 1_000_000])
    const immediate = isWrite && random.chance(0.6) ? Math.min(expected, random.pick([0, 512, 4096, 8192])) : 0
    const lun = random.pick([0, 0, 0, 1, 300])
    return this.#scsiCommand(cdb, { isRead, isWrite, isFinal, expected, immediate, lun })
  }

  #scsiCommand(cdb: Buffer, { isRead, isWrite, isFinal, expected, immediate, lun }: CommandShape): RequestFields {
    const random = this.#random
    const isImmediate = random.chance(0.05)
    const itt = this.#newTag()
    const words: Record<number, number> = { 20: expected, 24: this.#number(isImmediate), 28: this.#statSN }
    for (let at = 0; at < 16; at += 4) words[32 + at] = cdb.readUInt32BE(at)
    return {
      opcode: OPCODE.SCSI_COMMAND,
      immediate: isImmediate,
      byte1: (isFinal ? 0x80 : 0) | (isRead ? 0x40 : 0) | (isWrite ? 0x20 : 0) | random.integer(0, 3),
      lun,
      itt,
      words,
      ...(random.chance(0.03) || (isRead && isWrite) ? { ahs: this.#additionalHeaders() } : {}),
      data: Buffer.alloc(immediate, itt),
    }
  }

  #additionalHeaders(): Buffer {
    const random = this.#random
    const bidirectional = Buffer.from([0, 5, 2, 0, 0, 0, 2, 0])
    const extended = Buffer.alloc(20, 0)
    extended.writeUInt16BE(17, 0)
    extended[2] = 1
    const wrong = Buffer.alloc(4 * random.integer(1, 20), random.integer(0, 255))
    return random.pick([bidirectional, extended, Buffer.concat([extended, bidirectional]), wrong])
  }

  /** The data that a transfer is owed, mostly; in several PDUs when it is long. */
  #dataOut(): RequestFields {
    const random = this.#random
    const transfer = this.#transfers.length > 0 && random.chance(0.9) ? random.pick(this.#transfers) : null
    if (transfer === null || random.chance(0.15)) return this.#strayDataOut(transfer)
    const byteCount = Math.min(transfer.bytes, random.pick([4096, 8192, 65_536]))
    const isLast = byteCount === transfer.bytes
    const fields = this.#dataOutFields(transfer, isLast, transfer.dataSN, transfer.offset, byteCount)
    this.#transfers.splice(this.#transfers.indexOf(transfer), 1)
    if (!isLast) {
      const { itt, ttt, offset, bytes, dataSN } = transfer
      this.#transfers.push({ itt, ttt, offset: offset + byteCount, bytes: bytes - byteCount, dataSN: dataSN + 1 })
    }
    return fields
  }

  #strayDataOut(transfer: Transfer | null): RequestFields {
    const random = this.#random
    const near = transfer ?? { itt: this.#someTask(), ttt: random.chance(0.8) ? NO_TAG : random.integer(0, 99) }
    const bytes = random.pick([0, 1, 512, 4096, 10_000])
    return this.#dataOutFields(near, random.chance(0.5), random.integer(0, 3), random.pick([0, 512, 4096, 8192]), bytes)
  }

  #dataOutFields(
    { itt, ttt }: Pick<Transfer, 'itt' | 'ttt'>,
    isFinal: boolean,
    dataSN: number,
    offset: number,
    byteCount: number,
  ): RequestFields {
    const words = { 20: ttt, 28: this.#statSN, 36: dataSN, 40: offset }
    return { opcode: OPCODE.DATA_OUT, byte1: isFinal ? FINAL : 0, itt, words, data: Buffer.alloc(byteCount, 0x77) }
  }

  #taskManagement(): RequestFields {
    const random = this.#random
    const isImmediate = random.chance(0.7)
    return {
      opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
      immediate: isImmediate,
      byte1: FINAL | random.pick([1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 0, 127]),
      lun: random.pick([0, 0, 1]),
      itt: this.#newTag(),
      words: {
        20: random.chance(0.7) ? this.#someTask() : NO_TAG,
        24: this.#number(isImmediate),
        28: this.#statSN,
        32: (this.#cmdSN - random.integer(0, 5)) >>> 0,
        36: random.integer(0, 4),
      },
    }
  }

  #ping(): RequestFields {
    const random = this.#random
    const isImmediate = random.chance(0.5)
    return {
      opcode: OPCODE.NOP_OUT,
      immediate: isImmediate,
      itt: random.chance(0.7) ? this.#newTag() : NO_TAG,
      words: {
        20: random.chance(0.7) ? NO_TAG : random.integer(0, 99),
        24: this.#number(isImmediate),
        28: this.#statSN,
      },
      data: Buffer.alloc(random.pick([0, 0, 1, 100, 9000]), 0x70),
    }
  }

  #snack(): RequestFields {
    const random = this.#random
    return {
      opcode: OPCODE.SNACK,
      byte1: FINAL | random.integer(0, 4),
      itt: random.chance(0.7) ? this.#someTask() : NO_TAG,
      words: {
        20: random.pick([NO_TAG, 0, 7, ...this.#transfers.map(({ ttt }) => ttt)]),
        28: this.#statSN,
        40: random.pick([0, 1, 2, this.#statSN, (this.#statSN - 2) >>> 0]),
        44: random.pick([0, 1, 2, 0xffff_ffff]),
      },
    }
  }

  #text(): RequestFields {
    const random = this.#random
    const isImmediate = random.chance(0.3)
    const isPlain = random.chance(0.4)
    return {
      opcode: OPCODE.TEXT_REQUEST,
      immediate: isImmediate,
      byte1: isPlain ? 0x80 : random.pick([0x80, 0x00, 0x40, 0xc0]),
      itt: this.#newTag(),
      words: {
        20: random.chance(0.9) ? NO_TAG : random.integer(0, 99),
        24: this.#number(isImmediate),
        28: this.#statSN,
      },
      data: Buffer.from(isPlain ? 'SendTargets=\0' : hostilePairs(random), 'latin1'),
    }
  }

  #logout(): RequestFields {
    const random = this.#random
    const isImmediate = random.chance(0.5)
    return {
      opcode: OPCODE.LOGOUT_REQUEST,
      immediate: isImmediate,
      byte1: FINAL | random.integer(0, 3),
      itt: this.#newTag(),
      words: { 20: random.integer(0, 3) << 16, 24: this.#number(isImmediate), 28: this.#statSN },
    }
  }

  /** The CmdSN of a request; mostly the right one. */
  #number(isImmediate: boolean): number {
    const random = this.#random
    if (random.chance(0.06)) return (this.#cmdSN + random.pick([-1, 1, 2, 5, 127, 1000, 0x8000_0000])) >>> 0
    if (isImmediate) return this.#cmdSN
    const number = this.#cmdSN
    // With the window closed nothing gets through any more; a new number would never be looked at.
    if ((this.#maxCmdSN - number) >>> 0 < 0x8000_0000) this.#cmdSN = (number + 1) >>> 0
    return number
  }

  #newTag(): number {
    if (this.#random.chance(0.03)) return this.#someTask()
    const tag = this.#nextTag++
    this.#tasks.push(tag)
    if (this.#tasks.length > MEMORY_MAX) this.#tasks.shift()
    return tag
  }

  #someTask(): number {
    return this.#tasks.length === 0 ? this.#random.integer(0, 9) : this.#random.pick(this.#tasks)
  }

  /** Look at what the target sends; a target that frames it wrongly makes this throw. */
  #learn(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    for (;;) {
      const headerBytes = BHS_BYTES + (this.#digests.header ? DIGEST_BYTES : 0)
      if (this.#received.length < headerBytes) return
      const dataBytes = this.#received.readUIntBE(5, 3)
      const digestBytes = this.#digests.data && dataBytes > 0 ? DIGEST_BYTES : 0
      const end = headerBytes + dataBytes + paddingBytes(dataBytes) + digestBytes
      if (this.#received.length < end) return
      const header = this.#received.subarray(0, BHS_BYTES)
      this.#received = this.#received.subarray(end)
      this.#take(header)
    }
  }

  #take(header: Buffer): void {
    const opcode = header[0]!
    if (!Object.values<number>(OPCODE).includes(opcode) || opcode < OPCODE.NOP_IN) {
      throw new Error(`the target sent a PDU that begins with ${header.subarray(0, 8).toString('hex')}`)
    }
    this.#maxCmdSN = header.readUInt32BE(32)
    const hasStatus = opcode !== OPCODE.R2T && (opcode !== OPCODE.DATA_IN || (header[1]! & 1) !== 0)
    if (hasStatus && this.#random.chance(0.95)) this.#statSN = (header.readUInt32BE(24) + 1) >>> 0
    if (opcode === OPCODE.LOGIN_RESPONSE) this.#takeLogin(header)
    if (opcode !== OPCODE.R2T) return
    const [itt, ttt] = [header.readUInt32BE(16), header.readUInt32BE(20)]
    this.#transfers.push({ itt, ttt, offset: header.readUInt32BE(40), bytes: header.readUInt32BE(44), dataSN: 0 })
    if (this.#transfers.length > MEMORY_MAX) this.#transfers.shift()
  }

  #takeLogin(header: Buffer): void {
    if (header.readUInt16BE(36) !== 0 || (header[1]! & FINAL_STEP) !== FINAL_STEP) return
    const { headerDigest, dataDigest } = this.connection.parameters
    this.#isLoggedIn = true
    this.#digests = { header: headerDigest, data: dataDigest }
  }
}
