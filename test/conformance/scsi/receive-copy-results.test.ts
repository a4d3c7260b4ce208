import { describe, expect, it } from 'vitest'
import { TestInitiator } from '../../support/scsi-initiator.ts'
import { blockSegment, copyBench, cscd, lid1List, receive, sendList } from '../../support/third-party-copy.ts'

const both = [cscd(0), cscd(1)]
const list = (listIdentifier: number, destinationLba = 0) =>
  lid1List(both, [blockSegment({ destinationLba, blocks: 8 })], { listIdentifier })

describe('RECEIVE COPY STATUS (LID1)', () => {
  it('tells of a copy that runs and of its end, once', () => {
    const { initiator, stores } = copyBench()
    stores[1]!.isManual = true
    sendList(initiator, 0x00, list(5))
    expect(receive(initiator, 0x00, 5).dataIn.toString('hex')).toBe('000000080000010000000000')
    stores[1]!.release()
    expect(receive(initiator, 0x00, 5).dataIn.toString('hex')).toBe('000000080100010000001000')
    const again = receive(initiator, 0x00, 5)
    expect([again.senseText, again.pointedAt]).toEqual(['5/24/00', '2'])
  })

  it('is kept while it was fetched in part only, and cut at ALLOCATION LENGTH', () => {
    const { initiator } = copyBench()
    sendList(initiator, 0x00, list(5))
    expect(receive(initiator, 0x00, 5, { allocationLength: 5 }).dataIn).toHaveLength(5)
    expect(receive(initiator, 0x00, 5, { allocationLength: 0 }).status).toBe(0)
    expect(receive(initiator, 0x00, 5).dataIn[4]).toBe(0x01)
  })

  it('knows the copies of its own nexus and logical unit only, until the nexus or the disk is reset', () => {
    const { initiator, target } = copyBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions(0, 1)
    sendList(initiator, 0x00, list(5))
    expect(receive(other, 0x00, 5).senseText).toBe('5/24/00')
    expect(receive(initiator, 0x00, 5, { lun: 1 }).senseText).toBe('5/24/00')
    target.logicalUnitReset(initiator.nexus, Buffer.alloc(8), () => {})
    initiator.clearUnitAttentions()
    expect(receive(initiator, 0x00, 5).senseText).toBe('5/24/00')
  })

  it('forgets the oldest outcome when there are too many, and never a copy that runs', () => {
    const { initiator, stores } = copyBench()
    stores[1]!.isManual = true
    sendList(initiator, 0x00, list(0))
    stores[1]!.isManual = false
    for (let listIdentifier = 1; listIdentifier <= 64; listIdentifier++)
      sendList(initiator, 0x00, list(listIdentifier, 8))
    expect(receive(initiator, 0x00, 0).dataIn[4]).toBe(0x00)
    expect(receive(initiator, 0x00, 1).senseText).toBe('5/24/00')
    expect(receive(initiator, 0x00, 2).status).toBe(0)
    stores[1]!.release()
  })
})

describe('RECEIVE COPY FAILURE DETAILS (LID1)', () => {
  it('has the sense data of a copy that failed, and nothing about one that did not', () => {
    const { initiator, stores } = copyBench()
    sendList(initiator, 0x00, list(1))
    expect(receive(initiator, 0x04, 1).dataIn.toString('hex')).toBe('00000000')
    stores[0]!.failNext('io')
    const failed = sendList(initiator, 0x00, list(2))
    expect(failed.senseText).toBe('a/0d/01')
    const data = receive(initiator, 0x04, 2).dataIn
    expect([data.readUInt32BE(0), data[56], data.readUInt16BE(58)]).toEqual([data.length - 4, 0x02, 18])
    expect(data.subarray(60)).toEqual(failed.command.sense)
  })

  it('refuses a copy that runs', () => {
    const { initiator, stores } = copyBench()
    stores[1]!.isManual = true
    sendList(initiator, 0x00, list(5))
    for (const serviceAction of [0x01, 0x04]) {
      expect(receive(initiator, serviceAction, 5).senseText).toBe('5/24/00')
    }
    stores[1]!.release()
  })
})

describe('RECEIVE COPY DATA (LID1)', () => {
  it('holds no data, as no supported segment does', () => {
    const { initiator } = copyBench()
    sendList(initiator, 0x00, list(5))
    expect(receive(initiator, 0x01, 5).dataIn.toString('hex')).toBe('00000000')
    expect(receive(initiator, 0x01, 6).senseText).toBe('5/24/00')
  })
})

describe('RECEIVE COPY OPERATING PARAMETERS', () => {
  it('states the limits and the descriptors in ascending order', () => {
    const data = receive(copyBench().initiator, 0x03).dataIn
    expect(data.readUInt32BE(0)).toBe(data.length - 4)
    expect([data[4], data.readUInt16BE(8), data.readUInt16BE(10), data.readUInt32BE(12)]).toEqual([1, 64, 256, 9216])
    expect([data.readUInt32BE(16), data.readUInt32BE(20), data.readUInt32BE(24)]).toEqual([0xffff_ffff, 0, 0])
    expect(data.subarray(43).toString('hex')).toBe('03020ae4')
  })

  it('is cut at ALLOCATION LENGTH', () => {
    expect(receive(copyBench().initiator, 0x03, 0, { allocationLength: 20 }).dataIn).toHaveLength(20)
  })
})

describe('the Third-Party Copy VPD page', () => {
  it('lists the supported commands and the limits of ROD tokens', () => {
    const page = copyBench().initiator.send([0x12, 0x01, 0x8f, 0x04, 0x00]).dataIn
    expect([page[1], page.readUInt16BE(2)]).toEqual([0x8f, page.length - 4])
    const descriptors = new Map<number, Buffer>()
    for (let at = 4; at < page.length; at += 4 + page.readUInt16BE(at + 2)) {
      descriptors.set(page.readUInt16BE(at), page.subarray(at, at + 4 + page.readUInt16BE(at + 2)))
    }
    expect([...descriptors.keys()]).toEqual([0x0000, 0x0001, 0x0004, 0x0008, 0x000c, 0x0106, 0x0108, 0x8001])
    for (const descriptor of descriptors.values()) expect(descriptor.length % 4).toBe(0)
    expect(descriptors.get(0x0001)!.toString('hex')).toBe(
      '00010014108305000110111c84070001030405070800'.padEnd(48, '0'),
    )
    const limits = descriptors.get(0x0000)!
    expect([limits.readUInt16BE(10), limits.readUInt32BE(12), limits.readUInt32BE(16)]).toEqual([64, 600, 60])
    expect(Number(limits.readBigUInt64BE(20))).toBe(2 ** 30 / 512)
    expect(descriptors.get(0x0008)!.toString('hex')).toBe('0008000403020ae4')
    expect(descriptors.get(0x0108)!.readUInt32BE(8)).toBe(0x00800001)
    expect(descriptors.get(0x0108)!.readUInt32BE(72)).toBe(0xffff0001)
  })

  it('is announced by 3PC in the standard INQUIRY data', () => {
    expect(copyBench().initiator.send([0x12, 0, 0, 0, 96]).dataIn[5]! & 0x08).toBe(0x08)
  })
})
