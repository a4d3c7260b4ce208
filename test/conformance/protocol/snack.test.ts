/** SNACK Requests at error recovery level 1: RFC 7143 11.16, 7.8, 11.7.2. */

import { describe, expect, it } from 'vitest'
import {
  acknowledge,
  bring,
  collect,
  complete,
  openRecovering,
  REJECT,
  type RecoveringHost,
  read,
  rejections,
  replicaBytes,
  runOf,
  SNACK,
  snack,
} from '../../support/recovery-steps.ts'
import { NO_TAG, OPCODE } from '../../support/wire-pdu.ts'
import { pattern } from '../../support/wire-scsi.ts'
import { encodeText } from '../../support/wire-text.ts'

/** Segments of 512 bytes, sequences of two of them. */
const SMALL = { MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024' }

function expectNothingLeft({ node, host }: RecoveringHost): void {
  acknowledge(host)
  expect(node.taken).toEqual([0, 0, 0])
  expect(host.connection.outbound.retainedBytes).toBe(0)
  expect(host.connection.statuses.ledger!.bytes).toBe(0)
}

describe('Data SNACK', () => {
  it('[ERL-4] [ERL-3] [ERL-10] sends Data-In again as exact replicas, before and after the status', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    const data = pattern(2048)
    host.command({ itt: 7, read: true, edtl: data.length })
    bring(node, 7, data.subarray(0, 1024), 0)
    const early = host.take()
    snack(host, SNACK.data, { itt: 7, begRun: 1, runLength: 1 })
    expect(host.take().map(replicaBytes)).toEqual([replicaBytes(early[1]!)])
    bring(node, 7, data.subarray(1024), 1024, true)
    complete(node, 7, data.length)
    const late = host.take()
    expect(late.map(({ opcode }) => opcode)).toEqual([OPCODE.DATA_IN, OPCODE.DATA_IN, OPCODE.SCSI_RESPONSE])
    snack(host, SNACK.data, { itt: 7, begRun: 1, runLength: 2 })
    expect(host.take().map(replicaBytes)).toEqual([early[1]!, late[0]!].map(replicaBytes))
    snack(host, SNACK.data, { itt: 7, begRun: 3 })
    expect(host.take().map(replicaBytes)).toEqual([replicaBytes(late[1]!)])
    expectNothingLeft(session)
  })

  it('[ERL-6] takes BegRun 0 with RunLength 0 for everything that is not acknowledged', () => {
    const session = openRecovering(SMALL)
    const { host } = session
    read(session, 7, pattern(2048))
    const [, second, third, fourth] = host.take()
    snack(host, SNACK.dataAck, { tag: second!.ttt, begRun: 2 })
    snack(host, SNACK.data, { itt: 7 })
    expect(host.take().map(replicaBytes)).toEqual([third!, fourth!].map(replicaBytes))
    expectNothingLeft(session)
  })

  it('[ERL-4] refreshes ExpCmdSN and MaxCmdSN', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 512 })
    bring(node, 7, pattern(512), 0)
    const [first] = host.take()
    host.command({ itt: 8 })
    complete(node, 8, 0)
    host.take()
    snack(host, SNACK.data, { itt: 7 })
    const [again] = host.take()
    expect([again!.expCmdSN - first!.expCmdSN, again!.maxCmdSN - first!.maxCmdSN]).toEqual([1, 1])
    complete(node, 7, 512)
    expectNothingLeft(session)
  })

  it('[ERL-9] [REJ-10] rejects what was not sent, and says which number comes next', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 4096 })
    bring(node, 7, pattern(1024), 0)
    host.take()
    const runs = [{ begRun: 2 }, { begRun: 1, runLength: 2 }, { begRun: 5, runLength: 1 }]
    for (const run of runs) snack(host, SNACK.data, { itt: 7, ...run })
    expect(rejections(host.take())).toEqual(runs.map(() => [REJECT.protocol, 2]))
    complete(node, 7, 1024)
    expectNothingLeft(session)
  })

  it('[ERL-9] [REJ-8] rejects what names no task, or one whose status is acknowledged', () => {
    const session = openRecovering(SMALL)
    const { host } = session
    read(session, 7, pattern(512))
    host.take()
    acknowledge(host)
    snack(host, SNACK.data, { itt: 7, begRun: 0, runLength: 1 })
    snack(host, SNACK.data, { itt: 99 })
    snack(host, SNACK.data, { itt: NO_TAG })
    expect(rejections(host.take())).toEqual([
      [REJECT.protocol, 0],
      [REJECT.protocol, 0],
      [REJECT.field, 0],
    ])
    expectNothingLeft(session)
  })

  it('[ERL-4] [SN-16] sends an R2T again, with the StatSN of now', () => {
    const session = openRecovering()
    const { node, host } = session
    host.command({ itt: 7, write: true, edtl: 1024 })
    const into = collect(node, 7, 1024)
    const [r2t] = host.take()
    host.command({ itt: 8 })
    complete(node, 8, 0)
    host.take()
    snack(host, SNACK.data, { itt: 7, begRun: 0, runLength: 1 })
    const [again] = host.take()
    expect(again!.statSN).toBe((r2t!.statSN + 1) >>> 0)
    for (const pdu of [r2t!, again!]) pdu.header.writeUInt32BE(0, 24)
    expect(replicaBytes(again!)).toBe(replicaBytes(r2t!))
    host.dataOut(7, r2t!.ttt, 0, 0, pattern(1024))
    expect(into.equals(pattern(1024))).toBe(true)
    snack(host, SNACK.data, { itt: 7, begRun: 0, runLength: 1 })
    expect(rejections(host.take())).toEqual([[REJECT.protocol, 1]])
    complete(node, 7, 1024)
    expectNothingLeft(session)
  })
})

