import { describe, expect, it } from 'vitest'
import { testBench } from '../../support/scsi-initiator.ts'

const REQ_PLIST = 0x10
const REQ_GLIST = 0x08
const PHYSICAL_SECTOR_FORMAT = 5

describe.each([
  { name: 'READ DEFECT DATA (10)', cdb: (lists: number) => [0x37, 0, lists, 0, 0, 0, 0, 0, 100], headerBytes: 4 },
  { name: 'READ DEFECT DATA (12)', cdb: (lists: number) => [0xb7, lists, 0, 0, 0, 0, 0, 0, 0, 100], headerBytes: 8 },
])('$name', ({ cdb, headerBytes }) => {
  it.each([0, REQ_PLIST, REQ_GLIST, REQ_PLIST | REQ_GLIST | PHYSICAL_SECTOR_FORMAT])(
    'has empty lists of the kind that it is asked for (%i)',
    (lists) => {
      const { dataIn, status } = testBench().initiator.send(cdb(lists))
      expect(status).toBe(0)
      const expected = Buffer.alloc(headerBytes)
      expected[1] = lists
      expect(dataIn.equals(expected)).toBe(true)
    },
  )

  it('is cut at ALLOCATION LENGTH', () => {
    const short = cdb(REQ_PLIST)
    short[short.length - 1] = 3
    const exchange = testBench().initiator.send(short, { dataInCapacityBytes: 3 })
    expect([exchange.dataIn.length, exchange.residual]).toEqual([3, 0])
  })
})
