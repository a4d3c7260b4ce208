/**
 * An iSCSI initiator for tests that works on the wire: it logs in, numbers its requests and checks every PDU that the
 * target sends (`wire-invariants.ts`), and lets a test override any field. It shares no code with `protocol/`.
 *
 * One initiator is one connection. Requests get CmdSN, ExpStatSN and digests by themselves; a test that gives CmdSN
 * in `words[24]` keeps its own count and leaves the initiator's alone.
 */

import assert from 'node:assert/strict'
import type { ConnectionOptions } from 'node:tls'
import { crc32cDigest } from './crc32c.ts'
import { ConnectionClosedError, PATIENCE_MS, WireConnection } from './wire-connection.ts'
import { isLoginRefusal, TargetPduChecker } from './wire-invariants.ts'
import {
  BHS_BYTES,
  type Digests,
  FINAL,
  NO_TAG,
  OPCODE,
  paddingBytes,
  type RequestFields,
  requestBytes,
  TargetPdu,
} from './wire-pdu.ts'
import { decodeText, encodeText, type TextKeys, type TextPair } from './wire-text.ts'

/** Where and as whom to log in. */
export interface InitiatorOptions {
  readonly host: string
  readonly port: number
  readonly targetName: string
  readonly initiatorName?: string
  /** 6 bytes; by default one that no other initiator of this process has. */
  readonly isid?: Buffer
  readonly firstCmdSN?: number
  /** Where to come from, of this machine's addresses. */
  readonly localAddress?: string
  /** Connect with TLS. */
  readonly tls?: ConnectionOptions
}

/** A Login Request; what is left out is what a leading login in one PDU would say. */
export interface LoginRequestFields {
  readonly keys?: TextKeys | readonly TextPair[]
  /** Instead of `keys`: raw bytes. */
  readonly text?: Buffer
  readonly currentStage?: number
  readonly nextStage?: number
  readonly isTransit?: boolean
  readonly isContinued?: boolean
  readonly versionMax?: number
  readonly versionMin?: number
  readonly isid?: Buffer
  readonly tsih?: number
  readonly cid?: number
  readonly itt?: number
  readonly cmdSN?: number
  readonly alterHeader?: (bhs: Buffer) => void
}

/** What an operational negotiation left in force, for the test initiator's own conduct and for checks. */
export interface NegotiatedParameters {
  readonly maxBurstLength: number
  readonly firstBurstLength: number
  readonly initialR2T: boolean
  readonly immediateData: boolean
  readonly maxOutstandingR2T: number
  /** The most that the target takes in one data segment. */
  readonly targetMaxRecvDataSegmentLength: number
  /** The most that this initiator takes: its own declaration. */
  readonly maxRecvDataSegmentLength: number
}

export interface LoginOutcome {
  /** All keys of all responses. */
  readonly keys: Readonly<Record<string, string>>
  readonly responses: readonly TargetPdu[]
  readonly final: TargetPdu
}

const DEFAULT_PARAMETERS: NegotiatedParameters = {
  maxBurstLength: 262_144,
  firstBurstLength: 65_536,
  initialR2T: true,
  immediateData: true,
  maxOutstandingR2T: 1,
  targetMaxRecvDataSegmentLength: 8192,
  maxRecvDataSegmentLength: 8192,
}

/** Requests without a CmdSN. */
const UNNUMBERED: ReadonlySet<number> = new Set([OPCODE.DATA_OUT, OPCODE.SNACK])

let isidsGiven = 0

/** An ISID of the random type (RFC 7143 11.12.5) that this process has not used. */
function freshIsid(): Buffer {
  const isid = Buffer.from('800000000000', 'hex')
  isid.writeUInt32BE(++isidsGiven, 2)
  return isid
}

export class WireInitiator {
  readonly options: InitiatorOptions
  readonly connection: WireConnection
  readonly initiatorName: string
  readonly isid: Buffer
  readonly checker = new TargetPduChecker()
  digests: Digests = { header: false, data: false }
  parameters: NegotiatedParameters = DEFAULT_PARAMETERS
  tsih = 0
  cid = 0
  cmdSN: number
  /** Of the last PDU that carried them. */
  expCmdSN = 0
  maxCmdSN = 0
  #itt = 0x1000

  static async connect(options: InitiatorOptions): Promise<WireInitiator> {
    const { host, port, tls, localAddress } = options
    return new WireInitiator(options, await WireConnection.open(host, port, tls, localAddress))
  }

  private constructor(options: InitiatorOptions, connection: WireConnection) {
    this.options = options
    this.connection = connection
    this.initiatorName = options.initiatorName ?? 'iqn.2026-01.test.lunette:wire'
    this.isid = options.isid ?? freshIsid()
    this.cmdSN = options.firstCmdSN ?? 1
  }

  /** An Initiator Task Tag that names no task yet. */
  newTag(): number {
    return this.#itt++
  }

