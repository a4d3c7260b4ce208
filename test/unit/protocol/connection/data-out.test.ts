import { describe, expect, it } from 'vitest'
import { receiveDataOut } from '../../../../protocol/connection/data-out.ts'
import { dataOutConsumed } from '../../../../protocol/connection/data-out-memory.ts'
import { completeTask } from '../../../../protocol/connection/task-lifecycle.ts'
import type { Task } from '../../../../protocol/session/task.ts'
import { type ConnectionHarness, NodeHarness } from '../../../support/connection-harness.ts'
import { OPCODE, type TargetPdu } from '../../../support/wire-pdu.ts'

/** Ask for everything the command has, keep a copy, and consume at once. */
function collect(task: Task, into: Buffer): void {
  receiveDataOut(task, into.length, (slices, offset, byteCount) => {
    Buffer.concat([...slices]).copy(into, offset)
    dataOutConsumed(task, byteCount)
  })
}

function complete(node: NodeHarness, task: Task, presentedBytes: number): void {
  node.scsi.ended(task)
  completeTask(task, 0, null, presentedBytes)
  node.clock.settle()
}

function senseOf(pdu: TargetPdu | undefined): string {
  return `${pdu!.header[3]} ${pdu!.data.toString('hex', 4, 5)} ${pdu!.data.toString('hex', 14, 16)}`
}

function rangeOf(r2t: TargetPdu): readonly number[] {
  return [r2t.header.readUInt32BE(36), r2t.header.readUInt32BE(40), r2t.header.readUInt32BE(44)]
}

const tagOf = (r2t: TargetPdu) => r2t.header.readUInt32BE(20)

function start(keys: Record<string, string> = {}): { node: NodeHarness; host: ConnectionHarness } {
  const node = new NodeHarness()
  const host = node.connect()
  host.login({ keys })
  host.take()
  return { node, host }
}

describe('memory that came from the socket', () => {
  it('is not held for tiny pieces of data that came among others, which are copied', () => {
    const { node, host } = start({ InitialR2T: 'No' })
    const { cmdSN } = host
    const data = Buffer.from(Array.from({ length: 2048 }, (_, at) => at & 0xff))
    host.command({ itt: 1, write: true, final: false, edtl: 2048, cmdSN: cmdSN + 1 })
    for (const [at, byte] of data.entries()) host.dataOut(1, 0xffff_ffff, at, at, Buffer.of(byte), at === 2047)
    expect(node.context.receiveBuffers.takenCount).toBeLessThan(40)
    host.command({ itt: 2, cmdSN })
    const [other, task] = node.scsi.tasks
    const into = Buffer.alloc(2048)
    collect(task!, into)
    expect(into).toEqual(data)
    complete(node, other!, 0)
    complete(node, task!, 2048)
    expect(node.taken).toEqual([0, 0, 0])
  })
})

