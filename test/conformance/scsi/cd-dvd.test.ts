/** The commands of CD and DVD devices (MMC-5), byte for byte. */

import { describe, expect, it } from 'vitest'
import { CD_BLOCK_BYTES, cdBench, driveWith } from '../../support/cd-dvd-bench.ts'
import { blockCdb, type TestInitiator } from '../../support/scsi-initiator.ts'

const CD_BLOCKS = 256
const DVD_BLOCKS = 2_000_000
const { initiator, store } = cdBench(CD_BLOCKS)
const dvd = driveWith(DVD_BLOCKS).initiator
const empty = driveWith(null).initiator

const hexOf = (from: TestInitiator, cdb: readonly number[]) => from.send(cdb).dataIn.toString('hex')
const refusal = (from: TestInitiator, cdb: readonly number[]) => {
  const { senseText, pointedAt } = from.send(cdb)
  return [senseText, pointedAt]
}

describe('a CD device', () => {
  it('is of type 05h and removable in standard data and VPD pages', () => {
    expect(initiator.send([0x12, 0, 0, 0, 96]).dataIn.subarray(0, 4).toString('hex')).toBe('05800632')
    expect(hexOf(initiator, [0x12, 1, 0, 0, 255])).toBe('05000006' + '008083868788')
  })

  it('has blocks of 2048 bytes, which READ (10) and (12) read', () => {
    expect(hexOf(initiator, [0x25])).toBe('000000ff00000800')
    for (const operationCode of [0x28, 0xa8]) {
      expect(initiator.send(blockCdb(operationCode, 5, 3)).dataIn).toEqual(
        store.bytes.subarray(5 * CD_BLOCK_BYTES, 8 * CD_BLOCK_BYTES),
      )
    }
    expect(initiator.send(blockCdb(0x28, CD_BLOCKS, 1)).senseText).toBe('5/21/00')
  })

  it('knows no command that writes', () => {
    for (const operationCode of [0x0a, 0x2a, 0x42, 0x89, 0x93]) {
      expect(initiator.send([operationCode]).senseText).toBe('5/20/00')
    }
  })
})

describe('READ TOC/PMA/ATIP', () => {
  it.each([
    ['the formatted TOC', [0x43, 0, 0, 0, 0, 0, 0, 0, 255], '00120101' + '0014010000000000' + '0014aa0000000100'],
    ['it in MSF', [0x43, 2, 0, 0, 0, 0, 1, 0, 255], '00120101' + '0014010000000200' + '0014aa000000051f'],
    ['the lead-out alone', [0x43, 0, 0, 0, 0, 0, 0xaa, 0, 255], '000a0101' + '0014aa0000000100'],
    ['session information', [0x43, 0, 1, 0, 0, 0, 0, 0, 255], '000a0101' + '0014010000000000'],
    ['session information as before', [0x43, 0, 0, 0, 0, 0, 0, 0, 255, 0x40], '000a0101' + '0014010000000000'],
    [
      'the raw TOC',
      [0x43, 2, 2, 0, 0, 0, 1, 0, 255],
      '002e0101' +
        '011400a000000000010000' +
        '011400a100000000010000' +
        '011400a20000000000051f' +
        '0114000100000000000200',
    ],
    ['it, cut at ALLOCATION LENGTH', [0x43, 0, 0, 0, 0, 0, 0, 0, 4], '00120101'],
  ])('returns %s', (_name, cdb, expected) => {
    expect(hexOf(initiator, cdb)).toBe(expected)
  })

  it('has no MSF address for what lies too far', () => {
    expect(driveWith(8_000_000).initiator.send([0x43, 2, 0, 0, 0, 0, 0xaa, 0, 255]).dataIn.subarray(8)).toEqual(
      Buffer.from([0, 255, 59, 74]),
    )
  })

  it.each([
    ['the PMA', [0x43, 0, 3, 0, 0, 0, 0, 0, 255], '2.3'],
    ['a track that does not exist', [0x43, 0, 0, 0, 0, 0, 2, 0, 255], '6'],
    ['a session that does not exist', [0x43, 0, 2, 0, 0, 0, 2, 0, 255], '6'],
  ])('refuses %s', (_name, cdb, at) => {
    expect(refusal(initiator, cdb)).toEqual(['5/24/00', at])
  })
})

