/**
 * An initiator that costs as little as it can, so that the target is what is measured: one connection, reads or writes of
 * one size at random places, always the same number of them under way. Data that comes is skipped, not looked at; the
 * data that goes out, with its digest, is made once. Digests of headers are computed and checked as every initiator does.
 *
 * Requests and answers in the numeric offsets of RFC 7143 chapter 11.
 */

import { connect, type Socket } from 'node:net'
import { crc32cDigest } from '../../test/support/crc32c.ts'
import { BHS_BYTES, OPCODE, paddingBytes, requestBytes } from '../../test/support/wire-pdu.ts'
import { encodeText } from '../../test/support/wire-text.ts'

export interface LoadOptions {
  readonly port: number
  readonly targetName: string
  readonly direction: 'read' | 'write'
  readonly blockBytes: number
  readonly queueDepth: number
  readonly seconds: number
  readonly hasDigests: boolean
}

export interface LoadResult {
  readonly operations: number
  readonly seconds: number
}

const DIGEST_BYTES = 4
/** Login from operational negotiation straight to full feature phase. */
const STRAIGHT_TO_FULL_FEATURE = 0x87
const STATUS_BIT = 0x01
const FINAL_BIT = 0x80
const SECTOR_BYTES = 512
const SEGMENT_BYTES = 262_144
const NO_DIGESTS = { header: false, data: false }
const INITIATOR_NAME = 'iqn.2026-11.internal.lunette:bench'

/** Run the load for its time. Errors: a refused login, a status other than GOOD, a broken connection. */
export function runLoad(options: LoadOptions, sizeBytes: number): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true })
    const initiator = new LoadInitiator(socket, options, Math.floor(sizeBytes / options.blockBytes), (result) => {
      socket.destroy()
      resolve(result)
    })
    socket.on('connect', () => initiator.login())
    socket.on('data', (chunk: Buffer) => {
      try {
        initiator.receive(chunk)
      } catch (error) {
        socket.destroy()
        reject(error)
      }
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the target closed the connection')))
  })
}

class LoadInitiator {
  readonly #socket: Socket
  readonly #options: LoadOptions
  readonly #blocks: number
  readonly #done: (result: LoadResult) => void
  readonly #header = Buffer.alloc(BHS_BYTES + DIGEST_BYTES)
  #headerBytes = 0
  #skipBytes = 0
  #isLoggedIn = false
  #cmdSN = 1
  #expStatSN = 0
  #underWay = 0
  #operations = 0
  #startMs = 0
  #isOver = false
  /** What a write sends in one PDU: data, padding and digest. */
  readonly #payload: Buffer

  constructor(socket: Socket, options: LoadOptions, blocks: number, done: (result: LoadResult) => void) {
    this.#socket = socket
    this.#options = options
    this.#blocks = blocks
    this.#done = done
    const data = Buffer.alloc(Math.min(options.blockBytes, SEGMENT_BYTES), 0xa5)
    this.#payload = options.hasDigests ? Buffer.concat([data, crc32cDigest(data)]) : data
  }

  login(): void {
    const digest = this.#options.hasDigests ? 'CRC32C' : 'None'
    const keys = {
      InitiatorName: INITIATOR_NAME,
      TargetName: this.#options.targetName,
      SessionType: 'Normal',
      HeaderDigest: digest,
      DataDigest: digest,
      InitialR2T: 'No',
      ImmediateData: 'Yes',
      FirstBurstLength: '262144',
      MaxBurstLength: '1048576',
      MaxOutstandingR2T: '8',
      MaxRecvDataSegmentLength: `${SEGMENT_BYTES}`,
    }
    this.#socket.write(
      requestBytes(
        {
          opcode: OPCODE.LOGIN_REQUEST,
          immediate: true,
          byte1: STRAIGHT_TO_FULL_FEATURE,
          words: { 8: 0x8000_0000, 24: this.#cmdSN },
          data: encodeText(keys),
        },
        NO_DIGESTS,
      ),
    )
  }

  receive(chunk: Buffer): void {
    this.#socket.cork()
    let at = 0
    while (at < chunk.length && !this.#isOver) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, chunk.length - at)
        this.#skipBytes -= skipped
        at += skipped
        continue
      }
      const wanted = this.#headerLength - this.#headerBytes
      const taken = Math.min(wanted, chunk.length - at)
      chunk.copy(this.#header, this.#headerBytes, at, at + taken)
      this.#headerBytes += taken
      at += taken
      if (taken < wanted) continue
      this.#headerBytes = 0
      const dataBytes = this.#header.readUIntBE(5, 3)
      const digestBytes = this.#hasDigestsNow && dataBytes > 0 ? DIGEST_BYTES : 0
      this.#skipBytes = dataBytes + paddingBytes(dataBytes) + digestBytes
      this.#handle()
    }
    this.#socket.uncork()
  }