describe('Status SNACK', () => {
  it('[ERL-5] [SN-14] sends statuses again under their StatSN, with the command numbers of now', () => {
    const session = openRecovering()
    const { node, host } = session
    for (const itt of [1, 2, 3]) {
      host.command({ itt })
      complete(node, itt, 0)
    }
    const answers = host.take()
    snack(host, SNACK.status, { begRun: answers[1]!.statSN, runLength: 1 })
    const [again] = host.take()
    expect(replicaBytes(again!)).toBe(replicaBytes(answers[1]!))
    expect(again!.expCmdSN).toBe(answers[2]!.expCmdSN)
    host.command({ itt: 4 })
    complete(node, 4, 0)
    expect(host.take().map(({ statSN }) => statSN)).toEqual([(answers[2]!.statSN + 1) >>> 0])
    expectNothingLeft(session)
  })

  it('[ERL-6] takes RunLength 0 for everything from BegRun on, and both 0 for all', () => {
    const session = openRecovering()
    const { node, host } = session
    for (const itt of [1, 2, 3]) {
      host.command({ itt })
      complete(node, itt, 0)
    }
    const statSNs = host.take().map(({ statSN }) => statSN)
    snack(host, SNACK.status, { begRun: statSNs[1]! })
    expect(host.take().map(({ statSN }) => statSN)).toEqual(statSNs.slice(1))
    acknowledge(host, statSNs[1]!)
    snack(host, SNACK.status)
    expect(host.take().map(({ statSN }) => statSN)).toEqual(statSNs.slice(1))
    expectNothingLeft(session)
  })

  it('[ERL-5] [ERL-3] has every kind of status again, with its data', () => {
    const session = openRecovering()
    const { node, host } = session
    host.command({ itt: 1 })
    complete(node, 1, 0)
    host.request({ opcode: OPCODE.NOP_OUT, immediate: true, itt: 5, words: { 20: NO_TAG }, data: Buffer.from('ping') })
    snack(host, SNACK.data, { itt: 99 })
    host.request({ opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x81, itt: 6, words: { 20: 77 } })
    host.request({
      opcode: OPCODE.TEXT_REQUEST,
      immediate: true,
      itt: 8,
      words: { 20: NO_TAG },
      data: encodeText({ SendTargets: '' }),
    })
    const answers = host.take()
    expect(answers.map(({ opcode }) => opcode)).toEqual([
      OPCODE.SCSI_RESPONSE,
      OPCODE.NOP_IN,
      OPCODE.REJECT,
      OPCODE.TASK_MANAGEMENT_RESPONSE,
      OPCODE.TEXT_RESPONSE,
    ])
    snack(host, SNACK.status)
    expect(host.take().map(replicaBytes)).toEqual(answers.map(replicaBytes))
    expectNothingLeft(session)
  })

  it('[ERL-9] [SN-13] rejects what is acknowledged or was not sent', () => {
    const session = openRecovering()
    const { node, host } = session
    host.command({ itt: 1 })
    complete(node, 1, 0)
    const [answer] = host.take()
    snack(host, SNACK.status, { begRun: answer!.statSN + 5, runLength: 1 })
    expect(rejections(host.take())).toEqual([[REJECT.protocol, 0]])
    acknowledge(host)
    snack(host, SNACK.status, { begRun: answer!.statSN, runLength: 1 })
    expect(rejections(host.take())).toEqual([[REJECT.protocol, 0]])
    expectNothingLeft(session)
  })
})

