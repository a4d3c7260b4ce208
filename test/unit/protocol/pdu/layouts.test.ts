import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OPCODE } from '../../../../protocol/opcodes.ts'
import { ASYNC_EVENT, ASYNC_MESSAGE_LAYOUT, writeAsyncMessage } from '../../../../protocol/pdu/async-message.ts'
import { BHS_LAYOUT, REQUEST_LAYOUT, RESPONSE_LAYOUT } from '../../../../protocol/pdu/bhs.ts'
import { DATA_IN_LAYOUT, DATA_OUT_LAYOUT, writeDataIn } from '../../../../protocol/pdu/data.ts'
import { BHS_BYTES, type BhsLayout, bhs, byte, reserved, uint32 } from '../../../../protocol/pdu/layout.ts'
import { LOGIN_REQUEST_LAYOUT, LOGIN_RESPONSE_LAYOUT, writeLoginResponse } from '../../../../protocol/pdu/login.ts'
import { LOGOUT_REQUEST_LAYOUT, LOGOUT_RESPONSE_LAYOUT, writeLogoutResponse } from '../../../../protocol/pdu/logout.ts'
import { NOP_IN_LAYOUT, NOP_OUT_LAYOUT, writeNopIn } from '../../../../protocol/pdu/nop.ts'
import { R2T_LAYOUT, writeR2T } from '../../../../protocol/pdu/r2t.ts'
import { REJECT_LAYOUT, writeReject } from '../../../../protocol/pdu/reject.ts'
import { SCSI_COMMAND_LAYOUT, SCSI_RESPONSE_LAYOUT, writeScsiResponse } from '../../../../protocol/pdu/scsi-command.ts'
import { SNACK_REQUEST_LAYOUT } from '../../../../protocol/pdu/snack.ts'
import {
  TASK_MANAGEMENT_REQUEST_LAYOUT,
  TASK_MANAGEMENT_RESPONSE_LAYOUT,
  writeTaskManagementResponse,
} from '../../../../protocol/pdu/task-management.ts'
import { TEXT_REQUEST_LAYOUT, TEXT_RESPONSE_LAYOUT, writeTextResponse } from '../../../../protocol/pdu/text.ts'

const LAYOUTS: readonly BhsLayout[] = [
  BHS_LAYOUT,
  REQUEST_LAYOUT,
  RESPONSE_LAYOUT,
  NOP_OUT_LAYOUT,
  NOP_IN_LAYOUT,
  SCSI_COMMAND_LAYOUT,
  SCSI_RESPONSE_LAYOUT,
  TASK_MANAGEMENT_REQUEST_LAYOUT,
  TASK_MANAGEMENT_RESPONSE_LAYOUT,
  LOGIN_REQUEST_LAYOUT,
  LOGIN_RESPONSE_LAYOUT,
  TEXT_REQUEST_LAYOUT,
  TEXT_RESPONSE_LAYOUT,
  DATA_OUT_LAYOUT,
  DATA_IN_LAYOUT,
  LOGOUT_REQUEST_LAYOUT,
  LOGOUT_RESPONSE_LAYOUT,
  SNACK_REQUEST_LAYOUT,
  R2T_LAYOUT,
  ASYNC_MESSAGE_LAYOUT,
  REJECT_LAYOUT,
]

const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const bytes = (byteCount: number) =>
  fc.uint8Array({ minLength: byteCount, maxLength: byteCount }).map((array) => Buffer.from(array))

function encode(layout: BhsLayout, fields: Record<string, number | Buffer>): Buffer {
  const expected = Buffer.alloc(BHS_BYTES)
  const blank = layout.structure.decode(Buffer.alloc(BHS_BYTES))
  layout.structure.encode({ ...blank, ...fields }, expected)
  return expected
}

describe('header layouts', () => {
  it.each(LAYOUTS.map((layout) => [layout.pdu, layout] as const))(
    '%s: what stands at an offset is what the layout decodes',
    (_name, layout) => {
      fc.assert(
        fc.property(bytes(BHS_BYTES), (header) => {
          const decoded = layout.structure.decode(header)
          for (const field of layout.fields) {
            if (field.isReserved) continue
            const at = layout.at[field.name]!
            const { span } = field.layout
            const direct = span <= 4 ? header.readUIntBE(at, span) : header.subarray(at, at + span)
            const expected = decoded[field.name]!
            if (Buffer.isBuffer(expected)) expect(header.subarray(at, at + span).equals(expected)).toBe(true)
            else expect(direct).toBe(expected)
          }
        }),
        { numRuns: 25 },
      )
    },
  )

  it('refuses a declaration that does not fill the header or names a field twice', () => {
    expect(() => bhs('short', [byte('opcode'), reserved(46)])).toThrow('47 bytes')
    expect(() => bhs('double', [uint32('x'), uint32('x'), reserved(40)])).toThrow('twice')
  })
})