  /** Digests are on from the end of the login. */
  get #hasDigestsNow(): boolean {
    return this.#isLoggedIn && this.#options.hasDigests
  }

  get #headerLength(): number {
    return this.#hasDigestsNow ? BHS_BYTES + DIGEST_BYTES : BHS_BYTES
  }

  #handle(): void {
    const header = this.#header
    if (this.#hasDigestsNow) {
      const digest = crc32cDigest(header.subarray(0, BHS_BYTES))
      if (!digest.equals(header.subarray(BHS_BYTES))) throw new Error('a header digest of the target is wrong')
    }
    switch (header[0]! & 0x3f) {
      case OPCODE.LOGIN_RESPONSE:
        if (header.readUInt16BE(36) !== 0) throw new Error(`login status ${header.readUInt16BE(36).toString(16)}`)
        this.#expStatSN = header.readUInt32BE(24) + 1
        this.#begin()
        break
      case OPCODE.DATA_IN:
        if ((header[1]! & STATUS_BIT) !== 0) this.#complete()
        break
      case OPCODE.SCSI_RESPONSE:
        this.#complete()
        break
      case OPCODE.R2T:
        this.#answer()
        break
      default:
    }
  }

  #begin(): void {
    this.#isLoggedIn = true
    this.#startMs = performance.now()
    for (let count = 0; count < this.#options.queueDepth; count++) this.#command()
  }

  #complete(): void {
    const status = this.#header[3]!
    if (status !== 0) {
      // The unit attention that greets a new session.
      if (this.#operations > 0) throw new Error(`SCSI status ${status}`)
    }
    this.#expStatSN = (this.#header.readUInt32BE(24) + 1) >>> 0
    this.#underWay--
    this.#operations++
    const elapsedMs = performance.now() - this.#startMs
    if (elapsedMs < this.#options.seconds * 1000) {
      this.#command()
    } else if (this.#underWay === 0) {
      this.#isOver = true
      this.#done({ operations: this.#operations, seconds: elapsedMs / 1000 })
    }
  }

  #command(): void {
    const { blockBytes, direction } = this.#options
    const header = Buffer.alloc(this.#headerLength)
    const immediateBytes = direction === 'write' ? Math.min(blockBytes, SEGMENT_BYTES) : 0
    header[0] = OPCODE.SCSI_COMMAND
    header[1] = FINAL_BIT | (direction === 'read' ? 0x40 : 0x20) | 1
    header.writeUIntBE(immediateBytes, 5, 3)
    header.writeUInt32BE(this.#cmdSN, 16)
    header.writeUInt32BE(blockBytes, 20)
    header.writeUInt32BE(this.#cmdSN, 24)
    header.writeUInt32BE(this.#expStatSN, 28)
    header[32] = direction === 'read' ? 0x28 : 0x2a
    const sectors = blockBytes / SECTOR_BYTES
    header.writeUInt32BE(Math.floor(Math.random() * this.#blocks) * sectors, 34)
    header.writeUInt16BE(sectors, 39)
    this.#cmdSN = (this.#cmdSN + 1) >>> 0
    this.#underWay++
    this.#send(header, immediateBytes)
  }

  /** Data-Out for an R2T, in segments of the same payload. */
  #answer(): void {
    const tag = this.#header.readUInt32BE(20)
    const initiatorTaskTag = this.#header.readUInt32BE(16)
    const offset = this.#header.readUInt32BE(40)
    const lengthBytes = this.#header.readUInt32BE(44)
    for (let done = 0, dataSN = 0; done < lengthBytes; done += SEGMENT_BYTES, dataSN++) {
      const byteCount = Math.min(SEGMENT_BYTES, lengthBytes - done)
      const header = Buffer.alloc(this.#headerLength)
      header[0] = OPCODE.DATA_OUT
      header[1] = done + byteCount === lengthBytes ? FINAL_BIT : 0
      header.writeUIntBE(byteCount, 5, 3)
      header.writeUInt32BE(initiatorTaskTag, 16)
      header.writeUInt32BE(tag, 20)
      header.writeUInt32BE(this.#expStatSN, 28)
      header.writeUInt32BE(dataSN, 36)
      header.writeUInt32BE(offset + done, 40)
      this.#send(header, byteCount)
    }
  }

  #send(header: Buffer, dataBytes: number): void {
    if (this.#hasDigestsNow) crc32cDigest(header.subarray(0, BHS_BYTES)).copy(header, BHS_BYTES)
    this.#socket.write(header)
    if (dataBytes === 0) return
    const segmentBytes = Math.min(this.#options.blockBytes, SEGMENT_BYTES)
    if (dataBytes !== segmentBytes)
      throw new Error(`${dataBytes} bytes were asked for, segments are of ${segmentBytes}`)
    this.#socket.write(this.#payload)
  }
}