describe('GET CONFIGURATION', () => {
  it.each([
    ['a CD', initiator, '0008', '00100000' + '00080100'],
    ['a DVD', dvd, '0010', '00100100' + '00080000'],
    ['an empty drive', empty, '0000', '00100000' + '00080000'],
  ])('names the current profile of %s', (_name, from, profile, list) => {
    expect(hexOf(from, [0x46, 2, 0, 0, 0, 0, 0, 0, 255])).toBe(`000000100000${profile}` + `00000308${list}`)
  })

  it('lists all features, those from one on, or the current ones', () => {
    const codes = (cdb: readonly number[], from = initiator) => {
      const data = from.send(cdb).dataIn
      expect(data.readUInt32BE(0)).toBe(data.length - 4)
      const found = []
      for (let at = 8; at < data.length; at += 4 + data[at + 3]!) found.push(data.readUInt16BE(at))
      return found
    }
    expect(codes([0x46, 0, 0, 0, 0, 0, 0, 1, 0])).toEqual([0, 1, 3, 0x10, 0x1e, 0x1f])
    expect(codes([0x46, 0, 0, 0x10, 0, 0, 0, 1, 0])).toEqual([0x10, 0x1e, 0x1f])
    expect(codes([0x46, 1, 0, 0, 0, 0, 0, 1, 0])).toEqual([0, 1, 3, 0x10, 0x1e])
    expect(codes([0x46, 1, 0, 0, 0, 0, 0, 1, 0], dvd)).toEqual([0, 1, 3, 0x10, 0x1f])
    expect(codes([0x46, 1, 0, 0, 0, 0, 0, 1, 0], empty)).toEqual([0, 1, 3])
    expect(codes([0x46, 2, 0x01, 0x07, 0, 0, 0, 1, 0])).toEqual([])
  })

  it('describes every feature in the length that its version has', () => {
    expect(hexOf(dvd, [0x46, 0, 0, 1, 0, 0, 0, 1, 0])).toBe(
      '000000340000' +
        '0010' +
        '00010b08' +
        '0000000101000000' +
        '00030304' +
        '29000000' +
        '00100108' +
        '0000080000100100' +
        '001e0404' +
        '00000000' +
        '001f0504' +
        '00000000',
    )
  })

  it('refuses a reserved RT', () => {
    expect(refusal(initiator, [0x46, 3, 0, 0, 0, 0, 0, 0, 255])).toEqual(['5/24/00', '1.1'])
  })
})

describe('GET EVENT STATUS NOTIFICATION', () => {
  const POLL = [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]

  it('tells once of each change of the medium, and leaves unit attentions alone', () => {
    const bench = cdBench()
    expect(hexOf(bench.initiator, POLL)).toBe('0006045000020000')
    bench.initiator.send([0x1b, 0, 0, 0, 2])
    expect(hexOf(bench.initiator, POLL)).toBe('0006045003010000')
    expect(hexOf(bench.initiator, POLL)).toBe('0006045000010000')
    bench.logicalUnit.medium.load(null)
    expect(hexOf(bench.initiator, POLL)).toBe('0006045002020000')
    expect(bench.initiator.send([0x00]).senseText).toBe('6/28/00')
    bench.initiator.send([0x1e, 0, 0, 0, 1])
    bench.logicalUnit.medium.eject(null, false, () => {})
    expect(hexOf(bench.initiator, POLL)).toBe('0006045001020000')
  })

  it('says which class it supports when asked for others', () => {
    expect(hexOf(initiator, [0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8])).toBe('00028050')
  })

  it('says that the device is not busy', () => {
    expect(hexOf(initiator, [0x4a, 1, 0, 0, 0x40, 0, 0, 0, 8])).toBe('0006065000000000')
  })

  it('tells of the medium before it tells of the device', () => {
    const bench = cdBench()
    bench.initiator.send([0x1b, 0, 0, 0, 2])
    expect(hexOf(bench.initiator, [0x4a, 1, 0, 0, 0x50, 0, 0, 0, 8])).toBe('0006045003010000')
  })

  it('refuses to wait for an event', () => {
    expect(refusal(initiator, [0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8])).toEqual(['5/24/00', '1.0'])
  })
})