  /** The names that every first Login Request carries. */
  names(sessionType: 'Normal' | 'Discovery' = 'Normal'): Record<string, string> {
    const { initiatorName: InitiatorName } = this
    return sessionType === 'Normal'
      ? { InitiatorName, SessionType: 'Normal', TargetName: this.options.targetName }
      : { InitiatorName, SessionType: 'Discovery' }
  }

  /** Bytes of a request with the numbers that are due, counted as sent. */
  encode(fields: RequestFields): Buffer {
    const isNumbered = !UNNUMBERED.has(fields.opcode)
    const words: Record<number, number> = { 28: this.checker.expStatSN }
    if (isNumbered) words[24] = this.cmdSN
    const hasOwnCmdSN = fields.words?.[24] !== undefined
    if (isNumbered && fields.immediate !== true && !hasOwnCmdSN) this.cmdSN = (this.cmdSN + 1) >>> 0
    return requestBytes({ ...fields, words: { ...words, ...fields.words } }, this.digests)
  }

  async send(fields: RequestFields): Promise<void> {
    await this.connection.write(this.encode(fields))
  }

  /** The next PDU of the target, checked. */
  async read(timeoutMs = PATIENCE_MS): Promise<TargetPdu> {
    const header = await this.connection.take(BHS_BYTES, timeoutMs)
    if (this.digests.header) {
      const digest = await this.connection.take(4)
      assert.equal(digest.toString('hex'), crc32cDigest(header).toString('hex'), 'header digest')
    }
    const dataBytes = header.readUIntBE(5, 3)
    const segment = await this.connection.take(dataBytes + paddingBytes(dataBytes))
    if (this.digests.data && dataBytes > 0) {
      const digest = await this.connection.take(4)
      assert.equal(digest.toString('hex'), crc32cDigest(segment).toString('hex'), 'data digest')
    }
    const pdu = new TargetPdu(header, segment.subarray(0, dataBytes), segment.subarray(dataBytes))
    this.checker.check(pdu, this.parameters.maxRecvDataSegmentLength)
    if (!isLoginRefusal(pdu)) {
      this.expCmdSN = pdu.expCmdSN
      this.maxCmdSN = pdu.maxCmdSN
    }
    return pdu
  }

  /** The next PDU, which must have this opcode and, when given, this Initiator Task Tag. */
  async expect(opcode: number, itt?: number, timeoutMs = PATIENCE_MS): Promise<TargetPdu> {
    const pdu = await this.read(timeoutMs)
    assert.equal(pdu.opcode, opcode, `another opcode was due than that of ${pdu.describe()}`)
    if (itt !== undefined) assert.equal(pdu.itt, itt >>> 0, 'Initiator Task Tag')
    return pdu
  }

  /** Everything up to the target's close. */
  async readUntilClosed(): Promise<TargetPdu[]> {
    const pdus: TargetPdu[] = []
    try {
      for (;;) pdus.push(await this.read())
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error
    }
    await this.connection.expectClosed()
    return pdus
  }

  async sendLogin(fields: LoginRequestFields = {}): Promise<void> {
    const currentStage = fields.currentStage ?? 1
    const nextStage = fields.nextStage ?? 3
    const isTransit = fields.isTransit ?? true
    const stages = (currentStage << 2) | (isTransit ? nextStage : 0)
    await this.send({
      opcode: OPCODE.LOGIN_REQUEST,
      immediate: true,
      byte1: (isTransit ? 0x80 : 0) | (fields.isContinued === true ? 0x40 : 0) | stages,
      byte2: fields.versionMax ?? 0,
      byte3: fields.versionMin ?? 0,
      itt: fields.itt ?? 0x1,
      words: { 20: (fields.cid ?? this.cid) * 0x10000, 24: fields.cmdSN ?? this.cmdSN },
      data: fields.text ?? encodeText(fields.keys ?? {}),
      alterHeader: (bhs) => {
        const isid = fields.isid ?? this.isid
        isid.copy(bhs, 8)
        bhs.writeUInt16BE(fields.tsih ?? this.tsih, 14)
        fields.alterHeader?.(bhs)
      },
    })
  }

  /** One Login Request and its response. */
  async stepLogin(fields: LoginRequestFields = {}): Promise<TargetPdu> {
    await this.sendLogin(fields)
    return await this.expect(OPCODE.LOGIN_RESPONSE, fields.itt ?? 0x1)
  }

  /** A request that the target must refuse: gives class and detail as one number, after the close that must follow. */
  async refusedLogin(fields: LoginRequestFields = {}): Promise<number> {
    const response = await this.stepLogin(fields)
    const status = response.header.readUInt16BE(36)
    assert.notEqual(status, 0, 'the target accepted a Login Request that it must refuse')
    await this.connection.expectClosed()
    return status
  }