describe('Data-Out', () => {
  it('[DATA-12] keeps MaxOutstandingR2T transfers out, each at most MaxBurstLength long', () => {
    const { node, host } = start({ MaxOutstandingR2T: '2', MaxBurstLength: '1024' })
    host.command({ itt: 1, write: true, edtl: 3000, data: Buffer.alloc(100, 1) })
    const into = Buffer.alloc(3000)
    const [task] = node.scsi.tasks
    collect(task!, into)
    node.clock.settle()
    const first = host.take()
    expect(first.map(rangeOf)).toEqual([
      [0, 100, 1024],
      [1, 1124, 1024],
    ])
    host.dataOut(1, tagOf(first[0]!), 0, 100, Buffer.alloc(1024, 2))
    const second = host.take()
    expect(second.map(rangeOf)).toEqual([[2, 2148, 852]])
    host.dataOut(1, tagOf(first[1]!), 0, 1124, Buffer.alloc(512, 3), false)
    host.dataOut(1, tagOf(first[1]!), 1, 1636, Buffer.alloc(512, 3))
    host.dataOut(1, tagOf(second[0]!), 0, 2148, Buffer.alloc(852, 4))
    const parts = [100, 1024, 1024, 852].map((byteCount, index) => Buffer.alloc(byteCount, index + 1))
    expect(into.equals(Buffer.concat(parts))).toBe(true)
    complete(node, task!, 3000)
    expect(host.take().map(({ opcode, header }) => [opcode, header[3]])).toEqual([[OPCODE.SCSI_RESPONSE, 0]])
    expect(node.taken).toEqual([0, 0, 0])
    expect(host.connection.inbound.bytes).toBe(0)
  })

  it('[SN-17] answers a gap in DataSN with a protocol service CRC error, when the data is in', () => {
    const { node, host } = start()
    host.command({ itt: 1, write: true, edtl: 1024 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(1024))
    node.clock.settle()
    const [r2t] = host.take()
    host.dataOut(1, tagOf(r2t!), 1, 0, Buffer.alloc(512), false)
    node.scsi.rest()
    expect(host.take()).toEqual([])
    host.dataOut(1, tagOf(r2t!), 2, 512, Buffer.alloc(512))
    expect(senseOf(host.take()[0])).toBe('2 0b 4705')
    expect(node.taken).toEqual([0, 0, 0])
    expect(host.connection.inbound.bytes).toBe(0)
  })

  it('[DATA-16] answers a sequence that ends early with an incorrect amount of data', () => {
    const { node, host } = start()
    host.command({ itt: 1, write: true, edtl: 1024 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(1024))
    node.clock.settle()
    host.dataOut(1, tagOf(host.take()[0]!), 0, 0, Buffer.alloc(512))
    node.scsi.rest()
    node.clock.settle()
    expect(senseOf(host.take()[0])).toBe('2 0b 0c0d')
  })

  it('[DATA-27] holds a response back until unsolicited data that is due has come', () => {
    const { node, host } = start({ InitialR2T: 'No', FirstBurstLength: '1024' })
    host.command({ itt: 1, write: true, final: false, edtl: 4096 })
    complete(node, node.scsi.tasks[0]!, 0)
    expect(host.take()).toEqual([])
    host.dataOut(1, 0xffff_ffff, 0, 0, Buffer.alloc(1024))
    const [response] = host.take()
    expect([response!.opcode, response!.header.readUInt32BE(44)]).toEqual([OPCODE.SCSI_RESPONSE, 4096])
    expect(node.taken).toEqual([0, 0, 0])
    expect(host.connection.inbound.bytes).toBe(0)
  })

  it('[DATA-10] rejects Data-Out for a transfer that nobody asked for', () => {
    const { host } = start()
    host.dataOut(1, 0x1234, 0, 0, Buffer.alloc(512))
    const [reject] = host.take()
    expect([reject!.opcode, reject!.header[2]]).toEqual([OPCODE.REJECT, 0x09])
  })

  it('[TMF-8] drops the data of an aborted write, and frees its tag when the initiator is through', () => {
    const { node, host } = start()
    host.command({ itt: 1, write: true, edtl: 1024 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(1024))
    node.clock.settle()
    const [r2t] = host.take()
    const abort = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x81, itt: 9 }
    host.request({ ...abort, words: { 20: 1, 24: host.cmdSN, 32: 1 } })
    expect(host.take()).toEqual([])
    node.scsi.rest()
    node.clock.settle()
    expect(host.take().map(({ opcode, header }) => [opcode, header[2]])).toEqual([[OPCODE.TASK_MANAGEMENT_RESPONSE, 0]])
    host.dataOut(1, tagOf(r2t!), 0, 0, Buffer.alloc(1024))
    expect(host.take()).toEqual([])
    expect(host.connection.readyToTransfers.size).toBe(0)
    expect(host.connection.inbound.bytes).toBe(0)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('frees the room of data that the SCSI layer never reported as consumed', () => {
    const { node, host } = start()
    host.command({ itt: 1, write: true, edtl: 512, data: Buffer.alloc(512) })
    const [task] = node.scsi.tasks
    receiveDataOut(task!, 512, () => {})
    expect(host.connection.inbound.bytes).toBe(512)
    complete(node, task!, 512)
    expect(host.connection.inbound.bytes).toBe(0)
  })

  it('ends a connection whose initiator never sends what was asked for', () => {
    const node = new NodeHarness({ dataOutTimeoutMs: 1000 })
    const host = node.connect()
    host.login()
    host.command({ itt: 1, write: true, edtl: 1024 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(1024))
    node.clock.advance(3000)
    expect(host.closed).toBe('destroy')
    node.scsi.rest()
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('asks for no more than the inbound limit lets it, and goes on when data is consumed', () => {
    const node = new NodeHarness({ inboundBytesMax: 4096 })
    const host = node.connect()
    host.login({ keys: { MaxBurstLength: '4096', FirstBurstLength: '512' } })
    host.take()
    for (const itt of [1, 2]) host.command({ itt, write: true, edtl: 4096 })
    const [one, two] = node.scsi.tasks
    let consume = () => {}
    receiveDataOut(one!, 4096, (_slices, _offset, byteCount) => {
      consume = () => dataOutConsumed(one!, byteCount)
    })
    collect(two!, Buffer.alloc(4096))
    node.clock.settle()
    const r2ts = host.take()
    expect(r2ts.map((r2t) => r2t.header.readUInt32BE(16))).toEqual([1])
    host.dataOut(1, tagOf(r2ts[0]!), 0, 0, Buffer.alloc(4096))
    expect(host.take()).toEqual([])
    consume()
    node.clock.settle()
    expect(host.take().map((r2t) => r2t.header.readUInt32BE(16))).toEqual([2])
  })

  it('[SN-17] counts DataSN from 0 for every command, also when the last one ended within its own last PDU', () => {
    const { node, host } = start({ InitialR2T: 'No', ImmediateData: 'No' })
    for (const itt of [1, 2]) {
      host.command({ itt, write: true, final: false, edtl: 512 })
      const task = node.scsi.tasks[0]!
      receiveDataOut(task, 512, () => {
        node.scsi.ended(task)
        completeTask(task, 0, null, 512)
      })
      host.dataOut(itt, 0xffff_ffff, 0, 0, Buffer.alloc(512))
      expect(host.take().map(({ opcode, header }) => [opcode, header[3]])).toEqual([[OPCODE.SCSI_RESPONSE, 0]])
    }
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('frees the room of early data that came for a command which its first piece ended', () => {
    const { node, host } = start({ InitialR2T: 'No', FirstBurstLength: '4096' })
    host.command({ itt: 1, write: true, final: false, edtl: 4096, data: Buffer.alloc(512) })
    host.dataOut(1, 0xffff_ffff, 0, 512, Buffer.alloc(512), false)
    const [task] = node.scsi.tasks
    receiveDataOut(task!, 4096, () => {
      node.scsi.ended(task!)
      completeTask(task!, 2, null, 0)
    })
    host.dataOut(1, 0xffff_ffff, 1, 1024, Buffer.alloc(3072))
    expect(host.take().map(({ opcode }) => opcode)).toEqual([OPCODE.SCSI_RESPONSE])
    expect(host.connection.inbound.bytes).toBe(0)
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('asks a connection that is gone for nothing', () => {
    const node = new NodeHarness({ inboundBytesMax: 1024 })
    const host = node.connect()
    host.login({ keys: { FirstBurstLength: '512' } })
    host.command({ itt: 1, write: true, edtl: 512, data: Buffer.alloc(512) })
    host.command({ itt: 2, write: true, edtl: 1024 })
    const [one, two] = node.scsi.tasks
    receiveDataOut(one!, 512, () => {})
    receiveDataOut(two!, 1024, () => {})
    host.destroy()
    node.scsi.rest()
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('keeps a write going however much data waits for commands behind it', () => {
    const node = new NodeHarness({ inboundBytesMax: 4096 })
    const host = node.connect()
    host.login({ keys: { MaxBurstLength: '2048', FirstBurstLength: '2048', MaxOutstandingR2T: '1' } })
    host.take()
    host.command({ itt: 1, write: true, edtl: 4096 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(4096))
    node.clock.settle()
    const [first] = host.take()
    for (const itt of [2, 3, 4]) host.command({ itt, write: true, edtl: 2048, data: Buffer.alloc(2048) })
    host.dataOut(1, tagOf(first!), 0, 0, Buffer.alloc(2048))
    expect(host.take().map(({ opcode, itt }) => [opcode, itt])).toEqual([[OPCODE.R2T, 1]])
  })

  it('leaves a connection whose initiator does not answer the R2Ts of an aborted write', () => {
    const node = new NodeHarness({ dataOutTimeoutMs: 1000 })
    const host = node.connect()
    host.login()
    host.command({ itt: 1, write: true, edtl: 1024 })
    collect(node.scsi.tasks[0]!, Buffer.alloc(1024))
    node.clock.settle()
    const abort = { opcode: OPCODE.TASK_MANAGEMENT_REQUEST, immediate: true, byte1: 0x81, itt: 9 }
    host.request({ ...abort, words: { 20: 1, 24: host.cmdSN, 32: 1 } })
    node.scsi.rest()
    expect(host.connection.inbound.bytes).toBe(0)
    node.clock.advance(3000)
    expect(host.closed).toBeNull()
    expect(host.connection.readyToTransfers.size).toBe(0)
  })
})
