/**
 * What holds for every PDU that a target ever sends, checked on each one that the test initiator receives: reserved
 * bits, the opcode set, lengths, and the sequence numbers StatSN, ExpCmdSN and MaxCmdSN (RFC 7143 11 and 4.2.2).
 */

import assert from 'node:assert/strict'
import { isSerialAfter, NO_TAG, OPCODE, type TargetPdu } from './wire-pdu.ts'

/** Layout facts of one target PDU. */
interface TargetPduRule {
  /** Bits of byte 1 that are always 1. */
  readonly byte1Set: number
  /** Bits of byte 1 that may be 1. */
  readonly byte1Allowed: number
  /** Byte ranges [first, last] that are zero in every such PDU. */
  readonly reserved: readonly (readonly [first: number, last: number])[]
  readonly maxDataBytes?: number
  readonly minDataBytes?: number
}

const RULES: Readonly<Record<number, TargetPduRule>> = {
  [OPCODE.NOP_IN]: {
    byte1Set: 0x80,
    byte1Allowed: 0x80,
    reserved: [
      [2, 3],
      [36, 47],
    ],
  },
  [OPCODE.SCSI_RESPONSE]: {
    byte1Set: 0x80,
    byte1Allowed: 0x9e,
    reserved: [
      [8, 15],
      [20, 23],
    ],
  },
  [OPCODE.TASK_MANAGEMENT_RESPONSE]: {
    byte1Set: 0x80,
    byte1Allowed: 0x80,
    reserved: [
      [3, 3],
      [8, 15],
      [20, 23],
      [36, 47],
    ],
    maxDataBytes: 0,
  },
  [OPCODE.LOGIN_RESPONSE]: {
    byte1Set: 0,
    byte1Allowed: 0xcf,
    reserved: [
      [20, 23],
      [38, 47],
    ],
    maxDataBytes: 8192,
  },
  [OPCODE.TEXT_RESPONSE]: {
    byte1Set: 0,
    byte1Allowed: 0xc0,
    reserved: [
      [2, 3],
      [36, 47],
    ],
  },
  [OPCODE.DATA_IN]: { byte1Set: 0, byte1Allowed: 0xc7, reserved: [[2, 2]] },
  [OPCODE.LOGOUT_RESPONSE]: {
    byte1Set: 0x80,
    byte1Allowed: 0x80,
    reserved: [
      [3, 3],
      [8, 15],
      [20, 23],
      [36, 39],
      [44, 47],
    ],
    maxDataBytes: 0,
  },
  [OPCODE.R2T]: { byte1Set: 0x80, byte1Allowed: 0x80, reserved: [[2, 3]], maxDataBytes: 0 },
  [OPCODE.ASYNC]: {
    byte1Set: 0x80,
    byte1Allowed: 0x80,
    reserved: [
      [2, 3],
      [20, 23],
      [44, 47],
    ],
  },
  [OPCODE.REJECT]: {
    byte1Set: 0x80,
    byte1Allowed: 0x80,
    reserved: [
      [3, 3],
      [8, 15],
      [20, 23],
      [40, 47],
    ],
    minDataBytes: 48,
  },
}

/** A Login Response with a status other than success: only its status is meaningful (RFC 7143 11.13.5). */
export function isLoginRefusal(pdu: TargetPdu): boolean {
  return pdu.opcode === OPCODE.LOGIN_RESPONSE && pdu.byte(36) !== 0
}

/** Checks one connection's PDUs in the order of their arrival. */
export class TargetPduChecker {
  /** Of everything that was checked. */
  readonly opcodes = new Set<number>()
  #nextStatSN: number | null = null
  #expCmdSN: number | null = null
  #maxCmdSN: number | null = null

  /** The StatSN that the next status will carry: what ExpStatSN of a request should say. */
  get expStatSN(): number {
    return this.#nextStatSN ?? 0
  }