  /**
   * Log in without authentication, starting in the operational stage, with these keys beside the names; full feature
   * phase follows. Fails when the target refuses.
   */
  async login(keys: TextKeys = {}, fields: LoginRequestFields = {}): Promise<LoginOutcome> {
    const { SessionType } = keys
    const offered: TextKeys = { ...this.names(SessionType === 'Discovery' ? 'Discovery' : 'Normal'), ...keys }
    const responses = [await this.stepLogin({ ...fields, keys: offered })]
    return await this.finishLogin(offered, responses)
  }

  /** Repeat empty requests until the target grants full feature phase, then work by what was agreed. */
  async finishLogin(offered: TextKeys, responses: TargetPdu[]): Promise<LoginOutcome> {
    for (;;) {
      const last = responses.at(-1)!
      const status = last.header.readUInt16BE(36)
      assert.equal(status, 0, `login refused with status ${status.toString(16).padStart(4, '0')}`)
      if ((last.byte(1) & 0x83) === 0x83) break
      assert.ok(responses.length < 10, 'the login does not end')
      responses.push(await this.stepLogin())
    }
    const keys = Object.assign({}, ...responses.map((response) => decodeText(response.data))) as Record<string, string>
    const final = responses.at(-1)!
    this.enterFullFeaturePhase(offered, keys, final)
    return { keys, responses, final }
  }

  /** Take over what the keys agreed on. */
  enterFullFeaturePhase(offered: TextKeys, answered: TextKeys, final: TargetPdu): void {
    this.tsih = final.header.readUInt16BE(14)
    this.digests = { header: answered.HeaderDigest === 'CRC32C', data: answered.DataDigest === 'CRC32C' }
    this.parameters = {
      maxBurstLength: Number(answered.MaxBurstLength ?? DEFAULT_PARAMETERS.maxBurstLength),
      firstBurstLength: Number(answered.FirstBurstLength ?? DEFAULT_PARAMETERS.firstBurstLength),
      initialR2T: answered.InitialR2T !== 'No',
      immediateData: answered.ImmediateData !== 'No',
      maxOutstandingR2T: Number(answered.MaxOutstandingR2T ?? DEFAULT_PARAMETERS.maxOutstandingR2T),
      targetMaxRecvDataSegmentLength: Number(answered.MaxRecvDataSegmentLength ?? 8192),
      maxRecvDataSegmentLength: Number(offered.MaxRecvDataSegmentLength ?? 8192),
    }
  }

  /** Send a ping; gives its Initiator Task Tag. */
  async sendNopOut(fields: Partial<RequestFields> = {}): Promise<number> {
    const itt = fields.itt ?? this.newTag()
    await this.send({ opcode: OPCODE.NOP_OUT, byte1: FINAL, ...fields, itt, words: { 20: NO_TAG, ...fields.words } })
    return itt
  }

  /** Ping and have it answered: proves that the connection is served. */
  async ping(fields: Partial<RequestFields> = {}): Promise<TargetPdu> {
    const itt = await this.sendNopOut({ immediate: true, ...fields })
    return await this.expect(OPCODE.NOP_IN, itt)
  }

  /** A Text Request without a reply yet; gives its tag. */
  async sendText(keys: TextKeys | readonly TextPair[], fields: Partial<RequestFields> = {}): Promise<number> {
    const itt = fields.itt ?? this.newTag()
    const data = fields.data ?? encodeText(keys)
    await this.send({ opcode: OPCODE.TEXT_REQUEST, ...fields, itt, data, words: { 20: NO_TAG, ...fields.words } })
    return itt
  }

  /** Task management; gives the response code. */
  async manageTasks(functionCode: number, fields: Partial<RequestFields> = {}): Promise<number> {
    const itt = await this.sendTaskManagement(functionCode, fields)
    return (await this.expect(OPCODE.TASK_MANAGEMENT_RESPONSE, itt)).byte(2)
  }

  async sendTaskManagement(functionCode: number, fields: Partial<RequestFields> = {}): Promise<number> {
    const itt = fields.itt ?? this.newTag()
    const opcode = OPCODE.TASK_MANAGEMENT_REQUEST
    const words = { 20: NO_TAG, ...fields.words }
    await this.send({ opcode, immediate: true, byte1: FINAL | functionCode, ...fields, itt, words })
    return itt
  }

  async sendLogout(reason: number, fields: Partial<RequestFields> = {}): Promise<number> {
    const itt = fields.itt ?? this.newTag()
    const words = { 20: this.cid * 0x10000, ...fields.words }
    await this.send({ opcode: OPCODE.LOGOUT_REQUEST, byte1: FINAL | reason, ...fields, itt, words })
    return itt
  }

  /** Close the session as an orderly initiator does. */
  async logout(): Promise<void> {
    const itt = await this.sendLogout(0)
    const response = await this.expect(OPCODE.LOGOUT_RESPONSE, itt)
    assert.equal(response.byte(2), 0, 'Logout response code')
    await this.connection.expectClosed()
  }

  destroy(): void {
    this.connection.destroy()
  }
}
