/** What iSCSIProtocolLevel changes of commands and responses, RFC 7144 4.2 and 5. */

import { describe, expect, it } from 'vitest'
import { completeTask } from '../../../protocol/connection/task-lifecycle.ts'
import { NodeHarness } from '../../support/connection-harness.ts'
import { openScsiSession, scsiNode, seen, sendCdb } from '../../support/scsi-node.ts'
import { inquiry, pattern, read10, testUnitReady, write10 } from '../../support/wire-scsi.ts'

const LEVELS = [0, 1, 2] as const
const PRIORITY_3 = 0x30
const TASK_SET_FULL = 0x28
const ORDERED = 2
const SIMPLE = 1

function keysOf(level: number): Record<string, string> {
  return { iSCSIProtocolLevel: String(level) }
}

describe('the version descriptors of standard INQUIRY data', () => {
  it.each(LEVELS)('[KEY-28] name iSCSI with level %i', (level) => {
    for (const lun of [0, 9]) {
      const [host] = openScsiSession(scsiNode(), { keys: keysOf(level) })
      sendCdb(host!, 1, { cdb: inquiry(96), readBytes: 96, lun })
      const { data } = host!.take()[0]!
      const descriptors = Array.from({ length: 8 }, (_, index) => data.readUInt16BE(58 + 2 * index))
      expect(descriptors.filter((code) => code >= 0x0960 && code <= 0x097f)).toEqual([0x0960 + level])
    }
  })

  it('[KEY-28] name level 1 where nothing was negotiated, also beside a session of level 2', () => {
    const bench = scsiNode()
    openScsiSession(bench, { isid: 2, keys: keysOf(2) })
    const [host] = openScsiSession(bench)
    sendCdb(host!, 1, { cdb: inquiry(96), readBytes: 96 })
    expect(host!.take()[0]!.data.readUInt16BE(60)).toBe(0x0961)
  })

  it('[KEY-27] grants no more than was offered, and no more than there is', () => {
    for (const [offered, granted] of [
      [0, 0],
      [1, 1],
      [2, 2],
      [31, 2],
    ]) {
      const host = scsiNode().node.connect()
      host.login({ keys: keysOf(offered!) })
      expect(host.take()[0]!.data.toString().split('\0')).toContain(`iSCSIProtocolLevel=${granted}`)
    }
  })
})

describe('command priority', () => {
  /** Writes the order in which three commands behind an ORDERED one reach the disk. */
  function startOrder(level: number): number[] {
    const bench = scsiNode()
    const [host] = openScsiSession(bench, { keys: keysOf(level) })
    const [store] = bench.stores
    store!.isManual = true
    const send = (itt: number, byte1: number, byte2: number) =>
      sendCdb(host!, itt, { cdb: read10(itt * 8, 1), readBytes: 512, fields: { byte1: 0xc0 | byte1, byte2 } })
    send(1, ORDERED, 0)
    send(2, SIMPLE, 0)
    send(3, SIMPLE, 0x70)
    send(4, SIMPLE, PRIORITY_3)
    expect(store!.heldCount).toBe(1)
    store!.release()
    return store!.calls.map(({ offsetBytes }) => offsetBytes / 4096)
  }

  it('[RSP-14] decides at level 2 which of the waiting SIMPLE commands begins first', () => {
    expect(startOrder(2)).toEqual([1, 4, 3, 2])
  })

  it.each([0, 1])('[RSP-14] is ignored at level %i', (level) => {
    expect(startOrder(level)).toEqual([1, 2, 3, 4])
  })
})

describe('TASK SET FULL', () => {
  it.each(LEVELS)('[RSP-12] [RSP-13] is a status, at level %i with what its qualifier may say', (level) => {
    const bench = scsiNode({ commandsMax: 2 })
    const [host] = openScsiSession(bench, { keys: keysOf(level) })
    bench.stores[0]!.isManual = true
    for (const itt of [1, 2, 3]) sendCdb(host!, itt, { cdb: read10(0, 1), readBytes: 512 })
    const [full, ...others] = host!.take()
    expect([full!.itt, full!.byte(3), others.length]).toEqual([3, TASK_SET_FULL, 0])
    expect(full!.header.subarray(8, 16).toString('hex')).toBe(level === 2 ? '0001000000000000' : '0000000000000000')
    // The command window stays open (RFC 7143 11.4.2).
    expect((full!.maxCmdSN - full!.expCmdSN) | 0).toBeGreaterThanOrEqual(0)
    bench.stores[0]!.release()
    sendCdb(host!, 4, { cdb: testUnitReady() })
    expect(seen(host!)).toEqual(['data 01', 'data 02', 'status 04 00'])
  })

  it('[RSP-12] takes no data of a write that it refuses', () => {
    const bench = scsiNode({ commandsMax: 1 })
    const [host] = openScsiSession(bench)
    bench.stores[0]!.isManual = true
    sendCdb(host!, 1, { cdb: read10(0, 1), readBytes: 512 })
    sendCdb(host!, 2, { cdb: write10(0, 1), writeData: pattern(512), immediateBytes: 512 })
    expect(seen(host!)).toEqual(['status 02 28'])
    bench.stores[0]!.release()
    expect(bench.stores[0]!.countOf('writev')).toBe(0)
  })
})

describe('responses', () => {
  /** What a command is answered with when the SCSI layer gives sense data and a qualifier with BUSY. */
  function busyResponse(level: number) {
    const node = new NodeHarness({}, null, { iSCSIProtocolLevel: 2 })
    const host = node.connect()
    host.login({ keys: keysOf(level) })
    host.take()
    host.command({ itt: 1 })
    const [task] = node.scsi.tasks
    task!.statusQualifier = 0x1234
    completeTask(task!, 0x08, Buffer.from('7000020000000000', 'hex'), 0)
    node.clock.settle()
    return host.take()[0]!
  }

  it('[RSP-13] carry status qualifier and sense data with any status at level 2', () => {
    const response = busyResponse(2)
    expect(response.header.subarray(8, 16).toString('hex')).toBe('1234000000000000')
    expect(response.data.toString('hex')).toBe('00087000020000000000')
  })

  it.each([0, 1])('[RSP-13] carry neither at level %i', (level) => {
    const response = busyResponse(level)
    expect(response.header.subarray(8, 16).toString('hex')).toBe('0000000000000000')
    expect(response.data.length).toBe(0)
  })
})
