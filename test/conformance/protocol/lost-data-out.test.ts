/** Data-Out that gets lost, at error recovery level 1: RFC 7143 7.8, 7.9, 7.1.4.1. */

import { describe, expect, it } from 'vitest'
import { NodeHarness } from '../../support/connection-harness.ts'
import {
  acknowledge,
  collect,
  complete,
  openRecovering,
  REJECT,
  type RecoveringHost,
  rejections,
  replicaBytes,
  runOf,
  taskOf,
} from '../../support/recovery-steps.ts'
import { NO_TAG, OPCODE, type TargetPdu } from '../../support/wire-pdu.ts'
import { pattern } from '../../support/wire-scsi.ts'

const DIGESTS = { DataDigest: 'CRC32C' }
const UNSOLICITED = { InitialR2T: 'No', FirstBurstLength: '2048' }

/** A write of `byteCount` bytes whose first R2T is out. */
function startWrite(session: RecoveringHost, byteCount: number): { into: Buffer; data: Buffer; r2t: TargetPdu } {
  const { node, host } = session
  host.command({ itt: 7, write: true, edtl: byteCount })
  const into = collect(node, 7, byteCount)
  const [r2t] = host.take()
  return { into, data: pattern(byteCount), r2t: r2t! }
}

/** The write ends well, with all of its data, and nothing of it is left. */
function expectGood({ node, host }: RecoveringHost, into: Buffer, data: Buffer): void {
  expect(into.equals(data)).toBe(true)
  complete(node, 7, data.length)
  expect(host.take().map(({ opcode, header }) => [opcode, header[3]])).toEqual([[OPCODE.SCSI_RESPONSE, 0]])
  expectNothingLeft({ node, host })
}

function expectNothingLeft({ node, host }: RecoveringHost): void {
  acknowledge(host)
  expect(node.taken).toEqual([0, 0, 0])
  expect(host.connection.inbound.bytes).toBe(0)
}

function senseOf({ data, header }: TargetPdu): number[] {
  return [header[3]!, data[4]!, data.readUInt16BE(14)]
}

describe('the negotiation', () => {
  it('[ERL-12] leaves one R2T out at a time when data that is lost may be asked for again', () => {
    const node = new NodeHarness({}, null, { errorRecoveryLevel: 1 })
    const host = node.connect()
    host.login({ keys: { ErrorRecoveryLevel: '1', MaxOutstandingR2T: '8', DataSequenceInOrder: 'Yes' } })
    const [response] = host.take()
    expect(response!.data.toString().split('\0')).toEqual(
      expect.arrayContaining(['ErrorRecoveryLevel=1', 'MaxOutstandingR2T=1', 'DataSequenceInOrder=Yes']),
    )
    host.command({ itt: 7, write: true, edtl: 4 * 2 ** 20 })
    collect(node, 7, 4 * 2 ** 20)
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.R2T])
  })
})

