import { describe, expect, it } from 'vitest'
import { borrowDataIn, sendDataIn } from '../../../../protocol/connection/data-in.ts'
import { completeTask, taskAborted } from '../../../../protocol/connection/task-lifecycle.ts'
import { NodeHarness } from '../../../support/connection-harness.ts'

describe('Data-In', () => {
  it('lets those who wait for room go on when memory comes back that carries nothing', () => {
    const node = new NodeHarness({ outboundBytesMax: 4096 })
    const host = node.connect()
    host.login()
    host.command({ itt: 1, read: true, edtl: 4096 })
    host.command({ itt: 2, read: true, edtl: 1024 })
    const [large, small] = node.scsi.tasks
    let wantsMore = false
    const piece = borrowDataIn(small!, 512).fill(0)
    borrowDataIn(large!, 8192)
    sendDataIn(small!, piece, 0, false, () => {
      wantsMore = true
    })
    node.clock.settle()
    host.command({ itt: 3 })
    expect([wantsMore, node.scsi.tasks.length]).toEqual([false, 2])
    node.scsi.ended(large!)
    taskAborted(large!)
    expect([wantsMore, node.scsi.tasks.length]).toEqual([true, 2])
    for (const task of [...node.scsi.tasks]) {
      node.scsi.ended(task)
      completeTask(task, 0, null, 0)
    }
    node.clock.settle()
    expect(node.taken).toEqual([0, 0, 0])
  })

  it('[DATA-17] fills whole words inside a sequence, also when MaxBurstLength is odd', () => {
    const node = new NodeHarness()
    const host = node.connect()
    host.login({ keys: { MaxBurstLength: '1003', MaxRecvDataSegmentLength: '601' } })
    host.take()
    host.command({ itt: 1, read: true, edtl: 2048 })
    const task = node.scsi.tasks[0]!
    sendDataIn(task, Buffer.alloc(1024), 0, false, null)
    sendDataIn(task, Buffer.alloc(1024), 1024, true, null)
    node.scsi.ended(task)
    completeTask(task, 0, null, 2048)
    node.clock.settle()
    const segments = host.take().map(({ data, isFinal }) => `${data.length}${isFinal ? ' F' : ''}`)
    expect(segments).toEqual(['600', '400 F', '24', '600', '376 F', '48 F'])
  })
})
