import { describe, expect, it } from 'vitest'
import { receiveDataOut } from '../../../../protocol/connection/data-out.ts'
import { type ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { OPCODE } from '../../../support/wire-pdu.ts'

const ABORT_TASK = 1
const ABORT_TASK_SET = 2

function manage(host: ConnectionHarness, functionCode: number, referencedTag = 0xffff_ffff, refCmdSN = 0): void {
  const words = { 20: referencedTag, 24: host.cmdSN, 32: refCmdSN }
  host.request({
    opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
    immediate: true,
    byte1: 0x80 | functionCode,
    itt: 100 + functionCode,
    words,
  })
}

function start(): { node: NodeHarness; host: ConnectionHarness } {
  const node = new NodeHarness()
  const host = node.connect()
  host.login()
  host.take()
  return { node, host }
}

const answers = (host: ConnectionHarness) => host.take().map(({ opcode, itt }) => [opcode, itt])

describe('task management', () => {
  it('[TMF-10] leaves a command with a later CmdSN alone that came early', () => {
    const { node, host } = start()
    host.command({ itt: 1, cmdSN: host.cmdSN + 1 })
    manage(host, ABORT_TASK_SET)
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 102]])
    host.command({ itt: 2 })
    expect(node.scsi.tasks.map((task) => task.initiatorTaskTag)).toEqual([2, 1])
  })

  it('[TMF-12] does not wait for the R2Ts of a command that was aborted before', () => {
    const { node, host } = start()
    const { cmdSN } = host
    host.command({ itt: 1, write: true, edtl: 512 })
    receiveDataOut(node.scsi.tasks[0]!, 512, () => {})
    manage(host, ABORT_TASK, 1, cmdSN)
    node.scsi.rest()
    manage(host, ABORT_TASK_SET)
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([
      [OPCODE.R2T, 1],
      [OPCODE.TASK_MANAGEMENT_RESPONSE, 101],
      [OPCODE.TASK_MANAGEMENT_RESPONSE, 102],
    ])
  })

  it('[TMF-8] ends a command whose transfer failed while it was being aborted', () => {
    const { node, host } = start()
    const { cmdSN } = host
    host.command({ itt: 1, write: true, edtl: 512 })
    receiveDataOut(node.scsi.tasks[0]!, 512, () => {})
    node.clock.settle()
    const [r2t] = host.take()
    manage(host, ABORT_TASK, 1, cmdSN)
    host.dataOut(1, r2t!.ttt, 7, 0, Buffer.alloc(256), false)
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 101]])
    host.dataOut(1, r2t!.ttt, 8, 256, Buffer.alloc(256))
    expect(answers(host)).toEqual([])
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('[TMF-12] waits for the data of R2Ts only so long, and drops what comes later', () => {
    const node = new NodeHarness({ abortDataOutTimeoutMs: 2000 })
    const host = node.connect()
    host.login()
    host.command({ itt: 1, write: true, edtl: 512 })
    receiveDataOut(node.scsi.tasks[0]!, 512, () => {})
    node.clock.settle()
    const r2t = host.take().at(-1)!
    manage(host, ABORT_TASK_SET)
    node.scsi.rest()
    node.clock.advance(1999)
    expect(answers(host)).toEqual([])
    node.clock.advance(1)
    expect(answers(host)).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 102]])
    host.dataOut(1, r2t.ttt, 0, 0, Buffer.alloc(512))
    expect(answers(host)).toEqual([])
    expect(host.closed).toBeNull()
    host.destroy()
    node.scsi.rest()
    expect([node.clock.timerCount, ...node.taken]).toEqual([0, 0, 0, 0])
  })

  it('keeps a bounded number of tags for the data of aborted writes', () => {
    const node = new NodeHarness({ transferTagsMax: 3 })
    const host = node.connect()
    host.login()
    for (let itt = 1; itt <= 5; itt++) {
      const { cmdSN } = host
      host.command({ itt, write: true, edtl: 512 })
      receiveDataOut(node.scsi.tasks[0]!, 512, () => {})
      manage(host, ABORT_TASK, itt, cmdSN)
      node.scsi.rest()
    }
    expect(host.connection.readyToTransfers.size).toBe(3)
  })

  it('answers a numbered request that is one too many, because its CmdSN has been used', () => {
    const node = new NodeHarness({ managementRequestsMax: 1 })
    const host = node.connect()
    host.login()
    host.take()
    manage(host, ABORT_TASK_SET)
    const words = { 20: 0xffff_ffff, 24: host.cmdSN++ }
    host.request({ opcode: OPCODE.TASK_MANAGEMENT_REQUEST, byte1: 0x80 | ABORT_TASK_SET, itt: 7, words })
    const [refusal] = host.take()
    expect([refusal!.opcode, refusal!.itt, refusal!.byte(2)]).toEqual([OPCODE.TASK_MANAGEMENT_RESPONSE, 7, 255])
    expect(refusal!.expCmdSN).toBe(host.cmdSN)
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 102]])
  })

  it('[REJ-4] rejects a numbered request whose tag is in use, and does not count its CmdSN as received', () => {
    const { node, host } = start()
    manage(host, ABORT_TASK_SET)
    const words = { 20: 0xffff_ffff, 24: host.cmdSN }
    const request = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, byte1: 0x80 | ABORT_TASK_SET, words }
    host.request({ ...request, itt: 102 })
    const [reject] = host.take()
    expect([reject!.opcode, reject!.byte(2), reject!.expCmdSN]).toEqual([OPCODE.REJECT, 0x07, host.cmdSN])
    host.request({ ...request, itt: 7 })
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([
      [OPCODE.TASK_MANAGEMENT_RESPONSE, 102],
      [OPCODE.TASK_MANAGEMENT_RESPONSE, 7],
    ])
  })

  it('[SN-6] ignores a numbered request that comes again while it is carried out', () => {
    const { node, host } = start()
    host.command({ itt: 1 })
    const words = { 20: 0xffff_ffff, 24: host.cmdSN++ }
    const request = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, byte1: 0x80 | ABORT_TASK_SET, itt: 7, words }
    host.request(request)
    host.request(request)
    node.scsi.rest()
    node.clock.settle()
    expect(answers(host)).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 7]])
  })
})