describe('DataACK', () => {
  it('[DATA-23] [ERL-7] is asked for once every MaxBurstLength bytes, and frees the data', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 4096, lun: 3 })
    for (let at = 0; at < 4096; at += 1024) bring(node, 7, pattern(1024), at)
    const dataIns = host.take()
    const asking = dataIns.filter((pdu) => (pdu.byte(1) & 0x40) !== 0)
    expect(asking.map(runOf)).toEqual([1, 3, 5, 7].map((dataSN) => [dataSN, dataSN * 512, 512]))
    expect(asking.every((pdu) => pdu.ttt !== NO_TAG && pdu.header.readUInt16BE(8) === 3)).toBe(true)
    expect(dataIns.filter((pdu) => !asking.includes(pdu)).every((pdu) => pdu.ttt === NO_TAG)).toBe(true)
    expect(host.connection.outbound.retainedBytes).toBe(4096)
    snack(host, SNACK.dataAck, { tag: asking[1]!.ttt, begRun: 4, lun: 3 })
    expect([host.take(), host.connection.outbound.retainedBytes]).toEqual([[], 2048])
    snack(host, SNACK.data, { itt: 7, begRun: 3, runLength: 1 })
    expect(rejections(host.take())).toEqual([[REJECT.protocol, 8]])
    complete(node, 7, 4096)
    expectNothingLeft(session)
  })

  it('[DATA-23] sets no A bit and no tag at level 0', () => {
    const session = openRecovering(SMALL, {}, 0)
    read(session, 7, pattern(4096))
    const dataIns = session.host.take().filter(({ opcode }) => opcode === OPCODE.DATA_IN)
    expect(dataIns.map((pdu) => [pdu.byte(1) & 0x40, pdu.ttt])).toEqual(dataIns.map(() => [0, NO_TAG]))
  })

  it('[ERL-7] [REJ-9] is rejected when it names no transfer, another LUN, a length or data that was not sent', () => {
    const session = openRecovering(SMALL)
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 4096, lun: 3 })
    bring(node, 7, pattern(1024), 0)
    const tag = host.take()[1]!.ttt
    snack(host, SNACK.dataAck, { tag: tag + 1, begRun: 2, lun: 3 })
    snack(host, SNACK.dataAck, { tag, begRun: 2, lun: 4 })
    snack(host, SNACK.dataAck, { tag, begRun: 2, runLength: 1, lun: 3 })
    snack(host, SNACK.dataAck, { tag, begRun: 3, lun: 3 })
    expect(rejections(host.take())).toEqual([1, 2, 3, 4].map(() => [REJECT.dataAck, 0]))
    complete(node, 7, 1024)
    expectNothingLeft(session)
  })
})

describe('DataACK of a command that is over', () => {
  it('[ERL-7] has nothing left to acknowledge, when the status was acknowledged with it or before', () => {
    const session = openRecovering(SMALL)
    const { host } = session
    read(session, 7, pattern(1024))
    const tag = host.take()[1]!.ttt
    for (const begRun of [2, 2]) {
      const words = { 20: tag, 28: host.expStatSN, 40: begRun }
      host.request({ opcode: OPCODE.SNACK, byte1: 0x80 | SNACK.dataAck, itt: NO_TAG, words })
    }
    expect(rejections(host.take())).toEqual([])
    snack(host, SNACK.dataAck, { tag: tag + 100, begRun: 2 })
    expect(rejections(host.take())).toEqual([[REJECT.dataAck, 0]])
    expectNothingLeft(session)
  })
})