  check(pdu: TargetPdu, maxRecvDataSegmentLength: number): void {
    this.opcodes.add(pdu.opcode)
    try {
      this.#checkLayout(pdu, maxRecvDataSegmentLength)
      FIELD_CHECKS[pdu.opcode]?.(pdu)
      if (isLoginRefusal(pdu)) return
      this.#checkStatSN(pdu)
      this.#checkCommandWindow(pdu)
    } catch (error) {
      if (error instanceof Error) error.message += `\nin ${pdu.describe()}`
      throw error
    }
  }

  #checkLayout(pdu: TargetPdu, maxRecvDataSegmentLength: number): void {
    const rule = RULES[pdu.opcode]
    assert.ok(rule !== undefined, `opcode ${pdu.opcode} is not a target's (RFC 7143 11.2.1.2)`)
    assert.equal(pdu.byte(0) & 0xc0, 0, 'byte 0: reserved bit and I bit')
    assert.equal(pdu.byte(4), 0, 'TotalAHSLength of a target PDU')
    assert.equal(pdu.byte(1) & rule.byte1Set, rule.byte1Set, 'byte 1: bits that are always set')
    assert.equal(pdu.byte(1) & ~rule.byte1Allowed, 0, 'byte 1: reserved bits')
    for (const [first, last] of rule.reserved) {
      const field = pdu.header.subarray(first, last + 1)
      assert.ok(
        field.every((byte) => byte === 0),
        `reserved bytes ${first} to ${last} are ${field.toString('hex')}`,
      )
    }
    assert.ok(pdu.data.length <= (rule.maxDataBytes ?? maxRecvDataSegmentLength), 'data segment too long')
    assert.ok(pdu.data.length >= (rule.minDataBytes ?? 0), 'data segment too short')
    assert.ok(
      pdu.padding.every((byte) => byte === 0),
      'padding is not zero',
    )
  }

  #checkStatSN(pdu: TargetPdu): void {
    if (pdu.opcode === OPCODE.DATA_IN && !hasStatus(pdu)) {
      const isFilled = pdu.statSN === 0 || pdu.statSN === this.#nextStatSN
      assert.ok(isFilled, `StatSN of a Data-In without status: 0 or the next one (${this.#nextStatSN})`)
      return
    }
    if (this.#nextStatSN !== null) assert.equal(pdu.statSN, this.#nextStatSN, 'StatSN continuity')
    this.#nextStatSN = advancesStatSN(pdu) ? (pdu.statSN + 1) >>> 0 : pdu.statSN
  }

  #checkCommandWindow(pdu: TargetPdu): void {
    const { expCmdSN, maxCmdSN } = pdu
    assert.ok(!isSerialAfter((expCmdSN - 1) >>> 0, maxCmdSN), 'MaxCmdSN below ExpCmdSN - 1')
    if (this.#expCmdSN !== null) assert.ok(!isSerialAfter(this.#expCmdSN, expCmdSN), 'ExpCmdSN went backwards')
    if (this.#maxCmdSN !== null) assert.ok(!isSerialAfter(this.#maxCmdSN, maxCmdSN), 'MaxCmdSN went backwards')
    this.#expCmdSN = expCmdSN
    this.#maxCmdSN = maxCmdSN
  }
}

/** Data-In with the S bit. */
export function hasStatus(dataIn: TargetPdu): boolean {
  return (dataIn.byte(1) & 0x01) !== 0
}

/** RFC 7143 11.4.9, 11.8.3, 11.19.2. Data-In without status is not asked about. */
function advancesStatSN(pdu: TargetPdu): boolean {
  if (pdu.opcode === OPCODE.R2T) return false
  return pdu.opcode !== OPCODE.NOP_IN || pdu.itt !== NO_TAG
}

function checkNopIn(pdu: TargetPdu): void {
  assert.ok(pdu.itt === NO_TAG || pdu.ttt === NO_TAG, 'both tags valid in a NOP-In (RFC 7143 11.19)')
  if (pdu.itt === NO_TAG) assert.equal(pdu.data.length, 0, 'data in an unsolicited NOP-In')
  if (pdu.ttt === NO_TAG) assert.equal(pdu.header.readBigUInt64BE(8), 0n, 'LUN without a TTT')
}