describe('solicited data', () => {
  it('[REJ-5] [REJ-3] [ERL-11] [SN-16] with a bad digest is rejected, and asked for again with the next R2TSN', () => {
    const session = openRecovering(DIGESTS)
    const { host } = session
    const { into, data, r2t } = startWrite(session, 1536)
    host.dataOut(7, r2t.ttt, 0, 0, data.subarray(0, 512), false)
    host.dataOut(7, r2t.ttt, 1, 512, data.subarray(512, 1024), false, true)
    expect(rejections(host.take())).toEqual([[REJECT.digest, 0]])
    host.dataOut(7, r2t.ttt, 2, 1024, data.subarray(1024))
    const [again] = host.take()
    expect([again!.opcode, ...runOf(again!)]).toEqual([OPCODE.R2T, 1, 512, 512])
    host.dataOut(7, again!.ttt, 0, 512, data.subarray(512, 1024))
    expectGood(session, into, data)
  })

  it('[ERL-11] [SN-17] [DATA-28] that is missing is asked for again, and what came behind it is kept', () => {
    const session = openRecovering()
    const { host } = session
    const { into, data, r2t } = startWrite(session, 2560)
    host.dataOut(7, r2t.ttt, 1, 512, data.subarray(512, 1024), false)
    host.dataOut(7, r2t.ttt, 3, 1536, data.subarray(1536, 2048), false)
    host.dataOut(7, r2t.ttt, 4, 2048, data.subarray(2048))
    const [first] = host.take()
    expect(runOf(first!)).toEqual([1, 0, 512])
    host.dataOut(7, first!.ttt, 0, 0, data.subarray(0, 512))
    const [second] = host.take()
    expect(runOf(second!)).toEqual([2, 1024, 512])
    host.dataOut(7, second!.ttt, 0, 1024, data.subarray(1024, 1536))
    expectGood(session, into, data)
  })

  it('[REJ-11] [DATA-12] counts a rejected PDU, also the last one, and asks only when its sequence has ended', () => {
    const session = openRecovering({ ...DIGESTS, MaxBurstLength: '1024' })
    const { host } = session
    const { into, data, r2t } = startWrite(session, 2048)
    host.dataOut(7, r2t.ttt, 0, 0, data.subarray(0, 512), false, true)
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.REJECT])
    host.dataOut(7, r2t.ttt, 1, 512, data.subarray(512, 1024), true, true)
    const [, again] = host.take()
    expect(runOf(again!)).toEqual([1, 0, 1024])
    host.dataOut(7, again!.ttt, 0, 0, data.subarray(0, 1024))
    const [next] = host.take()
    expect(runOf(next!)).toEqual([2, 1024, 1024])
    host.dataOut(7, next!.ttt, 0, 1024, data.subarray(1024))
    expectGood(session, into, data)
  })

  it('[ERL-11] whose end does not come is asked for again after a time, and what comes late is dropped', () => {
    const session = openRecovering({}, { sequenceTimeoutMs: 1000 })
    const { node, host } = session
    const { into, data, r2t } = startWrite(session, 1024)
    host.dataOut(7, r2t.ttt, 0, 0, data.subarray(0, 512), false)
    node.clock.advance(1500)
    const [again] = host.take()
    expect([again!.opcode, ...runOf(again!)]).toEqual([OPCODE.R2T, 1, 512, 512])
    host.dataOut(7, r2t.ttt, 1, 512, Buffer.alloc(512, 0xee))
    host.dataOut(7, again!.ttt, 0, 512, data.subarray(512))
    expectGood(session, into, data)
  })

  it('[ERL-11] that does not come at all is asked for with the same R2T, which may not have been seen', () => {
    const session = openRecovering({}, { sequenceTimeoutMs: 1000 })
    const { node, host } = session
    const { into, data, r2t } = startWrite(session, 1024)
    node.clock.advance(1500)
    expect(host.take().map(replicaBytes)).toEqual([replicaBytes(r2t)])
    host.dataOut(7, r2t.ttt, 0, 0, data)
    expectGood(session, into, data)
  })

  it('[RSP-11] [ERL-11] that never comes ends its command, not the connection', () => {
    const session = openRecovering({}, { sequenceTimeoutMs: 1000, recoveryR2TsMax: 2, statusReminderMs: 100_000 })
    const { node, host } = session
    startWrite(session, 1024)
    node.clock.advance(10_000)
    node.scsi.rest()
    node.clock.settle()
    const answers = host.take()
    expect(answers.map(({ opcode }) => opcode)).toEqual([OPCODE.R2T, OPCODE.R2T, OPCODE.SCSI_RESPONSE])
    expect(senseOf(answers[2]!)).toEqual([2, 0x0b, 0x4705])
    expect(host.closed).toBe(null)
    expectNothingLeft(session)
  })

  it.each([
    ['overlaps what came', 1, 256],
    ['leaves a hole that no lost PDU explains', 1, 1024],
    ['has a number that was used', 0, 512],
  ])('[DATA-14] [RSP-11] that %s ends its command', (_case, dataSN, offset) => {
    const session = openRecovering()
    const { node, host } = session
    const { data, r2t } = startWrite(session, 2048)
    host.dataOut(7, r2t.ttt, 0, 0, data.subarray(0, 512), false)
    host.dataOut(7, r2t.ttt, dataSN, offset, data.subarray(0, 512), true)
    node.scsi.rest()
    node.clock.settle()
    expect(host.take().map(senseOf)).toEqual([[2, 0x0b, 0x0c0d]])
    expectNothingLeft(session)
  })

  it('does not ask again for what waits for its turn while data flows', () => {
    const session = openRecovering({}, { sequenceTimeoutMs: 1000, statusReminderMs: 100_000 })
    const { node, host } = session
    const tags: number[] = []
    for (const itt of [1, 2]) {
      host.command({ itt, write: true, edtl: 5120 })
      collect(node, itt, 5120)
      tags.push(host.take()[0]!.ttt)
    }
    for (let part = 0; part < 10; part++) {
      node.clock.advance(900)
      host.dataOut(1, tags[0]!, part, part * 512, Buffer.alloc(512), part === 9)
    }
    expect(host.take()).toEqual([])
    host.dataOut(2, tags[1]!, 0, 0, Buffer.alloc(5120))
    for (const itt of [1, 2]) complete(node, itt, 5120)
    expectNothingLeft(session)
  })
})