describe('READ DISC INFORMATION and READ TRACK INFORMATION', () => {
  it('describe a finished disc with one session and one data track', () => {
    expect(hexOf(initiator, [0x51, 0, 0, 0, 0, 0, 0, 0, 255])).toBe(
      `00200e0101010120${'00'.repeat(8)}ffffffffffffffff${'00'.repeat(10)}`,
    )
    const track = `0022010100040100${'00'.repeat(16)}00000100${'00'.repeat(8)}`
    expect(hexOf(initiator, [0x52, 0, 0, 0, 0, 9, 0, 0, 255])).toBe(track)
    expect(hexOf(initiator, [0x52, 1, 0, 0, 0, 1, 0, 0, 255])).toBe(track)
    expect(hexOf(initiator, [0x52, 2, 0, 0, 0, 1, 0, 0, 255])).toBe(track)
  })

  it.each([
    ['the resources of a recordable disc', [0x51, 1, 0, 0, 0, 0, 0, 0, 255], ['5/24/00', '1.2']],
    ['a block that does not exist', [0x52, 0, 0, 0, 1, 0, 0, 0, 255], ['5/21/00', null]],
    ['a track that does not exist', [0x52, 1, 0, 0, 0, 2, 0, 0, 255], ['5/24/00', '2']],
    ['a session that does not exist', [0x52, 2, 0, 0, 0, 0, 0, 0, 255], ['5/24/00', '2']],
    ['an address of no type', [0x52, 3, 0, 0, 0, 1, 0, 0, 255], ['5/24/00', '1.1']],
  ])('refuse %s', (_name, cdb, expected) => {
    expect(refusal(initiator, cdb)).toEqual(expected)
  })
})

describe('READ CD', () => {
  it('reads the user data of mode 1 sectors', () => {
    const cdb = [0xbe, 0x08, 0, 0, 0, 4, 0, 0, 2, 0x10]
    expect(initiator.send(cdb).dataIn).toEqual(store.bytes.subarray(4 * CD_BLOCK_BYTES, 6 * CD_BLOCK_BYTES))
    expect(initiator.send([0xbe, 0, 0, 0, 0, 4, 0, 0, 2, 0]).dataIn.length).toBe(0)
  })

  it.each([
    ['audio', initiator, [0xbe, 0x04, 0, 0, 0, 4, 0, 0, 1, 0x10], ['5/24/00', '1.4']],
    ['headers', initiator, [0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0xf8], ['5/24/00', '9.7']],
    ['sub-channels', initiator, [0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0x10, 1], ['5/24/00', '10.2']],
    ['beyond the end', initiator, [0xbe, 0, 0, 0, 1, 0, 0, 0, 1, 0x10], ['5/21/00', null]],
    ['a DVD', dvd, [0xbe, 0, 0, 0, 0, 4, 0, 0, 1, 0x10], ['5/64/00', null]],
  ])('refuses %s', (_name, from, cdb, expected) => {
    expect(refusal(from, cdb)).toEqual(expected)
  })
})

describe('READ DISC STRUCTURE', () => {
  const read = (from: TestInitiator, format: number, layer = 0) =>
    from.send([0xad, 0, 0, 0, 0, 0, layer, format, 0xff, 0xff])

  it('describes a pressed DVD of one layer', () => {
    const { dataIn } = read(dvd, 0x00)
    expect([dataIn.length, dataIn.subarray(0, 20).toString('hex')]).toEqual([
      2052,
      '08020000' + '010f0100' + '00030000' + '0021847f' + '00000000',
    ])
    expect(read(dvd, 0x01).dataIn.toString('hex')).toBe('0006000000000000')
    expect(read(dvd, 0xff).dataIn.toString('hex')).toBe('000e0000' + '00400804' + '01400008' + '04400804')
  })

  it('refuses what there is not', () => {
    expect(read(dvd, 0x03).pointedAt).toBe('7')
    expect(read(dvd, 0x00, 1).pointedAt).toBe('6')
    expect(read(initiator, 0x00).senseText).toBe('5/30/02')
  })
})

describe('the rest', () => {
  it('MECHANISM STATUS says whether the tray is open', () => {
    const STATUS = [0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8]
    const bench = cdBench()
    expect(hexOf(bench.initiator, STATUS)).toBe('0000000000010000')
    bench.initiator.send([0x1b, 0, 0, 0, 2])
    expect(hexOf(bench.initiator, STATUS)).toBe('0010000000010000')
  })

  it('SET CD SPEED takes any speed', () => {
    expect(initiator.send([0xbb, 0, 0xff, 0xff, 0xff, 0xff]).status).toBe(0)
  })

  it('MODE SENSE (10) returns page 2Ah without a block descriptor, and no page of disks', () => {
    expect(hexOf(initiator, [0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255])).toBe(
      `001a000000000000aa120800400029${'00'.repeat(13)}`,
    )
    expect(initiator.send([0x5a, 0, 0x1c, 2, 0, 0, 0, 0, 255]).senseText).toBe('5/24/00')
  })
})