describe('R-Data SNACK', () => {
  /** Declare another MaxRecvDataSegmentLength in full feature phase. */
  function declare({ host }: RecoveringHost, byteCount: number): void {
    host.request({
      opcode: OPCODE.TEXT_REQUEST,
      immediate: true,
      itt: 0x800,
      words: { 20: NO_TAG },
      data: encodeText({ MaxRecvDataSegmentLength: String(byteCount) }),
    })
    host.take()
  }

  it('[ERL-8] [RSP-9] sends everything anew in smaller segments, and the status with the tag, under its StatSN', () => {
    const session = openRecovering({ MaxRecvDataSegmentLength: '1024', MaxBurstLength: '2048' })
    const { host } = session
    const data = pattern(3000)
    read(session, 7, data)
    const first = host.take()
    expect([first.length, first.at(-1)!.word(20), first.at(-1)!.word(36)]).toEqual([4, 0, 3])
    declare(session, 512)
    snack(host, SNACK.rData, { itt: 7, tag: 0x77 })
    const again = host.take()
    const response = again.pop()!
    expect(again.map(runOf)).toEqual([
      [0, 0, 512],
      [1, 512, 512],
      [2, 1024, 512],
      [3, 1536, 512],
      [4, 2048, 512],
      [5, 2560, 440],
    ])
    expect(again.map(({ isFinal }) => isFinal)).toEqual([false, false, false, true, false, true])
    expect(Buffer.concat(again.map((pdu) => pdu.data)).equals(data)).toBe(true)
    expect([response.opcode, response.word(20), response.word(36)]).toEqual([OPCODE.SCSI_RESPONSE, 0x77, 6])
    expect(response.statSN).toBe(first.at(-1)!.statSN)
    snack(host, SNACK.status, { begRun: response.statSN, runLength: 1 })
    expect(host.take().map(replicaBytes)).toEqual([replicaBytes(response)])
    expectNothingLeft(session)
  })

  it('[ERL-8] [KEY-13] begins behind what is acknowledged, and goes on with the numbers that follow', () => {
    const session = openRecovering({ MaxRecvDataSegmentLength: '1024', MaxBurstLength: '2048' })
    const { node, host } = session
    const data = pattern(6144)
    host.command({ itt: 7, read: true, edtl: data.length })
    bring(node, 7, data.subarray(0, 4096), 0)
    const first = host.take()
    snack(host, SNACK.dataAck, { tag: first[1]!.ttt, begRun: 2 })
    declare(session, 512)
    snack(host, SNACK.rData, { itt: 7, tag: 0x77 })
    expect(host.take().map(runOf)).toEqual([2, 3, 4, 5].map((dataSN) => [dataSN, 1024 + 512 * dataSN, 512]))
    bring(node, 7, data.subarray(4096), 4096, true)
    complete(node, 7, data.length)
    const rest = host.take()
    const response = rest.pop()!
    expect(rest.map(runOf)).toEqual([6, 7, 8, 9].map((dataSN) => [dataSN, 1024 + 512 * dataSN, 512]))
    expect([response.word(20), response.word(36)]).toEqual([0x77, 10])
    expectNothingLeft(session)
  })

  it('[ERL-8] [ERL-9] is rejected with a run, without a tag, and for what is no read', () => {
    const session = openRecovering()
    const { node, host } = session
    host.command({ itt: 7, read: true, edtl: 512 })
    host.command({ itt: 8, write: true, edtl: 512 })
    snack(host, SNACK.rData, { itt: 7, tag: 0x77, begRun: 1 })
    snack(host, SNACK.rData, { itt: 7, tag: 0x77, runLength: 1 })
    snack(host, SNACK.rData, { itt: 7, tag: 0 })
    snack(host, SNACK.rData, { itt: 7, tag: NO_TAG })
    snack(host, SNACK.rData, { itt: 8, tag: 0x77 })
    snack(host, SNACK.rData, { itt: 9, tag: 0x77 })
    const reasons = rejections(host.take()).map(([reason]) => reason)
    expect(reasons).toEqual([9, 9, 9, 9, 4, 4])
    complete(node, 7, 0)
    complete(node, 8, 0)
    expectNothingLeft(session)
  })

  it('[ERL-9] is the only way to data in segments that the initiator does not take any more', () => {
    const session = openRecovering({ MaxRecvDataSegmentLength: '1024' })
    const { host } = session
    read(session, 7, pattern(2048))
    declare(session, 512)
    snack(host, SNACK.data, { itt: 7 })
    expect(rejections(host.take())).toEqual([[REJECT.protocol, 2]])
    expectNothingLeft(session)
  })
})

describe('a SNACK of an unknown type', () => {
  it('[REJ-9] is a protocol error', () => {
    const session = openRecovering()
    snack(session.host, 4)
    expect(rejections(session.host.take())).toEqual([[REJECT.protocol, 0]])
    expectNothingLeft(session)
  })
})

describe('error recovery level 0', () => {
  it('[ERL-2] [RSP-11] ends a command whose data is asked for again, when its data is in', () => {
    const { node, host } = openRecovering({}, {}, 0)
    host.command({ itt: 7, write: true, edtl: 1024 })
    collect(node, 7, 1024)
    const [r2t] = host.take()
    snack(host, SNACK.data, { itt: 7, begRun: 0, runLength: 1 })
    node.scsi.rest()
    node.clock.settle()
    expect(rejections(host.take())).toEqual([[REJECT.snack, 0]])
    host.dataOut(7, r2t!.ttt, 0, 0, pattern(1024))
    const [response] = host.take()
    expect([response!.byte(3), response!.data[4], response!.data.readUInt16BE(14)]).toEqual([2, 0x0b, 0x1113])
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('[ERL-2] only rejects a SNACK for a command that has its status', () => {
    const session = openRecovering({}, {}, 0)
    read(session, 7, pattern(512))
    session.host.take()
    snack(session.host, SNACK.data, { itt: 7, begRun: 0, runLength: 1 })
    expect(rejections(session.host.take())).toEqual([[REJECT.snack, 0]])
    expect(session.host.take()).toEqual([])
    expect(session.node.taken).toEqual([0, 0, 0])
  })
})