describe('unsolicited data', () => {
  it('[REJ-5] [ERL-11] with a bad digest is asked for with an R2T', () => {
    const session = openRecovering({ ...DIGESTS, ...UNSOLICITED })
    const { node, host } = session
    const data = pattern(2048)
    host.command({ itt: 7, write: true, final: false, edtl: 2048, data: data.subarray(0, 512) })
    const into = collect(node, 7, 2048)
    host.dataOut(7, NO_TAG, 0, 512, data.subarray(512, 1024), false, true)
    host.dataOut(7, NO_TAG, 1, 1024, data.subarray(1024))
    const [reject, r2t] = host.take()
    expect([reject!.byte(2), ...runOf(r2t!)]).toEqual([REJECT.digest, 0, 512, 512])
    host.dataOut(7, r2t!.ttt, 0, 512, data.subarray(512, 1024))
    expectGood(session, into, data)
  })

  it('[ERL-11] of a command whose turn has not come is asked for in its turn', () => {
    const session = openRecovering(UNSOLICITED)
    const { node, host } = session
    const data = pattern(4096)
    host.command({ itt: 7, write: true, final: false, edtl: 4096, cmdSN: 2 })
    host.dataOut(7, NO_TAG, 1, 512, data.subarray(512, 1024), false)
    host.dataOut(7, NO_TAG, 3, 1536, data.subarray(1536, 2048))
    expect(host.take()).toEqual([])
    host.command({ itt: 6, cmdSN: 1 })
    complete(node, 6, 0)
    const into = collect(node, 7, 4096)
    host.cmdSN = 3
    for (const [r2tSN, offset, byteCount] of [
      [0, 0, 512],
      [1, 1024, 512],
      [2, 2048, 2048],
    ]) {
      const r2t = host.take().at(-1)!
      expect(runOf(r2t)).toEqual([r2tSN, offset, byteCount])
      host.dataOut(7, r2t.ttt, 0, offset!, data.subarray(offset, offset! + byteCount!))
    }
    expectGood(session, into, data)
  })

  it('[ERL-11] that never comes is asked for after a time', () => {
    const session = openRecovering(UNSOLICITED, { sequenceTimeoutMs: 1000 })
    const { node, host } = session
    const data = pattern(1024)
    host.command({ itt: 7, write: true, final: false, edtl: 1024, data: data.subarray(0, 256) })
    const into = collect(node, 7, 1024)
    node.clock.advance(1500)
    const [r2t] = host.take()
    expect(runOf(r2t!)).toEqual([0, 256, 768])
    host.dataOut(7, NO_TAG, 0, 256, Buffer.alloc(768, 0xee))
    host.dataOut(7, r2t!.ttt, 0, 256, data.subarray(256))
    expectGood(session, into, data)
  })

  it('[REJ-5] [ERL-14] with its command is only rejected, and the retry begins the command', () => {
    const session = openRecovering(DIGESTS)
    const { node, host } = session
    const data = pattern(512)
    const command = {
      opcode: OPCODE.SCSI_COMMAND,
      byte1: 0xa1,
      itt: 7,
      words: { 20: 512, 24: host.cmdSN++ },
      data,
    }
    host.request(command, true)
    const [reject, ...others] = host.take()
    expect([reject!.opcode, reject!.byte(2), others, node.scsi.tasks]).toEqual([OPCODE.REJECT, 2, [], []])
    host.request(command)
    host.request(command)
    const into = collect(node, 7, 512)
    expect(node.scsi.tasks.length).toBe(1)
    expectGood(session, into, data)
  })

  it('[ERL-14] that comes again with the retry of its command is taken once', () => {
    const session = openRecovering(UNSOLICITED)
    const { node, host } = session
    const data = pattern(2048)
    const cmdSN = host.cmdSN + 1
    for (let attempt = 0; attempt < 2; attempt++) {
      host.command({ itt: 7, write: true, final: false, edtl: 2048, cmdSN, data: data.subarray(0, 512) })
      host.dataOut(7, NO_TAG, 0, 512, data.subarray(512, 1024), false)
    }
    host.dataOut(7, NO_TAG, 1, 1024, data.subarray(1024))
    host.command({ itt: 6 })
    complete(node, 6, 0)
    host.take()
    expectGood(session, collect(node, 7, 2048), data)
  })

  it('ends a connection at level 0 when it never comes', () => {
    const { node, host } = openRecovering(UNSOLICITED, { dataOutTimeoutMs: 1000 }, 0)
    host.command({ itt: 7, write: true, final: false, edtl: 1024 })
    node.clock.advance(3000)
    expect(host.closed).toBe('destroy')
    node.scsi.rest()
    expect(node.taken).toEqual([0, 0, 0])
  })
})

describe('a slow link at level 0', () => {
  it('is not dropped while data flows, however long an R2T waits for its turn', () => {
    const session = openRecovering({ MaxOutstandingR2T: '2', MaxBurstLength: '4096' }, { dataOutTimeoutMs: 1000 }, 0)
    const { node, host } = session
    host.command({ itt: 7, write: true, edtl: 8192 })
    collect(node, 7, 8192)
    const [first, second] = host.take()
    for (let part = 0; part < 8; part++) {
      node.clock.advance(900)
      host.dataOut(7, first!.ttt, part, part * 512, Buffer.alloc(512), part === 7)
    }
    expect(host.closed).toBe(null)
    host.dataOut(7, second!.ttt, 0, 4096, Buffer.alloc(4096))
    complete(node, 7, 8192)
    expect(taskOf(node, 7)).toBe(undefined)
    expect(node.taken).toEqual([0, 0, 0])
  })
})