describe('header writers produce what the layout encodes', () => {
  it('SCSI Response', () => {
    fc.assert(
      fc.property(u32, u8, u8, u32, u32, u32, (tag, response, status, residual, readResidual, expDataSN) => {
        const header = Buffer.alloc(BHS_BYTES)
        writeScsiResponse(header, tag, response, status, 0x02, residual, readResidual, expDataSN)
        const fields = { opcode: OPCODE.SCSI_RESPONSE, flags: 0x82, response, status, initiatorTaskTag: tag, expDataSN }
        const residuals = { residualCount: residual, bidirectionalReadResidualCount: readResidual }
        expect(header).toEqual(encode(SCSI_RESPONSE_LAYOUT, { ...fields, ...residuals }))
      }),
    )
  })

  it('Data-In, over memory that held something else', () => {
    fc.assert(
      fc.property(bytes(BHS_BYTES), u32, u32, u32, fc.boolean(), (stale, tag, dataSN, bufferOffset, isFinal) => {
        const header = Buffer.from(stale)
        writeDataIn(header, 0, tag, dataSN, bufferOffset, isFinal)
        const kept = ['dataSegmentLength', 'statSN', 'expCmdSN', 'maxCmdSN']
        const decoded = Object.entries(DATA_IN_LAYOUT.structure.decode(stale))
        const expected = encode(DATA_IN_LAYOUT, {
          opcode: OPCODE.DATA_IN,
          flags: isFinal ? 0x80 : 0,
          initiatorTaskTag: tag,
          targetTransferTag: 0xffff_ffff,
          dataSN,
          bufferOffset,
          ...Object.fromEntries(decoded.filter(([name]) => kept.includes(name))),
        })
        expect(header).toEqual(expected)
      }),
    )
  })

  it('R2T', () => {
    fc.assert(
      fc.property(bytes(8), u32, u32, u32, u32, u32, (lun, tag, transferTag, r2tSN, bufferOffset, length) => {
        const header = Buffer.alloc(BHS_BYTES)
        writeR2T(header, lun, tag, transferTag, r2tSN, bufferOffset, length)
        const tags = { initiatorTaskTag: tag, targetTransferTag: transferTag, lun }
        const range = { r2tSN, bufferOffset, desiredDataTransferLength: length }
        expect(header).toEqual(encode(R2T_LAYOUT, { opcode: OPCODE.R2T, flags: 0x80, ...tags, ...range }))
      }),
    )
  })

  it('NOP-In, Task Management Function Response, Text Response, Logout Response, Reject, Asynchronous Message', () => {
    fc.assert(
      fc.property(u32, u32, u16, u16, u16, (tag, transferTag, one, two, three) => {
        const written = (write: (header: Buffer) => void) => {
          const header = Buffer.alloc(BHS_BYTES)
          write(header)
          return header
        }
        const tags = { initiatorTaskTag: tag, targetTransferTag: transferTag }
        expect(written((header) => writeNopIn(header, tag, transferTag))).toEqual(
          encode(NOP_IN_LAYOUT, { opcode: OPCODE.NOP_IN, flags: 0x80, ...tags }),
        )
        expect(written((header) => writeTaskManagementResponse(header, tag, 5, Buffer.from([1, 2, 3])))).toEqual(
          encode(TASK_MANAGEMENT_RESPONSE_LAYOUT, {
            opcode: OPCODE.TASK_MANAGEMENT_RESPONSE,
            flags: 0x80,
            response: 5,
            additionalResponseInformation: Buffer.from([1, 2, 3]),
            initiatorTaskTag: tag,
          }),
        )
        expect(written((header) => writeTextResponse(header, 0x40, tag, transferTag))).toEqual(
          encode(TEXT_RESPONSE_LAYOUT, { opcode: OPCODE.TEXT_RESPONSE, flags: 0x40, ...tags }),
        )
        expect(written((header) => writeLogoutResponse(header, tag, 2, one, two))).toEqual(
          encode(LOGOUT_RESPONSE_LAYOUT, {
            opcode: OPCODE.LOGOUT_RESPONSE,
            flags: 0x80,
            response: 2,
            initiatorTaskTag: tag,
            time2Wait: one,
            time2Retain: two,
          }),
        )
        expect(written((header) => writeReject(header, 0x09, two))).toEqual(
          encode(REJECT_LAYOUT, {
            opcode: OPCODE.REJECT,
            flags: 0x80,
            reason: 9,
            initiatorTaskTag: 0xffff_ffff,
            dataSNOrR2TSN: two,
          }),
        )
        expect(written((header) => writeAsyncMessage(header, ASYNC_EVENT.LOGOUT_REQUEST, one, two, three))).toEqual(
          encode(ASYNC_MESSAGE_LAYOUT, {
            opcode: OPCODE.ASYNC_MESSAGE,
            flags: 0x80,
            initiatorTaskTag: 0xffff_ffff,
            asyncEvent: 1,
            parameter1: one,
            parameter2: two,
            parameter3: three,
          }),
        )
      }),
    )
  })

  it('Login Response', () => {
    fc.assert(
      fc.property(bytes(6), u16, u32, u8, u8, (isid, tsih, initiatorTaskTag, statusClass, statusDetail) => {
        const header = Buffer.alloc(BHS_BYTES)
        const common = { isid, tsih, initiatorTaskTag, statusClass, statusDetail, versionMax: 0, versionActive: 0 }
        writeLoginResponse(header, { ...common, isTransit: true, isContinued: false, currentStage: 1, nextStage: 3 })
        expect(header).toEqual(encode(LOGIN_RESPONSE_LAYOUT, { ...common, opcode: OPCODE.LOGIN_RESPONSE, flags: 0x87 }))
      }),
    )
  })
})