function checkScsiResponse(pdu: TargetPdu): void {
  const flags = pdu.byte(1)
  assert.notEqual(flags & 0x06, 0x06, 'O and U together (RFC 7143 11.4.1)')
  assert.notEqual(flags & 0x18, 0x18, 'o and u together (RFC 7143 11.4.1)')
  if (pdu.byte(2) !== 0) assert.equal(flags & 0x1e, 0, 'residual bits with a response code other than 0')
  if ((flags & 0x06) === 0) assert.equal(pdu.word(44), 0, 'Residual Count without O or U')
  if ((flags & 0x18) === 0) assert.equal(pdu.word(40), 0, 'Bidirectional Read Residual Count without o or u')
  if (pdu.byte(2) === 0 && pdu.byte(3) === 0x02) {
    assert.ok(pdu.data.length >= 4, 'CHECK CONDITION without sense data (RFC 7143 11.4.7)')
    assert.ok(pdu.data.length >= 2 + pdu.data.readUInt16BE(0), 'SenseLength beyond the data segment')
  }
}

function checkDataIn(pdu: TargetPdu): void {
  const flags = pdu.byte(1)
  const acknowledge = (flags & 0x40) !== 0
  assert.equal(acknowledge, false, 'A bit at ErrorRecoveryLevel 0 (RFC 7143 11.7.2)')
  assert.equal(pdu.ttt, NO_TAG, 'TTT of a Data-In without A')
  assert.equal(pdu.header.readBigUInt64BE(8), 0n, 'LUN of a Data-In without A')
  if (hasStatus(pdu)) {
    assert.ok(pdu.isFinal, 'S without F (RFC 7143 11.7.3)')
    assert.ok([0x00, 0x04, 0x10, 0x14].includes(pdu.byte(3)), 'status that Data-In cannot carry')
    assert.notEqual(flags & 0x06, 0x06, 'O and U together')
    if ((flags & 0x06) === 0) assert.equal(pdu.word(44), 0, 'Residual Count without O or U')
  } else {
    assert.equal(flags & 0x06, 0, 'O or U without S')
    assert.equal(pdu.byte(3), 0, 'Status without S')
    assert.equal(pdu.word(44), 0, 'Residual Count without S')
  }
}

function checkText(pdu: TargetPdu): void {
  assert.equal(pdu.isFinal, pdu.ttt === NO_TAG, 'F=1 goes with TTT ffffffff (RFC 7143 11.11.1)')
  assert.notEqual(pdu.byte(1) & 0xc0, 0xc0, 'F and C in one Text Response (RFC 7143 11.11.2)')
}

function checkReject(pdu: TargetPdu): void {
  assert.equal(pdu.itt, NO_TAG, 'ITT of a Reject')
  assert.notEqual(pdu.byte(2), 0x0b, 'Reject reason 0b is never sent (RFC 7143 11.17.1)')
}

function checkLogin(pdu: TargetPdu): void {
  assert.notEqual(pdu.byte(1) & 0xc0, 0xc0, 'T and C in one Login Response (RFC 7143 11.13.7)')
}

function checkR2T(pdu: TargetPdu): void {
  assert.notEqual(pdu.ttt, NO_TAG, 'TTT of an R2T')
  assert.notEqual(pdu.word(44), 0, 'Desired Data Transfer Length of an R2T')
}

function checkAsync(pdu: TargetPdu): void {
  assert.equal(pdu.itt, NO_TAG, 'ITT of an Asynchronous Message')
}

/** What the layout alone does not say, per opcode. */
const FIELD_CHECKS: Readonly<Record<number, (pdu: TargetPdu) => void>> = {
  [OPCODE.NOP_IN]: checkNopIn,
  [OPCODE.SCSI_RESPONSE]: checkScsiResponse,
  [OPCODE.LOGIN_RESPONSE]: checkLogin,
  [OPCODE.TEXT_RESPONSE]: checkText,
  [OPCODE.DATA_IN]: checkDataIn,
  [OPCODE.R2T]: checkR2T,
  [OPCODE.ASYNC]: checkAsync,
  [OPCODE.REJECT]: checkReject,
}
