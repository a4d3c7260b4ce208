import { describe, expect, it } from 'vitest'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const MIB = 2 ** 20
const SOFT_THRESHOLD_REACHED = '6/38/07'

/** MODE SELECT (10) of the Logical Block Provisioning mode page; a count of null leaves the threshold off. */
function selectThresholds(available: number | null, used: number | null, situa = 0): { cdb: Buffer; dataOut: Buffer } {
  const dataOut = Buffer.alloc(8 + 32)
  const page = dataOut.subarray(8)
  page[0] = 0x40 | 0x1c
  page[1] = 0x02
  page[3] = 0x1c
  page[4] = situa
  Buffer.from([available === null ? 0x01 : 0x81, 0x01]).copy(page, 16)
  page.writeUInt32BE(available ?? 0, 20)
  Buffer.from([used === null ? 0x02 : 0x82, 0x02]).copy(page, 24)
  page.writeUInt32BE(used ?? 0, 28)
  const cdb = Buffer.alloc(10)
  cdb[0] = 0x55
  cdb[1] = 0x10
  cdb.writeUInt16BE(dataOut.length, 7)
  return { cdb, dataOut }
}

function watchedDisk(available: number | null, used: number | null, situa = 0) {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  const { cdb, dataOut } = selectThresholds(available, used, situa)
  expect(bench.initiator.send(cdb, { dataOut }).status).toBe(0)
  other.clearUnitAttentions()
  const reported = (initiator: TestInitiator) => initiator.send([0x00]).senseText
  const check = (usedBytes: number, availableBytes: number) => {
    bench.store.space = { usedBytes, availableBytes }
    bench.logicalUnit.provisioningWatch.check()
    return [reported(bench.initiator), reported(other)]
  }
  return { ...bench, check }
}

describe('a threshold of logical block provisioning', () => {
  it('for what is left is told to all nexuses once, and again when it is reached again', () => {
    const { check } = watchedDisk(10, null)
    expect(check(0, 11 * MIB)).toEqual([null, null])
    expect(check(0, 10 * MIB)).toEqual([SOFT_THRESHOLD_REACHED, SOFT_THRESHOLD_REACHED])
    expect(check(0, 9 * MIB)).toEqual([null, null])
    expect(check(0, 11 * MIB)).toEqual([null, null])
    expect(check(0, 10 * MIB)).toEqual([SOFT_THRESHOLD_REACHED, SOFT_THRESHOLD_REACHED])
  })

  it('for what is taken is told when so much is taken', () => {
    const { check } = watchedDisk(null, 5)
    expect(check(5 * MIB - 1, 0)).toEqual([null, null])
    expect(check(5 * MIB, 0)).toEqual([SOFT_THRESHOLD_REACHED, SOFT_THRESHOLD_REACHED])
  })

  it('is told to one nexus only with SITUA', () => {
    const { check } = watchedDisk(10, null, 1)
    expect(check(0, 0)).toEqual([SOFT_THRESHOLD_REACHED, null])
  })

  it('costs nothing while none is set, and nothing comes of a store that does not answer', () => {
    const unset = watchedDisk(null, null)
    expect(unset.check(100 * MIB, 0)).toEqual([null, null])
    expect(unset.store.countOf('readSpace')).toBe(0)
    const broken = watchedDisk(10, null)
    broken.store.failNext('io')
    expect(broken.check(0, 0)).toEqual([null, null])
    expect(broken.check(0, 0)).toEqual([SOFT_THRESHOLD_REACHED, SOFT_THRESHOLD_REACHED])
  })
})
